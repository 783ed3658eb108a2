"""How much of a road's structure (marks, kerbs, texture) is lost, against pictures of the same view without water.

Gradients are compared, not brightness or colour: a wet road mirrors lamps but keeps its edges where they are, a
flooded one loses them. Pictures are first laid over each other by a background that water never reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from data.errors import InputRejected
from data.model.frame import Image

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CELL = 32
_KEPT = 0.35  # least correlation of a cell that shows what its reference shows
_DOUBT = 0.10  # cells this near to it may as well count on the other side
_ENERGY = 8.0  # root mean square of a structured cell's Sobel gradient; 8 = one grey level a pixel
_SOFT = 16.0  # gradients well above this count alike, so that lamps do not decide
_LOCAL = 3  # pixels by which a cell may be off: wind, rounding
_MOVED = 40  # pixels by which a view may be off and still be laid over its reference
_SAME_VIEW = 0.18  # least correlation of the fixed background; elsewhere the best of all shifts gives 0.07 to 0.15
_CLEAR = 0.5  # least contrast there, as a share of the references'; fog takes it away
FEWEST_CELLS = 6


@dataclass(frozen=True, slots=True)
class Lost:
    """`share` of `cells` structured cells that are gone (0..1), and its standard deviation."""

    share: float
    deviation: float
    cells: int


@dataclass(frozen=True, slots=True)
class NotComparable:
    """Why the picture cannot be held against the references."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """Gradients of one picture, float32 (h, w, 2), and what registering needs of them."""

    gradient: Floats

    @classmethod
    def of(cls, grey: Image) -> _View:
        smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)
        parts = [cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)]
        return cls(np.stack(parts, axis=-1).astype(np.float32))

    def soft(self) -> Floats:
        length = np.linalg.norm(self.gradient, axis=-1, keepdims=True)
        return np.asarray(self.gradient / (length + _SOFT), dtype=np.float32)

    def moved(self, right: int, down: int) -> _View:
        """The same, shifted; what comes in is 0."""
        height, width = self.gradient.shape[:2]
        shift = np.array([[1, 0, right], [0, 1, down]], dtype=np.float32)
        parts = [cv2.warpAffine(self.gradient[..., i], shift, (width, height)) for i in (0, 1)]
        return _View(np.stack(parts, axis=-1).astype(np.float32))


class Structure:
    """A road as its references show it. All pictures have one size; masks are bool (h, w)."""

    def __init__(self, references: Sequence[Image], names: Sequence[str], road: Mask, fixed: Mask) -> None:
        """Raises InputRejected when the references do not show one view, or no structure on the road."""
        self._fixed = fixed
        self._views = [_View.of(references[0])]
        for picture, name in zip(references[1:], names[1:], strict=True):
            view = self._laid_over(_View.of(picture))
            if isinstance(view, NotComparable):
                raise InputRejected(f"references: {name} does not show the view of {names[0]}: {view.reason}")
            self._views.append(view)
        self._cells = [at for at in _cells(road) if min(_energy(view, at) for view in self._views) >= _ENERGY]
        if len(self._cells) < FEWEST_CELLS:
            raise InputRejected(
                f"references: only {len(self._cells)} places of the road show anything that water could hide; "
                f"at least {FEWEST_CELLS} are needed: take a larger polygon or brighter pictures"
            )

    def compare(self, grey: Image) -> Lost | NotComparable:
        """A picture of the size of the references, uint8 (h, w)."""
        view = self._laid_over(_View.of(grey))
        if isinstance(view, NotComparable):
            return view
        kept = np.array([max(_alike(view, one, at) for one in self._views) for at in self._cells])
        share = float(np.mean(kept < _KEPT))
        doubtful = float(np.mean(np.abs(kept - _KEPT) < _DOUBT)) / 2
        sampling = np.sqrt((share * (1 - share) + 0.25 / len(kept)) / len(kept))
        return Lost(share, float(np.hypot(doubtful, sampling)), len(kept))

    def _laid_over(self, view: _View) -> _View | NotComparable:
        known = np.mean([one.soft() for one in self._views], axis=0) * self._fixed[..., None]
        right, down, alike = _shift(known, view, self._fixed)
        if alike < _SAME_VIEW:
            return NotComparable(f"the fixed background is not to be found (correlation {alike:.2f})")
        moved = view.moved(-right, -down)
        energy = float(np.mean(moved.gradient[self._fixed] ** 2))
        usual = float(np.mean([np.mean(one.gradient[self._fixed] ** 2) for one in self._views]))
        if energy < _CLEAR**2 * usual:
            return NotComparable(
                f"the fixed background is hazy ({100 * (energy / usual) ** 0.5:.0f} % of its contrast)"
            )
        return moved


def _shift(known: Floats, view: _View, fixed: Mask) -> tuple[int, int, float]:
    """How far the view lies right and below of the known background, and the correlation there (-1..1)."""
    seen = view.soft()
    size = (fixed.shape[0] + _MOVED, fixed.shape[1] + _MOVED)  # room, so that nothing wraps around
    product = sum(_correlate(seen[..., i], known[..., i], size) for i in (0, 1))
    energy = _correlate((seen**2).sum(axis=-1), fixed.astype(np.float32), size)
    alike = product / np.sqrt(np.maximum(energy, 1e-6) * max(float((known**2).sum()), 1e-6))
    # Negative shifts stand at the far end of the arrays.
    window = np.roll(alike, (_MOVED, _MOVED), axis=(0, 1))[: 2 * _MOVED + 1, : 2 * _MOVED + 1]
    down, right = np.unravel_index(int(np.argmax(window)), window.shape)
    return int(right) - _MOVED, int(down) - _MOVED, float(window[down, right])


def _correlate(seen: Floats, known: Floats, size: tuple[int, int]) -> Floats:
    spectrum = np.fft.rfft2(seen, size) * np.conj(np.fft.rfft2(known, size))
    return np.asarray(np.fft.irfft2(spectrum, size), dtype=np.float32)


def _cells(road: Mask) -> list[tuple[int, int]]:
    """Top left corners of the cells that lie on the road for the most part."""
    height, width = road.shape
    corners = [(y, x) for y in range(0, height - CELL + 1, CELL) for x in range(0, width - CELL + 1, CELL)]
    return [(y, x) for y, x in corners if road[y : y + CELL, x : x + CELL].mean() > 0.7]


def _energy(view: _View, at: tuple[int, int]) -> float:
    y, x = at
    return float(np.sqrt((view.gradient[y : y + CELL, x : x + CELL] ** 2).sum(axis=-1).mean()))


def _alike(view: _View, reference: _View, at: tuple[int, int]) -> float:
    """Correlation of the cell's gradients with the reference's, the best within a few pixels."""
    y, x = at
    known = reference.gradient[y : y + CELL, x : x + CELL]
    top, left = max(0, y - _LOCAL), max(0, x - _LOCAL)
    seen = view.gradient[top : y + CELL + _LOCAL, left : x + CELL + _LOCAL]
    return float(cv2.matchTemplate(seen, known, cv2.TM_CCORR_NORMED).max())
