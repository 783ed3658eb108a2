"""Stays: physical objects in a zone, each from its coming to its going, whatever the tracker calls it meanwhile.

Shared by the rules on objects. A stay goes on through short gaps, changes of `track_id`, and, when the object
vanished while standing, through an occlusion. Somebody seen walking out has left: whoever then stands in the
same spot is somebody else.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from alerts.seen_time import Mark, SeenTime
from data.labels import family
from data.observation import Detection, Detections, Tick
from data.zone import Zone

STILL_WITHIN = 0.25  # box heights
STILL_FOR_S = 2.0
_OFF_SPOT_FOR_S = 1.0  # a box that jumps for less has not moved
_OUTSIDE_FOR_S = 1.0  # a foot over the zone's edge for less has not left
_RESUME_WITHIN = 0.5  # box heights
_REMATCH_FOR_S = 2.0  # a moving object lost for longer may be anywhere
_WALK_PER_S = 1.0  # box heights: how far from where it was lost it may come back
_EDGE = 0.01  # of the picture: a box that touches it is leaving or coming
_APPEARED_FOR_S = 1.0  # a new name may need so long until its box sits on the spot
_FORGET_TRACKS_S = 60.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What counts: objects of these labels (all when empty) with their foot in the zone (everywhere when None).

    unseen_for_s: a moving object unseen for longer has left; occluded_for_s: the same for one that stood.
    """

    zone: Zone | None
    labels: frozenset[str]
    confidence: float
    unseen_for_s: float
    occluded_for_s: float
    remember: int = 1  # looks, for rules that count pictures


@dataclass(frozen=True, slots=True)
class Resumed:
    """What the store knows of a stay whose alert is open. `anywhere`: it may have moved meanwhile."""

    id: str
    label: str
    started_at: datetime
    xyxy: tuple[float, float, float, float] | None
    anywhere: bool


@dataclass(slots=True)
class Stay:
    """One object's stay. `since` is its first sight in the zone, `still_since` when it came to its present spot."""

    id: str
    detection: Detection
    since: Mark
    still_since: Mark
    spot: Detection
    seen_at: datetime
    looks: deque[bool]
    unseen_since: Mark
    misses: int = 0
    off_spot_since: datetime | None = None
    next_spot: tuple[Detection, Mark] | None = None
    outside_since: datetime | None = None
    standing: bool = False
    raised: bool = False
    awaited: Resumed | None = None  # set while it is only known from before a restart

    @property
    def family(self) -> str:
        return family(self.detection.label)

    @property
    def in_sight(self) -> bool:
        """Seen inside the zone in the last picture."""
        return self.misses == 0 and self.outside_since is None


