"""Puts cut-outs of people and vehicles into a copy of a picture, made as bright, blurred, noisy and pale as it is.

What the picture does to objects is measured in the picture itself, at the scale of the model's input: the ends of its
tones (darkness, fog, over-exposure), its colour, the width of its sharpest edges, and its noise. Where an earlier
picture of the same camera is at hand, the difference of the two is what passes between camera and scene (noise, rain),
and it is laid over the cut-out. Nothing here needs a picture library: a worker loads none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.model.frame import Image
from data.model.live_recall import CanaryTarget, Cutout
from detectors._area import shrunk

Plane = npt.NDArray[np.float32]

_LUMA = np.array([0.114, 0.587, 0.299], np.float32)  # BT.601, of BGR
_CELL = 4  # pixels each way: means over it are nearly free of noise
_DARK, _BRIGHT = 8.0, 245.0  # where 1 % and 99 % of an ordinary photograph's tones lie
_TONES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99])
_USUAL = np.array([0.0, 35.0, 65.0, 110.0, 160.0, 205.0, 245.0])  # of an ordinary photograph, at these shares
_COLOURFUL = 60.0  # spread of the channels that a tenth of an ordinary photograph exceeds
_SPAN = 12  # pixels over which an edge rises
_SIGMAS = np.array([0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0])  # blur, pixels
_FEWEST_EDGES = 30
_OWN_BLUR = 0.8  # of a cut-out and of a sharp picture's edges, pixels
_BLOCK = 16  # pixels each way, in which noise is measured
_MOVED = 3.0  # times the usual difference between two pictures: something moves there
_LEAST_SIDE = 3  # pixels of a cut-out


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a camera makes of its scene just now.

    low, high: where an ordinary photograph's darkest and brightest tones lie; high may be above 255 (over-exposed).
    colour: 0 (grey) to 1. blur: sigma of its sharpest edges, pixels. noise: sigma within one picture, levels.
    """

    low: float
    high: float
    colour: float
    blur: float
    noise: float

    @classmethod
    def of(cls, picture: Image) -> Rendering:
        """Of a picture, uint8 (h, w, 3) BGR."""
        light = _light(picture)
        cells = _cells(light)
        low, high = _tone_ends(cells)
        noise = _noise(light)
        colour = _cells(picture.max(axis=2).astype(np.float32) - picture.min(axis=2)) - noise
        spread = float(np.quantile(colour, 0.9))
        return cls(low, high, min(1.0, max(0.0, spread) / _COLOURFUL), _edge_blur(light, high - low, noise), noise)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """passing: what passes between camera and scene, in levels; None where there is no earlier picture."""

    picture: Image
    rendering: Rendering
    passing: Plane | None


def with_targets(picture: Image, targets: Sequence[CanaryTarget], earlier: Image | None = None) -> Image:
    """A copy of the picture, uint8 (h, w, 3) BGR, with the targets in it. The picture itself is not changed.

    `earlier`: one of the same camera and size, taken shortly before.
    """
    rendering = Rendering.of(picture)
    passing = None
    if earlier is not None and earlier.shape == picture.shape:
        passing = (picture.astype(np.float32) - earlier) * np.float32(math.sqrt(0.5))
    drawn = picture.copy()
    scene = _Scene(picture, rendering, passing)
    for number, target in enumerate(targets):
        _put(drawn, scene, target, np.random.default_rng(number))
    return drawn


