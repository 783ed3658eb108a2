"""Follows objects from picture to picture by overlap and constant velocity, in event time.

After ByteTrack (Zhang et al., 2022, arXiv:2110.06864): certain detections are matched first, then uncertain ones
may continue a track but never begin one. Boxes are widened for the match (buffered IoU, Yang et al., 2023,
arXiv:2211.14317) because at five pictures a second a walker may leave his own box. No camera-motion compensation:
the cameras are fixed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import lap
import numpy as np
import numpy.typing as npt

from data.model.labels import family
from data.model.observation import Detection, EarlierSight

Matrix = npt.NDArray[np.float64]

_LOST_FOR_S = 2.0  # a track is forgotten when it was not seen for so long
_WIDEN = 0.25  # of width and height, to every side, for certain detections
_LEAST_OVERLAP = 0.1  # of widened boxes
_LEAST_OVERLAP_UNCERTAIN = 0.3  # of the boxes themselves
_FORBIDDEN = 1e3
NESTED = 0.85  # of the smaller of two boxes within the larger one
SAME_GROUND = 0.15  # of the lower box's height: so near are the lower edges of boxes that stand in one place
_EARLIER_S = 5.0  # so far back reaches what is told of an object when it is certain at last
_RESTS_FROM_S = 2.0
_RESTS_WITHIN = 0.7  # overlap of its box with the one it had then
_REMEMBERED_S = 60.0  # where something stood, an uncertain detection is enough to go on
_SIZE_JUMP = 1.6  # times: no object grows or shrinks so much from one picture to the next
_SIZE_HELD_S = 3.0
_SETTLED = 3  # sights, by which the shape of an object's box is known
_SAME_PLACE = 0.5  # overlap with the box it had there


_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Track:
    id: int  # 0 while nothing certain was seen of it
    at: datetime
    box: Matrix  # centre x, centre y, width, height
    velocity: Matrix  # of the same, per second
    seen: int = 1
    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    sights: deque[EarlierSight] = field(default_factory=deque)  # of the last seconds
    size: Matrix = field(default_factory=lambda: np.zeros(2))  # width and height it lately had
    size_at: datetime = _NEVER  # when its box had about this size last

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

    def usual(self, at: datetime) -> Matrix:
        """As predicted, in the size it has lately had: one wrong box does not change what it looks like."""
        box = self.predicted(at)
        box[1] += (box[3] - self.size[1]) / 2  # its foot stays
        box[2:] = self.size
        return box

    def learn_size(self, at: datetime, measured: Matrix) -> None:
        """Take over the size of its box, unless it jumped; what stays different for some seconds is its size."""
        ratio = np.maximum(measured[2:], 1e-6) / np.maximum(self.size, 1e-6)
        jumped = bool((np.maximum(ratio, 1 / ratio) > _SIZE_JUMP).any())
        if not jumped or (at - self.size_at).total_seconds() > _SIZE_HELD_S:
            self.size, self.size_at = measured[2:].copy(), at

    def note(self, at: datetime, detection: Detection) -> None:
        self.sights.append(EarlierSight(at, detection.xyxy, detection.confidence))
        while (at - self.sights[0].at).total_seconds() > _EARLIER_S:
            self.sights.popleft()

    @property
    def label(self) -> str:
        return max(self.votes, key=lambda label: (self.votes[label], label))

    @property
    def rests(self) -> bool:
        """Has it stood where it is for some seconds?"""
        since = [s for s in self.sights if (self.at - s.at).total_seconds() >= _RESTS_FROM_S]
        if not since:
            return False
        then, now = np.array([since[-1].xyxy]), np.array([self.sights[-1].xyxy])
        return bool(iou(then, now)[0, 0] >= _RESTS_WITHIN)


class Tracker:
    """Gives the detections of one camera their `track_id`; ids count up from 1 and are never used twice.

    What was never certain is followed without a name. When it is certain at last, its first detection tells where it
    was seen before (`earlier`). Where something stood that is lost, an uncertain detection is enough: it takes less
    evidence to be still there than to be new.
    """

    def __init__(self, confidence: float) -> None:
        """`confidence`: what a detection needs to begin a track."""
        self._confidence = confidence
        self._tracks: list[_Track] = []
        self._stood: list[_Track] = []  # lost while they stood
        self._next_id = 1

    def track(
        self, at: datetime, found: Sequence[Detection], others: Sequence[Sequence[Detection]] = ()
    ) -> list[Detection]:
        """The detections that belong to a track, with its id and its most voted label; the other are dropped.

        `others`: for each detection further boxes of the same object; a track takes the one most like its own.
        Pictures come in the order of their times; one that is not later than the last moves no track.
        """
        self._forget(at)
        boxes = [_Boxes(one, tuple(more)) for one, more in zip(found, others or [()] * len(found), strict=True)]
        certain = [one for one in boxes if one.best.confidence >= self._confidence]
        uncertain = [one for one in boxes if one.best.confidence < self._confidence]
        named, unnamed = [t for t in self._tracks if t.id], [t for t in self._tracks if not t.id]
        pairs, free, fresh = _match(named, certain, at, _WIDEN, _LEAST_OVERLAP)
        more, _, left = _match(free, uncertain, at, 0.0, _LEAST_OVERLAP_UNCERTAIN)
        tracked = [self._followed(track, one, at) for track, one in pairs + more]
        certain_at_last, unnamed, fresh = _match(unnamed, fresh, at, 0.0, _LEAST_OVERLAP_UNCERTAIN)
        for track, one in certain_at_last:
            earlier = tuple(track.sights)
            tracked.append(replace(self._followed(self._begun(track), one, at), earlier=earlier))
        tracked += [self._followed(self._begun(None), one, at) for one in fresh]
        back, _, left = _match(self._stood, left, at, 0.0, _SAME_PLACE)
        tracked += [self._followed(self._begun(None), one, at) for _, one in back]
        self._stood = [t for t in self._stood if not any(t is track for track, _ in back)]
        maybe, _, left = _match(unnamed, left, at, 0.0, _LEAST_OVERLAP_UNCERTAIN)
        for track, one in maybe:
            self._followed(track, one, at)
        for one in left:
            track = _Track(0, at, _centred(one.best), np.zeros(4), seen=0)
            self._tracks.append(track)
            self._followed(track, one, at)
        return sorted(tracked, key=lambda d: d.track_id or 0)

    def _forget(self, at: datetime) -> None:
        lost = [t for t in self._tracks if (at - t.at).total_seconds() > _LOST_FOR_S]
        self._tracks = [t for t in self._tracks if not any(t is one for one in lost)]
        self._stood += [replace(t, velocity=np.zeros(4)) for t in lost if t.id and t.rests]
        self._stood = [t for t in self._stood if (at - t.at).total_seconds() <= _REMEMBERED_S]

    def _begun(self, track: _Track | None) -> _Track:
        """A track with a name of its own."""
        if track is None:
            track = _Track(0, _NEVER, np.zeros(4), np.zeros(4), seen=0)
            self._tracks.append(track)
        track.id, self._next_id = self._next_id, self._next_id + 1
        return track

    @staticmethod
    def _followed(track: _Track, boxes: _Boxes, at: datetime) -> Detection:
        detection = boxes.best if track.seen < _SETTLED else boxes.most_like(track.usual(at))
        measured = _centred(detection)
        if track.seen:
            track.update(at, measured)
        else:
            track.at, track.box, track.seen = at, measured, 1
        track.learn_size(at, measured)
        for one in boxes.all:
            track.votes[one.label] += one.confidence
        detection = replace(detection, confidence=boxes.best.confidence, track_id=track.id, label=track.label)
        track.note(at, detection)
        return detection


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The boxes that the network has put on one object in one picture; the surest one, and the others."""

    best: Detection
    others: tuple[Detection, ...] = ()

    @property
    def all(self) -> tuple[Detection, ...]:
        return (self.best, *self.others)

    def may_be(self, box: Matrix) -> bool:
        """Does one of them overlap this box (centre, size) well, or hold it and stand on the same ground?"""
        corners, mine = _corners(box[None, :], 0.0), np.array([one.xyxy for one in self.all])
        lower = np.minimum(box[3], mine[:, 3] - mine[:, 1])
        aligned = np.abs(mine[:, 3] - corners[0, 3]) <= SAME_GROUND * lower
        nested = aligned & (of_smaller(corners, mine)[0] >= NESTED)
        return bool((nested | (iou(corners, mine)[0] >= _LEAST_OVERLAP_UNCERTAIN)).any())

    def most_like(self, box: Matrix) -> Detection:
        """The one that overlaps this box (centre, size) most."""
        if not self.others:
            return self.best
        overlap = iou(_corners(box[None, :], 0.0), np.array([one.xyxy for one in self.all]))[0]
        return self.all[int(overlap.argmax())]


