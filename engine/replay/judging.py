"""Judges again what a site's rules were given. No detector, clock, network or store: values in, decisions out."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from data.config.catalogue import Catalogue
from data.config.settings import Settings, SiteSettings
from data.errors import InputRejected
from data.local.observations import moment
from data.model.alert import Alert, AlertKey, Raised, Signal, Standing
from data.model.camera_health import HealthSettings
from data.model.datum import Datums
from data.model.observation import Reading
from data.model.zone import Zone
from data.ports.recipe import Context
from engine.judging.jumps import GaugeLimits
from engine.judging.observed import (
    BEGIN,
    CLOSER,
    DECIDED,
    LOOK,
    LOST,
    POSITION,
    READING,
    SECOND,
    STATE,
    UNSEARCHED,
    Begin,
    begin_of,
    closer_of,
    look_of,
    position_of,
    reading_of,
    rule_settings,
    second_of,
    signals_of,
)
from engine.judging.pipeline import SitePipeline, gauge_limits
from engine.replay.passage import Line, Passage

log = logging.getLogger(__name__)

DEFECTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
"""What a defect of a rule may raise. Live, the site goes on with the next line, or with new rules; so does this."""


@dataclass(slots=True)
class Judged:
    """What the rules decided, in order, and what they had decided live on the same lines.

    `already`: alerts that were open at the beginning. `moved`: zones that lie elsewhere under the other settings.
    `second_looks`: was there somebody who looked closer at what rules doubted?
    """

    decisions: list[Signal] = field(default_factory=list)
    live: list[Signal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lines: int = 0
    already: frozenset[AlertKey] = frozenset()
    moved: frozenset[str] = frozenset()
    second_looks: bool = False


Wanted = tuple[SiteSettings, Context, Mapping[str, GaugeLimits]]
"""By what a site is to be judged instead."""

Other = Callable[[Begin], Wanted]
"""From what its rules began with to what they are to begin with instead."""


def judge(passage: Passage, catalogue: Catalogue, other: Other | None = None) -> Judged:
    """By the rules as they were, or by others. Raises InputRejected for rules that cannot be made here."""
    player = _Player(passage.site, catalogue, other)
    judged = Judged()
    for line in passage:
        judged.lines += 1
        if line[0] == DECIDED:
            judged.live += signals_of(line[3])
            continue
        try:
            judged.decisions += player.play(line)
            if judged.lines == 1:
                judged.already = player.open_keys
        except DEFECTS as error:
            judged.faults.append(f"{passage.stream} at {moment(line[2]).isoformat()}: {error!r}")
    judged.moved, judged.second_looks = frozenset(player.moved), player.second_looks
    return judged


@dataclass(frozen=True, slots=True)
class Played:
    """A line of a passage, and what the rules decided on it. `readings`: as they are to be stored."""

    at: datetime
    signals: tuple[Signal, ...]
    standings: tuple[Standing, ...]
    readings: tuple[Reading, ...] = ()


def played(passage: Passage, catalogue: Catalogue) -> Iterator[Played]:
    """The lines of a passage one after the other, judged by the rules as they were; without what was decided live.

    Raises InputRejected for rules that cannot be made here.
    """
    player = _Player(passage.site, catalogue, None)
    for line in passage:
        if line[0] == DECIDED:
            continue
        try:
            signals = tuple(player.play(line))
            yield Played(moment(line[2]), signals, player.standings, player.readings(line))
        except DEFECTS as error:
            log.warning("a rule failed, as it did live: %s at %s: %r", passage.stream, moment(line[2]), error)


class _Player:
    def __init__(self, site: str, catalogue: Catalogue, other: Other | None) -> None:
        self._site = site
        self._catalogue = catalogue
        self._other = other
        self._pipeline: SitePipeline | None = None
        self._judged_by: SiteSettings | None = None  # where the settings are others
        self._open: dict[AlertKey, Alert] = {}
        self._broken = False  # lines were lost: the next state is right, and ours is not
        self._told: Any = None  # the settings that the lines were judged by
        self.moved: set[str] = set()
        self.second_looks = False
        self.standings: tuple[Standing, ...] = ()  # of the line that was played last

    @property
    def open_keys(self) -> frozenset[AlertKey]:
        return frozenset() if self._pipeline is None else self._pipeline.open_keys

    def play(self, line: Line) -> Sequence[Signal]:
        """What the rules decide on this line."""
        kind, _, us, *fields = line
        self.standings = ()
        if kind == BEGIN:
            self._begin(begin_of(fields, self._catalogue))
            self._told, self._broken = fields[0], False
            return ()
        if kind == STATE:
            if self._pipeline is None or self._broken or fields[2] != self._told:
                self._go_on(begin_of([fields[2]], self._catalogue), base64.b64decode(fields[1]))
                self._told, self._broken = fields[2], False
            return ()
        self._broken = self._broken or kind == LOST
        if self._pipeline is None:
            return ()
        signals = tuple(_judge(self._pipeline, self._site, kind, moment(us), fields))
        self.standings = self._pipeline.standings()
        self._pipeline.refused()
        self._note(signals)
        return signals

    def readings(self, line: Line) -> tuple[Reading, ...]:
        """What was measured on this line, which was played last; impossible jumps are marked."""
        kind, _, us, *fields = line
        if kind == READING:
            found: tuple[Reading, ...] = (reading_of(self._site, fields),)
        elif kind == LOOK:
            found = look_of(self._site, moment(us), fields).readings
        else:
            return ()
        return tuple(one if self._pipeline is None else self._pipeline.marked(one) for one in found)

    def _begin(self, begin: Begin) -> None:
        """Rules began anew, live: with open alerts and kept state. Changed rules go on as after a restart of theirs."""
        if self._other is None:
            self._pipeline = SitePipeline(
                begin.site, begin.context, begin.open_alerts, begin.state, pending=begin.pending, limits=begin.limits,
                second_looks=begin.second_looks,
            )  # fmt: skip
            return
        site, context, limits = self._wanted(self._other, begin)
        same = unchanged(begin, site, context)
        state = {name: one for name, one in (begin.state or {}).items() if name in same or ":" in name}
        if self._pipeline is not None:
            own = self._pipeline.snapshot() or {}
            state |= {name: one for name, one in own.items() if name not in same and ":" not in name}
        alerts = [alert for alert in begin.open_alerts if alert.key.rule in same]
        alerts += [alert for key, alert in self._open.items() if key.rule not in same]
        looks = begin.second_looks
        self._pipeline = SitePipeline(site, context, alerts, state or None, limits=limits, second_looks=looks)
        self._judged_by = site

    def _go_on(self, begin: Begin, frozen: bytes) -> None:
        """Exactly where the rules were; changed ones go on, or begin with nothing."""
        looks = begin.second_looks
        as_it_was = SitePipeline(begin.site, begin.context, limits=begin.limits, second_looks=looks)
        as_it_was.thaw(frozen)
        if self._other is None:
            self._pipeline = as_it_was
            return
        site, context, limits = self._wanted(self._other, begin)
        same = unchanged(begin, site, context)
        before, self._pipeline = self._pipeline, SitePipeline(site, context, limits=limits, second_looks=looks)
        if before is not None and self._judged_by is not None:
            alike = unchanged(replace(begin, site=self._judged_by, context=context), site, context)
            self._pipeline.adopt(before, set(alike) - set(same))
        self._pipeline.adopt(as_it_was, same)
        self._judged_by = site

    def _wanted(self, other: Other, begin: Begin) -> Wanted:
        wanted = other(begin)
        zones_then = {zone.id: zone for zone in begin.site.zones}
        self.moved |= {zone.id for zone in wanted[0].zones if zones_then.get(zone.id, zone) != zone}
        self.second_looks = self.second_looks or begin.second_looks
        return wanted

    def _note(self, signals: Sequence[Signal]) -> None:
        for signal in signals:
            if isinstance(signal, Raised):
                self._open[signal.key] = _alert_of(signal, self._open.get(signal.key))
            else:
                self._open.pop(signal.key, None)


def _judge(pipeline: SitePipeline, site: str, kind: str, at: datetime, fields: Sequence[Any]) -> Iterator[Signal]:
    if kind == LOOK:
        look = look_of(site, at, fields)
        yield from pipeline.look(look.detections, look.readings, look.health, at).signals
    elif kind == CLOSER:
        yield from pipeline.closer(closer_of(fields), at)
    elif kind == READING:
        yield from pipeline.read(reading_of(site, fields))
    elif kind == POSITION:
        yield from pipeline.follow(position_of(site, fields))
    elif kind == SECOND:
        yield from pipeline.second(*second_of(site, at, fields))
    elif kind == UNSEARCHED:
        health = signals_of(fields[0])
        pipeline.note(health)
        yield from health


def by_settings(settings: Settings) -> Other:
    """As another configuration has the site; without rules where it does not know it."""

    def wanted(begin: Begin) -> Wanted:
        try:
            site = settings.site(begin.site.id)
        except KeyError:
            site = begin.site.model_copy(update={"rules": ()})
        site = site.model_copy(update={"detectors": (), "health": HealthSettings(enabled=False)})
        context = replace(
            begin.context, site=site.place, timezone=settings.timezone, datums=Datums(settings.datums),
            stale_after=settings.alarms.stale_after,
        )  # fmt: skip
        return site, context, gauge_limits(site) or begin.limits

    return wanted


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One setting of one rule is another: `value` as in config.yaml."""

    site: str
    rule: str
    setting: str
    value: Any


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """A zone lies elsewhere: `polygon` in fractions of the picture, as in config.yaml."""

    site: str
    zone: str
    polygon: Any


