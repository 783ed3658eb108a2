"""Pictures made smaller by the mean of the pixels each new one covers, without OpenCV: a worker need not load it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.model.frame import Image

Plane = npt.NDArray[np.float32]


def shrunk(picture: Image, width: int, height: int) -> Image:
    """uint8 (h, w) or (h, w, 3) as (height, width[, 3]). Larger sizes than the picture's repeat its pixels."""
    low = _means(picture.astype(np.float32), height)
    small = _means(np.ascontiguousarray(low.swapaxes(0, 1)), width).swapaxes(0, 1)
    rounded: Image = np.ascontiguousarray(np.rint(small)).astype(np.uint8)
    return rounded


def _means(rows: Plane, few: int) -> Plane:
    """(many, ...) as (few, ...): the differences of the running sum, where one ends inside a row a part of it.

    Not by a matrix product, which calls up all of the linear algebra's threads for a few thousand numbers.
    """
    many = len(rows)
    ends = np.arange(few + 1) * (many / few)
    whole = np.minimum(ends.astype(np.int64), many - 1)
    part = (ends - whole).astype(np.float32).reshape(-1, *[1] * (rows.ndim - 1))
    before = np.zeros((many + 1, *rows.shape[1:]), np.float32)
    np.cumsum(rows, axis=0, out=before[1:])
    reached = before[whole] + part * rows[whole]
    means: Plane = (reached[1:] - reached[:-1]) * np.float32(few / many)
    return means