@dataclass(slots=True)
class Stays:
    """All stays of one rule at one site."""

    watched: Watched
    present: list[Stay] = field(default_factory=list)
    time: SeenTime = field(default_factory=SeenTime)
    _awaited: list[Resumed] = field(default_factory=list)
    _first_seen: dict[int, datetime] = field(default_factory=dict)
    _last_seen: dict[int, datetime] = field(default_factory=dict)
    _looked_at: datetime | None = None

    def resume(self, open_stays: Sequence[Resumed]) -> None:
        """Expect these to be still there; each is gone when the first looks do not show it."""
        self._awaited = list(open_stays)

    def tick(self, tick: Tick) -> None:
        self.time.tick(tick)

    def look(self, seen: Detections) -> list[Stay]:
        """Follow every stay into this picture; returns those that are over (they ended at their `seen_at`).

        A picture that is not later than the last one is ignored.
        """
        if self._looked_at is not None and seen.at <= self._looked_at:
            return []
        self._looked_at = seen.at
        self.time.look(seen.at)
        self._await(seen.at)
        found = [d for d in seen if self._counts(d)]
        inside = self._inside(found)
        self._note_tracks(found, seen.at)
        taken = self._pair(found, inside, seen)
        for stay in self.present:
            if stay.id in taken:
                self._see(stay, found[taken[stay.id]], inside[taken[stay.id]], seen)
            else:
                stay.misses += 1
                stay.looks.append(False)
        over = [stay for stay in self.present if self._is_over(stay, seen.at)]
        self.present = [stay for stay in self.present if stay not in over]
        free = set(range(len(found))) - set(taken.values())
        for i in sorted(free):
            if inside[i]:
                self._begin(found[i], seen.at)
        return over

    def stayed_s(self, stay: Stay, now: datetime) -> float:
        """Seconds of presence, blind gaps left out."""
        return self.time.since(stay.since, now)

    def stood_s(self, stay: Stay, now: datetime) -> float:
        """Seconds since it stopped, blind gaps left out; 0 while it moves, paused only, or may be driving off."""
        on_spot = stay.standing and stay.off_spot_since is None
        return self.time.since(stay.still_since, now) if on_spot else 0.0

    def _counts(self, detection: Detection) -> bool:
        labels = self.watched.labels
        return detection.confidence >= self.watched.confidence and (not labels or detection.label in labels)

    def _inside(self, found: list[Detection]) -> list[bool]:
        if self.watched.zone is None or not found:
            return [True] * len(found)
        return [bool(b) for b in self.watched.zone.contains(np.array([d.foot for d in found], np.float32))]

    def _note_tracks(self, found: list[Detection], at: datetime) -> None:
        for detection in found:
            if detection.track_id is not None:
                self._first_seen.setdefault(detection.track_id, at)
                self._last_seen[detection.track_id] = at
        for track_id, last in list(self._last_seen.items()):
            if (at - last).total_seconds() > _FORGET_TRACKS_S:
                del self._last_seen[track_id], self._first_seen[track_id]

    def _await(self, at: datetime) -> None:
        """The open alerts of before the restart become stays at the first look."""
        for known in self._awaited:
            ghost = Detection(known.xyxy or (0.0, 0.0, 1.0, 1.0), 1.0, known.label, None)
            stay = self._stay(known.id, ghost, at)
            stay.since, stay.standing, stay.raised = Mark(known.started_at, 0.0), not known.anywhere, True
            stay.awaited = known
            self.present.append(stay)
        self._awaited = []

    def _begin(self, detection: Detection, at: datetime) -> None:
        x, y = detection.foot
        label = detection.label.replace(" ", "_")
        name = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}-{label}-{x * 1000:.0f}-{y * 1000:.0f}"
        while any(stay.id == name for stay in self.present):
            name += "+"
        self.present.append(self._stay(name, detection, at))

    def _stay(self, name: str, detection: Detection, at: datetime) -> Stay:
        now = self.time.mark(at)
        looks = deque([True], maxlen=self.watched.remember)
        return Stay(name, detection, now, now, detection, at, looks, now)

    def _pair(self, found: list[Detection], inside: list[bool], seen: Detections) -> dict[str, int]:
        """Which detection is which stay: the surest pairs first, then the nearest."""
        ids = {d.track_id for d in found if d.track_id is not None}
        ranked: list[tuple[int, float, str, int]] = []
        for stay in self.present:
            for i, detection in enumerate(found):
                if family(detection.label) == stay.family:
                    tier = self._tier(stay, detection, inside[i], ids, seen)
                    if tier is not None:
                        ranked.append((tier, _apart(stay.detection, detection, seen.aspect), stay.id, i))
        taken: dict[str, int] = {}
        used: set[int] = set()
        for _, _, stay_id, i in sorted(ranked):
            if stay_id not in taken and i not in used:
                taken[stay_id] = i
                used.add(i)
        return taken

    def _tier(self, stay: Stay, detection: Detection, inside: bool, ids: set[int], seen: Detections) -> int | None:
        """How sure it is that they are the same object, 0 the surest; None when they are not."""
        same_track = detection.track_id is not None and detection.track_id == stay.detection.track_id
        on_spot = _apart(stay.spot, detection, seen.aspect) <= STILL_WITHIN
        if same_track and on_spot:
            return 0
        if stay.awaited is not None:
            near = stay.awaited.anywhere or _apart(stay.spot, detection, seen.aspect) <= _RESUME_WITHIN
            return 3 if near and inside else None
        exchanged = stay.detection.track_id in ids
        if stay.standing and on_spot and (exchanged or self._appeared(stay, detection, seen.at)):
            return 1
        if same_track:
            return 2
        if inside and not exchanged and self._lost_nearby(stay, detection, seen):
            return 3
        return None

    def _appeared(self, stay: Stay, detection: Detection, now: datetime) -> bool:
        """Is this name new, later than the last sight of the stay? One seen before, coming, is somebody else."""
        if detection.track_id is None:
            return True
        first = self._first_seen[detection.track_id]
        return first > stay.unseen_since.at and (now - first).total_seconds() <= _APPEARED_FOR_S

    def _lost_nearby(self, stay: Stay, detection: Detection, seen: Detections) -> bool:
        gap_s = self.time.since(stay.unseen_since, seen.at)
        if gap_s > min(_REMATCH_FOR_S, self.watched.unseen_for_s) or not self._appeared(stay, detection, seen.at):
            return False
        if not stay.standing and (_touches_edge(stay.detection) or _touches_edge(detection)):
            return False  # one walked out of the picture, or another walked in
        return _apart(stay.detection, detection, seen.aspect) <= STILL_WITHIN + _WALK_PER_S * gap_s

    def _see(self, stay: Stay, detection: Detection, inside: bool, seen: Detections) -> None:
        stay.misses, stay.awaited = 0, None
        stay.unseen_since = self.time.mark(seen.at)
        self._follow_spot(stay, detection, seen)
        stay.detection = detection
        stay.looks.append(inside)
        if inside:
            stay.seen_at, stay.outside_since = seen.at, None
        elif stay.outside_since is None:
            stay.outside_since = seen.at

    def _follow_spot(self, stay: Stay, detection: Detection, seen: Detections) -> None:
        """Is it where it was, did its box only jump, or has it moved to a new spot?"""
        if _apart(stay.spot, detection, seen.aspect) <= STILL_WITHIN:
            stay.off_spot_since = stay.next_spot = None
            if self.time.since(stay.still_since, seen.at) >= STILL_FOR_S:
                stay.standing = True
            return
        stay.off_spot_since = stay.off_spot_since or seen.at
        confirmed = stay.next_spot is not None and _apart(stay.next_spot[0], detection, seen.aspect) <= STILL_WITHIN
        if stay.next_spot is None or not confirmed:
            stay.next_spot = (detection, self.time.mark(seen.at))
        moved_s = (seen.at - stay.off_spot_since).total_seconds()
        if moved_s >= _OFF_SPOT_FOR_S or (confirmed and not stay.standing):
            stay.spot, stay.still_since = stay.next_spot
            stay.standing, stay.off_spot_since, stay.next_spot = False, None, None

    def _is_over(self, stay: Stay, now: datetime) -> bool:
        if stay.misses == 0:
            left = stay.outside_since
            return left is not None and (now - left).total_seconds() >= _OUTSIDE_FOR_S
        walking_out = not stay.standing or stay.off_spot_since is not None or stay.outside_since is not None
        limit = self.watched.unseen_for_s if walking_out else self.watched.occluded_for_s
        # One picture without it proves nothing when pictures are far apart.
        return stay.misses >= 2 and self.time.since(stay.unseen_since, now) > limit


def _apart(this: Detection, that: Detection, aspect: float) -> float:
    """Distance of the feet in heights of the taller box."""
    across = (this.foot[0] - that.foot[0]) * aspect
    height = max(this.xyxy[3] - this.xyxy[1], that.xyxy[3] - that.xyxy[1], 1e-6)
    return math.hypot(across, this.foot[1] - that.foot[1]) / height


def _touches_edge(detection: Detection) -> bool:
    left, top, right, bottom = detection.xyxy
    return left <= _EDGE or top <= _EDGE or right >= 1 - _EDGE or bottom >= 1 - _EDGE
