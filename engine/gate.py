"""Motion gate: does anything move in a fixed camera's picture, and where?

A running average of every few pixels is the background; each block of them knows how much it usually differs from it
and is triggered when it differs clearly more. The background takes in whatever stands still (in 8 to 14 s) but not what
moves, so that it leaves no ghost behind. The noise statistics learn nothing from triggered blocks or their neighbours:
else a walker would teach the gate to ignore him.
Deterministic; time is the pictures' own, so that one picture a second serves as well as twenty-five.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from data.frame import Image

_NEVER = datetime.min.replace(tzinfo=UTC)

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

COLUMNS = 320  # about so many pixels of a row are looked at: every 6th of a 1080p picture
BLOCK = 8  # pixels looked at, in both directions: 48 × 48 of a 1080p picture
_PER_BLOCK = np.float32(1 / BLOCK**2)
WARM_UP_S = 2.0
WARM_UP_PICTURES = 6
_ABSORB_S = 3.0  # time constant of the background
_FORGET_S = 60.0  # the same where something moves
_STILL_S = 1.0  # a block that looks as it did so long ago stands still
_LEARN_S = 10.0  # time constant of the noise
_SCATTERS = 6.0  # mean absolute deviations above the usual difference: what triggers a block
_LEAST = (1.5, 1.2)  # grey levels above the usual: of the mean difference without and with its sign
_SPREAD = (0.15, 0.75)  # scatter of Gaussian noise as a part of its usual difference, of a block's mean
_LEAST_SCATTER = 0.1  # grey levels; a digitally silent picture must not trigger on its first grain
_GLOBAL_SHARE = 0.6  # of the blocks changed: the light, if it was so sudden, else something large
_SUDDEN_FROM = 0.3  # of the blocks in the picture before
_GLOBAL_SHIFT = 12.0  # grey levels by which most blocks went the same way
_GLOBAL_FOR_S = 10.0  # nothing is so large for so long: the noise has grown (dusk), or the view has changed


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What moved in one picture. `blocks`: bool (rows, columns). `xyxy`: around them, as fractions of the picture.

    `active` is also True while the gate is `warming` up, since it cannot tell yet, and after a `global_change` (the
    light was switched, the camera changed to infrared or was moved): it begins anew from that picture.
    """

    active: bool
    warming: bool
    global_change: bool
    blocks: Mask
    xyxy: tuple[float, float, float, float] | None


