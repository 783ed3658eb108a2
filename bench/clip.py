"""The clips that the benchmark's cameras see: real footage, made once by ffmpeg and kept in `.cache/bench`.

Source: `clips/intel_one-by-one-person.mp4` (Intel sample videos, CC BY 4.0; 768×432, 10 pictures a second, a fixed
camera). People walk in, stand and leave, one by one; in between nothing moves. `busy` is stay after stay. The other
clips are one stay between two pauses. The light drifts in this room, so that a cut from one pause to another would show
a step and wake whoever watches for motion: the pauses are the pictures just before and just after the stay, played
forward and backward, and where the clip begins again the one fades into the other for 3.6 s. (The road in
`intel_car-detection.mp4` does not serve: from straight above the model sees its cars now and then only, so the events
of the full run would be chance.)

Pictures are fed to ffmpeg by number (its own `trim` and `concat` get lengths wrong in some versions). Each is scaled to
the clip's size (the source is 16:9 as well), shown two or three times (25 a second) and given its own sensor noise, so
that no two are equal and the bit rate is really spent. Encoding as street cameras do it: no B pictures, one reference,
a key picture every 2 s (GOP 50), rate capped at the nominal one.

Cameras see the same clip in different phase: `rotated` starts it at another of its key pictures, without encoding
anew. What lasts over the end of such a file goes on at its beginning.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from filelock import FileLock

SOURCE = "clips/intel_one-by-one-person.mp4"
RATE, GOP = 25, 50
GOP_S = GOP // RATE
_RECIPE = 5  # raise it when clips are made in another way

SOURCE_RATE = 10
STAY = (740, 877)  # pictures of the source, the last one not included: from before the first step to after the last
STAYS = (STAY, (52, 206), (494, 705), (1227, 1369))
BEFORE, AFTER = (708, 740), (877, 913)  # pauses around STAY
FADE = 36  # pictures
PHASES = 20  # in how many ways a clip is started, at most


@dataclass(frozen=True)
class Clip:
    """What a clip is made of: pictures of pause before and after the stay; neither: stay after stay (`busy`).

    `bit_rate` in bits a second.
    """

    name: str
    before: int = 0
    after: int = 0
    codec: str = "h264"
    width: int = 1920
    height: int = 1080
    bit_rate: int = 4_000_000

    @property
    def length_s(self) -> float:
        return len(self.pictures()) / SOURCE_RATE

    @property
    def active_share(self) -> float:
        """Share of the time in which somebody is there or moves."""
        return 1.0 - sum(end - start for start, end in self.pauses()) / self.length_s

    def pauses(self) -> list[tuple[float, float]]:
        """Where nothing moves, seconds of the clip."""
        if not self.before and not self.after:
            return []
        left_s = (self.before + STAY[1] - STAY[0]) / SOURCE_RATE
        return [(0.0, self.before / SOURCE_RATE), (left_s, left_s + self.after / SOURCE_RATE)]

    def pictures(self) -> list[tuple[int, int, float]]:
        """Each picture as two of the source and the share of the first."""
        if not self.before and not self.after:
            return [(n, n, 1.0) for start, end in STAYS for n in range(start, end)]
        shown = [(n, n, 1.0) for n in (_bounced(BEFORE, -k) for k in range(self.before, 0, -1))]
        for k in range(min(FADE, self.before)):
            shown[k] = (shown[k][0], _bounced(AFTER, self.after + k), (k + 1) / (FADE + 1))
        shown += [(n, n, 1.0) for n in range(*STAY)]
        shown += [(n, n, 1.0) for n in (_bounced(AFTER, k) for k in range(self.after))]
        return shown

    def phases(self, cameras: int) -> list[int]:
        """At which key picture each camera starts the clip, spread evenly: so they are active in turn."""
        keys = int(self.length_s // GOP_S)
        places = min(PHASES, keys)
        turns = [number * places // min(cameras, places) for number in range(min(cameras, places))]
        return [turns[number % len(turns)] * keys // places for number in range(cameras)]


def _bounced(span: tuple[int, int], step: int) -> int:
    """Picture of a span played forward, backward, forward ...; step 0 is its first, step -1 its last."""
    length = span[1] - span[0]
    place = (step if step >= 0 else -1 - step) % (2 * length - 2)
    turned = place if place < length else 2 * length - 2 - place
    return span[0] + turned if step >= 0 else span[1] - 1 - turned


CLIPS: Mapping[str, Clip] = MappingProxyType(
    {
        clip.name: clip
        for clip in (
            Clip("busy"),
            Clip("busy-small", width=640, height=360, bit_rate=500_000),
            Clip("active30", 155, 165),
            Clip("active10", 615, 618),
            Clip("substream30", 155, 165, width=640, height=360, bit_rate=500_000),
            Clip("busy-h265", codec="hevc"),
            Clip("active30-h265", 155, 165, codec="hevc"),
        )
    }
)


def made(clip: Clip, shared: Path, cache: Path) -> Path:
    """The clip's file; made on first use (half a minute to some minutes). Raises CalledProcessError."""
    source = shared / SOURCE
    key = hashlib.sha256(f"{_RECIPE} {clip} {source.stat().st_size}".encode()).hexdigest()[:12]
    path = cache / f"{clip.name}-{key}.mp4"
    if path.is_file():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            part = path.with_suffix(".part.mp4")
            _encode(clip, source, part)
            part.replace(path)
    return path


