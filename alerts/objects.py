"""Shared by the rules on objects: recipes to stays, and stays to signals."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from alerts import stay_state
from alerts.dwell_time import dwell_until_end, dwell_until_now
from alerts.schedule import Hours, in_force
from alerts.second_look import SecondLooks, lead_s, waits_until
from alerts.seen_time import Mark
from alerts.stays import Look, Resumed, Stay, Stays, Watched
from data.config.catalogue import did_you_mean
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Because, Ended, Priority, Raised, Signal, Standing
from data.model.alert_life import Condition
from data.model.observation import Detections, Observation, Tick
from data.model.place import Place
from data.model.sightings import LookVerdict
from data.model.zone import Zone
from data.ports.recipe import CloserSight, Context, LookWanted, RuleRecipe

PENDING_FROM_SHARE = 1 / 6  # share of the allowed time: a shorter stop is not reported as pending
_CLEARING_FROM_SHARE = 0.5  # share of the time unseen after which the object has left
_CLEARS_SLOWLY_S = 10.0  # with a shorter limit an alert ends without CLEARING before


class ObjectRuleRecipe(RuleRecipe):
    """A rule that judges each object's stay in a zone."""

    labels: Annotated[
        tuple[str, ...], Field(description="Classes of objects that count, e.g. car; all that are found when empty.")
    ] = ()
    confidence: Annotated[
        float, Field(ge=0, lt=1, description="Detections less certain than this do not count, 0..1.")
    ] = 0.0
    median_confidence: Annotated[
        float,
        Field(ge=0, lt=1, description="The middle one of an object's last 15 confidences must reach this, 0..1."),
    ] = 0.0
    min_height: Annotated[
        float, Field(ge=0, le=1, description="Objects whose box is lower do not count, share of the picture's height.")
    ] = 0.0
    max_height: Annotated[
        float, Field(gt=0, le=1, description="Objects whose box is higher do not count, share of the picture's height.")
    ] = 1.0
    except_zones: Annotated[
        tuple[str, ...], Field(description="Zones in which nothing counts: parking bays beside the lane, a poster.")
    ] = ()
    during: Annotated[
        tuple[Hours, ...],
        Field(
            description="When the rule holds, in the city's time zone, e.g. "
            '[{days: [mon, tue, wed, thu, fri], start: "07:30", end: "09:00"}]; always when empty.'
        ),
    ] = ()

    @model_validator(mode="after")
    def _some_size_fits(self) -> ObjectRuleRecipe:
        if self.min_height >= self.max_height:
            raise ValueError(f"min_height: {self.min_height} leaves nothing below max_height: {self.max_height}")
        return self


class EachObjectRecipe(ObjectRuleRecipe):
    """A rule with an alert for each object."""

    second_look: Annotated[
        bool,
        Field(
            description="Look again, enlarged, at an object that was never surely seen (third-best confidence below "
            "0.5) before its alert goes out. A P1 alert goes out at once as probable, and is withdrawn when nothing is "
            "seen again."
        ),
    ] = True


def zone_of(recipe: RuleRecipe, place: Place, zone_id: str | None) -> Zone | None:
    """The zone of this id, None for the whole picture. Raises InputRejected when the site has no such zone."""
    try:
        return place.zone(zone_id)
    except KeyError as error:
        known = [zone.id for zone in place.zones]
        raise InputRejected(
            f"site {place.id}, rule {recipe.name}: no zone {zone_id!r}{did_you_mean(str(zone_id), known)}"
        ) from error


def watched_by(
    recipe: ObjectRuleRecipe, place: Place, *, unseen_for_s: float, occluded_for_s: float, remember: int = 1
) -> Watched:
    """The objects that this rule judges. Raises InputRejected when the site lacks one of its zones."""
    excluded = (zone_of(recipe, place, zone_id) for zone_id in recipe.except_zones)
    return Watched(
        zone=zone_of(recipe, place, recipe.zone),
        labels=frozenset(recipe.labels),
        confidence=recipe.confidence,
        unseen_for_s=unseen_for_s,
        occluded_for_s=occluded_for_s,
        remember=remember,
        excluded=tuple(zone for zone in excluded if zone is not None),
        heights=(recipe.min_height, recipe.max_height),
    )


def clearing_from_s(limit_s: float) -> float:
    """Seconds unseen before reporting CLEARING; an object unseen for `limit_s` has left."""
    return _CLEARING_FROM_SHARE * limit_s if limit_s >= _CLEARS_SLOWLY_S else math.inf