class Gate:
    """The gate of one stream. Pictures come in the order of their times; one of another size begins anew."""

    def __init__(self) -> None:
        self._size: tuple[int, int] = (0, 0)
        self._stride = 1
        self._background: Plane = np.zeros((0, 0), np.float32)
        self._usual: Plane = np.zeros((2, 0, 0), np.float32)
        self._scatter: Plane = np.zeros((2, 0, 0), np.float32)
        self._earlier: tuple[datetime, Plane] = (_NEVER, self._background)
        self._recent = self._earlier
        self._since = self._at = self._calm_at = _NEVER
        self._pictures = 0
        self._share = 0.0

    def see(self, luma: Image, at: datetime) -> Motion:
        """`luma`: uint8 (height, width), strided or not; it is read, not kept. At least 16 pixels wide and high."""
        if luma.shape != self._size:
            return self._begin(luma, at)
        pixels = self._pixels(luma)
        difference = pixels - self._background
        unsigned, signed = self._differences(difference)
        passed_s = min(max((at - self._at).total_seconds(), 0.0), _ABSORB_S)
        self._at = at
        self._pictures += 1
        shift = float(np.median(signed))
        found = np.stack([unsigned, np.abs(signed - shift)])
        if self._pictures <= WARM_UP_PICTURES or (at - self._since).total_seconds() < WARM_UP_S:
            self._learn_first(found)
            self._absorb(difference, max(1.0 / self._pictures, 1.0 - math.exp(-passed_s / _ABSORB_S)))
            return Motion(True, True, False, np.ones(unsigned.shape, np.bool_), (0.0, 0.0, 1.0, 1.0))
        over = found - self._usual
        least = np.array(_LEAST, np.float32)[:, None, None]
        blocks: Mask = np.any(over > least + _SCATTERS * self._scatter, axis=0)
        if self._is_global(float(blocks.mean()), shift):
            begun = self._begin(luma, at)
            return Motion(True, True, True, begun.blocks, begun.xyxy)
        self._learn(over, grown := _grown(blocks), 1.0 - math.exp(-passed_s / _LEARN_S))
        share: float | Plane = 1.0 - math.exp(-passed_s / _ABSORB_S)
        if blocks.any():
            moving = grown & self._changing(pixels)
            slow = np.where(moving, 1.0 - math.exp(-passed_s / _FORGET_S), share).astype(np.float32)
            share = slow.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
        self._absorb(difference, share)
        self._remember(pixels)
        return Motion(bool(blocks.any()), False, False, blocks, self._around(blocks))

    def _begin(self, luma: Image, at: datetime) -> Motion:
        if luma.ndim != 2 or min(luma.shape) < 2 * BLOCK:
            raise ValueError(f"luma: expected shape (h, w) of at least {2 * BLOCK} pixels each, got {luma.shape}")
        height, width = luma.shape
        self._size = (height, width)
        self._stride = max(1, min(round(width / COLUMNS), min(height, width) // (2 * BLOCK)))
        self._background = self._pixels(luma)
        self._earlier = self._recent = (at, self._background.copy())
        rows, columns = (n // BLOCK for n in self._background.shape)
        self._usual = np.zeros((2, rows, columns), np.float32)
        self._scatter = np.zeros((2, rows, columns), np.float32)
        self._since = self._at = self._calm_at = at
        self._pictures = 1
        self._share = 0.0
        return Motion(True, True, False, np.ones((rows, columns), np.bool_), (0.0, 0.0, 1.0, 1.0))

    def _is_global(self, share: float, shift: float) -> bool:
        before, self._share = self._share, share
        if share <= _GLOBAL_SHARE:
            self._calm_at = self._at
            return False
        lasting = (self._at - self._calm_at).total_seconds() > _GLOBAL_FOR_S
        return lasting or before < _SUDDEN_FROM or abs(shift) > _GLOBAL_SHIFT

    def _pixels(self, luma: Image) -> Plane:
        """Whole blocks of every n-th pixel."""
        few = np.ascontiguousarray(luma[self._stride // 2 :: self._stride, self._stride // 2 :: self._stride])
        return few[: few.shape[0] // BLOCK * BLOCK, : few.shape[1] // BLOCK * BLOCK].astype(np.float32)

    @staticmethod
    def _differences(difference: Plane) -> tuple[Plane, Plane]:
        """Mean of each block's absolute differences, and its mean difference with sign: seen through the noise."""
        starts = np.arange(0, difference.shape[1], BLOCK)
        tall = (-1, BLOCK, difference.shape[1])
        signed = np.add.reduceat(difference.reshape(tall).sum(axis=1), starts, axis=1)
        unsigned = np.add.reduceat(np.abs(difference).reshape(tall).sum(axis=1), starts, axis=1)
        return unsigned * _PER_BLOCK, signed * _PER_BLOCK

    def _learn_first(self, found: Plane) -> None:
        """While warming up from every block, but no more than noise can differ: a walker is not usual."""
        median = np.median(found, axis=(1, 2), keepdims=True).astype(np.float32)
        found = np.minimum(found, 2.0 * median + 0.5)
        share = 1.0 / (self._pictures - 1)
        self._usual += share * (found - self._usual)
        spread = np.array(_SPREAD, np.float32)[:, None, None]
        self._scatter = np.maximum(np.maximum(self._usual, median) * spread, _LEAST_SCATTER)

    def _learn(self, over: Plane, triggered: Mask, share: float) -> None:
        share_of = np.where(triggered, 0.0, share).astype(np.float32)
        self._usual += share_of * over
        self._scatter += share_of * (np.abs(over) - self._scatter)
        np.maximum(self._scatter, _LEAST_SCATTER, out=self._scatter)

    def _changing(self, pixels: Plane) -> Mask:
        """Blocks that looked otherwise one to two `_STILL_S` ago."""
        unsigned, signed = self._differences(pixels - self._earlier[1])
        found = np.stack([unsigned, np.abs(signed)])
        least = np.array(_LEAST, np.float32)[:, None, None]
        changing: Mask = np.any(found > self._usual * 1.4 + least + _SCATTERS * self._scatter, axis=0)
        return changing

    def _remember(self, pixels: Plane) -> None:
        if (self._at - self._recent[0]).total_seconds() >= _STILL_S:
            self._earlier, self._recent = self._recent, (self._at, pixels)

    def _absorb(self, difference: Plane, share: float | Plane) -> None:
        np.multiply(difference, np.asarray(share, np.float32), out=difference)
        self._background += difference

    def _around(self, blocks: Mask) -> tuple[float, float, float, float] | None:
        if not blocks.any():
            return None
        across, down = np.flatnonzero(blocks.any(axis=0)), np.flatnonzero(blocks.any(axis=1))
        height, width = (n / (BLOCK * self._stride) for n in self._size)
        right, bottom = min(1.0, (across[-1] + 1) / width), min(1.0, (down[-1] + 1) / height)
        return float(across[0] / width), float(down[0] / height), float(right), float(bottom)


def _grown(blocks: Mask) -> Mask:
    """With all eight neighbours of each."""
    padded = np.pad(blocks, 1)
    wide = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    grown: Mask = wide[:-2] | wide[1:-1] | wide[2:]
    return grown