def _match(
    tracks: list[_Track], found: list[_Boxes], at: datetime, widen: float, least: float
) -> tuple[list[tuple[_Track, _Boxes]], list[_Track], list[_Boxes]]:
    """Pairs of the greatest total overlap; then the tracks and the detections that found nobody."""
    if not tracks or not found:
        return [], list(tracks), list(found)
    predicted = _corners(np.stack([t.predicted(at) for t in tracks]), widen)
    overlap = np.stack(
        [iou(predicted, _corners(np.stack([_centred(d) for d in one.all]), widen)).max(axis=1) for one in found], axis=1
    )
    for i, track in enumerate(tracks):
        if widen > 0 and family(track.label) == "vehicle" and track.rests:
            # What rests starts slowly: a vehicle that passes in front of it is another one.
            overlap[i] = [
                o if one.may_be(track.predicted(at)) else 0.0 for o, one in zip(overlap[i], found, strict=True)
            ]
    families = np.array([[family(t.label) == family(one.best.label) for one in found] for t in tracks])
    cost = np.where(families & (overlap >= least), 1.0 - overlap, _FORBIDDEN)
    _, to_found, to_track = lap.lapjv(cost, extend_cost=True, cost_limit=1.0)
    pairs = [(tracks[i], found[j]) for i, j in enumerate(to_found) if j >= 0]
    return (
        pairs,
        [t for t, j in zip(tracks, to_found, strict=True) if j < 0],
        [one for one, i in zip(found, to_track, strict=True) if i < 0],
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