def _put(drawn: Image, scene: _Scene, target: CanaryTarget, chance: np.random.Generator) -> None:
    picture, rendering = scene.picture, scene.rendering
    height, width = picture.shape[:2]
    left, top, right, bottom = (
        round(v * side) for v, side in zip(target.xyxy, (width, height, width, height), strict=True)
    )
    size = (max(_LEAST_SIDE, right - left), max(_LEAST_SIDE, bottom - top))
    blur = math.sqrt(max(0.0, rendering.blur**2 - _OWN_BLUR**2))
    look, alpha, margin = _scaled(target.cutout, size, blur, mirrored=target.mirrored)
    rows = slice(max(0, top - margin), min(height, top - margin + look.shape[0]))
    columns = slice(max(0, left - margin), min(width, left - margin + look.shape[1]))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return
    cut = np.s_[rows.start - top + margin : rows.stop - top + margin,
                columns.start - left + margin : columns.stop - left + margin]  # fmt: skip
    look, cover = look[cut], alpha[cut][..., None]
    toned = _toned(look, rendering, _shade(picture, rows, columns, rendering))
    over = _passing_there(scene.passing, rows, columns)
    covered = float(np.std(over)) if over is not None else 0.0
    missing = math.sqrt(max(0.0, rendering.noise**2 - covered**2))
    grain = chance.normal(0.0, missing, toned.shape).astype(np.float32) if missing > 0.5 else np.float32(0.0)
    shown = toned + grain + (over if over is not None else np.float32(0.0))
    spot = drawn[rows, columns]
    spot[:] = np.clip(spot * (1 - cover) + shown * cover, 0, 255).astype(np.uint8)


def _scaled(cutout: Cutout, size: tuple[int, int], blur: float, *, mirrored: bool) -> tuple[Plane, Plane, int]:
    """Colours, cover 0..1, and by how many pixels they are larger than `size` at every side, for what blur spreads."""
    opaque = cutout.alpha.astype(np.float32)[..., None] / np.float32(255)
    cover: Plane = shrunk(cutout.alpha, *size).astype(np.float32) / np.float32(255)
    weighted: Plane = shrunk((cutout.bgr * opaque).astype(np.uint8), *size).astype(np.float32)
    if mirrored:
        cover, weighted = cover[:, ::-1], weighted[:, ::-1]
    margin = math.ceil(2.5 * blur) if blur > 0.2 else 0
    if margin:
        cover = _blurred(np.pad(cover, margin), blur)
        weighted = _blurred(np.pad(weighted, ((margin, margin), (margin, margin), (0, 0))), blur)
    colours = np.asarray(weighted / np.maximum(cover, np.float32(1e-3))[..., None], np.float32)
    return np.minimum(colours, np.float32(255.0)), cover, margin


def _toned(look: Plane, rendering: Rendering, shade: float) -> Plane:
    """The colours of a cut-out as this camera would show them now; `shade`: share of the light that falls there."""
    light = (look @ _LUMA)[..., None]
    pale = light + rendering.colour * (look - light)
    gain = (rendering.high - rendering.low) * shade / (_BRIGHT - _DARK)
    toned: Plane = np.clip(rendering.low + min(gain, _most_gain(rendering)) * (pale - _DARK), 0, 255)
    return toned


def _most_gain(rendering: Rendering) -> float:
    """No picture shows an object better than the one it was cut out of, unless it is over-exposed."""
    return max(1.0, rendering.high / _BRIGHT)


