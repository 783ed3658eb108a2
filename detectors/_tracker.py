"""Follows objects from picture to picture by overlap and constant velocity, in event time.

After ByteTrack (Zhang et al., 2022, arXiv:2110.06864): certain detections are matched first, then uncertain ones
may continue a track but never begin one. Boxes are widened for the match (buffered IoU, Yang et al., 2023,
arXiv:2211.14317) because at five pictures a second a walker may leave his own box. No camera-motion compensation:
the cameras are fixed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime

import lap
import numpy as np
import numpy.typing as npt

from data.model.labels import family
from data.model.observation import Detection

Matrix = npt.NDArray[np.float64]

_LOST_FOR_S = 2.0  # a track is forgotten when it was not seen for so long
_WIDEN = 0.25  # of width and height, to every side, for certain detections
_LEAST_OVERLAP = 0.1  # of widened boxes
_LEAST_OVERLAP_UNCERTAIN = 0.3  # of the boxes themselves
_FORBIDDEN = 1e3


@dataclass(slots=True)
class _Track:
    id: int
    at: datetime
    box: Matrix  # centre x, centre y, width, height
    velocity: Matrix  # of the same, per second
    seen: int = 1
    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def predicted(self, at: datetime) -> Matrix:
        box: Matrix = self.box + self.velocity * (at - self.at).total_seconds()
        box[2:] = self.box[2:]  # sizes do not extrapolate: a box cut by the picture's edge would turn inside out
        return box

    def update(self, at: datetime, measured: Matrix) -> None:
        """Steady-state (alpha-beta) form of the constant-velocity Kalman filter."""
        dt = (at - self.at).total_seconds()
        if dt > 0:
            expected = self.predicted(at)
            gain = 1.0 if self.seen == 1 else 0.5
            self.velocity = self.velocity + gain * (measured - expected) / dt
            self.velocity[2:] = 0.0
        self.box, self.at, self.seen = measured, at, self.seen + 1

    @property
    def label(self) -> str:
        return max(self.votes, key=lambda label: (self.votes[label], label))


class Tracker:
    """Gives the detections of one camera their `track_id`; ids count up from 1 and are never used twice."""

    def __init__(self, confidence: float) -> None:
        """`confidence`: what a detection needs to begin a track."""
        self._confidence = confidence
        self._tracks: list[_Track] = []
        self._next_id = 1

    def track(self, at: datetime, found: list[Detection]) -> list[Detection]:
        """The detections that belong to a track, with its id and its most voted label; the other are dropped.

        Pictures come in the order of their times; one that is not later than the last moves no track.
        """
        self._tracks = [t for t in self._tracks if (at - t.at).total_seconds() <= _LOST_FOR_S]
        certain = [d for d in found if d.confidence >= self._confidence]
        uncertain = [d for d in found if d.confidence < self._confidence]
        pairs, free, fresh = _match(self._tracks, certain, at, _WIDEN, _LEAST_OVERLAP)
        more, _, _ = _match(free, uncertain, at, 0.0, _LEAST_OVERLAP_UNCERTAIN)
        tracked: list[Detection] = []
        for track, detection in pairs + more:
            track.update(at, _centred(detection))
            tracked.append(self._named(track, detection))
        for detection in fresh:
            track = _Track(self._next_id, at, _centred(detection), np.zeros(4))
            self._next_id += 1
            self._tracks.append(track)
            tracked.append(self._named(track, detection))
        return sorted(tracked, key=lambda d: d.track_id or 0)

    @staticmethod
    def _named(track: _Track, detection: Detection) -> Detection:
        track.votes[detection.label] += detection.confidence
        return replace(detection, track_id=track.id, label=track.label)


def _match(
    tracks: list[_Track], found: list[Detection], at: datetime, widen: float, least: float
) -> tuple[list[tuple[_Track, Detection]], list[_Track], list[Detection]]:
    """Pairs of the greatest total overlap; then the tracks and the detections that found nobody."""
    if not tracks or not found:
        return [], list(tracks), list(found)
    overlap = iou(
        _corners(np.stack([t.predicted(at) for t in tracks]), widen),
        _corners(np.stack([_centred(d) for d in found]), widen),
    )
    families = np.array([[family(t.label) == family(d.label) for d in found] for t in tracks])
    cost = np.where(families & (overlap >= least), 1.0 - overlap, _FORBIDDEN)
    _, to_found, to_track = lap.lapjv(cost, extend_cost=True, cost_limit=1.0)
    pairs = [(tracks[i], found[j]) for i, j in enumerate(to_found) if j >= 0]
    return (
        pairs,
        [t for t, j in zip(tracks, to_found, strict=True) if j < 0],
        [d for d, i in zip(found, to_track, strict=True) if i < 0],
    )


def _centred(detection: Detection) -> Matrix:
    left, top, right, bottom = detection.xyxy
    return np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])


def _corners(centred: Matrix, widen: float) -> Matrix:
    half = centred[:, 2:] * (0.5 + widen)
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def iou(these: Matrix, those: Matrix) -> Matrix:
    """Intersection over union of boxes left, top, right, bottom: (n, 4) and (m, 4) give (n, m)."""
    shared, of_these, of_those = _shared(these, those)
    union = of_these[:, None] + of_those[None, :] - shared
    result: Matrix = shared / np.maximum(union, 1e-12)
    return result


def of_smaller(these: Matrix, those: Matrix) -> Matrix:
    """Which share of the smaller of two boxes lies in the other: (n, 4) and (m, 4) give (n, m)."""
    shared, of_these, of_those = _shared(these, those)
    result: Matrix = shared / np.maximum(np.minimum(of_these[:, None], of_those[None, :]), 1e-12)
    return result


def _shared(these: Matrix, those: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Intersections (n, m), areas (n,) and (m,)."""
    start = np.maximum(these[:, None, :2], those[None, :, :2])
    end = np.minimum(these[:, None, 2:], those[None, :, 2:])
    areas = [np.prod(np.clip(b[:, 2:] - b[:, :2], 0.0, None), axis=1) for b in (these, those)]
    return np.prod(np.clip(end - start, 0.0, None), axis=2), areas[0], areas[1]
