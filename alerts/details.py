"""The fine structure of a view: compares it block by block with the learned view, whatever the light.

The picture is cut into blocks of some dozen pixels. Within a block, light is a factor and a slope; both are taken out
before a block is correlated with the same place of the learned view. Blocks without structure, and those that are too
dark or overexposed now, are left out.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.model.camera_health import Grid, PictureFeatures
from data.model.frame import Image

_LEARN_PICTURES = 15
_ADAPT = 1 / 120  # share by which the view moves towards each new picture of the scene

_BLOCKS = (14, 20)
_STRUCTURED = 5.0  # levels (standard deviation): below it a block is not compared
_PLAIN = 4.0
_SAME, _GONE = 0.4, 0.2  # correlation from which a block is the same, below which it is gone
_LIT = (40.0, 225.0)  # levels, mean of a block
_DARKENED = 0.5  # share of its former light below which a block is not compared
_REACH = 4  # pixels of the sample by which a camera may have shifted


@dataclass(frozen=True, slots=True)
class Details:
    """comparable: blocks that can tell. Shares (0..1) of them: same, gone. plain: share of those gone without structure
    of their own, as of a cloth or a hand before the lens."""

    comparable: int
    same: float
    gone: float
    plain: float


class FineView:
    """The usual view in pictures of one size, pixel by pixel: a substream's are smaller, and sharper per pixel.

    view: brightness of the sample's pixels, None until learned; steepness, edges: as in `PictureFeatures`.
    """

    def __init__(self) -> None:
        self._first: list[PictureFeatures] = []
        self.view: Grid | None = None
        self.steepness: float | None = None
        self.edges = 0.0

    def follow(self, picture: PictureFeatures) -> None:
        """Learn from the first pictures of the scene, then adapt slowly."""
        if self.view is None:
            self._first.append(picture)
            if len(self._first) == _LEARN_PICTURES:
                self.view = np.median([p.sample for p in self._first], axis=0).astype(np.float32)
                known = [p.steepness for p in self._first if p.steepness is not None]
                self.steepness = float(np.median(known)) if 10 * len(known) >= 9 * len(self._first) else None
                self.edges = float(np.median([p.edges for p in self._first]))
                self._first = []
            return
        self.view += np.float32(_ADAPT) * (picture.sample - self.view)
        if picture.steepness is not None and self.steepness is not None:
            self.steepness += _ADAPT * (picture.steepness - self.steepness)
        self.edges += _ADAPT * (picture.edges - self.edges)

    def snapshot(self) -> Any:
        """As JSON; None before it is learned."""
        if self.view is None:
            return None
        view = packed(self.view.round().clip(0, 255).astype(np.uint8))
        return {"view": view, "steepness": self.steepness, "edges": self.edges}

    @classmethod
    def restored(cls, state: Any) -> FineView:
        """Raises ValueError, KeyError or TypeError for a state that `snapshot` did not make."""
        one = cls()
        one.view = unpacked(state["view"]).astype(np.float32)
        one.steepness = None if state["steepness"] is None else float(state["steepness"])
        one.edges = float(state["edges"])
        return one


def packed(array: npt.NDArray[Any]) -> Any:
    """An array as JSON."""
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes())).decode("ascii")
    return {"type": array.dtype.str, "shape": list(array.shape), "data": data}


def unpacked(state: Any) -> npt.NDArray[Any]:
    """Raises ValueError, KeyError or TypeError for anything but a packed array."""
    if state["type"] not in {"|u1", "<f2"}:
        raise ValueError(f"an array of {state['type']}")
    try:
        content = zlib.decompress(base64.b64decode(state["data"], validate=True))
    except (zlib.error, binascii.Error) as error:
        raise ValueError(str(error)) from error
    return np.frombuffer(content, dtype=state["type"]).reshape(state["shape"]).copy()


def compare(view: Grid, sample: Image) -> Details:
    """`view`, `sample`: brightness of the same evenly spread pixels (m, n), learned and now."""
    known, known_light, _ = _blocks(view)
    seen, light, steps = _blocks(_aligned(view, sample.astype(np.float32)))
    known_steps = np.sqrt((known * known).mean(axis=1))
    correlation = (known * seen).mean(axis=1) / np.maximum(known_steps * steps, 1e-3)
    lit = (light >= _LIT[0]) & (light <= _LIT[1]) & (light >= _DARKENED * known_light)
    able = lit & (known_steps >= _STRUCTURED)
    count = int(able.sum())
    if count == 0:
        return Details(0, 0.0, 0.0, 0.0)
    gone = able & (correlation < _GONE)
    plain = float((steps[gone] < _PLAIN).mean()) if gone.any() else 0.0
    return Details(count, float((correlation[able] >= _SAME).mean()), float(gone.sum()) / count, plain)


def _blocks(picture: Grid) -> tuple[Grid, Grid, Grid]:
    """Of each block: what is left (k, pixels) without its mean and its even slope, the mean, the standard deviation."""
    rows, columns = (size // n for size, n in zip(picture.shape, _BLOCKS, strict=True))
    whole = picture[: rows * _BLOCKS[0], : columns * _BLOCKS[1]].astype(np.float32)
    cut = whole.reshape(_BLOCKS[0], rows, _BLOCKS[1], columns).swapaxes(1, 2).reshape(-1, rows, columns)
    mean = cut.mean(axis=(1, 2))
    left = cut - mean[:, None, None]
    down, right = (np.arange(n, dtype=np.float32) - (n - 1) / 2 for n in (rows, columns))
    fall = (left.mean(axis=2) @ down) / max(1e-6, float(down @ down))
    rise = (left.mean(axis=1) @ right) / max(1e-6, float(right @ right))
    left = left - fall[:, None, None] * down[:, None] - rise[:, None, None] * right
    flat = left.reshape(len(left), -1)
    return flat, mean, np.sqrt((flat * flat).mean(axis=1))


def _aligned(view: Grid, sample: Grid) -> Grid:
    """The sample shifted by up to a few pixels so that its edges fit the view's best: cameras shift and sway."""
    size = (view.shape[0] + 2 * _REACH, view.shape[1] + 2 * _REACH)
    product = np.zeros((size[0], size[1] // 2 + 1), np.complex128)
    for known, seen in zip(_damped(view), _damped(sample), strict=True):
        product += np.fft.rfft2(known, size) * np.conj(np.fft.rfft2(seen, size))
    score = np.fft.irfft2(product, size)
    shifts = np.arange(-_REACH, _REACH + 1)
    near = score[np.ix_(shifts, shifts)]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    shifted: Grid = np.roll(sample, (int(shifts[row]), int(shifts[column])), axis=(0, 1))
    return shifted


def _damped(picture: Grid) -> tuple[Grid, Grid]:
    """Gradients down and to the right, damped so that a few lamps do not outweigh the rest."""
    down, right = np.gradient(picture)
    weight = np.sqrt(np.hypot(down, right) + 2.0)
    return down / weight, right / weight
