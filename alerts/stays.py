"""Stays: physical objects in a zone, each from its arrival to its departure, whatever track ids it gets meanwhile.

Shared by the rules on objects. A stay continues through short gaps, changes of `track_id`, and, when the object
vanished while standing, through an occlusion. A person seen walking out has left: whoever then stands in the same spot
is another person.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median

import numpy as np

from alerts.likeness import (
    alike_in_size,
    apart,
    is_covered_part,
    is_part,
    learnt,
    overlap,
    touches_edge,
    unlike,
    within,
)
from alerts.rest import Sight, came_to_rest, moved_off, noted, resting_place
from alerts.seen_time import Mark, SeenTime
from data.model.alert import Gap
from data.model.labels import UNKNOWN, family
from data.model.observation import Detection, Detections, Tick, Vectors
from data.model.zone import Zone

STILL_WITHIN = 0.25  # box heights
STILL_FOR_S = 2.0
_OFF_SPOT_FOR_S = 1.0  # a box that is off its spot for less has not moved
_OUTSIDE_FOR_S = 1.0  # an object outside the zone for less has not left
_RESUME_WITHIN = 0.5  # box heights
_REMATCH_FOR_S = 2.0  # a moving object lost for longer is not matched again
_WALK_PER_S = 1.0  # box heights: how far from where it was lost it may come back
_APPEARED_FOR_S = 1.0  # a new track may take so long to fit the object's box
_FORGET_TRACKS_S = 60.0
_COMPARE_AFTER_S = 1.5  # unseen for longer, an object must also look the same to be matched
_SAME_PLACE_WITHIN = 0.12  # box heights: no two vehicles stand so close
SCORES_KEPT = 15
BEST_KEPT = 3
_LOOKS_KEPT = 3
_DROVE_IN = 1.0  # box heights: an object that moved this far is not part of the scenery
_COMING_FOR_S = 2.0
_UNCOVERED_WITHIN = 0.1  # share of the box: an approaching object grows on more than one side
_RESTS_FROM_S = 2.0  # a longer pause between pictures means that the camera was resting
_MOVED_BY = 0.5  # box heights: farther from where it stood, it has driven off
_MOVED_OVERLAP = 0.4  # or when its box overlaps the box it had there by less
_EXCHANGE_TAKES_S = 10.0  # an exchange takes at least so long: hidden for less, it is the same object
_HIDDEN_KEPT = 50
_PICTURES_KEPT = 120  # as many as an uncertain first detection may reach back
_PART_SIZES = (0.3, 0.75)  # sizes of a part, as shares of the object's box
_CERTAIN_SHARE = 0.5  # share of the median score: an object half in the picture is detected on and off


@dataclass(frozen=True, slots=True)
class Watched:
    """The objects that count: of these labels (all when empty), with their foot in the zone (anywhere when None).

    unseen_for_s: a moving object unseen for longer has left; occluded_for_s: the same for one that stood.
    excluded: zones within the zone that do not count. heights: of the box, smallest and largest share of the
    picture's height at which a stay may begin.
    """

    zone: Zone | None
    labels: frozenset[str]
    confidence: float
    unseen_for_s: float
    occluded_for_s: float
    remember: int = 1  # looks, for rules that count pictures
    excluded: tuple[Zone, ...] = ()
    heights: tuple[float, float] = (0.0, 1.0)

    def fits(self, detection: Detection) -> bool:
        """True if its size counts."""
        return self.heights[0] <= detection.xyxy[3] - detection.xyxy[1] <= self.heights[1]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A stay whose alert is open, as the store knows it. `anywhere`: the object may have moved meanwhile."""

    id: str
    label: str
    started_at: datetime
    xyxy: tuple[float, float, float, float] | None
    anywhere: bool


