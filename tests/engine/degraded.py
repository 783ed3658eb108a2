"""Real clips made bad in the ways cameras go bad, and the judge that is to notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from data.model.alert import Raised, Signal
from data.model.camera_health import HealthSettings
from data.model.frame import Image
from data.model.observation import Tick
from engine.judging.health import HealthWatch

START = datetime(2024, 7, 12, 14, 0, tzinfo=UTC)
Change = Callable[[Image, int], Image]


@dataclass(frozen=True, slots=True, eq=False)
class LumaFrame:
    """A picture of which only the brightness is known."""

    site: str
    at: datetime
    plane: Image

    @property
    def width(self) -> int:
        return int(self.plane.shape[1])

    @property
    def height(self) -> int:
        return int(self.plane.shape[0])

    def luma(self) -> Image:
        return self.plane

    def bgr(self, width: int, height: int) -> Image:
        raise NotImplementedError

    def jpeg(self, width: int | None = None, quality: int = 80) -> bytes:
        raise NotImplementedError


@cache
def each_second(clip: Path) -> tuple[Image, ...]:
    """One brightness plane for each second of a clip."""
    found: list[Image] = []
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= len(found):
                found.append(np.asarray(frame.to_ndarray(format="gray"), np.uint8))
    return tuple(found)


def looped(pictures: Sequence[Image], count: int) -> list[Image]:
    return [pictures[i % len(pictures)] for i in range(count)]


def bad_between(pictures: Iterable[Image], begin: int, end: int, change: Change) -> list[Image]:
    return [change(y, i) if begin <= i < end else y for i, y in enumerate(pictures)]


def verdicts(pictures: Iterable[Image], settings: HealthSettings | None = None) -> list[tuple[int, str, str]]:
    """Second, "raised" or "ended", and the fault, for pictures one second apart with a tick after each."""
    watch = HealthWatch(settings or HealthSettings(), "gate-1", ())
    said: list[tuple[int, str, str]] = []
    for second, plane in enumerate(pictures):
        at = START + timedelta(seconds=second)
        signals: list[Signal] = watch.see(LumaFrame("gate-1", at, plane))
        signals += watch.tick(Tick("gate-1", at + timedelta(seconds=0.5)))
        said += [(second, "raised" if isinstance(s, Raised) else "ended", s.key.subject) for s in signals]
    return said


@cache
def _noise(shape: tuple[int, int], sigma: float) -> npt.NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, sigma, shape).round().astype(np.int16)


def noisy(plane: Image, sigma: float, seed: int) -> Image:
    """With the noise of a sensor: one field of it, moved about."""
    shift = np.random.default_rng(seed).integers(0, min(plane.shape), 2)
    noise = np.roll(_noise((plane.shape[0], plane.shape[1]), sigma), tuple(shift), axis=(0, 1))
    return (plane.astype(np.int16) + noise).clip(0, 255).astype(np.uint8)


def dimmed(plane: Image, factor: float, sigma: float, seed: int) -> Image:
    """As under `factor` of the light, with the noise of a sensor at night."""
    return noisy((16 + (plane.astype(np.float32) - 16).clip(0) * factor).astype(np.uint8), sigma, seed)


def lamp_lit(plane: Image, i: int) -> Image:
    """By night under one street lamp: bright below it, next to nothing elsewhere, noise, compressed."""
    height, width = plane.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.08 + 1.2 * np.exp(-(((x / width - 0.3) / 0.18) ** 2) - ((y / height - 0.35) / 0.18) ** 2)
    lit = (16 + (plane.astype(np.float32) - 16).clip(0) * light).clip(0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", noisy(lit, 4, i), [cv2.IMWRITE_JPEG_QUALITY, 25])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def grey_patch(plane: Image, i: int) -> Image:
    covered = plane.copy()
    h, w = plane.shape
    covered[h // 8 : h * 9 // 10, w // 6 : w * 9 // 10] = 118
    return noisy(covered, 1.5, i)


BAD: dict[str, Change] = {
    "video_black": lambda y, i: noisy(np.full_like(y, 16), 1.5, i),
    "video_white": lambda y, _: np.full_like(y, 235),
    "video_occlusion": grey_patch,
    "video_defocus": lambda y, _: np.asarray(cv2.GaussianBlur(y, (0, 0), 3 * y.shape[0] / 720), np.uint8),
    "scene_change": lambda y, _: np.roll(y, y.shape[1] // 12, axis=1),
}