def _shade(picture: Image, rows: slice, columns: slice, rendering: Rendering) -> float:
    """Share of the picture's light that falls on this place: its brightest tones against those of all.

    The ground may only be of a dark colour, which is not known, so half of the ratio counts (its square root).
    """
    height, width = rows.stop - rows.start, columns.stop - columns.start
    around = picture[max(0, rows.start - height // 2) : rows.stop + height // 2,
                     max(0, columns.start - width) : columns.stop + width]  # fmt: skip
    bright = float(np.quantile(_cells(_light(around)), 0.95)) - rendering.low
    return math.sqrt(min(1.0, max(0.02, bright / max(1.0, min(rendering.high, 255.0) - rendering.low))))


def _passing_there(passing: Plane | None, rows: slice, columns: slice) -> Plane | None:
    """What passes between the camera and this place; None where that is not known, or where something moves."""
    if passing is None:
        return None
    there = passing[rows, columns]
    usual = float(np.abs(passing[::4, ::4]).mean())
    return there if float(np.abs(there).mean()) <= _MOVED * usual + 2.0 else None


def _light(picture: Image) -> Plane:
    light: Plane = picture.astype(np.float32) @ _LUMA
    return light


def _cells(plane: Plane) -> Plane:
    """Means of cells; of single pixels where the plane is smaller than a cell."""
    rows, columns = plane.shape[0] // _CELL, plane.shape[1] // _CELL
    if not rows or not columns:
        return plane
    cut = plane[: rows * _CELL, : columns * _CELL].reshape(rows, _CELL, columns, _CELL)
    means: Plane = cut.mean(axis=(1, 3))
    return means


def _tone_ends(cells: Plane) -> tuple[float, float]:
    low, high = (float(v) for v in np.quantile(cells, (0.01, 0.99)))
    white = float(np.mean(cells >= 250))
    if white > 0.01:  # of an ordinary photograph this share would lie above that tone
        high = 255.0 * _BRIGHT / max(1.0, float(np.interp(1.0 - white, _TONES, _USUAL)))
    return min(low, 200.0), max(min(high, 1500.0), low + 1.0)


def _noise(light: Plane) -> float:
    """Sigma, by the second differences of the calmest tenth of blocks (Immerkaer, 1996)."""
    rows = light[:, :-2] - 2 * light[:, 1:-1] + light[:, 2:]
    both = np.abs(rows[:-2] - 2 * rows[1:-1] + rows[2:])
    down, across = both.shape[0] // _BLOCK, both.shape[1] // _BLOCK
    if not down or not across:
        return 0.0
    blocks = both[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, across, _BLOCK).mean(axis=(1, 3))
    return float(np.quantile(blocks, 0.1)) * math.sqrt(math.pi / 2) / 6


def _edge_blur(light: Plane, tones: float, noise: float) -> float:
    """Sigma of the sharpest fifth of the edges, pixels: the share of an edge's rise that lies within two pixels."""
    bands = light[: light.shape[0] // _CELL * _CELL].reshape(-1, _CELL, light.shape[1]).mean(axis=1)
    if bands.shape[1] <= _SPAN + 2:
        return _OWN_BLUR
    rise = np.abs(bands[:, _SPAN:] - bands[:, :-_SPAN])
    near = np.abs(bands[:, 2:] - bands[:, :-2])
    row, column = np.nonzero(rise >= max(0.15 * min(tones, 255.0), 5 * noise, 6.0))
    if len(row) < _FEWEST_EDGES:
        return _OWN_BLUR
    every = max(1, len(row) // 2000)
    row, column = row[::every], column[::every]
    within = near[row[:, None], column[:, None] + np.arange(_SPAN - 1)]
    centred = np.abs(within.argmax(axis=1) - (_SPAN - 2) // 2) <= 1  # else a part of the rise lies outside
    if np.count_nonzero(centred) < _FEWEST_EDGES:
        return _OWN_BLUR
    shares = within.max(axis=1)[centred] / rise[row, column][centred]
    share = float(np.quantile(np.minimum(1.0, shares), 0.8))
    usual = np.array([math.erf(1 / (s * math.sqrt(2))) / math.erf(_SPAN / 2 / (s * math.sqrt(2))) for s in _SIGMAS])
    return float(np.interp(-share, -usual, _SIGMAS))


def _blurred(plane: Plane, sigma: float) -> Plane:
    """By a Gaussian, rows and columns in turn; what lies outside is 0."""
    reach = max(1, math.ceil(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        padding = [(0, 0)] * plane.ndim
        padding[axis] = (reach, reach)
        padded = np.pad(plane, padding)
        length = plane.shape[axis]
        parts = (w * np.take(padded, range(k, k + length), axis=axis) for k, w in enumerate(weights))
        plane = np.asarray(sum(parts), np.float32)
    return plane
