"""Distance and similarity of two detections."""

from __future__ import annotations

import math

import numpy as np

from data.model.observation import Detection, Vectors

UNLIKE = 0.42  # share of the appearance's mass: above it, another object stands in the same place
_LEARN = 0.1  # weight of each new detection: dusk changes the known appearance, a passing shadow does not
SAME_SIDE = 0.15  # share of the box: an edge that moved by less has not moved
_MOSTLY = 0.8  # share of a part that lies within the whole
_SAME_GROUND = 0.2  # share of the lower box's height: an object in front of another has its foot lower
_EDGE = 0.01  # share of the picture: a box this close to the border is leaving or coming


def apart(this: Detection, that: Detection, aspect: float) -> float:
    """Distance between the feet, in heights of the taller box."""
    across = (this.foot[0] - that.foot[0]) * aspect
    height = max(this.xyxy[3] - this.xyxy[1], that.xyxy[3] - that.xyxy[1], 1e-6)
    return math.hypot(across, this.foot[1] - that.foot[1]) / height


def alike_in_size(this: Detection, that: Detection) -> bool:
    """True if neither box is more than a third taller than the other."""
    heights = this.xyxy[3] - this.xyxy[1], that.xyxy[3] - that.xyxy[1]
    return max(heights) <= 1.35 * min(heights)


def is_covered_part(
    whole: Detection, part: Detection, *, within: float = SAME_SIDE, at_least: float = SAME_SIDE
) -> bool:
    """True if `part` is `whole`, partly covered by something in front: three of its edges are where they were.

    `within`: by how much those three may be off, as a share of the box; the fourth is off by `at_least` as much. False
    at the border of the picture, where an object that leaves looks the same.
    """
    left, top, right, bottom = whole.xyxy
    width, height = max(right - left, 1e-6), max(bottom - top, 1e-6)
    of_part = part.xyxy
    inward = (
        (of_part[0] - left) / width,
        (of_part[1] - top) / height,
        (right - of_part[2]) / width,
        (bottom - of_part[3]) / height,
    )
    moved = [side for side, share in enumerate(inward) if abs(share) > within]
    if len(moved) != 1 or inward[moved[0]] < at_least:
        return False
    opposite = (moved[0] + 2) % 4
    place = of_part[opposite]
    return _EDGE < place < 1 - _EDGE


def overlap(this: Detection, that: Detection) -> float:
    """Intersection over union of the boxes."""
    shared = _shared(this, that)
    return shared / max(1e-12, _area(this) + _area(that) - shared)


def within(part: Detection, whole: Detection) -> float:
    """Share of the part's box that lies in the other one."""
    return _shared(part, whole) / max(1e-12, _area(part))


def is_part(whole: Detection, part: Detection, *, sizes: tuple[float, float] = (0.0, 1.0)) -> bool:
    """Does `part` lie in `whole` and stand on the same ground? `sizes`: least and most share of its area."""
    lower = min(whole.xyxy[3] - whole.xyxy[1], part.xyxy[3] - part.xyxy[1])
    same_ground = abs(whole.xyxy[3] - part.xyxy[3]) <= _SAME_GROUND * lower
    fits = sizes[0] * _area(whole) <= _area(part) <= sizes[1] * _area(whole)
    return same_ground and fits and within(part, whole) >= _MOSTLY


def _area(detection: Detection) -> float:
    left, top, right, bottom = detection.xyxy
    return max(0.0, right - left) * max(0.0, bottom - top)


def _shared(this: Detection, that: Detection) -> float:
    a, b = this.xyxy, that.xyxy
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


def touches_edge(detection: Detection) -> bool:
    left, top, right, bottom = detection.xyxy
    return left <= _EDGE or top <= _EDGE or right >= 1 - _EDGE or bottom >= 1 - _EDGE


def unlike(known: Vectors | None, shown: Vectors | None) -> bool:
    """True if these look like two different objects; False where the appearance of one is unknown (None or all 0).

    Both are shares that sum to 1; compared by histogram intersection (Swain and Ballard, 1991).
    """
    if known is None or shown is None or not _comparable(known, shown):
        return False
    return float(np.abs(known - shown).sum()) / 2 > UNLIKE


def learnt(known: Vectors | None, shown: Vectors | None) -> Vectors | None:
    """The known appearance of an object, updated by one more detection."""
    if shown is None or not shown.any():
        return known
    if known is None or not _comparable(known, shown):
        return shown
    mixed: Vectors = (known + _LEARN * (shown - known)).astype(np.float32)
    return mixed


def _comparable(known: Vectors, shown: Vectors) -> bool:
    return known.shape == shown.shape and bool(known.any() and shown.any())
