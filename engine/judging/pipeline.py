"""One site's way from picture and reading to signal. Pure: no store, no clock; live and replay run the same."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np

from data.config.settings import SiteSettings
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Because, Ended, Signal, Standing
from data.model.datum import LEVEL
from data.model.frame import Frame
from data.model.observation import Detections, Observation, Position, Quality, Reading, Rejected, Tick, Vectors
from data.ports.recipe import (
    AsksSecondLook,
    Context,
    Detector,
    FiltersReadings,
    GivesWay,
    Glances,
    KeepsState,
    KnowsByReadings,
    Moves,
    Rule,
    SupportsRegionOfInterest,
)
from engine.judging.conditions import Conditions
from engine.judging.frozen import freeze, thaw
from engine.judging.health import HealthWatch
from engine.judging.jumps import GaugeLimits, JumpFilter, usual_limits
from engine.judging.observed import Begin
from engine.judging.second_looks import CloserFound, SecondLooks
from monitors.gauges._values import ValueSettings

_JUMPS = "jumps:"
"""Name of the jump filter's state among those of the rules, whose names hold no colon."""
_ENDS = "ends:"
"""Likewise, when alerts ended: readings may come late, also after a restart."""
_MOST_ENDS = 1000
_ENDS_KEPT = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one picture gave. `detections` is None where no detector looks for objects.

    `repeated`: nobody has looked at it, the one before said the same. `looks`: closer looks made besides.
    """

    detections: Detections | None
    readings: tuple[Reading, ...]
    signals: tuple[Signal, ...]
    repeated: bool = False
    looks: int = 0


class Observer(Protocol):
    """Keeps what a site's rules are given, in the order in which they are given it. Never waits, never raises."""

    def begin(self, begin: Begin) -> None: ...

    def changed(self, begin: Begin, at: datetime, freeze: Callable[[], bytes]) -> None: ...

    def looked(
        self, at: datetime, detections: Detections | None, readings: Sequence[Reading], health: Sequence[Signal]
    ) -> None: ...

    def closer(self, at: datetime, found: Sequence[CloserFound]) -> None: ...

    def unsearched(self, at: datetime, health: Sequence[Signal]) -> None: ...

    def read(self, reading: Reading) -> None: ...

    def followed(self, position: Position) -> None: ...

    def second(self, tick: Tick, health: Sequence[Signal], freeze: Callable[[], bytes]) -> None: ...

    def decided(self, at: datetime, signals: Sequence[Signal]) -> None: ...