@dataclass(slots=True)
class StayAlerts:
    """Raises and ends the alerts of one rule, at most one for each stay."""

    recipe: ObjectRuleRecipe
    site: str
    stays: Stays
    zone_info: ZoneInfo
    anywhere: bool  # objects may move while their stay goes on
    timed: bool = False  # alerts say how long the object stayed
    in_force_since: Mark | None = field(default=None)
    second: SecondLooks = field(default_factory=SecondLooks)
    picture_s: float = 0.0  # seconds between the last two pictures
    _looked_at: datetime | None = None
    _told: set[str] = field(default_factory=set)  # stays that were pending at the last call of `standings`

    @classmethod
    def of(
        cls,
        recipe: ObjectRuleRecipe,
        context: Context,
        *,
        unseen_for_s: float,
        occluded_for_s: float,
        remember: int = 1,
        anywhere: bool,
        timed: bool = False,
    ) -> StayAlerts:
        watched = watched_by(
            recipe, context.site, unseen_for_s=unseen_for_s, occluded_for_s=occluded_for_s, remember=remember
        )
        return cls(recipe, context.site.id, Stays(watched), ZoneInfo(context.timezone), anywhere, timed)

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self.stays.resume(
            [
                Resumed(a.key.subject, a.label, a.started_at, a.xyxy, self.anywhere)
                for a in open_alerts
                if self._is_ours(a)
            ]
        )

    def snapshot(self) -> Any:
        return stay_state.snapshot(self.stays, self.in_force_since, self.second.sizes)

    def restore(self, state: Any) -> None:
        sizes = self.second.sizes
        self.in_force_since = stay_state.restore(self.stays, state, anywhere=self.anywhere, sizes=sizes)

    def look(self, seen: Detections) -> list[Signal]:
        """Follow every stay into this picture; returns the ends of alerts."""
        before, self._looked_at = self._looked_at, seen.at
        self.picture_s = 0.0 if before is None else (seen.at - before).total_seconds()
        over = self.stays.look(seen)
        if self.second.offered:
            self.second.learn(self.stays.present, seen.aspect)
        return self.ended(over, seen.at) + self.keep_hours(seen.at)

    def keep_hours(self, at: datetime) -> list[Signal]:
        """End the rule's alerts outside its hours, when time does not count. Called after each look."""
        if self.in_force_since is not None and self.in_force_since.at > at:
            self.in_force_since = None  # restored from a recording that began anew
        if in_force(self.recipe.during, at, self.zone_info):
            self.in_force_since = self.in_force_since or self.stays.time.mark(at)
            return []
        self.in_force_since = None
        raised = [stay for stay in self.stays.present if stay.raised]
        for stay in raised:
            stay.raised = False
        return [self._ended(stay, at, at) for stay in raised]

    def counted_s(self, since: Mark, now: datetime) -> float:
        """Seconds from the mark until now, without blind gaps and without time outside the rule's hours."""
        if self.in_force_since is None:
            return 0.0
        if self.recipe.during and self.in_force_since.at > since.at:
            since = self.in_force_since
        return self.stays.time.since(since, now)

    @property
    def counted(self) -> list[Stay]:
        """The present stays that the rule is about."""
        return [stay for stay in self.stays.present if self.stays.counts(stay)]

    def may_raise(self, stay: Stay) -> bool:
        """True for a stay in sight, without an alert, with a label that counts, and certain enough."""
        if stay.raised or not stay.in_sight or not self.stays.counts(stay):
            return False
        return not self.recipe.median_confidence or median(stay.scores) >= self.recipe.median_confidence

    def standings(self, counted: Sequence[tuple[Stay, Mark]]) -> list[Standing]:
        """PENDING for these stays, each since its mark, and CLEARING for stays that were not seen for some time.

        A pending stay remains pending until it has an alert, is over, or no longer counts: a single missed detection
        changes nothing.
        """
        waiting = [(s, since) for s, since in counted if (s.id in self._told and not s.raised) or self.may_raise(s)]
        self._told = {stay.id for stay, _ in waiting}
        pending = [self._standing(stay, Condition.PENDING, since.at) for stay, since in waiting]
        lost = (stay for stay in self.stays.present if stay.raised and self._is_lost(stay))
        return pending + [self._standing(stay, Condition.CLEARING, stay.ended_at) for stay in lost]

    def _standing(self, stay: Stay, condition: Condition, since: datetime) -> Standing:
        return Standing(self._key(stay), condition, since, self.recipe.kind, self.recipe.priority)

    def _is_lost(self, stay: Stay) -> bool:
        now = self.stays.time.known_at
        if stay.misses < 2 or now is None:
            return False
        return self.stays.time.since(stay.unseen_since, now) >= clearing_from_s(self.stays.leaves_after_s(stay))

    def due(self, stay: Stay, since: Mark, at: datetime) -> list[Signal]:
        """Raise the alert of a stay: now, or after its second look where it is in doubt."""
        if not self.second.doubts(stay):
            seen = self.second.verdict(stay) is LookVerdict.SEEN
            return [self.raised(stay, since, at, LookVerdict.SEEN if seen else None)]
        look = stay.look = stay.look or Look()
        look.due_at = look.due_at or at
        verdict = self.second.verdict(stay)
        if verdict is LookVerdict.NOT_SEEN:
            look.held_back = max(1, look.held_back)
            look.held = (since, at)  # a later look may find it
            return []
        waits = verdict is LookVerdict.ASKED and at < waits_until(look.due_at)
        if waits and self.recipe.priority is not Priority.P1:
            look.held = (since, at)
            return []
        return [self.raised(stay, since, at, verdict)]

    def overdue(self, at: datetime) -> list[Signal]:
        """Raise, as probable, alerts whose second look did not come in time: no pictures, or no processor time."""
        signals = list[Signal]()
        for stay in self.stays.present:
            look = stay.look
            if look is None or look.held is None or look.held_back or look.due_at is None or stay.raised:
                continue
            if at >= waits_until(look.due_at):
                signals.append(self.raised(stay, look.held[0], at, self.second.verdict(stay)))
        return signals

    def looks_wanted(self, due_in_s: Mapping[str, float], limit_s: float) -> list[LookWanted]:
        """The second looks that are wanted now, the most urgent first.

        `due_in_s`: seconds until the alert of each stay that has none yet, by the stay's id.
        """
        now, lead = self._looked_at, lead_s(limit_s, self.picture_s)
        if now is None or not self.second.offered or self.in_force_since is None:
            return []
        wanted = list[LookWanted]()
        for stay in self.stays.present:
            look = stay.look
            waits = look is not None and (look.waits or look.asked)
            due_s = 0.0 if waits else due_in_s.get(stay.id, math.inf)
            if (stay.raised and not waits) or not self.stays.counts(stay):
                continue
            one = self.second.wanted(stay, now, due_s, lead)
            wanted += [] if one is None else [one]
        return sorted(wanted, key=lambda one: one.due_in_s)

    def looked(self, subject: str, sight: CloserSight, at: datetime) -> list[Signal]:
        """Note the result of a second look; the alert that waited for it, or an update of the one that is out."""
        stay = next((one for one in self.stays.present if one.id == subject), None)
        if stay is None:
            return []
        self.second.note(stay, sight, at)
        look, verdict = stay.look, self.second.verdict(stay)
        if look is None or verdict is LookVerdict.ASKED:
            return []
        if stay.raised and look.asked:
            return self._answered(stay, look, verdict, at)
        due = look.held is not None and (look.waits or look.held[1] == at)
        return self.due(stay, look.held[0], at) if due and look.held is not None and not stay.raised else []

    def _answered(self, stay: Stay, look: Look, verdict: LookVerdict, at: datetime) -> list[Signal]:
        """Update, or withdraw, an alert that went out before its second look was over."""
        if verdict.value == look.told:
            return []  # undecided as before: it is looked at again, later
        told, since = self.second.told(stay, verdict, at), stay.alert_since
        if verdict is LookVerdict.NOT_SEEN:
            stay.raised, look.asked, look.held_back, look.held = False, False, 1, None
            return [replace(self._ended(stay, at, at), second_look=told)]
        signal = self.raised(stay, since or stay.since, at, verdict)
        return [replace(signal, again=True)]

    def raised(self, stay: Stay, since: Mark, at: datetime, verdict: LookVerdict | None = None) -> Raised:
        """Raise the alert of this stay, which counts from `since`. `verdict`: of its second look."""
        second_look = None if verdict is None else self.second.told(stay, verdict, at)
        if stay.look is not None:
            stay.look.asked = verdict is not None and not self.second.decided(stay, verdict)
            stay.look.told = "" if verdict is None else verdict.value
            stay.look.held, stay.look.held_back = None, 0
        stay.raised, stay.drove_off_at, stay.alert_since = True, None, since
        return Raised(
            key=self._key(stay),
            kind=self.recipe.kind,
            priority=self.recipe.priority,
            started_at=since.at,
            at=at,
            label=stay.label,
            confidence=stay.detection.confidence,
            xyxy=stay.spot.xyxy if stay.on_spot else stay.detection.xyxy,
            gaps=self.stays.time.gaps_since(since.at),
            dwell=dwell_until_now(self.stays.time, stay, since, at) if self.timed else None,
            second_look=second_look,
        )

    def ended(self, over: Sequence[Stay], at: datetime) -> list[Signal]:
        """The ends of these stays' alerts, at the time the object left the zone."""
        return [self._ended(stay, self._ended_at(stay), at) for stay in over if stay.raised]

    def _ended(self, stay: Stay, ended_at: datetime, at: datetime) -> Ended:
        since, time = stay.alert_since, self.stays.time
        dwell = dwell_until_end(time, stay, since, ended_at, at) if self.timed and since is not None else None
        told = None
        if stay.look is not None and stay.look.asked:  # it left before it could be looked at
            told, stay.look.asked = self.second.told(stay, LookVerdict.UNCLEAR, at), False
        return Ended(self._key(stay), ended_at, at, self._gaps(stay), dwell=dwell, second_look=told)

    def _ended_at(self, stay: Stay) -> datetime:
        """When the stay ended: when it left, or, for a vehicle that was lost while it drove off, when it began to."""
        drives = not self.anywhere and stay.family == "vehicle"
        return (stay.driving_off_at if drives else None) or stay.ended_at

    def withdrawn(self, stay: Stay, at: datetime, because: Because) -> Ended:
        """End the alert of a stay that goes on."""
        stay.raised = False
        return replace(self._ended(stay, at, at), because=because)

    def drove_off(self, at: datetime) -> list[Signal]:
        """The ends of alerts of vehicles that stood and moved on within the zone, at the time they moved.

        Not of people: who lingers takes steps now and then.
        """
        vehicles = [s for s in self.stays.present if s.raised and s.family == "vehicle"]
        gone = [s for s in vehicles if not s.standing and s.drove_off_at is not None]
        signals = list[Signal]()
        for stay in gone:
            stay.raised = False
            signals.append(self._ended(stay, stay.drove_off_at or at, at))
        return signals

    def _gaps(self, stay: Stay) -> tuple[tuple[datetime, datetime], ...]:
        return self.stays.time.gaps_since(stay.since.at)

    def _key(self, stay: Stay) -> AlertKey:
        return AlertKey(self.site, self.recipe.name, self.recipe.zone or "", stay.id)

    def _is_ours(self, alert: Alert) -> bool:
        return alert.is_open and alert.key[:3] == (self.site, self.recipe.name, self.recipe.zone or "")


