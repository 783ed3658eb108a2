"""When an object came to rest and when it moved off, judged by the jitter of its box while it stands.

Boxes are noisy, so "still" needs a tolerance, and a car that slows down is within it before it stands. Once the car has
surely stood, its place and the jitter of its box are known, and from them the time at which it first was there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median

import numpy as np

from alerts.likeness import apart
from alerts.seen_time import Mark
from data.model.observation import Detection

KEPT_S = 12.0  # detections are kept for so long
_LEAST_TREMBLE = 0.06  # box heights
_LEAST_PLACE = 0.004  # share of the picture's height: no network places an edge more exactly
_MOST_TREMBLE = 0.25  # box heights
_TREMBLES = 3.0  # up to so many times the usual jitter counts as standing
SETTLED_S = 1.0  # last seconds of a stand from which its place is computed


@dataclass(frozen=True, slots=True)
class Sight:
    """A detection of the object. `came`: the middle between the previous picture and this one."""

    came: Mark
    at: datetime
    detection: Detection


def noted(sights: deque[Sight], sight: Sight) -> None:
    """Add the detection and drop those older than `KEPT_S`."""
    sights.append(sight)
    while (sight.at - sights[0].at).total_seconds() > KEPT_S:
        sights.popleft()


def resting_place(sights: Sequence[Sight], last_s: float = SETTLED_S) -> Detection:
    """The newest detection, with the median box of these last seconds. `sights` must not be empty."""
    newest = sights[-1]
    settled = [s for s in sights if (newest.at - s.at).total_seconds() <= last_s]
    left, top, right, bottom = (float(v) for v in np.median([s.detection.xyxy for s in settled], axis=0))
    return replace(newest.detection, xyxy=(left, top, right, bottom))


def came_to_rest(sights: Sequence[Sight], place: Detection, aspect: float) -> Mark:
    """When the object at this place came there, as far back as `sights` reach. A single outlier is not a move."""
    room = _room(sights, place, aspect)
    first, outside = len(sights) - 1, 0
    for i in range(len(sights) - 1, -1, -1):
        if apart(place, sights[i].detection, aspect) <= room:
            first, outside = i, 0
        else:
            outside += 1
            if outside > 1:
                break
    return sights[first].came


def moved_off(sights: Sequence[Sight], place: Detection, aspect: float) -> datetime:
    """When the object at this place was there last: the middle between that detection and the next."""
    height = max(place.xyxy[3] - place.xyxy[1], 1e-6)
    room = max(2 * _LEAST_TREMBLE, _LEAST_PLACE / height)
    for i in range(len(sights) - 1, -1, -1):
        if apart(place, sights[i].detection, aspect) <= room:
            return sights[min(i + 1, len(sights) - 1)].came.at
    return sights[0].came.at


def _room(sights: Sequence[Sight], place: Detection, aspect: float) -> float:
    """How far from its place the box of a standing object may be, in box heights."""
    newest = sights[-1].at
    settled = [s for s in sights if (newest - s.at).total_seconds() <= SETTLED_S]
    tremble = median(apart(place, s.detection, aspect) for s in settled)
    height = max(place.xyxy[3] - place.xyxy[1], 1e-6)
    return min(_MOST_TREMBLE, max(_LEAST_TREMBLE, _LEAST_PLACE / height, _TREMBLES * tremble))