class SitePipeline:
    """The detectors and rules of one site, fed in the order of time by whoever runs it.

    While an alert about the camera's own health is open, its pictures are not searched and its rules are told that
    nothing can be seen.

    Raises what the recipes raise when they come alive: InputRejected, UnverifiedWeights, DeviceLost.
    """

    def __init__(
        self,
        site: SiteSettings,
        context: Context,
        open_alerts: Sequence[Alert] = (),
        state: Any = None,
        *,
        pending: Iterable[AlertKey] = (),
        scene: Any = None,
        view: str = "",
        observer: Observer | None = None,
        limits: Mapping[str, GaugeLimits] | None = None,
        detectors: Sequence[Detector] | None = None,
        second_looks: bool | None = None,
    ) -> None:
        """`open_alerts`: those the store holds open; each goes to the rule that raised it.

        `state`, `scene`: what `snapshot` and `scene` gave in an earlier process; None when there is nothing.
        `pending`: what it had told of. `view`: as in `turned`. `observer`: is told of all that the rules are given.
        `limits`: of the gauges, by monitor, where the site itself does not say. `detectors`: where they live already.
        `second_looks`: is there somebody who looks closer at what rules doubt? As detectors and settings say for None.
        """
        context = replace(context, site=site.place)
        self.site = site.id
        self._refused: list[Rejected] = []
        self._suspect: set[Reading] = set()
        self._ended_at: dict[AlertKey, datetime] = {}  # of conditions that hold no longer, the oldest first
        self._take_rules(site, context, {}, gauge_limits(site) if limits is None else limits)
        for recipe, rule in zip(site.rules, self._rules, strict=True):
            rule.resume([a for a in open_alerts if a.key.site == site.id and a.key.rule == recipe.name])
        self._restore(state)
        self._detectors = list(made_detectors(site, context) if detectors is None else detectors)
        self._second_looks = SecondLooks(self._detectors)
        if second_looks is None:
            second_looks = self._second_looks.able and context.inference.second_looks > 0
        self._offer_second_looks = second_looks
        self._offer()
        self._conditions = Conditions(self._rules, context.stale_after, open_alerts, pending)
        self._standings: tuple[Standing, ...] = ()
        self._empty: Detections | None = None  # what the last picture has shown, if that was nothing
        judged = site.camera is not None and site.health.enabled
        source = "" if site.camera is None else site.camera.model_dump_json()
        camera = hashlib.sha256(source.encode()).hexdigest()
        self._health = (
            HealthWatch(site.health, site.id, open_alerts, camera=camera, view=view, scene=scene) if judged else None
        )
        self._observer = observer
        if observer is not None:
            own = tuple(alert for alert in open_alerts if alert.key.site == site.id)
            observer.begin(Begin(site, context, self._limits, own, state, tuple(pending), second_looks))

    def _name_rules(self) -> None:
        named = list(zip(self._kinds, self._rules, strict=True))
        self._screens = {name: rule for name, rule in named if isinstance(rule, FiltersReadings)}
        self._keepers = {name: rule for name, rule in named if isinstance(rule, KeepsState)}
        self._by_readings = {name: rule for name, rule in named if isinstance(rule, KnowsByReadings)}
        self._giving_way = {name: rule for name, rule in named if isinstance(rule, GivesWay)}
        self._askers = {name: rule for name, rule in named if isinstance(rule, AsksSecondLook)}

    def _offer(self) -> None:
        """Tell the rules that there is somebody who looks closer, if there is."""
        for rule in self._askers.values() if self._offer_second_looks else ():
            rule.offer_second_looks()

    def _take_rules(
        self, site: SiteSettings, context: Context, living: Mapping[str, Rule], limits: Mapping[str, GaugeLimits]
    ) -> None:
        """The site's rules and what is known of them. `living`: those that go on as they are, by name.

        Changes nothing that an earlier pipeline of the same parts knows.
        """
        self._rules = [living[recipe.name] if recipe.name in living else recipe.make(context) for recipe in site.rules]
        self._levels = {
            recipe.name: recipe
            for recipe in site.rules
            if hasattr(recipe, "vertical_datum") and getattr(recipe, "quantity", None) == LEVEL
        }
        self._datums = context.datums
        self._kinds = {recipe.name: recipe.kind for recipe in site.rules}
        self._name_rules()
        self._about_gauges = {recipe.name for recipe in site.rules if recipe.about == "gauge"}
        self._of_positions = {recipe.name for recipe in site.rules if recipe.judges_positions}
        self._limits = limits
        self._jumps = JumpFilter(_limits_of(limits))

    def with_rules(
        self, site: SiteSettings, context: Context, dropped: Mapping[str, Because], at: datetime
    ) -> tuple[SitePipeline, tuple[Ended, ...]]:
        """The pipeline of these settings, whose detectors and camera are the same; this one is of no use any more.

        Rules that are not `dropped` go on as they are; alerts of those that are end `at`. Raises what the recipes
        raise; then this one goes on.
        """
        context = replace(context, site=site.place)
        living = {name: rule for name, rule in zip(self._kinds, self._rules, strict=True) if name not in dropped}
        following = copy(self)
        following._take_rules(site, context, living, gauge_limits(site))
        following._jumps.gauges = self._jumps.gauges
        following._offer()
        following._conditions = self._conditions.after(following._rules, context.stale_after)
        ends = following.ends(dropped, at)
        following.note_ends(ends)
        if self._observer is not None:
            state, looks = following.snapshot(), self._offer_second_looks
            begin = Begin(site, context, following._limits, state=state, second_looks=looks)
            self._observer.changed(begin, at, following.freeze)
        return following, ends

    def ends(self, dropped: Mapping[str, Because], at: datetime) -> tuple[Ended, ...]:
        """The ends of the open alerts of these rules, which nobody watches any more since `at`."""
        keys = [key for key in self._conditions.open_keys if key.rule in dropped]
        return tuple(Ended(key, at, at, because=dropped[key.rule]) for key in keys)

    def note_ends(self, ended: Iterable[Ended]) -> None:
        """These alerts, of settings that hold no longer, have ended: what begins now is decided after that."""
        for one in ended:
            self._in_order(one)
            self._conditions.note((one,))

    @property
    def detectors(self) -> Sequence[Detector]:
        """Those that look at the camera's pictures."""
        return tuple(self._detectors)

    @property
    def looks(self) -> bool:
        """Does anything look at the pictures?"""
        return bool(self._detectors) or self._health is not None

    def see(
        self,
        frame: Frame,
        moves: Moves | None = None,
        *,
        still: bool = False,
        calm_until: datetime | None = None,
        looks: int | None = None,
    ) -> Seen:
        """Look at one picture and judge what is in it. `moves`: then detectors may look only where something moved.

        `still`: nothing has moved since the last picture. Where that one was empty, this one is taken for empty too.
        `calm_until`: nothing had moved from the last picture until then, so the rules are told that it was empty.
        `looks`: so many closer looks there is time for; any number for None.
        """
        health = self._health.see(frame) if self._health is not None else []
        if not self._sees:
            if self._observer is not None:
                self._observer.unsearched(frame.at, health)
                self._observer.decided(frame.at, health)
            self._conditions.note(health)
            self._empty = None
            return Seen(None, (), tuple(health))
        if still and self._empty is not None:
            return self._judged([replace(self._empty, at=frame.at)], health, frame.at, repeated=True)
        earlier: tuple[Signal, ...] = ()
        if calm_until is not None and self._empty is not None and self._empty.at < calm_until < frame.at:
            earlier = self._judged([replace(self._empty, at=calm_until)], [], calm_until).signals
        observations = [found for detector in self._detectors for found in _found(detector, frame, moves)]
        seen = self._judged(observations, health, frame.at)
        closer, made = self._second_looks.look(frame, self._askers, looks)
        more = self.closer(closer, frame.at) if closer else ()
        return replace(seen, signals=(*earlier, *seen.signals, *more), looks=made)

    def closer(self, found: Sequence[CloserFound], at: datetime) -> tuple[Signal, ...]:
        """Judge what closer looks have shown in the picture that was judged last."""
        if self._observer is not None:
            self._observer.closer(at, found)
        known = [one for one in found if one.rule in self._askers]
        signals = [signal for one in known for signal in self._askers[one.rule].looked(one.subject, one.sight, at)]
        ordered = tuple(self._in_order(signal) for signal in signals)
        self._conditions.note(ordered)
        if self._observer is not None:
            self._observer.decided(at, ordered)
        return ordered

    def _judged(
        self, observations: Sequence[Observation], health: Sequence[Signal], at: datetime, *, repeated: bool = False
    ) -> Seen:
        pictures = [found for found in observations if isinstance(found, Detections)]
        readings = tuple(found for found in observations if isinstance(found, Reading))
        detections = merged(pictures) if pictures else None
        return self.look(detections, readings, health, at, repeated=repeated)

    def look(
        self,
        detections: Detections | None,
        readings: Sequence[Reading],
        health: Sequence[Signal],
        at: datetime,
        *,
        repeated: bool = False,
    ) -> Seen:
        """Judge what was found in one picture. `health`: what it says of the camera itself."""
        if self._observer is not None:
            self._observer.looked(at, detections, readings, health)
        judged: list[Observation] = [*([detections] if detections is not None else []), *readings]
        signals = (*health, *(signal for one in judged for signal in self._judge(one)))
        self._empty = detections if detections is not None and not len(detections) else None
        self._conditions.saw(at)
        self._conditions.note(signals)
        if self._observer is not None:
            self._observer.decided(at, signals)
        return Seen(detections, tuple(self.marked(reading) for reading in readings), signals, repeated)

    def glance(self, frame: Frame) -> Detections | None:
        """What may be an object in this picture; None where no detector can tell. Nothing is followed or judged."""
        able = [detector for detector in self._detectors if isinstance(detector, Glances)]
        return merged([detector.glance(frame) for detector in able]) if able else None

    def read(self, reading: Reading) -> Sequence[Signal]:
        """Judge one reading."""
        if self._observer is not None:
            self._observer.read(reading)
        signals = self._judge(reading)
        self._conditions.saw(reading.at)
        self._conditions.note(signals)
        if self._observer is not None:
            self._observer.decided(reading.at, signals)
        return signals

    def follow(self, position: Position) -> Sequence[Signal]:
        """Judge one position of a vehicle."""
        if self._observer is not None:
            self._observer.followed(position)
        signals = self._judge(position)
        self._conditions.saw(position.at)
        self._conditions.note(signals)
        if self._observer is not None:
            self._observer.decided(position.at, signals)
        return signals

    def marked(self, reading: Reading) -> Reading:
        """A reading that was judged, as it is to be stored: an impossible jump is marked suspect."""
        if reading not in self._suspect:
            return reading
        self._suspect.discard(reading)
        return replace(reading, quality=Quality.SUSPECT)

    def tick(self, tick: Tick) -> Sequence[Signal]:
        """Let a second pass."""
        health = self._health.tick(tick) if self._health is not None else []
        return self.second(replace(tick, observable=tick.observable and self._sees), health)

    def second(self, seen: Tick, health: Sequence[Signal] = ()) -> Sequence[Signal]:
        """Let a second pass in which the site could be seen, and believed, or not. `health`: of the camera itself."""
        if self._observer is not None:
            self._observer.second(seen, health, self.freeze)
        signals = [*health, *self._judge(seen)]
        self._conditions.note(signals)
        self._standings = (*self._standings, *self._conditions.changes(seen))
        if self._observer is not None:
            self._observer.decided(seen.at, signals)
        return signals

    def standings(self) -> tuple[Standing, ...]:
        """What is pending, clearing, stale, or no longer so, since this was asked last."""
        standings, self._standings = self._standings, ()
        return standings

    @property
    def _sees(self) -> bool:
        """Can what the camera shows be believed?"""
        return self._health is None or self._health.well

    def snapshot(self) -> Any:
        """What the rules know beyond their open alerts, as JSON; None when there is nothing."""
        states = {
            name: {"kind": self._kinds[name], "state": state}
            for name, rule in self._keepers.items()
            if (state := rule.snapshot()) is not None
        }
        jumps = self._jumps.snapshot()
        if jumps is not None:
            states[_JUMPS] = {"kind": "", "state": jumps}
        ends = [[*key, at.isoformat()] for key, at in self._newest_ends()]
        if ends:
            states[_ENDS] = {"kind": "", "state": ends}
        return states or None

    def essence(self) -> Any:
        """What of the snapshot has to be stored with the reading that changes it; cheap."""
        states: dict[str, Any] = {}
        for name, rule in self._keepers.items():
            known = self._by_readings.get(name)
            states[name] = rule.snapshot() if known is None else tuple(known.gauges)
        return states, self._jumps.snapshot(), self._newest_ends()

    def _newest_ends(self) -> tuple[tuple[AlertKey, datetime], ...]:
        """Of a camera none: its pictures come in the order of time."""
        return () if self._detectors else tuple(self._ended_at.items())[-_ENDS_KEPT:]

    def note_stored(self, newest: Iterable[Reading]) -> None:
        """The newest stored reading of each of the site's gauges, when rules begin with a state that may be older."""
        for rule in self._by_readings.values():
            for reading in newest:
                rule.note_stored(reading)

    def freeze(self) -> bytes:
        """The rules' whole state, exactly, for `thaw`. Raises InputRejected where a rule cannot be kept so."""
        state = (self._rules, self._conditions, self._jumps.gauges, self._suspect, self._ended_at)
        return freeze(state, self._modules)

    def thaw(self, state: bytes) -> None:
        """Go on from what `freeze` gave, of the same rules, as if no time had passed. Raises InputRejected."""
        self._rules, self._conditions, self._jumps.gauges, self._suspect, self._ended_at = thaw(state, self._modules)
        self._name_rules()

    @property
    def _modules(self) -> frozenset[str]:
        """Where the classes of these rules are defined."""
        return frozenset(type(rule).__module__ for rule in self._rules)

    def adopt(self, other: SitePipeline, names: Collection[str]) -> None:
        """Take over from `other` the rules of these names, as they are, and what it knows of the gauges."""
        theirs = dict(zip(other._kinds, other._rules, strict=True))
        own = zip(self._kinds, self._rules, strict=True)
        self._rules = [theirs[name] if name in names and name in theirs else rule for name, rule in own]
        self._jumps.gauges, self._suspect = other._jumps.gauges, other._suspect
        self._ended_at |= {key: at for key, at in other._ended_at.items() if key.rule in names}
        self._name_rules()

    @property
    def open_keys(self) -> frozenset[AlertKey]:
        """Of the alerts that are open, by what was given and decided so far."""
        return self._conditions.open_keys

    def note(self, signals: Sequence[Signal]) -> None:
        """Something was said of the camera itself, by a picture that was not searched."""
        self._conditions.note(signals)

    def scene(self) -> Any:
        """What the camera usually shows, when it is time to keep it (every ten minutes); else None."""
        return self._health.scene() if self._health is not None else None

    def turned(self, view: str) -> None:
        """When the camera was last turned on purpose: what it shows since then is its scene."""
        if self._health is not None:
            self._health.turned(view)

    def _restore(self, states: Any) -> None:
        """Each rule takes up its own state; one of a rule that has gone or is of another kind now is forgotten."""
        for (name, kind), rule in zip(self._kinds.items(), self._rules, strict=True):
            kept = states.get(name) if isinstance(states, Mapping) else None
            if kept is None or kept.get("kind") != kind or not isinstance(rule, KeepsState):
                continue
            try:
                rule.restore(kept["state"])
            except (ValueError, KeyError) as error:
                log.warning("%s, rule %s: begins without its earlier state (%s)", self.site, name, error)
        try:
            kept = states.get(_JUMPS) if isinstance(states, Mapping) else None
            if kept is not None:
                self._jumps.restore(kept["state"], self.site)
        except (ValueError, KeyError) as error:
            log.warning("%s: its gauges' last readings are not known (%s)", self.site, error)
        try:
            kept = states.get(_ENDS) if isinstance(states, Mapping) else None
            if kept is not None:
                self._ended_at = {AlertKey(*map(str, key)): datetime.fromisoformat(at) for *key, at in kept["state"]}
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s: when its alerts ended is not known (%s)", self.site, error)

    def _judge(self, seen: Observation | Tick) -> list[Signal]:
        signals = self._signals(seen)
        for name, rule in self._giving_way.items() if signals else ():
            signals += rule.heard([signal for signal in signals if signal.key.rule != name])
        return [self._in_order(signal) for signal in signals]

    def _in_order(self, signal: Signal) -> Signal:
        """What begins after an end is decided after it, though its reading be earlier by some milliseconds.

        Two gauges may cross each other: one has fallen, and the other's reading of just before is above the limit. By
        its times alone that would be the occurrence that has ended, delivered once more.
        """
        if isinstance(signal, Ended):
            ended_at = max(signal.ended_at, signal.at, self._ended_at.get(signal.key, signal.at))
            self._ended_at[signal.key] = ended_at
            if len(self._ended_at) > _MOST_ENDS:
                del self._ended_at[next(iter(self._ended_at))]
            return signal
        ended = self._ended_at.pop(signal.key, None)
        if ended is None or (signal.decided_at or signal.at) > ended:
            return signal
        return replace(signal, decided_at=ended + timedelta(microseconds=1))

    def _signals(self, seen: Observation | Tick) -> list[Signal]:
        signals: list[Signal] = []
        if isinstance(seen, Position):
            for name, rule in zip(self._kinds, self._rules, strict=True):
                signals += rule.judge(seen) if name in self._of_positions else []
            return signals
        if not isinstance(seen, Reading):
            for rule in self._rules:
                signals += rule.judge(seen)
            return signals
        placed = {name: self._placed(name, seen) for name in self._kinds}
        screened = [(screen, placed[name]) for name, screen in self._screens.items()]
        believed = all(reading is None or screen.believes(reading) for screen, reading in screened)
        judged = self._believed(seen) if believed else ()
        for (name, reading), rule in zip(placed.items(), self._rules, strict=True):
            if name in self._about_gauges:
                signals += [] if reading is None else rule.judge(reading)
                continue
            for one in judged:
                here = reading if one is seen else self._placed(name, one)
                signals += [] if here is None else rule.judge(here)
        return signals

    def _believed(self, reading: Reading) -> tuple[Reading, ...]:
        """What the rules about the place may judge now; an impossible jump waits for the next reading."""
        taken = self._jumps.take(reading)
        if reading not in taken.judged:
            self._suspect.add(reading)
        self._suspect.difference_update(taken.judged)
        for dropped, reason in taken.dropped:
            self._refused.append(Rejected(dropped.site, dropped.monitor, dropped.at, reason))
        return taken.judged

    def _placed(self, name: str, reading: Reading) -> Reading | None:
        """The reading in the datum of this rule's limits; None, and a reject that says so, where that cannot be."""
        recipe = self._levels.get(name)
        if (
            recipe is None
            or reading.quantity != LEVEL
            or getattr(recipe, "monitor", None) not in {None, reading.monitor}
        ):
            return reading
        try:
            return self._datums.placed(reading, getattr(recipe, "vertical_datum", None))
        except InputRejected as error:
            excerpt = f"{reading.value:g} m at {reading.at.isoformat()}"
            self._refused.append(Rejected(reading.site, reading.monitor, reading.at, f"rule {name}: {error}", excerpt))
            return None

    def refused(self) -> Sequence[Rejected]:
        """Readings that a rule could not judge, since this was asked last."""
        refused, self._refused = self._refused, []
        return refused