class ObjectRule(ABC):
    """A live rule that judges each object's stay at one site. Subclasses say what a picture means."""

    _alerts: StayAlerts

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._alerts.resume(open_alerts)

    def snapshot(self) -> Any:
        return self._alerts.snapshot()

    def restore(self, state: Any) -> None:
        self._alerts.restore(state)

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        """Signals of one picture; a Tick only says whether the site could be seen, and which modes are on."""
        if isinstance(seen, Tick):
            self._alerts.stays.tick(seen)
            self._apply_modes(seen.modes)
            return self._alerts.overdue(seen.at)
        return self._judged(seen) if isinstance(seen, Detections) else []

    def offer_second_looks(self) -> None:
        recipe = self._alerts.recipe
        self._alerts.second.offered = isinstance(recipe, EachObjectRecipe) and recipe.second_look

    def looks_wanted(self) -> Sequence[LookWanted]:
        due_in_s, limit_s = self._due()
        return self._alerts.looks_wanted(due_in_s, limit_s)

    def looked(self, subject: str, sight: CloserSight, at: datetime) -> Sequence[Signal]:
        return self._alerts.looked(subject, sight, at)

    def _due(self) -> tuple[Mapping[str, float], float]:
        """Seconds until the alert of each stay that may get one, by stay id; and the rule's time limit in seconds."""
        return {}, math.inf

    def _apply_modes(self, modes: frozenset[str]) -> None:  # noqa: B027 - most rules know no modes
        """Apply the city's modes that are on now."""

    @abstractmethod
    def _judged(self, seen: Detections) -> list[Signal]:
        """Signals of one picture."""