@dataclass(slots=True)
class Look:
    """Results of the latest second looks at a stay, and the alert that waits for them (`alerts.second_look`).

    due_at: when the alert would have gone out. held: since when that alert counts, and the picture in which it was last
    due. asked: the alert went out before the looks had decided. told: the verdict that the alert shows. held_back:
    looks since the alert was held back; tried: looks since it went out undecided.
    """

    scores: deque[float] = field(default_factory=lambda: deque(maxlen=_LOOKS_KEPT))
    instead: deque[str] = field(default_factory=lambda: deque(maxlen=_LOOKS_KEPT))
    label: str = ""
    magnify: float = 2.0
    looked_at: datetime | None = None
    due_at: datetime | None = None
    held: tuple[Mark, datetime] | None = None
    asked: bool = False
    told: str = ""
    held_back: int = 0
    tried: int = 0

    @property
    def waits(self) -> bool:
        """True if an alert that was due waits for the looks."""
        return self.held is not None and not self.held_back


@dataclass(slots=True)
class Stay:
    """One object's stay. `since`: when it came into the zone; `still_since`: when it came to its present spot.

    An event between two pictures is taken to have happened in the middle between them, so that a stay's length does not
    depend on the picture rate. An object that enters or leaves the picture is detected on and off while only part of
    it is visible: the stay lasts from its first certain detection to its last (`seen_at`). `left_at`: the middle
    between that one and the next picture.
    """

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
    awaited: Resumed | None = None  # set while it was not seen again since a restart
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=SCORES_KEPT))
    appearance: Vectors | None = None
    queued_s: float = 0.0  # seconds of its standing here that it was in a queue
    left_at: datetime | None = None
    onsets: list[tuple[float, Mark]] = field(default_factory=list)  # first detections: score, when it came
    sights: deque[Sight] = field(default_factory=deque)  # of the last seconds
    larger_since: datetime | None = None  # since then its box has always shown more of it than was known
    stood_at: Detection | None = None  # where it came to rest; unlike `spot` it does not follow the box
    driving_off_at: datetime | None = None  # since when it is away from there, if it may be driving off
    drove_off_at: datetime | None = None  # when it left the spot where it stood last
    votes: dict[str, float] = field(default_factory=dict)
    best: tuple[float, ...] = ()  # its three best scores, the best one first
    first: Detection | None = None
    drove_in: bool = False  # a vehicle that was seen coming
    learnt_at: Detection | None = None  # where its size was last learned
    look: Look | None = None
    alert_since: Mark | None = None  # since when the stay counts for its alert
    part_of: set[int] = field(default_factory=set)  # track ids of boxes that showed a part of it, or also neighbours
    hidden: deque[tuple[Gap, float]] = field(default_factory=lambda: deque(maxlen=_HIDDEN_KEPT))
    """Spans in which it was hidden for so long that it may have been exchanged, each with its seconds."""

    @property
    def family(self) -> str:
        return family(self.detection.label)

    @property
    def label(self) -> str:
        """Its most frequent label, each detection weighted by its confidence."""
        return max(self.votes, key=lambda label: (self.votes[label], label), default=self.detection.label)

    def vote(self, detection: Detection) -> None:
        self.votes[detection.label] = self.votes.get(detection.label, 0.0) + detection.confidence

    @property
    def on_spot(self) -> bool:
        """True while it stands; not while it moves, has just stopped, or may be driving off."""
        return self.standing and self.off_spot_since is None

    @property
    def in_sight(self) -> bool:
        """Seen inside the zone in the last picture."""
        return self.misses == 0 and self.outside_since is None

    @property
    def ended_at(self) -> datetime:
        """When it left, as far as is known."""
        return self.left_at or self.seen_at

    def moved_since_learnt(self, aspect: float) -> bool:
        """True if it has moved since its size was last learned."""
        return self.learnt_at is None or apart(self.learnt_at, self.detection, aspect) >= 1.0

    def hidden_s(self, since: datetime) -> float:
        """Seconds since then in which another object may have taken its place."""
        return sum(seconds for (_, end), seconds in self.hidden if end > since)

    def score(self, confidence: float, came: Mark) -> bool:
        """Note a detection's confidence; True if it was certain. `came`: the middle between last picture and this."""
        certain = not self.scores or confidence >= _CERTAIN_SHARE * median(self.scores)
        self.scores.append(confidence)
        self.best = tuple(sorted((*self.best, confidence), reverse=True)[:BEST_KEPT])
        if self.onsets and (came.at - self.onsets[0][1].at).total_seconds() <= _COMING_FOR_S:
            self.onsets.append((confidence, came))
            least = _CERTAIN_SHARE * median(score for score, _ in self.onsets)
            self.since = next(mark for score, mark in self.onsets if score >= least)
        return certain