def gauge_limits(site: SiteSettings) -> Mapping[str, GaugeLimits]:
    """What the site's sensors say of how far their values can change, by monitor."""
    gauges = (recipe for recipe in site.sensors if isinstance(recipe, ValueSettings))
    return {recipe.name: GaugeLimits(recipe.jump_limit, recipe.doubtful) for recipe in gauges}


def made_detectors(site: SiteSettings, context: Context) -> list[Detector]:
    """The site's detectors come alive, which may take long. Raises what the recipes raise."""
    context = replace(context, site=site.place)
    return [recipe.make(context) for recipe in site.detectors]


def _limits_of(limits: Mapping[str, GaugeLimits]) -> Callable[[Reading], GaugeLimits]:
    """Of each gauge, as configured or as usual for its quantity."""
    return lambda reading: limits.get(reading.monitor) or usual_limits(reading.quantity)


def _found(detector: Detector, frame: Frame, moves: Moves | None) -> Sequence[Observation]:
    if moves is not None and isinstance(detector, SupportsRegionOfInterest):
        return detector.find_near(frame, moves)
    return detector.find(frame)


def merged(pictures: Sequence[Detections]) -> Detections:
    """What several detectors found in the same picture as one, so that no rule takes one's silence for absence.

    The track ids of n detectors are interleaved: k-th detector's id t becomes t * n + k.
    """
    if len(pictures) == 1:
        return pictures[0]
    n = len(pictures)
    ids = [np.where(p.track_id < 0, -1, p.track_id * n + k) for k, p in enumerate(pictures)]
    return Detections(
        site=pictures[0].site,
        at=pictures[0].at,
        xyxy=np.concatenate([p.xyxy for p in pictures]),
        confidence=np.concatenate([p.confidence for p in pictures]),
        labels=tuple(label for p in pictures for label in p.labels),
        track_id=np.concatenate(ids),
        aspect=pictures[0].aspect,
        appearance=_appearances(pictures),
        earlier={t * n + k: sights for k, p in enumerate(pictures) for t, sights in p.earlier.items()},
    )


def _appearances(pictures: Sequence[Detections]) -> Vectors | None:
    """Of all objects, where every detector that found any describes them in the same way."""
    described = [p.appearance for p in pictures if len(p)]
    known = [looks for looks in described if looks is not None]
    if not known or len(known) < len(described) or len({looks.shape[1] for looks in known}) > 1:
        return None
    return np.concatenate(known)