def _encode(clip: Clip, source: Path, path: Path) -> None:
    with av.open(str(source)) as container:
        pictures = [frame.reformat(format="yuv420p") for frame in container.decode(video=0)]
    whole = [picture.to_ndarray().astype(np.float32) for picture in pictures]
    size = f"{pictures[0].width}x{pictures[0].height}"
    with subprocess.Popen(_command(clip, size, path), stdin=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        for one, other, share in clip.pictures():
            blend = whole[one] * share + whole[other] * (1.0 - share)
            ffmpeg.stdin.write(np.rint(blend).astype(np.uint8).tobytes())
        ffmpeg.stdin.close()
    if ffmpeg.returncode != 0:
        raise subprocess.CalledProcessError(ffmpeg.returncode, "ffmpeg")


def _command(clip: Clip, size: str, path: Path) -> list[str]:
    graph = f"fps={RATE},scale={clip.width}:{clip.height}:flags=bicubic,noise=c0s=6:c0f=t,format=yuv420p"
    rate = str(clip.bit_rate)
    common = ["-preset", "veryfast", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-g", str(GOP)]
    if clip.codec == "hevc":
        params = f"log-level=error:keyint={GOP}:min-keyint={GOP}:scenecut=0:bframes=0:ref=1:open-gop=0"
        codec = ["-c:v", "libx265", "-x265-params", params, "-tag:v", "hvc1"]
    else:
        codec = ["-c:v", "libx264", "-bf", "0", "-refs", "1", "-keyint_min", str(GOP), "-sc_threshold", "0"]
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(SOURCE_RATE), "-i", "-"]
    return ["nice", "-n", "10", "ffmpeg", "-v", "error", "-y", *raw, "-vf", graph, *codec, *common, str(path)]


def rotated(path: Path, gops: int) -> Path:
    """The same pictures, beginning with key picture number `gops`; kept beside the clip."""
    if gops == 0:
        return path
    turned = path.with_name(f"{path.stem}-from{gops:02d}.mp4")
    if turned.is_file():
        return turned
    with FileLock(turned.with_suffix(".lock")):
        if not turned.is_file():
            part = turned.with_suffix(".part.mp4")
            _rotate(path, part, gops)
            part.replace(turned)
    return turned


def _rotate(path: Path, into: Path, gops: int) -> None:
    with av.open(str(path)) as source, av.open(str(into), "w") as target:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size and packet.pts is not None]
        keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
        first = keys[gops]
        out = target.add_stream_from_template(stream)
        step = round(Fraction(1, RATE) / stream.time_base) if stream.time_base else 1
        for number, packet in enumerate([*packets[first:], *packets[:first]]):
            packet.stream = out
            packet.pts = packet.dts = number * step
            target.mux(packet)
