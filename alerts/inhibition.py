"""Suppression by design: while one condition holds, alerts that follow from it call nobody. They are still shown.

The inhibiting condition is always an open alert: the camera's own, or one that closes the roads around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from alerts.moves import check
from data.config.alarms import InhibitionSettings
from data.config.settings import Settings
from data.model.alert import Alert, renewed_call
from data.model.alert_life import AlertStep
from data.model.geo import distance_m
from data.model.people import SYSTEM
from data.ports.store import AlertQuery, Reader, Writer
from data.stored.trail import take_alert_step

MOST_OPEN = 10_000


def settle_inhibition(writer: Writer, alert: Alert, now: datetime, settings: Settings) -> Alert:
    """After a step of `alert`: inhibit or release it, and inhibit or release the alerts that depend on it."""
    alert = _settle(writer, alert, now, settings)
    name = f"alert:{alert.id}"
    inhibitions = [
        one for one in inhibitions_of(settings) if alert.kind in one.by_kinds or alert.key.rule in one.by_rules
    ]
    if not inhibitions:
        return alert
    for held in writer.alerts(AlertQuery(inhibited_by=name, limit=MOST_OPEN)):
        _settle(writer, held, now, settings)
    if alert.is_open:
        for one in inhibitions:
            if one.inhibits(alert):
                for other in _near(writer, alert, one, settings, of=(*one.kinds, *one.rules), boxes=one.boxes):
                    if not other.inhibited_by and one.concerns(other):
                        _inhibit(writer, other, name, one, now)
    return writer.alert(alert.id)


def inhibitions_of(settings: Settings) -> tuple[InhibitionSettings, ...]:
    """The inhibitions of the settings, and one for every closure of roads."""
    closures = tuple(
        InhibitionSettings(
            id=f"closed-road-{number}",
            by_rules=closure.rules,
            by_priority=closure.from_priority,
            kinds=settings.alarms.on_closed_roads,
            radius=closure.radius,
        )
        for number, closure in enumerate(settings.dispatch.closures)
    )
    return (*settings.alarms.inhibitions, *closures)


def _settle(writer: Writer, alert: Alert, now: datetime, settings: Settings) -> Alert:
    """Update by which alert this one is inhibited: still the same, another one, or none."""
    found = list(_sources(writer, alert, settings)) if alert.is_open else []
    names = [name for name, _ in found]
    if alert.inhibited_by in names or (not names and not alert.inhibited_by):
        return alert
    if names:
        return _inhibit(writer, alert, names[0], found[0][1], now)
    if not alert.is_open and _stays_quiet(writer, alert):
        return alert
    check(alert, AlertStep.RELEASE, SYSTEM, now)
    free = renewed_call(alert, replace(alert, inhibited_by=""))
    return take_alert_step(writer, free, AlertStep.RELEASE, SYSTEM, now, detail={"inhibited_by": alert.inhibited_by})


def _stays_quiet(reader: Reader, alert: Alert) -> bool:
    """True when an ended alert is still inhibited by an open one."""
    return reader.alert(int(alert.inhibited_by.rpartition(":")[2])).is_open


def _inhibit(writer: Writer, alert: Alert, by: str, one: InhibitionSettings, now: datetime) -> Alert:
    check(alert, AlertStep.INHIBIT, SYSTEM, now)
    quiet = replace(alert, inhibited_by=by)
    return take_alert_step(
        writer, quiet, AlertStep.INHIBIT, SYSTEM, now, detail={"inhibited_by": by, "inhibition": one.id}
    )


def _sources(reader: Reader, alert: Alert, settings: Settings) -> Iterator[tuple[str, InhibitionSettings]]:
    """The open alerts that inhibit this one, by name, each with the inhibition that applies."""
    for one in inhibitions_of(settings):
        if one.concerns(alert):
            for other in _near(reader, alert, one, settings, of=(*one.by_kinds, *one.by_rules), boxes=False):
                if one.inhibits(other):
                    yield f"alert:{other.id}", one


def _near(
    reader: Reader, alert: Alert, one: InhibitionSettings, settings: Settings, *, of: tuple[str, ...], boxes: bool
) -> Iterator[Alert]:
    """Other open alerts within the inhibition's radius: of these kinds or rules, or of any if `boxes`."""
    site = alert.key.site if one.radius == 0 else None
    query = AlertQuery(site=site, open_only=True, of=() if boxes else of, limit=MOST_OPEN)
    places = {place.id: place.location for place in settings.sites} if one.radius > 0 else {}
    here = places.get(alert.key.site)
    for other in reader.alerts(query):
        if other.id == alert.id:
            continue
        there = places.get(other.key.site)
        if other.key.site == alert.key.site or (here and there and distance_m(here, there) <= one.radius):
            yield other