@dataclass(slots=True)
class Stays:
    """All stays of one rule at one site."""

    watched: Watched
    present: list[Stay] = field(default_factory=list)
    time: SeenTime = field(default_factory=SeenTime)
    _awaited: list[Resumed] = field(default_factory=list)
    _restored: tuple[SeenTime, list[Stay]] | None = None
    _first_seen: dict[int, datetime] = field(default_factory=dict)
    _last_seen: dict[int, datetime] = field(default_factory=dict)
    _first_box: dict[int, Detection] = field(default_factory=dict)
    _looked_at: datetime | None = None
    _pictures: deque[datetime] = field(default_factory=lambda: deque(maxlen=_PICTURES_KEPT))
    _middle: Mark = field(
        default_factory=lambda: Mark(datetime.min.replace(tzinfo=UTC), 0.0)
    )  # between the last picture and this one

    def resume(self, open_stays: Sequence[Resumed]) -> None:
        """Expect these to be there still; each one that the first pictures do not show is gone."""
        self._awaited = list(open_stays)

    def restore(self, time: SeenTime, stays: list[Stay]) -> None:
        """Continue these stays from before a restart, unless the first picture is older. Call `resume` before."""
        self._restored = (time, stays)

    def known(self) -> tuple[SeenTime, list[Stay]]:
        """The present stays; before the first picture after a restart the restored ones: two restarts lose none."""
        return (self.time, self.present) if self._restored is None else self._restored

    def tick(self, tick: Tick) -> None:
        self.time.tick(tick)

    def look(self, seen: Detections) -> list[Stay]:
        """Follow every stay into this picture; returns those that are over (they ended at their `ended_at`).

        A picture that is not later than the last one is ignored.
        """
        if self._looked_at is not None and seen.at <= self._looked_at:
            return []
        before, self._looked_at = self._looked_at, seen.at
        self._pictures.append(seen.at)
        self._go_on(seen.at)
        self.time.look(seen.at)
        self._middle = self._between(before, seen.at)
        self._await(seen.at)
        found = [d for d in seen if self._counts(d)]
        inside = self._inside(found)
        self._note_tracks(found, seen.at)
        joined = self._joined(found, inside)
        taken = self._pair(found, inside, seen, joined)
        parted = self._parted(found, taken, joined)
        part_of = set[str]()
        for i, stay in ((i, stay) for boxes in (joined, parted) for i, stays in boxes.items() for stay in stays):
            part_of.add(stay.id)
            name = found[i].track_id
            stay.part_of.update(() if name is None else (name,))
        for stay in self.present:
            if stay.id in taken:
                self._see(stay, found[taken[stay.id]], inside[taken[stay.id]], seen)
            elif stay.id in part_of:
                self._see_with_others(stay, seen.at)
            else:
                stay.misses += 1
                stay.looks.append(False)
                self._left(stay, seen.at)
        over = [stay for stay in self.present if self._is_over(stay, seen.at) or self._is_replaced(stay, seen)]
        self.present = [stay for stay in self.present if stay not in over]
        free = set(range(len(found))) - set(taken.values()) - set(joined) - set(parted)
        for i in sorted(free):
            if inside[i] and self.watched.fits(found[i]):
                self._begin(found[i], seen)
        return over

    def _joined(self, found: list[Detection], inside: list[bool]) -> dict[int, list[Stay]]:
        """New boxes around two or more objects that stand side by side: these are detected as one and have not left.

        An object that comes to stand in front of them arrives from elsewhere, and has its foot lower.
        """
        standing = [stay for stay in self.present if stay.on_spot and stay.awaited is None]
        joined: dict[int, list[Stay]] = {}
        for i, detection in enumerate(found):
            if len(standing) < 2 or not inside[i]:
                continue
            of = [s for s in standing if s.family == family(detection.label) and is_part(detection, s.spot)]
            if not self._appeared_here(detection, of):
                continue
            side_by_side = all(within(a.spot, b.spot) < _MOVED_OVERLAP for a in of for b in of if a is not b)
            own = any(overlap(s.detection, detection) >= _MOVED_OVERLAP for s in self.present if s not in of)
            if len(of) >= 2 and side_by_side and not own:
                joined[i] = of
        return joined

    def _parted(
        self, found: list[Detection], taken: Mapping[str, int], joined: Mapping[int, list[Stay]]
    ) -> dict[int, list[Stay]]:
        """New boxes within a standing object that is not detected as a whole: it is seen in parts and has not left."""
        parted: dict[int, list[Stay]] = {}
        for i, detection in enumerate(found):
            if i in taken.values() or i in joined:
                continue
            for stay in self.present:
                if stay.id in taken and not is_part(stay.spot, found[taken[stay.id]], sizes=_PART_SIZES):
                    continue
                whole = stay.on_spot and stay.awaited is None and stay.family == family(detection.label)
                part = whole and is_part(stay.spot, detection, sizes=_PART_SIZES)
                if part and self._appeared_here(detection, [stay]):
                    parted[i] = [stay]
                    break
        return parted

    def _appeared_here(self, detection: Detection, of: Sequence[Stay]) -> bool:
        """True if its track began here, or is the track of one of these stays."""
        name = detection.track_id
        if name is None or any(name == stay.detection.track_id or name in stay.part_of for stay in of):
            return True
        return overlap(self._first_box[name], detection) >= _MOVED_OVERLAP

    def _see_with_others(self, stay: Stay, at: datetime) -> None:
        """Note that it is present, in a box that does not show its own edges."""
        self._note_hidden(stay, at)
        stay.misses = 0
        stay.unseen_since = self.time.mark(at)
        stay.looks.append(stay.outside_since is None)
        if stay.outside_since is None:
            stay.seen_at, stay.left_at = at, None

    def _between(self, before: datetime | None, now: datetime) -> Mark:
        """The middle between two pictures; the time of the later one where the camera was blind or resting between."""
        mark = replace(self.time.mark(now), after=before)
        if before is None or (now - before).total_seconds() > _RESTS_FROM_S or mark.unknown_s > self._middle.unknown_s:
            return mark
        return replace(mark, at=before + (now - before) / 2, by=now)

    def _left(self, stay: Stay, now: datetime) -> None:
        """Note that it is not surely in this picture: it left between the previous picture and this one."""
        if stay.left_at is None:
            stay.left_at = self._middle.at if self._middle.at < now else stay.seen_at

    def _counts(self, detection: Detection) -> bool:
        labels = self.watched.labels
        if not labels:
            return detection.label != UNKNOWN and detection.confidence >= self.watched.confidence
        alike = detection.label in labels or family(detection.label) in {family(one) for one in labels}
        return alike and detection.confidence >= self.watched.confidence

    def _inside(self, found: list[Detection]) -> list[bool]:
        feet = np.array([d.foot for d in found], np.float32).reshape(-1, 2)
        inside = np.ones(len(found), np.bool_) if self.watched.zone is None else self.watched.zone.contains(feet)
        for zone in self.watched.excluded:
            inside &= ~zone.contains(feet)
        return [bool(b) for b in inside]

    def _note_tracks(self, found: list[Detection], at: datetime) -> None:
        for detection in found:
            if detection.track_id is not None:
                self._first_seen.setdefault(detection.track_id, at)
                self._first_box.setdefault(detection.track_id, detection)
                self._last_seen[detection.track_id] = at
        for track_id, last in list(self._last_seen.items()):
            if (at - last).total_seconds() > _FORGET_TRACKS_S:
                del self._last_seen[track_id], self._first_seen[track_id], self._first_box[track_id]

    def _go_on(self, at: datetime) -> None:
        """Continue the restored stays; a stay has an alert exactly if one is open."""
        if self._restored is None:
            return
        (time, stays), self._restored = self._restored, None
        if time.known_at is None or at <= time.known_at:
            return
        self.time = time
        raised = {known.id for known in self._awaited}
        self.present = [stay for stay in stays if stay.id in raised or not stay.raised]
        for stay in self.present:
            stay.raised = stay.id in raised
        kept = {stay.id for stay in self.present}
        self._awaited = [known for known in self._awaited if known.id not in kept]

    def _await(self, at: datetime) -> None:
        """Make stays of the open alerts from before the restart, at the first picture."""
        for known in self._awaited:
            ghost = Detection(known.xyxy or (0.0, 0.0, 1.0, 1.0), 1.0, known.label, None)
            stay = self._stay(known.id, ghost, at)
            stay.since, stay.standing, stay.raised = Mark(known.started_at, 0.0), not known.anywhere, True
            stay.awaited = known
            stay.alert_since = Mark(at, 0.0, known.started_at)  # nothing is known of the time before
            stay.stood_at = ghost if stay.standing and known.xyxy is not None else None
            stay.onsets.clear()
            stay.sights.clear()
            self.present.append(stay)
        self._awaited = []

    def counts(self, stay: Stay) -> bool:
        """True if the rule is about it, by its most frequent label."""
        return not self.watched.labels or stay.label in self.watched.labels

    def _begin(self, detection: Detection, seen: Detections) -> None:
        at, (x, y) = seen.at, detection.foot
        label = detection.label.replace(" ", "_")
        name = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}-{label}-{x * 1000:.0f}-{y * 1000:.0f}"
        while any(stay.id == name for stay in self.present):
            name += "+"
        stay = self._stay(name, detection, at)
        self._look_back(stay, seen)
        self.present.append(stay)

    def _look_back(self, stay: Stay, seen: Detections) -> None:
        """Date the stay back to its first uncertain detection in the zone, if there was no gap since."""
        watched, now = self.watched, stay.sights[-1]
        earlier = deque[Sight]()
        before: datetime | None = None
        for at, xyxy, confidence in stay.detection.earlier:
            sight = Detection(xyxy, confidence, stay.detection.label, None)
            known = at < seen.at and not self.time.gaps_since(at) and confidence >= watched.confidence
            if not known or not self._inside([sight])[0] or not watched.fits(sight):
                earlier.clear()
                before = at
                continue
            middle = at if before is None else before + (at - before) / 2
            earlier.append(Sight(Mark(middle, now.came.unknown_s, before or self._picture_before(at), at), at, sight))
            before = at
        if earlier:
            stay.sights.extendleft(reversed(earlier))
            stay.since = stay.still_since = earlier[0].came
            stay.spot = stay.first = earlier[0].detection
            stay.onsets = [(sight.detection.confidence, sight.came) for sight in stay.sights]
            for one in list(earlier)[1:]:
                self._settle(stay, one, seen)
            self._settle(stay, now, seen)

    def _picture_before(self, at: datetime) -> datetime | None:
        return next((one for one in reversed(self._pictures) if one < at), None)

    def _stay(self, name: str, detection: Detection, at: datetime) -> Stay:
        now, came = self.time.mark(at), self._middle
        looks = deque([True], maxlen=self.watched.remember)
        stay = Stay(name, detection, came, came, detection, at, looks, now)
        stay.scores.append(detection.confidence)
        stay.best, stay.first = (detection.confidence,), detection
        stay.onsets.append((detection.confidence, came))
        stay.appearance = detection.appearance
        stay.sights.append(Sight(came, at, detection))
        stay.vote(detection)
        return stay

    def _pair(
        self, found: list[Detection], inside: list[bool], seen: Detections, joined: Mapping[int, list[Stay]]
    ) -> dict[str, int]:
        """Match detections to stays: the most certain pairs first, then the nearest, then the most recently seen."""
        ids = {d.track_id for d in found if d.track_id is not None}
        ranked: list[tuple[int, float, bool, float, str, int]] = []
        for stay in self.present:
            long_unseen = (seen.at - stay.unseen_since.at).total_seconds() > _COMPARE_AFTER_S
            for i, detection in enumerate(found):
                if i not in joined and family(detection.label) == stay.family:
                    tier = self._tier(stay, detection, inside[i], ids, seen)
                    if tier is not None:
                        distance = apart(stay.detection, detection, seen.aspect)
                        ranked.append((tier, round(distance, 1), long_unseen, distance, stay.id, i))
        taken: dict[str, int] = {}
        used: set[int] = set()
        for *_, stay_id, i in sorted(ranked):
            if stay_id not in taken and i not in used:
                taken[stay_id] = i
                used.add(i)
        return taken

    def _tier(self, stay: Stay, detection: Detection, inside: bool, ids: set[int], seen: Detections) -> int | None:
        """How certain it is that they are the same object: 0 most certain, None when they are not."""
        same_track = detection.track_id is not None and detection.track_id == stay.detection.track_id
        covered = self._is_covered(stay, detection)
        on_spot = covered or apart(stay.spot, detection, seen.aspect) <= STILL_WITHIN
        if same_track and on_spot:
            return 0
        unseen_s = (seen.at - stay.unseen_since.at).total_seconds()
        if unseen_s > _COMPARE_AFTER_S and not covered and unlike(stay.appearance, detection.appearance):
            return None
        if stay.awaited is not None:
            near = stay.awaited.anywhere or apart(stay.spot, detection, seen.aspect) <= _RESUME_WITHIN
            return 3 if near and inside else None
        exchanged = stay.detection.track_id in ids
        known = detection.track_id in stay.part_of
        if stay.standing and on_spot and (exchanged or known or self._appeared(stay, detection, seen.at)):
            return 1
        if same_track:
            return 2
        if inside and not exchanged and self._lost_nearby(stay, detection, seen):
            return 3
        return None

    def _appeared(self, stay: Stay, detection: Detection, now: datetime) -> bool:
        """True if its track is new and began after the stay was last seen. An older track is another object."""
        if detection.track_id is None:
            return True
        first = self._first_seen[detection.track_id]
        return first > stay.unseen_since.at and (now - first).total_seconds() <= _APPEARED_FOR_S

    def _lost_nearby(self, stay: Stay, detection: Detection, seen: Detections) -> bool:
        gap_s = self.time.since(stay.unseen_since, seen.at)
        if gap_s > min(_REMATCH_FOR_S, self.watched.unseen_for_s) or not self._appeared(stay, detection, seen.at):
            return False
        if not stay.standing and (touches_edge(stay.detection) or touches_edge(detection)):
            return False  # it walked out of the picture, or another walked in
        return apart(stay.detection, detection, seen.aspect) <= STILL_WITHIN + _WALK_PER_S * gap_s

    def _see(self, stay: Stay, detection: Detection, inside: bool, seen: Detections) -> None:
        self._note_hidden(stay, seen.at)
        stay.misses, stay.awaited = 0, None
        stay.unseen_since = self.time.mark(seen.at)
        if self._is_covered(stay, detection):
            # The visible part has another foot, and partly the appearance of the object in front of it.
            stay.off_spot_since = stay.next_spot = None
            inside = stay.outside_since is None
        else:
            sight = Sight(self._middle, seen.at, detection)
            noted(stay.sights, sight)
            self._settle(stay, sight, seen)
            stay.appearance = learnt(stay.appearance, detection.appearance)
            if stay.family == "vehicle" and not stay.standing and stay.first is not None:
                stay.drove_in |= apart(stay.first, detection, seen.aspect) >= _DROVE_IN
        stay.detection = detection
        stay.vote(detection)
        certain = stay.score(detection.confidence, self._middle)
        stay.looks.append(inside)
        if inside:
            stay.outside_since = None
        elif stay.outside_since is None:
            stay.outside_since = seen.at
        if inside and certain:
            stay.seen_at, stay.left_at = seen.at, None
        else:
            self._left(stay, seen.at)

    def _note_hidden(self, stay: Stay, now: datetime) -> None:
        """It is seen again: note if it was hidden for long enough to have been exchanged."""
        away_s = self.time.since(stay.unseen_since, now)
        if stay.misses and away_s > _EXCHANGE_TAKES_S:
            stay.hidden.append(((stay.unseen_since.at, now), away_s))

    @staticmethod
    def _is_covered(stay: Stay, detection: Detection) -> bool:
        """True if this is the standing object, partly hidden by something in front of it."""
        return stay.standing and is_covered_part(stay.spot, detection)

    def _settle(self, stay: Stay, sight: Sight, seen: Detections) -> None:
        """Judge whether it is where it was, its box has only jumped, or it has moved to a new spot."""
        detection = sight.detection
        uncovered = stay.standing and is_covered_part(
            detection, stay.spot, within=_UNCOVERED_WITHIN, at_least=STILL_WITHIN
        )
        stay.larger_since = (stay.larger_since or sight.at) if uncovered else None
        if stay.larger_since is not None and (sight.at - stay.larger_since).total_seconds() >= _OFF_SPOT_FOR_S:
            stay.spot = stay.stood_at = detection  # it had never been seen whole
        if uncovered or apart(stay.spot, detection, seen.aspect) <= STILL_WITHIN:
            stay.off_spot_since = stay.next_spot = stay.driving_off_at = None
            if not stay.standing and self.time.since(stay.still_since, sight.at) >= STILL_FOR_S:
                self._stand(stay, seen)
            return
        stay.off_spot_since = stay.off_spot_since or sight.at
        confirmed = stay.next_spot is not None and apart(stay.next_spot[0], detection, seen.aspect) <= STILL_WITHIN
        if stay.next_spot is None or not confirmed:
            stay.next_spot = (detection, sight.came)
        if self._is_far(stay, detection, seen):
            stay.driving_off_at = moved_off(list(stay.sights), stay.stood_at or stay.spot, seen.aspect)
        moved_s = (sight.at - (stay.driving_off_at or stay.off_spot_since)).total_seconds()
        if moved_s >= _OFF_SPOT_FOR_S or (confirmed and not stay.standing):
            self._move(stay)

    def _stand(self, stay: Stay, seen: Detections) -> None:
        """Mark it as standing, with the place and the time at which it came to rest."""
        stay.standing = True
        # Not for people: a standing person takes steps and moves arms and legs.
        if stay.family == "vehicle" and len(stay.sights) > 1:
            sights = list(stay.sights)
            came = came_to_rest(sights, resting_place(sights), seen.aspect)
            stay.spot = resting_place(sights, (sights[-1].at - came.at).total_seconds())
            if came != sights[0].came:  # else it was there from the first detection on, and maybe before
                stay.still_since = came
        stay.stood_at = stay.spot

    @staticmethod
    def _is_far(stay: Stay, detection: Detection, seen: Detections) -> bool:
        """True if a standing object is now so far from its place that it must have driven."""
        if not stay.standing or stay.stood_at is None:
            return False
        far = apart(stay.stood_at, detection, seen.aspect) > _MOVED_BY
        return far or overlap(stay.stood_at, detection) < _MOVED_OVERLAP

    @staticmethod
    def _move(stay: Stay) -> None:
        """Move it to the next spot. A standing object has driven off only if it is far; else its box has changed."""
        assert stay.next_spot is not None
        if stay.standing and stay.stood_at is not None:
            if stay.driving_off_at is None:
                stay.spot = stay.next_spot[0]
                stay.off_spot_since = stay.next_spot = None
                return
            stay.drove_off_at, stay.driving_off_at = stay.driving_off_at, None
        stay.spot, stay.still_since = stay.next_spot
        stay.standing, stay.off_spot_since, stay.next_spot, stay.queued_s = False, None, None, 0.0
        stay.stood_at = None

    def _is_replaced(self, stay: Stay, seen: Detections) -> bool:
        """True if it is unseen while another object stands in its very place, not in front of it: then it is gone."""
        if stay.misses == 0 or self._is_covered(stay, stay.detection):  # it was seen being covered, so it is hidden
            return False
        return any(
            other.misses == 0
            and other.standing
            and other.family == stay.family
            and (stay.family == "vehicle" or unlike(stay.appearance, other.appearance))
            and apart(stay.spot, other.spot, seen.aspect) <= _SAME_PLACE_WITHIN
            and alike_in_size(stay.spot, other.spot)
            for other in self.present
        )

    def _is_over(self, stay: Stay, now: datetime) -> bool:
        if stay.misses == 0:
            left = stay.outside_since
            return left is not None and (now - left).total_seconds() >= _OUTSIDE_FOR_S
        # One picture without it is no proof when pictures are far apart.
        return stay.misses >= 2 and self.time.since(stay.unseen_since, now) > self.leaves_after_s(stay)

    def leaves_after_s(self, stay: Stay) -> float:
        """Seconds unseen after which it has left."""
        walking_out = not stay.on_spot or stay.outside_since is not None
        return self.watched.unseen_for_s if walking_out else self.watched.occluded_for_s