class Changes:
    """As it was but for these: an `Other`. Raises InputRejected for a change that no rule or zone allows.

    `unfit`: those that nothing was found for, at no time of the span.
    """

    def __init__(self, changes: Sequence[RuleChange | ZoneChange], catalogue: Catalogue) -> None:
        self._changes = changes
        self._catalogue = catalogue
        self._fit: set[int] = set()

    def __call__(self, begin: Begin) -> Wanted:
        site = begin.site
        for number, change in enumerate(self._changes):
            if change.site == site.id:
                if _concerns(change, site):
                    self._fit.add(number)
                site = _changed(site, change, self._catalogue)
        return site, replace(begin.context, site=site.place), begin.limits

    @property
    def unfit(self) -> Sequence[RuleChange | ZoneChange]:
        return [change for number, change in enumerate(self._changes) if number not in self._fit]


def _concerns(change: RuleChange | ZoneChange, site: SiteSettings) -> bool:
    if isinstance(change, ZoneChange):
        return any(zone.id == change.zone for zone in site.zones)
    return any(rule.name == change.rule for rule in site.rules)


def by_parts(parts: Mapping[str, Mapping[str, Any]], catalogue: Catalogue) -> Other:
    """As it was but for the zones and rules of these sites: `{site: {"zones": [...], "rules": [...]}}`, all of theirs.

    Raises InputRejected for what is no zone, or allowed by no rule.
    """
    made = {site: _made(site, given, catalogue) for site, given in parts.items()}

    def wanted(begin: Begin) -> Wanted:
        site = begin.site.model_copy(update=made.get(begin.site.id, {}))
        return site, replace(begin.context, site=site.place), begin.limits

    return wanted


