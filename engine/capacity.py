"""What this machine can carry: one camera's cost is measured with the real code and set against the processors.

Counted is the dearest case, a 1080p25 H.264 stream that is fully decoded and looked at `inference.per_second` times
a second. Beside it the same camera looked at by its substream (640 x 360), the main stream only received. Cameras that
sleep while nothing moves cost less.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np

from data.config.settings import Settings
from data.model.frame import Frame
from data.model.geo import Location
from data.model.place import Place
from data.ports.recipe import Context, DetectorRecipe
from detectors.yolo import Recipe as Yolo
from monitors.video.video_file import Recipe as VideoFile

WIDTH, HEIGHT, RATE, GOP = 1920, 1080, 25, 50
BIT_RATE = 4_000_000
SMALL, SMALL_BIT_RATE = (640, 360), 500_000
FRAMES = 75
LOOKS = 12
USABLE = 0.85  # of a processor's time; the rest is for trackers, the store, the screens, and peaks
_WARM = 3


@dataclass(frozen=True)
class Cost:
    """Processor time of one camera, milliseconds: for a decoded picture, for a look at one, and for a decoded picture
    of its substream."""

    decode_ms: float
    look_ms: float
    small_decode_ms: float = 0.0

    def per_second_ms(self, looks: float) -> float:
        """For each second of a camera that is looked at `looks` times a second."""
        return RATE * self.decode_ms + looks * self.look_ms

    def by_substream_ms(self, looks: float) -> float:
        """The same of a camera that is looked at by its substream, but for what receiving its main stream costs."""
        return RATE * self.small_decode_ms + looks * self.look_ms


@dataclass(frozen=True)
class Capacity:
    """The answer of `app.py capacity`."""

    cores: int
    per_second: float
    decode_ms: float
    look_ms: float
    camera_ms: float
    cameras_per_core: float
    cameras: int
    configured: int
    substream_camera_ms: float
    substream_cameras: int
    by_main_stream: int

    @property
    def enough(self) -> bool:
        return self.configured <= self.cameras

    def as_dict(self) -> dict[str, float | int | bool]:
        return {**asdict(self), "enough": self.enough}

    def as_text(self) -> str:
        verdict = "enough" if self.enough else "too many: inference will be shed, see `docs/operations.md`"
        return (
            f"one 1080p25 H.264 camera, {self.per_second:g} looks a second: {self.camera_ms:.0f} ms of processor time "
            f"a second\n  (decoding {self.decode_ms:.2f} ms a picture, {self.look_ms:.1f} ms a look)\n"
            f"looked at by its substream of {SMALL[0]} x {SMALL[1]} (`looks: substream`): "
            f"{self.substream_camera_ms:.0f} ms, so {self.substream_cameras} cameras; "
            f"of those configured {self.by_main_stream} are looked at by their main stream\n"
            f"cameras per core: {self.cameras_per_core:.1f}; on {self.cores} cores: {self.cameras}\n"
            f"configured: {self.configured}: {verdict}"
        )


def capacity(settings: Settings, cost: Cost, cores: int) -> Capacity:
    """Cameras at `inference.per_second` that the cores carry, against the cameras configured."""
    camera_ms = cost.per_second_ms(settings.inference.per_second)
    small_ms = cost.by_substream_ms(settings.inference.per_second)
    per_core = USABLE * 1000 / camera_ms
    return Capacity(
        cores=cores,
        per_second=settings.inference.per_second,
        decode_ms=round(cost.decode_ms, 3),
        look_ms=round(cost.look_ms, 3),
        camera_ms=round(camera_ms, 1),
        cameras_per_core=round(per_core, 2),
        cameras=math.floor(per_core * cores),
        configured=sum(site.camera is not None for site in settings.sites),
        substream_camera_ms=round(small_ms, 1),
        substream_cameras=math.floor(USABLE * 1000 / small_ms * cores),
        by_main_stream=sum(getattr(site.camera, "looks", "") == "main" for site in settings.sites),
    )


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def measure(settings: Settings, context: Context) -> Cost:
    """Decode a stream made here and look at its pictures: about ten seconds, on one thread.

    `context`: any of these settings' (its site is not used). Looks with the detectors of the first camera that has
    some. Raises what detectors raise when they come alive: InputRejected, UnverifiedWeights, DeviceLost.
    """
    site = Place(id="calibration", location=Location(lon=0.0, lat=90.0))
    context = replace(context, site=site)
    with tempfile.TemporaryDirectory(prefix="yiping-capacity-") as folder:
        stream = Path(folder) / "stream.mp4"
        write_stream(stream)
        recipe = VideoFile(path=stream, paced=True, start=datetime.now(UTC))
        frames, decode_ms = _decoded(recipe, context)
        small = Path(folder) / "small.mp4"
        write_stream(small, size=SMALL, bit_rate=SMALL_BIT_RATE)
        _, small_decode_ms = _decoded(recipe.model_copy(update={"path": small}), context)
    looks = _detectors(settings)
    detectors = [recipe.make(context) for recipe in looks]
    began_s = 0.0
    for number in range(_WARM + LOOKS):
        if number == _WARM:
            began_s = time.process_time()
        for detector in detectors:
            detector.find(frames[number % len(frames)])
    return Cost(decode_ms, (time.process_time() - began_s) * 1000 / LOOKS, small_decode_ms)


def _detectors(settings: Settings) -> tuple[DetectorRecipe, ...]:
    found = (site.detectors for site in settings.sites if site.camera is not None and site.detectors)
    return next(found, (Yolo(),))


def _decoded(recipe: VideoFile, context: Context) -> tuple[list[Frame], float]:
    """Some frames of it, and the processor time of one, ms. Paced, as a camera is: so one thread decodes."""
    kept: list[Frame] = []
    count, began_s = 0, 0.0
    with closing(recipe.make(context)) as monitor:
        for item in monitor.observe():
            if item is None or not hasattr(item, "luma"):
                continue
            if count == _WARM:
                began_s = time.process_time()
            count += 1
            if count % 20 == 0:
                kept.append(cast(Frame, item))
    return kept, (time.process_time() - began_s) * 1000 / max(1, count - _WARM)


def write_stream(
    path: Path, frames: int = FRAMES, *, size: tuple[int, int] = (WIDTH, HEIGHT), bit_rate: int = BIT_RATE
) -> None:
    """1080p25 H.264 at about 4 Mb/s, unless told: a textured street with moving blocks and the noise of a camera."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.bit_rate, stream.gop_size, stream.max_b_frames = bit_rate, GOP, 0
        stream.time_base = Fraction(1, RATE)
        stream.options = {"preset": "veryfast", "maxrate": str(bit_rate), "bufsize": str(bit_rate)}
        for picture in _pictures(frames):
            container.mux(stream.encode(picture.reformat(*size)))
        container.mux(stream.encode(None))


def _pictures(frames: int) -> Iterator[av.VideoFrame]:
    random = np.random.default_rng(1)
    coarse = random.integers(60, 190, (HEIGHT // 40, WIDTH // 40), np.uint8)
    street = np.kron(coarse, np.ones((40, 40), np.uint8)).astype(np.int16)
    noises = [random.integers(-4, 5, street.shape, np.int16) for _ in range(5)]
    for number in range(frames):
        luma = street + noises[number % len(noises)]
        for block in range(4):
            left = (number * (6 + 4 * block) + 400 * block) % (WIDTH - 240)
            luma[200 * block + 60 : 200 * block + 200, left : left + 240] = 40 + 50 * block
        planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        planes[:HEIGHT] = np.clip(luma, 0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = number
        yield frame
