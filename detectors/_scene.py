"""What the network said of one camera's picture, kept up to date by looks at parts of it.

Where no pixel has changed, the network would say what it said before. So where all that moved fits into a smaller
window, only that is looked at, in the scale of the whole picture and at a multiple of the network's largest stride, so
that its grid lies as it does in the whole; what was found elsewhere stands. That is kept exact by four rules:

- The window holds all that moved since the last look and every object the motion touches, each with a margin; an
  object across the window's edge has therefore not moved, and is not looked at by halves.
- Something new that the edge cuts calls for the whole picture at once.
- Only what was found in `TRUSTED` looks one after the other stands unseen. Anything younger is looked at again, so that
  a chance finding is never repeated by not looking.
- After some seconds the whole picture is looked at, whatever moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from data.model.frame import Image
from data.ports.recipe import Cells
from detectors._letterbox import Letterbox
from detectors._tracker import iou, of_smaller

Rows = npt.NDArray[np.float32]
Extent = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

STRIDE = 32  # of the network's coarsest grid, pixels
MARGIN_PX = 24  # around what moved and what it touches
TRUSTED = 8  # looks one after the other
_NEAR_EDGE_PX = 6  # a box that ends so near to the window's edge may be cut by it
_SAME = 0.5  # overlap of a box with the one of the look before
_SAME_PART = 0.6  # share of a box that lies in one which stands across the edge
_UNSURE_LOOKS = 2  # an uncertain finding is worth another look when it was there so often


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the canvas, pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, canvas: Image) -> Image:
        part = canvas[self.top : self.top + self.height, self.left : self.left + self.width]
        return np.ascontiguousarray(part)

    def placed(self, found: Rows) -> Rows:
        """Rows in pixels of the window as rows in pixels of the canvas."""
        moved = found.copy()
        moved[:, :4] += np.array([self.left, self.top, self.left, self.top], np.float32)
        return moved


class Scene:
    """Of one camera; times are those of its pictures. Rows: left, top, right, bottom in canvas pixels, confidence,
    class."""

    def __init__(
        self,
        canvas: tuple[int, int],
        windows: tuple[tuple[int, int], ...],
        families: Sequence[str],
        *,
        sure: float,
        whole_every: timedelta,
    ) -> None:
        """`windows`: widths and heights; `families`: of each class; `sure`: confidence from which a finding counts."""
        self._canvas = canvas
        self._families = np.unique(families, return_inverse=True)[1]
        self._windows = sorted(windows, key=lambda size: (size[0] * size[1], size))
        self._sure = sure
        self._whole_every = whole_every
        self._rows: Rows = np.zeros((0, 6), np.float32)
        self._looks = np.zeros(0, np.int64)  # one after the other in which each row was found
        self._whole_at: datetime | None = None
        self._box: Letterbox | None = None
        self._turn = 0
        self.looked_at: datetime | None = None

    def window(self, at: datetime, moved: Cells | None, box: Letterbox) -> Window | None:
        """The part to look at; None: the whole picture. `moved`: since the last look, None when that is not known."""
        known, self._box = self._box == box, box
        if (
            moved is None
            or not known
            or self._whole_at is None
            or not timedelta(0) < at - self._whole_at < self._whole_every
        ):
            return None
        needed = self._needed(moved, box)
        if needed is None:
            return None
        for width, height in self._windows:
            left = _start(needed[0], needed[2], width, self._canvas[0])
            top = _start(needed[1], needed[3], height, self._canvas[1])
            if left is not None and top is not None:
                return Window(left, top, width, height)
        return None

    def whole(self, at: datetime, found: Rows) -> Rows:
        """Take over a look at the whole picture."""
        self._whole_at = at
        return self._take(at, found, np.zeros((0, 6), np.float32), np.zeros(0, np.int64))

    def part(self, at: datetime, window: Window, found: Rows) -> Rows | None:
        """All rows of the picture after a look at a part; None: the edge cuts something, look at the whole.

        `found`: in pixels of the canvas.
        """
        replaced = ~self._cut(self._rows, window) & _inside(self._rows, window)
        trusted = (self._looks >= TRUSTED) & ~replaced
        standing, looks = self._rows[trusted], self._looks[trusted]
        covered = ((of_smaller(*_boxes(found, standing)) >= _SAME_PART) & self._alike(found, standing)).any(axis=1)
        cut = self._cut(found, window)
        if (cut & ~covered & (found[:, 4] >= self._sure)).any():
            return None
        return self._take(at, found[~cut & ~covered], standing, looks)

    def _take(self, at: datetime, found: Rows, standing: Rows, looks: npt.NDArray[np.int64]) -> Rows:
        same = (iou(*_boxes(found, self._rows)) >= _SAME) & self._alike(found, self._rows)
        before = np.where(same, self._looks[None, :], 0).max(axis=1, initial=0)
        self._rows = np.concatenate([found, standing])
        self._looks = np.concatenate([before + 1, looks])
        self.looked_at = at
        return self._rows

    def _alike(self, these: Rows, those: Rows) -> Flags:
        """Of one family, (n, m): from far, a car may be a truck in the next look."""
        families = (self._families[rows[:, 5].astype(np.int64)] for rows in (these, those))
        alike: Flags = np.equal.outer(*families)
        return alike

    def _needed(self, moved: Cells, box: Letterbox) -> Extent | None:
        """Left, top, right, bottom of what must be seen, canvas pixels; None when that is the whole picture."""
        asked = [self._rows[:, :4][self._young()].astype(np.float64)]
        if moved.any():
            asked += [_extent(moved, box), self._rows[:, :4][self._touched(moved, box)].astype(np.float64)]
        boxes = np.concatenate(asked)
        if not len(boxes):
            boxes = self._in_turn(box)
        if not len(boxes):
            return None
        return np.concatenate([boxes[:, :2].min(axis=0) - MARGIN_PX, boxes[:, 2:].max(axis=0) + MARGIN_PX])

    def _young(self) -> Flags:
        often: Flags = (self._rows[:, 4] >= self._sure) | (self._looks >= _UNSURE_LOOKS)
        return often & (self._looks < TRUSTED)

    def _touched(self, moved: Cells, box: Letterbox) -> Flags:
        rows, columns = moved.shape
        cell = np.array([box.width / columns, box.height / rows])
        corners = (self._rows[:, :4] - np.array([box.left, box.top] * 2)) / np.tile(cell, 2)
        touched = np.zeros(len(self._rows), np.bool_)
        for i, (left, top, right, bottom) in enumerate(corners):
            across = slice(max(0, int(left) - 1), max(0, int(right) + 2))
            touched[i] = moved[max(0, int(top) - 1) : max(0, int(bottom) + 2), across].any()
        return touched

    def _in_turn(self, box: Letterbox) -> Extent:
        """Nothing moves: the objects are looked at again in turn, or the parts of the picture where there are none."""
        self._turn += 1
        if len(self._rows):
            return self._rows[:, :4][[self._turn % len(self._rows)]].astype(np.float64)
        width, height = self._windows[0] if self._windows else self._canvas
        across, down = -(-box.width // width), -(-box.height // height)
        x, y = self._turn % across, self._turn // across % down
        centre = [box.left + (x + 0.5) * box.width / across, box.top + (y + 0.5) * box.height / down]
        return np.array([centre * 2])

    def _cut(self, rows: Rows, window: Window) -> Flags:
        """Boxes that end at an edge of the window within the picture, or cross it."""
        canvas_width, canvas_height = self._canvas
        right, bottom = window.left + window.width, window.top + window.height
        cut = np.zeros(len(rows), np.bool_)
        if window.left > 0:
            cut |= rows[:, 0] < window.left + _NEAR_EDGE_PX
        if window.top > 0:
            cut |= rows[:, 1] < window.top + _NEAR_EDGE_PX
        if right < canvas_width:
            cut |= rows[:, 2] > right - _NEAR_EDGE_PX
        if bottom < canvas_height:
            cut |= rows[:, 3] > bottom - _NEAR_EDGE_PX
        return cut


def _inside(rows: Rows, window: Window) -> Flags:
    """Boxes whose middle is in the window."""
    x, y = (rows[:, 0] + rows[:, 2]) / 2, (rows[:, 1] + rows[:, 3]) / 2
    inside: Flags = (x >= window.left) & (x <= window.left + window.width)
    inside &= (y >= window.top) & (y <= window.top + window.height)
    return inside


def _extent(moved: Cells, box: Letterbox) -> Extent:
    """(1, 4): around all cells that are set, canvas pixels."""
    rows, columns = moved.shape
    across, down = np.flatnonzero(moved.any(axis=0)), np.flatnonzero(moved.any(axis=1))
    wide, high = box.width / columns, box.height / rows
    left, right = box.left + across[0] * wide, box.left + (across[-1] + 1) * wide
    return np.array([[left, box.top + down[0] * high, right, box.top + (down[-1] + 1) * high]])


def _boxes(these: Rows, those: Rows) -> tuple[Extent, Extent]:
    return these[:, :4].astype(np.float64), those[:, :4].astype(np.float64)


def _start(first: float, last: float, length: int, limit: int) -> int | None:
    """Where a window of this length begins, on the grid, so that it holds first..last; None where it cannot."""
    first, last = max(0.0, first), min(float(limit), last)
    low, high = max(0.0, last - length), min(first, float(limit - length))
    start = round((low + high) / 2 / STRIDE) * STRIDE
    # At the picture's own edge, where it can be: nothing is cut there.
    for one in (0, limit - length, start, start + STRIDE, start - STRIDE):
        if low <= one <= high:
            return one
    return None
