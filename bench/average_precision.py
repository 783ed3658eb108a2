"""Mean average precision of boxes, as COCO scores it.

For each class and each overlap of 0.50, 0.55 .. 0.95: detections in the order of their certainty take the still free
object of their picture that they overlap most, if by at least that much; the precision at a recall is the best
precision at that recall or beyond; the average precision is its mean over the 101 recalls 0.00, 0.01 .. 1.00 (zero
where a recall is never reached). mAP50-95 is the mean over overlaps and over the classes that have objects.
After T.-Y. Lin et al., Microsoft COCO, 2014 (arXiv:1405.0312), without its crowds and its limit of 100 detections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

OVERLAPS: Floats = np.arange(50, 100, 5) / 100
RECALLS: Floats = np.arange(101) / 100


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """What there is in a picture: boxes (n, 4) left, top, right, bottom in its pixels, and classes (n,)."""

    xyxy: Floats
    classes: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in a picture, with its certainty (n,), the most certain first."""

    xyxy: Floats
    classes: Ints
    confidence: Floats

    @classmethod
    def ranked(cls, xyxy: Floats, classes: Ints, confidence: Floats) -> Found:
        order = np.argsort(-confidence, kind="stable")
        return cls(xyxy[order], classes[order], confidence[order])


@dataclass(frozen=True, slots=True)
class Score:
    """Shares 0..1, and what they were taken over."""

    map50_95: float
    map50: float
    classes: int
    objects: int


def overlaps(these: Floats, those: Floats) -> Floats:
    """Intersection over union of boxes (n, 4) and (m, 4): (n, m)."""
    start = np.maximum(these[:, None, :2], those[None, :, :2])
    end = np.minimum(these[:, None, 2:], those[None, :, 2:])
    shared = np.clip(end - start, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (these, those)]
    result: Floats = shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1e-9)
    return result


def hits(found: Found, truth: Objects) -> Bools:
    """Which detections are right at each overlap, (n, 10)."""
    right = np.zeros((len(found.classes), len(OVERLAPS)), dtype=np.bool_)
    if not len(truth.classes):
        return right
    overlap = overlaps(found.xyxy, truth.xyxy)
    overlap[found.classes[:, None] != truth.classes[None, :]] = 0.0
    for k, least in enumerate(OVERLAPS):
        free = np.ones(len(truth.classes))
        for i in np.flatnonzero((overlap >= least).any(axis=1)):
            j = int((overlap[i] * free).argmax())
            if overlap[i, j] * free[j] >= least:
                right[i, k], free[j] = True, 0.0
    return right


def average_precision(right: Bools, objects: int) -> float:
    """Of one class at one overlap: `right` (n,) in the order of certainty over all pictures."""
    if not objects or not len(right):
        return 0.0
    true = right.cumsum()
    precision = true / np.arange(1, len(right) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    # The recall as a count of objects against the recall as a count of hundredths, so that 0.07 * 100 is 7.
    reached = np.searchsorted(true * 100, np.arange(101) * objects)
    padded = np.append(best_from_here, 0.0)
    return float(padded[reached].mean())


def score(pictures: Sequence[tuple[Found, Objects]]) -> Score:
    """Of all pictures together. Raises ValueError where no picture has an object."""
    present = np.concatenate([truth.classes for _, truth in pictures])
    if not len(present):
        raise ValueError("there is no object to find in any picture")
    right = np.concatenate([hits(found, truth) for found, truth in pictures])
    classes = np.concatenate([found.classes for found, _ in pictures])
    order = np.argsort(-np.concatenate([found.confidence for found, _ in pictures]), kind="stable")
    right, classes = right[order], classes[order]
    table = [
        [average_precision(right[classes == one, k], int((present == one).sum())) for k in range(len(OVERLAPS))]
        for one in np.unique(present)
    ]
    each = np.array(table)
    return Score(float(each.mean()), float(each[:, 0].mean()), len(each), len(present))
