"""Moving water for the drawn scenes: waves that come back to their beginning, so that the picture can loop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from data.model.frame import Image
from engine.demo.scene import HEIGHT, WIDTH, Colour, Floats, View, World

_HALF = 0.5

# wavelength in metres, direction in radians, periods within one loop, height
_WAVES = (
    (5.2, 0.35, 2, 0.50),
    (2.9, -0.30, 3, 0.40),
    (1.7, 0.80, 4, 0.34),
    (0.95, -0.75, 6, 0.26),
    (0.60, 0.20, 8, 0.20),
)


@dataclass(frozen=True, slots=True)
class River:
    """Water seen all the time: its outline on the plane at `z`, its colours, where the far shore is mirrored."""

    outline: tuple[World, ...]
    z: float
    near: Colour = (70, 98, 104)
    far: Colour = (112, 124, 124)
    mirror_y: float = 70.0


@dataclass(frozen=True, slots=True)
class Bowl:
    """A dip of the road that floods: deepest at (x, y), `rise` cm higher at `radius` metres, and its outline."""

    centre: tuple[float, float]
    radius: tuple[float, float]
    outline: tuple[World, ...]
    rise: float = 60.0
    colour: Colour = (70, 86, 96)
    mirror_y: float = 24.0


def moving(view: View, picture: Image, water: River | Bowl, count: int) -> Iterator[Image]:
    """`count` pictures of one loop, the whole outline covered with water; uint8 (720, 1280, 3)."""
    z = water.z if isinstance(water, River) else 0.0
    x, y, _ = view.ground(_HALF, z)
    small = np.asarray(cv2.resize(picture, None, fx=_HALF, fy=_HALF, interpolation=cv2.INTER_AREA), np.uint8)
    base, shine = _base(view, small, water, y, z)
    cover = _cover(view, water.outline)
    waves = [(*wave, _fading(view, y, wave[0])) for wave in _WAVES]
    left, top, wide, high = cv2.boundingRect((cover > 0).astype(np.uint8))
    region = np.s_[top : top + high, left : left + wide]
    weight = cover[region]
    rest = np.ones_like(weight) - weight
    rows = np.arange(x.shape[0], dtype=np.float32)[:, None] + np.zeros_like(x)
    columns = np.arange(x.shape[1], dtype=np.float32)[None, :] + np.zeros_like(x)
    for number in range(count):
        swell = np.zeros_like(x)
        for length, heading, turns, tall, fading in waves:
            along = (x * math.cos(heading) + y * math.sin(heading)) * np.float32(2 * math.pi / length)
            swell += np.sin(along - np.float32(2 * math.pi * turns * number / count)) * fading * np.float32(tall)
        mirrored = cv2.remap(shine, columns + swell * 5, rows + swell * 9, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        lit = np.maximum(swell - 0.62, 0)[..., None] * 62
        surface = base * (1 + 0.15 * swell[..., None]) * 0.68 + mirrored * 0.42 + lit
        surface = cv2.resize(np.clip(surface, 0, 255).astype(np.uint8), (WIDTH, HEIGHT))
        whole = picture.copy()
        whole[region] = cv2.blendLinear(
            np.ascontiguousarray(surface[region]), np.ascontiguousarray(picture[region]), weight, rest
        )
        yield whole


def flooding_at(view: View, bowl: Bowl, seed: int) -> Floats:
    """For each pixel the water depth in cm (at the deepest point) from which it is under water; float32 (720, 1280)."""
    x, y, below = view.ground(_HALF)
    random = np.random.default_rng(seed)
    rough = cv2.resize(
        random.normal(0, 2.2, (9, 12)).astype(np.float32), (x.shape[1], x.shape[0]), None, 0, 0, cv2.INTER_CUBIC
    )
    off = ((x - bowl.centre[0]) / bowl.radius[0]) ** 2 + ((y - bowl.centre[1]) / bowl.radius[1]) ** 2
    level = np.where(below > 0, off * bowl.rise + rough, 1e4).astype(np.float32)
    large = np.asarray(cv2.resize(level, (WIDTH, HEIGHT)), np.float32)
    large[_cover(view, bowl.outline) < 0.5] = 1e4
    return large


def _base(view: View, small: Image, water: River | Bowl, y: Floats, z: float) -> tuple[Floats, Floats]:
    """Colour of still water and the mirrored, blurred far side; both float32 of half the size."""
    ((_, shore),) = (view.project([(0.0, water.mirror_y, z)]) * _HALF).tolist()
    rows = np.clip(2 * shore - np.arange(small.shape[0]), 0, small.shape[0] - 1).astype(np.int32)
    mirrored = cv2.GaussianBlur(small[rows].astype(np.float32), (0, 0), sigmaX=1.5, sigmaY=7)
    far = water.far if isinstance(water, River) else water.colour
    near = water.near if isinstance(water, River) else water.colour
    share = np.clip(y / (45 if isinstance(water, River) else 30), 0, 1)[..., None]
    colour = np.asarray(near, np.float32) * (1 - share) + np.asarray(far, np.float32) * share
    return colour.astype(np.float32), np.asarray(mirrored, np.float32)


def _cover(view: View, outline: tuple[World, ...]) -> Floats:
    """1 inside the outline, 0 outside, soft at its edge; float32 (720, 1280)."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    corners = np.clip(np.round(view.project(outline) * 16), -(2**24), 2**24).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.2), np.float32) / np.float32(255)


def _fading(view: View, y: Floats, wavelength_m: float) -> Floats:
    """Waves shorter than what one pixel covers are not seen."""
    pixel = y**2 / (max(view.height_m, 1.0) * view.focal_px * _HALF)
    return np.asarray(1 / (1 + (pixel * 5 / wavelength_m) ** 2), np.float32)
