"""Usual sizes of objects of a class at each place of a picture, learned from certain detections.

A box of the usual size supports an uncertain object; one three times smaller or larger cannot be an object of that
class on this ground.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from alerts.likeness import touches_edge
from data.model.labels import family
from data.model.observation import Detection

_KEPT = 64  # of each class: about as many as pass in an hour on a quiet street
_NEAR = 0.15  # of the picture: perspective makes little difference within it
_LEAST = 5  # samples near it; fewer prove nothing
_FITS, _CANNOT_BE = 2.0, 3.0  # factors of the usual size: children and lorries fit, a toy does not

Sample = tuple[float, float, float]
"""Foot x, foot y and box height, as fractions of the picture."""


@dataclass(slots=True)
class UsualSizes:
    """The usual sizes for one rule at one site."""

    _seen: dict[str, deque[Sample]] = field(default_factory=dict)

    def learn(self, detection: Detection) -> None:
        """Learn from an object that was detected with certainty, as a whole."""
        if not touches_edge(detection):
            (x, y), height = detection.foot, detection.xyxy[3] - detection.xyxy[1]
            self._seen.setdefault(family(detection.label), deque(maxlen=_KEPT)).append((x, y, height))

    def fits(self, detection: Detection) -> bool | None:
        """True if it has a usual size there, False if it cannot be such an object, None where that is unknown."""
        x, y = detection.foot
        seen = self._seen.get(family(detection.label), ())
        near = [height for sx, sy, height in seen if math.hypot(sx - x, sy - y) <= _NEAR]
        if len(near) < _LEAST:
            return None
        ratio = max(1e-6, detection.xyxy[3] - detection.xyxy[1]) / max(1e-6, median(near))
        times = max(ratio, 1 / ratio)
        return True if times <= _FITS else False if times >= _CANNOT_BE else None

    def could_be(self, detection: Detection) -> bool:
        """False for what has a size that neither a person nor anything else that is known there can have."""
        kinds = [replace(detection, label=kind) for kind in self._seen]
        return "person" not in self._seen or any(self.fits(one) is not False for one in kinds)

    def snapshot(self) -> Any:
        """As JSON; None while nothing is known."""
        return {kind: [[round(v, 4) for v in one] for one in kept] for kind, kept in self._seen.items()} or None

    def restore(self, state: Any) -> None:
        """Restore a snapshot. Raises ValueError, TypeError or AttributeError for anything else."""
        for kind, kept in (state or {}).items():
            samples = [(float(x), float(y), float(height)) for x, y, height in kept]
            self._seen[str(kind)] = deque(samples, maxlen=_KEPT)