def _made(site: str, given: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    try:
        zones = tuple(Zone.model_validate(one) for one in given.get("zones", ()))
        rules = tuple(catalogue.rule(str(one["kind"])).model_validate(one) for one in given.get("rules", ()))
    except ValidationError as error:
        raise _refused(site, error) from error
    return {"zones": zones, "rules": rules}


def _refused(site: str, error: ValidationError) -> InputRejected:
    told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return InputRejected(f"{site}: {told}", key="what_if.value", told=told)


def _changed(site: SiteSettings, change: RuleChange | ZoneChange, catalogue: Catalogue) -> SiteSettings:
    """A rule or zone that the site did not have then is left out. Raises InputRejected."""
    try:
        if isinstance(change, ZoneChange):
            zones = [
                Zone(id=zone.id, polygon=change.polygon) if zone.id == change.zone else zone for zone in site.zones
            ]
            return site.model_copy(update={"zones": tuple(zones)})
        rules = [
            catalogue.rule(rule.kind).model_validate(rule_settings(rule) | {change.setting: change.value})
            if rule.name == change.rule
            else rule
            for rule in site.rules
        ]
        return site.model_copy(update={"rules": tuple(rules)})
    except ValidationError as error:
        raise _refused(site.id, error) from error


def unchanged(begin: Begin, site: SiteSettings, context: Context) -> Collection[str]:
    """The names of the rules that are the same under both settings, with everything they rest on."""
    then = begin.context
    if (then.timezone, then.datums, then.stale_after) != (context.timezone, context.datums, context.stale_after):
        return frozenset()
    zones = {zone.id: zone for zone in site.zones}
    zones_then = {zone.id: zone for zone in begin.site.zones}
    known = {rule.name: rule for rule in begin.site.rules}
    same = set()
    for rule in site.rules:
        before = known.get(rule.name)
        if before is None or rule_settings(before) != rule_settings(rule):
            continue
        named = {rule.zone, *getattr(rule, "except_zones", ())} - {None}
        if all(zones.get(str(name)) == zones_then.get(str(name)) for name in named):
            same.add(rule.name)
    return same


def _alert_of(raised: Raised, before: Alert | None) -> Alert:
    """As the store would have it, for rules that begin anew."""
    if before is not None:
        again = replace(before, priority=raised.priority, value=raised.value, forecast=raised.forecast)
        return replace(again, vehicle=raised.vehicle)
    return Alert(
        raised.key, raised.kind, raised.priority, raised.started_at, raised.at, raised.label, raised.confidence,
        raised.xyxy, raised.value, raised.unit, forecast=raised.forecast, vehicle=raised.vehicle,
    )  # fmt: skip
