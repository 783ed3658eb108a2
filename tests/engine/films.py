"""Small films for the recording: made with a real encoder, and what a camera's ring holds after them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from engine.recording.ring import Ring
from monitors.video._fragments import Fragmenter

START_S = 1_720_756_800.0  # seconds since the epoch


def film(
    path: Path, seconds: float, gop: int = 25, *, codec: str = "libx264", b_frames: int = 0, noise: bool = False
) -> Path:
    """25 pictures a second, a key picture every `gop`. `noise`: pictures that take many bytes."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"sc_threshold": "0", "x265-params": "log-level=error"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.gop_size, stream.max_b_frames = gop, b_frames
        stream.codec_context.time_base = Fraction(1, 25)
        for i in range(round(seconds * 25)):
            shade = np.full((96, 160), 20 + i % 200, np.uint8)
            if noise:
                shade = random.integers(0, 255, (96, 160), np.uint8)
            frame = av.VideoFrame.from_ndarray(shade, format="gray").reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


class ToRing:
    """A `RecordingSink` that writes at once."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.refused = ""
        self.spans: list[tuple[float, float, bool]] = []

    def begin(self, codec: str, header: bytes) -> None:
        self.ring.begin(codec, header)

    def fragment(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        self.ring.write(content, since_s, until_s, key=key)
        self.spans.append((since_s, until_s, key))

    def refuse(self, reason: str) -> None:
        self.refused = reason


def record(path: Path, ring: Ring, start_s: float = START_S) -> ToRing:
    """The film as a camera would have shown it from `start_s` on."""
    sink = ToRing(ring)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fragments = Fragmenter(stream, sink)
        for packet in container.demux(stream):
            stamp = packet.pts if packet.pts is not None else 0
            fragments.add(packet, start_s + float((stamp - (stream.start_time or 0)) * (packet.time_base or 0)))
        fragments.close()
    ring.close()
    return sink


def shown(path: Path) -> tuple[int, float]:
    """How many pictures a decoder finds in the file, and its length in seconds."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0)), float(container.duration or 0) / 1e6
