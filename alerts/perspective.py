"""How tall people and vehicles are at each place of a picture, learned from those that were surely seen."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np

from alerts.likeness import touches_edge
from data.model.labels import family
from data.model.observation import Detection

SURE = 0.5  # the score from which a detection is believed
_KEPT = 64  # samples of each kind
_NEAR = 0.15  # of the picture: perspective makes little difference within it
_LEAST_NEAR, _LEAST = 3, 6  # samples near the place; in the whole picture
_SPREAD = 0.1  # of the picture's height, between feet, from which a line can be drawn through them
_SAME_PLACE = 0.02  # what stands still is one sample
_OF_OTHER = {"person": ("vehicle", 1.1), "vehicle": ("person", 0.9)}  # heights: a person 1.7 m, a car 1.5 m
_SMALLEST, _LARGEST = 0.01, 0.9  # of the picture's height

Sample = tuple[float, float, float]
"""Foot x, foot y and box height, as fractions of the picture."""


class Perspective:
    """The sizes of people and vehicles before one camera."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[Sample]] = {}

    def learn(self, detection: Detection) -> None:
        """Learn from an object that was detected with certainty and as a whole; from one that stands, once."""
        kind = family(detection.label)
        if kind not in _OF_OTHER or detection.confidence < SURE or touches_edge(detection):
            return
        (x, y), height = detection.foot, detection.xyxy[3] - detection.xyxy[1]
        seen = self._seen.setdefault(kind, deque(maxlen=_KEPT))
        if not any(math.hypot(x - sx, y - sy) < _SAME_PLACE for sx, sy, _ in seen):
            seen.append((x, y, height))

    def feet(self, kind: str) -> list[tuple[float, float]]:
        """Where such objects were seen to stand."""
        return [(x, y) for x, y, _ in self._seen.get(kind, ())]

    def height(self, kind: str, x: float, y: float) -> float | None:
        """Of such an object whose foot is there, as a fraction of the picture; None where that is not known."""
        for sizes, factor in self._sources(kind):
            near = [height for sx, sy, height in sizes if math.hypot(sx - x, sy - y) <= _NEAR]
            found = median(near) if len(near) >= _LEAST_NEAR else _by_row(sizes, y)
            if found is not None:
                return min(max(found * factor, _SMALLEST), _LARGEST)
        return None

    def _sources(self, kind: str) -> Iterator[tuple[deque[Sample], float]]:
        other, factor = _OF_OTHER[kind]
        yield self._seen.get(kind, deque()), 1.0
        yield self._seen.get(other, deque()), factor

    def snapshot(self) -> Any:
        """As JSON."""
        return {kind: [[round(v, 4) for v in one] for one in kept] for kind, kept in self._seen.items()}

    def restore(self, state: Any) -> None:
        """Restore a snapshot. Raises ValueError, TypeError or AttributeError for anything else."""
        for kind, kept in (state or {}).items():
            samples = [(float(x), float(y), float(height)) for x, y, height in kept]
            self._seen[str(kind)] = deque(samples, maxlen=_KEPT)


def _by_row(samples: deque[Sample], y: float) -> float | None:
    """On level ground heights grow evenly with the row of the foot: a line by the median of slopes (Theil, 1950)."""
    if len(samples) < _LEAST:
        return None
    feet = np.array([sample[1] for sample in samples])
    heights = np.array([sample[2] for sample in samples])
    apart = feet[:, None] - feet[None, :]
    far = apart > _SPREAD
    if not far.any():
        return float(np.median(heights))
    slope = float(np.median((heights[:, None] - heights[None, :])[far] / apart[far]))
    begin = float(np.median(heights - slope * feet))
    lowest, highest = float(heights.min()), float(heights.max())
    return min(max(begin + slope * y, 0.5 * lowest), 2 * highest)
