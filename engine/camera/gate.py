"""Motion gate: does anything move in a fixed camera's picture, and where?

The picture is read as small cells. A cell is triggered when it differs from its background clearly more than it usually
does, once the change of the whole picture's exposure (a gain and an offset) is taken out, and when it is not alone:
beside another one, there in the picture before as well, or far off. Each cell has a second, earlier background: what it
looked like before something came to stand there. So nobody leaves a ghost behind; where the background was wrong from
the start, what stands still is taken for background after some seconds. The noise statistics learn nothing from
triggered cells or their neighbours: else a walker would teach the gate to ignore him.
Deterministic; time is the pictures' own, so that one picture in two seconds serves as well as twenty-five.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from data.model.frame import Image

_NEVER = datetime.min.replace(tzinfo=UTC)

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

COLUMNS = 320  # about so many pixels of a row are looked at: every 6th of a 1080p picture
CELL = 4  # pixels looked at, in both directions: 24 × 24 of a 1080p picture
SMALLEST = 16  # pixels of a picture's side
WARM_UP_S = 2.0
WARM_UP_PICTURES = 6
_ABSORB_S = 3.0  # time constant of the background where nothing moves
_STILL_S = 6.0  # what has stood still for so long is background
_REMEMBER_S = 300.0  # whoever fidgets does not make it forget the place he stands at
_FEW = 3  # cells of nine: the same, but sooner, for so few
_FEW_STILL_S = 2.0
_LONE_STILL_S = 1.0  # a cell all by itself that does not change is no motion
_RECENT_S = 0.7  # time constant of the recent look, by which stillness is told
_LEARN_S = 10.0  # time constant of the noise
_LEAST = 2.5  # grey levels: what triggers a cell without any noise
_EDGE = 0.05  # of the difference to the next cell: edges swim when the picture is coded, or a mast shakes
_EDGES_EVERY_S = 1.0
_USUAL = 4.0  # mean absolute deviations: what noise adds to that
_LONE = 1.7  # times that: a cell triggered all by itself
_LEAST_USUAL = 0.15  # grey levels; a digitally silent picture must not trigger on its first grain
_GLOBAL_SHARE = 0.6  # of the cells changed: the light, the camera's place, or something very large and close
_GLOBAL_SHIFT = 12.0  # grey levels by which the whole picture became brighter or darker at once
_RESTLESS_SHARE = 0.3  # of the cells triggered ...
_RESTLESS_S = 12.0  # ... for so long: the noise has grown (dusk), or it rains
_GRAIN_SHARE = 0.2  # of each picture, in the noise that is everywhere
_PAIR = 0.8  # mean deviation of one cell, as a part of the usual difference of two
_FEWER = 3  # every third cell tells the exposure
_LEAST_GAIN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What moved in one picture. `blocks`: bool (rows, columns). `xyxy`: around them, as fractions of the picture.

    `active` is also True while the gate is `warming` up, since it cannot tell yet, and at a `global_change` (the light
    was switched, the camera changed to infrared or was moved, something very large came close): the new look is then
    the background, and the old one is remembered.
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
        nothing = np.zeros((0, 0), np.float32)
        self._background: Plane = nothing
        self._earlier: Plane = nothing  # the background before what stands there now
        self._recent: Plane = nothing
        self._still_since: Plane = nothing  # seconds since the gate began
        self._covered_until: Plane = nothing  # likewise: so long the earlier background is the one that counts
        self._usual: Plane = nothing
        self._before: Mask = np.zeros((0, 0), np.bool_)
        self._edges: Plane = nothing
        self._since = self._at = self._calm_at = self._edges_at = _NEVER
        self._pictures = 0
        self._grain = 0.0  # from one picture to the next, in the middle of all cells: noise that is everywhere

    def see(self, luma: Image, at: datetime) -> Motion:
        """`luma`: uint8 (height, width), strided or not; it is read, not kept. At least 16 pixels wide and high."""
        if luma.shape != self._size:
            return self._begin(luma, at)
        cells = self._cells(luma)
        passed_s = max((at - self._at).total_seconds(), 0.0)
        self._at = at
        self._pictures += 1
        shift = self._follow_exposure(cells)
        difference = cells - self._background
        if self._pictures <= WARM_UP_PICTURES or (at - self._since).total_seconds() < WARM_UP_S:
            return self._warm_up(cells, difference)
        if (at - self._edges_at).total_seconds() >= _EDGES_EVERY_S:
            self._edges, self._edges_at = _EDGE * _edges(self._background) + np.float32(_LEAST), at
        limit = self._edges + _USUAL * self._usual
        off = np.abs(difference)
        still_s = self._still_s(cells, limit, passed_s)
        near, moving = self._together(off > limit, off > _LONE * limit, still_s)
        share = float(np.count_nonzero(moving)) / moving.size
        global_change = share > _GLOBAL_SHARE or abs(shift) > _GLOBAL_SHIFT
        if share < _RESTLESS_SHARE:
            self._calm_at = at
        elif (at - self._calm_at).total_seconds() > _RESTLESS_S:
            return self._begin(luma, at)
        self._before = moving
        if moving.any():
            still = still_s >= np.where(near > _FEW, np.float32(_STILL_S), np.float32(_FEW_STILL_S))
            self._exchange(moving, cells, limit, still, everywhere=share > _GLOBAL_SHARE)
            weight = np.where(_around(moving) > 0, np.float32(0), np.float32(1))
        else:
            weight = np.ones((), np.float32)
        self._usual += weight * (1.0 - math.exp(-passed_s / _LEARN_S)) * (np.minimum(off, 2 * limit) - self._usual)
        np.maximum(self._usual, max(_LEAST_USUAL, self._grain), out=self._usual)
        self._background += weight * (1.0 - math.exp(-passed_s / _ABSORB_S)) * difference
        found = bool(moving.any())
        return Motion(found or global_change, False, global_change, moving, self._extent(moving) if found else None)

    def _begin(self, luma: Image, at: datetime) -> Motion:
        if luma.ndim != 2 or min(luma.shape) < SMALLEST:
            raise ValueError(f"luma: expected shape (h, w) of at least {SMALLEST} pixels each, got {luma.shape}")
        height, width = luma.shape
        self._size = (height, width)
        self._stride = max(1, min(round(width / COLUMNS), min(height, width) // SMALLEST))
        self._background = self._cells(luma)
        self._earlier, self._recent = self._background.copy(), self._background.copy()
        self._still_since = np.zeros_like(self._background)
        self._covered_until = np.zeros_like(self._background)
        self._usual = np.zeros_like(self._background)
        self._before = np.ones(self._background.shape, np.bool_)
        self._since = self._at = self._calm_at = at
        self._edges_at = _NEVER
        self._pictures = 1
        self._grain = 0.0
        return Motion(True, True, False, self._before, (0.0, 0.0, 1.0, 1.0))

    def _warm_up(self, cells: Plane, difference: Plane) -> Motion:
        """Learn from every cell, but no more than noise can differ: a walker is not usual."""
        off = np.abs(difference)
        median = np.median(off)
        off = np.minimum(off, 2.0 * median + 0.3)
        self._usual += (off - self._usual) / np.float32(self._pictures - 1)
        np.maximum(self._usual, max(float(median), _LEAST_USUAL), out=self._usual)
        self._background += difference / np.float32(self._pictures)
        self._earlier = self._background.copy()
        self._recent += (cells - self._recent) / np.float32(min(self._pictures, 4))
        everywhere = np.ones(cells.shape, np.bool_)
        return Motion(True, True, False, everywhere, (0.0, 0.0, 1.0, 1.0))

    def _cells(self, luma: Image) -> Plane:
        """Mean of each whole cell of every n-th pixel."""
        step = self._stride
        rows, columns = ((n - step // 2 + step - 1) // step // CELL for n in luma.shape)
        start = step // 2
        few = luma[start : start + rows * CELL * step : step, start : start + columns * CELL * step : step]
        tall = np.ascontiguousarray(few).reshape(rows, CELL, columns * CELL)
        sums = tall[:, 0].astype(np.uint16)
        for row in range(1, CELL):
            sums += tall[:, row]
        cells: Plane = sums[:, ::CELL].astype(np.float32)
        for column in range(1, CELL):
            cells += sums[:, column::CELL]
        cells *= np.float32(1 / CELL**2)
        return cells

    def _follow_exposure(self, cells: Plane) -> float:
        """Bring what is known to the picture's exposure: gain and offset by most cells. The usual shift."""
        known, now = self._background.ravel()[::_FEWER], cells.ravel()[::_FEWER]
        middle = _middle(now - known)
        gain, offset = 1.0, middle
        rest = np.abs(now - known - np.float32(middle))
        alike = rest < max(2.0, 2.5 * float(rest.sum()) / len(rest))
        count = int(np.count_nonzero(alike))
        if 4 * count >= len(rest):
            x, y = known[alike], now[alike]
            mean_x, mean_y = float(x.sum()) / count, float(y.sum()) / count
            spread = float(np.dot(x, x)) / count - mean_x * mean_x
            slope = (float(np.dot(x, y)) / count - mean_x * mean_y) / spread if spread > 1.0 else 1.0
            gain = min(max(slope, _LEAST_GAIN), 1 / _LEAST_GAIN)
            offset = mean_y - gain * mean_x
        for plane in (self._background, self._earlier, self._recent):
            np.multiply(plane, np.float32(gain), out=plane)
            np.add(plane, np.float32(offset), out=plane)
        return middle

    def _together(self, clear: Mask, strong: Mask, still_s: Plane) -> tuple[Image, Mask]:
        """How many are clear in the nine cells around each; those beside another one, changing, or far off."""
        near = _around(clear)
        together: Mask = clear & ((near > 1) | strong | (self._before & (still_s < _LONE_STILL_S)))
        return near, together

    def _still_s(self, cells: Plane, limit: Plane, passed_s: float) -> Plane:
        """For how long each cell has looked as it does, seconds."""
        now_s = np.float32((self._at - self._since).total_seconds())
        change = cells - self._recent
        size = np.abs(change)
        moved = size > limit
        self._recent += np.float32(1.0 - math.exp(-passed_s / _RECENT_S)) * change
        if moved.any():
            np.copyto(self._recent, cells, where=moved)
            self._still_since[moved] = now_s
        first, second = change.ravel()[:-1:_FEWER], change.ravel()[1::_FEWER]
        self._grain += _GRAIN_SHARE * (_PAIR * _middle(np.abs(first - second)) - self._grain)  # light is alike in both
        still_s: Plane = now_s - self._still_since
        return still_s

    def _exchange(self, moving: Mask, cells: Plane, limit: Plane, still: Mask, *, everywhere: bool) -> None:
        """Where the earlier background is back it is the background; where something stands still, that is."""
        back = moving & (np.abs(cells - self._earlier) <= limit)
        stands = moving if everywhere else moving & still & ~back
        now_s = np.float32((self._at - self._since).total_seconds())
        if back.any():
            self._background[back], self._earlier[back] = self._earlier[back], self._background[back]
            covered = self._covered_until[back] > now_s
            self._covered_until[back] = np.where(covered, now_s, now_s + _REMEMBER_S)
        if stands.any():
            first = stands & (self._covered_until <= now_s)
            self._earlier[first] = self._background[first]
            self._covered_until[first] = now_s + _REMEMBER_S
            self._background[stands] = cells[stands] if everywhere else self._recent[stands]

    def _extent(self, moving: Mask) -> tuple[float, float, float, float]:
        across, down = np.flatnonzero(moving.any(axis=0)), np.flatnonzero(moving.any(axis=1))
        height, width = (n / (CELL * self._stride) for n in self._size)
        right, bottom = min(1.0, (across[-1] + 1) / width), min(1.0, (down[-1] + 1) / height)
        return float(across[0] / width), float(down[0] / height), float(right), float(bottom)


def _around(cells: Mask) -> Image:
    """How many of the nine cells around each are set."""
    wide = np.zeros((cells.shape[0] + 2, cells.shape[1] + 2), np.uint8)
    wide[1:-1, 1:-1] = cells
    across = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    count: Image = across[:-2] + across[1:-1] + across[2:]
    return count


def _middle(values: Plane) -> float:
    """The median, or next to it."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def _edges(cells: Plane) -> Plane:
    """The greatest difference of each cell to one beside it."""
    found = np.zeros_like(cells)
    across, down = np.abs(np.diff(cells, axis=1)), np.abs(np.diff(cells, axis=0))
    for part, step in ((found[:, 1:], across), (found[:, :-1], across), (found[1:], down), (found[:-1], down)):
        np.maximum(part, step, out=part)
    return found
