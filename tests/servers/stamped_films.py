"""Small films whose pictures carry any time stamps, as recorders, converters and failing clocks write them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

BASE = Fraction(1, 90_000)
WIDTH, HEIGHT, RATE = 64, 48, 10


def coded(pictures: int, *, base: Fraction = BASE) -> list[Packet[VideoStream]]:
    """So many H.264 pictures, each as bright as its number, a key picture each second; no B pictures."""
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.time_base, codec.framerate = base, Fraction(RATE)
    codec.options = {"g": str(RATE), "bf": "0", "sc_threshold": "0"}
    packets: list[Packet[VideoStream]] = []
    for number in range(pictures):
        grey = np.full((HEIGHT, WIDTH), 20 + number % 200, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(Fraction(number, RATE) / base), base
        packets += codec.encode(frame)
    return packets + codec.encode(None)


def stamped(path: Path, stamps_s: Sequence[float]) -> Path:
    """An MPEG transport stream with these time stamps, in seconds, whether they rise or not: joined from pieces."""
    pieces: list[list[int]] = []
    for number, stamp_s in enumerate(stamps_s):
        if not pieces or stamp_s <= stamps_s[pieces[-1][-1]]:
            pieces.append([])  # a muxer refuses stamps that do not rise
        pieces[-1].append(number)
    packets = coded(len(stamps_s))
    with path.open("wb") as whole:
        for piece in pieces:
            part = path.with_suffix(".part")
            with av.open(str(part), "w", format="mpegts") as container:
                stream = container.add_stream("libx264", rate=RATE)
                stream.width, stream.height, stream.pix_fmt, stream.time_base = WIDTH, HEIGHT, "yuv420p", BASE
                for number in piece:
                    packet = packets[number]
                    packet.pts = packet.dts = round(stamps_s[number] * 90_000)
                    packet.time_base, packet.stream = BASE, stream
                    container.mux(packet)
            whole.write(part.read_bytes())
            part.unlink()
    return path


def unstamped(path: Path, pictures: int) -> Path:
    """A raw H.264 stream: no container, no time stamps; its coder tells 10 pictures a second."""
    path.write_bytes(b"".join(bytes(packet) for packet in coded(pictures, base=Fraction(1, RATE))))
    return path
