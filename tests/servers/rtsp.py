"""A real RTSP camera for tests: gst-rtsp-server in a process of its own, playing a clip in a loop over TCP.

with rtsp_server({"gate-3": clip}) as server:
    url = server.url("gate-3")
    server.kill(); server.start()        # back on the same port
    server.freeze(); server.thaw()       # connections are accepted, nothing is said
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

Codec = Literal["h264", "h265"]

ONE_SLICE = ("-x264-params", "sliced-threads=0")
"""GStreamer's RTP payloader loses the first of several slices of a key frame, and with it half of the picture."""

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("_rtsp_server.py")
PACKAGES = (
    "gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad ffmpeg"
)
PROBE = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
lost = [n for n in "appsrc appsink qtdemux h264parse h265parse rtph264pay rtph265pay".split()
        if Gst.ElementFactory.find(n) is None]
raise SystemExit(f"no GStreamer element {lost}" if lost else 0)
"""


@cache
def missing() -> str:
    """Why no RTSP server can be started here; empty when one can."""
    if shutil.which("ffmpeg") is None:
        return "no ffmpeg"
    if not Path(SYSTEM_PYTHON).exists():
        return f"no {SYSTEM_PYTHON}"
    probe = subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
    return "" if probe.returncode == 0 else (probe.stderr.strip().splitlines() or ["gst-rtsp-server is not usable"])[-1]


def require_rtsp() -> None:
    """Skip the test with the reason, or fail it under YIPING_REQUIRE_SHARED=1, when there is no RTSP server."""
    reason = missing()
    if not reason:
        return
    text = f"no RTSP server: {reason}; Debian: apt-get install {PACKAGES}"
    if os.environ.get("YIPING_REQUIRE_SHARED") == "1":
        pytest.fail(text)
    pytest.skip(text)


def encoded(clip: Path, codec: Codec) -> Path:
    """`clip` as MP4 in `codec` without sound; transcoded once and kept in the temporary folder.

    A clip that is H.264 already keeps its pictures bit for bit.
    """
    stat = clip.stat()
    key = hashlib.sha256(f"{clip.resolve()} {stat.st_size} {stat.st_mtime_ns} {codec} 2".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / "yiping-test-clips"
    folder.mkdir(exist_ok=True)
    kept = folder / f"{clip.stem}-{key}.mp4"
    if kept.exists():
        return kept
    probe = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]
    found = subprocess.run([*probe, str(clip)], capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    fast = ["-preset", "ultrafast", "-g", "24", "-pix_fmt", "yuv420p"]
    to_h265 = ["-c:v", "libx265", "-x265-params", "log-level=error", "-tag:v", "hvc1", *fast]
    to_h264 = ["-c:v", "libx264", "-tune", "zerolatency", *ONE_SLICE, *fast]
    known = {"h264": "h264", "hevc": "h265"}.get(found)
    how = ["-c:v", "copy"] if known == codec else to_h265 if codec == "h265" else to_h264
    with tempfile.TemporaryDirectory(dir=folder) as work:
        made = Path(work) / "clip.mp4"
        command = ["nice", "-n", "5", "ffmpeg", "-v", "error", "-y", "-i", str(clip), "-map", "0:v:0", "-an", *how]
        subprocess.run([*command, str(made)], timeout=170, check=True)
        made.replace(kept)
    return kept


class RtspServer:
    """A running server; `url(name)` is without credentials."""

    def __init__(
        self,
        streams: Mapping[str, Path | Sequence[Path]],
        codec: Codec,
        auth: dict[str, str] | None,
        *,
        shared: bool = False,
    ) -> None:
        clips = {name: [one] if isinstance(one, Path) else list(one) for name, one in streams.items()}
        self.streams = {
            name: {"paths": [str(encoded(clip, codec)) for clip in several], "codec": codec}
            for name, several in clips.items()
        }
        self.auth = auth
        self.shared = shared
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start, on the same port as before if it ran before; returns when it listens."""
        options = json.dumps({"port": self.port, "streams": self.streams, "auth": self.auth, "shared": self.shared})
        process = subprocess.Popen([SYSTEM_PYTHON, str(SCRIPT), options], stdout=subprocess.PIPE, text=True)
        self.process = process
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], 30)
        line = process.stdout.readline() if ready else ""
        if not line.strip():
            self.kill()
            raise RuntimeError("the RTSP server did not start; its reason is on stderr")
        self.port = int(line)

    def stop(self) -> None:
        """End it in an orderly way; the port is free afterwards."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Like pulling the plug, as far as a process can."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """From now on it accepts connections and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def rtsp_server(
    streams: Mapping[str, Path | Sequence[Path]],
    *,
    codec: Codec = "h264",
    user: str = "",
    password: str = "",
    method: Literal["basic", "digest"] = "basic",
    shared: bool = False,
) -> Iterator[RtspServer]:
    """Serve each clip, or several one after the other, under its name, to everybody or (others get 401) to `user`.

    `shared`: all clients of a stream get the same pictures at the same time, as from a camera, and none gets them from
    the first one on.
    """
    require_rtsp()
    auth = {"user": user, "password": password, "method": method} if user else None
    server = RtspServer(streams, codec, auth, shared=shared)
    server.start()
    try:
        yield server
    finally:
        server.kill()
