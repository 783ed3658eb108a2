"""Films whose pictures tell their number, and who reads it: the true delay from a camera to a screen.

Twelve blocks at the top of each picture are black or white: its number in binary, which compression leaves alone. The
RTSP server plays the film in real time and gives all its clients the same pictures, so that whoever reads beside the
system knows when each picture was sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

BITS = 12
RATE = 25
LENGTH_S = 60
READ_BITS = """(video) => {
  const canvas = (window.clockCanvas ??= new OffscreenCanvas(120, 68));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 120, 68);
  const row = context.getImageData(0, 5, 120, 1).data;
  let number = 0;
  for (let bit = 0; bit < 12; bit++) number = number * 2 + (row[(bit * 10 + 5) * 4] > 128 ? 1 : 0);
  return number;
}"""
"""JavaScript: the number of the picture that a video element shows."""


SAMPLE = f"""async (seconds) => {{
  const read = {READ_BITS};
  const video = document.querySelector("dialog.live video");
  const seen = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {{
    await new Promise((next) => video.requestVideoFrameCallback(next));
    const number = read(video);
    if (number !== seen.at(-1)?.[0]) seen.push([number, Date.now()]);
  }}
  return seen;
}}"""
"""JavaScript: each picture's number and when an opened camera first showed it (epoch ms), for so many seconds."""


def clock_film(
    path: Path,
    width: int = 640,
    height: int = 360,
    *,
    gop: int = 2 * RATE,
    codec: str = "libx264",
    bits_a_second: int | None = None,
    still: bool = False,
) -> Path:
    """A minute of pictures, a key picture every `gop`. `still`: of a place with large things in it, as cameras see."""
    random = np.random.default_rng(7)
    ground = random.integers(60, 120, (height, width), np.uint8)
    if still:
        things = random.integers(20, 230, (height // 40, width // 40), np.uint8)
        ground = np.kron(things, np.ones((40, 40), np.uint8))[:height, :width]
    with av.open(str(path), "w") as container:
        options = {
            "preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "x265-params": "log-level=error",
            "x264-params": "sliced-threads=0",  # GStreamer's payloader loses the first of several slices
        }  # fmt: skip
        stream = container.add_stream(codec, rate=RATE, options=options)
        assert isinstance(stream, VideoStream)
        if bits_a_second is not None:
            stream.codec_context.bit_rate = bits_a_second
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", gop
        stream.codec_context.time_base = Fraction(1, RATE)
        for number in range(LENGTH_S * RATE):
            picture = ground.copy() if still else np.roll(ground, number, axis=1)
            for bit in range(BITS):
                white = number >> (BITS - 1 - bit) & 1
                picture[: height // 6, bit * width // BITS : (bit + 1) * width // BITS] = 235 if white else 16
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def smaller(film: Path, path: Path, width: int, height: int, *, gop: int, view: str = "same") -> Path:
    """The film as a substream of the same camera. `view`: mirrored, or part (three quarters of each side)."""
    with av.open(str(film)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264",
            rate=RATE,
            options={"preset": "ultrafast", "tune": "zerolatency", "x264-params": "sliced-threads=0:scenecut=0"},
        )
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", gop
        stream.codec_context.time_base = Fraction(1, RATE)
        for number, picture in enumerate(source.decode(video=0)):
            grey = np.asarray(picture.reformat(format="gray").to_ndarray(), np.uint8)
            if view == "mirrored":
                grey = np.ascontiguousarray(grey[:, ::-1])
            elif view == "part":
                high, wide = (side // 8 for side in grey.shape)
                grey = np.ascontiguousarray(grey[high:-high, wide:-wide])
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(width, height, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def number_of(luma: np.ndarray) -> int:
    """The number that a picture tells. `luma`: uint8 (h, w)."""
    height, width = luma.shape
    row = luma[height // 12]
    number = 0
    for bit in range(BITS):
        number = number * 2 + int(row[bit * width // BITS + width // BITS // 2] > 128)
    return number


class SentClock:
    """When the pictures of a film were sent, by who reads it beside the system."""

    def __init__(self) -> None:
        self._zero_s: float | None = None  # when picture 0 was sent, or would have been
        self._closing = threading.Event()
        self._known = threading.Event()

    def read(self, url: str) -> None:
        """Until closed; the quickest picture tells the time of all."""
        options = {"rtsp_transport": "tcp", "analyzeduration": "500000", "fpsprobesize": "0"}
        with av.open(url, options=options) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            seen = 0
            for packet in container.demux(stream):
                arrived_s = time.time()
                if self._closing.is_set():
                    return
                for frame in packet.decode():
                    zero_s = arrived_s - number_of(frame.reformat(format="gray").to_ndarray()) / RATE
                    if self._zero_s is not None:
                        zero_s -= round((zero_s - self._zero_s) / LENGTH_S) * LENGTH_S
                    seen += 1
                    if seen > 2 * RATE:  # what the server had in hand comes in one burst
                        self._zero_s = zero_s if self._zero_s is None else min(self._zero_s, zero_s)
                    if seen > 4 * RATE:
                        self._known.set()

    def delay_s(self, number: int, seen_s: float) -> float:
        """How long before `seen_s` (epoch seconds) the picture of this number was sent last."""
        assert self._zero_s is not None
        return (seen_s - self._zero_s - number / RATE) % LENGTH_S

    def wait(self, within_s: float = 30.0) -> None:
        assert self._known.wait(within_s), "the camera gives no pictures"

    def close(self) -> None:
        self._closing.set()


@contextmanager
def sent_clock(url: str) -> Iterator[SentClock]:
    """Reads the camera for the length of the block; known when it begins."""
    clock = SentClock()
    thread = threading.Thread(target=clock.read, args=(url,), daemon=True)
    thread.start()
    try:
        clock.wait()
        yield clock
    finally:
        clock.close()
        thread.join(5)


@contextmanager
def played(*urls: str) -> Iterator[None]:
    """Each stream of a shared server has begun, all at about the same time, and goes on for the length of the block."""
    closing, begun = threading.Event(), threading.Barrier(len(urls) + 1)

    def read(url: str) -> None:
        with av.open(url, options={"rtsp_transport": "tcp"}) as container:
            for number, _ in enumerate(container.demux(video=0)):
                if number == 0:
                    begun.wait(60)
                if closing.is_set():
                    return

    threads = [threading.Thread(target=read, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    try:
        begun.wait(60)
        yield
    finally:
        closing.set()
        for thread in threads:
            thread.join(5)
