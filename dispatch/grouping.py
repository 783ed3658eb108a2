"""The event an alert belongs to: a recent open event of the same kind at the same place.

Same kind: equal kind and label, or both in one configured group. Same place: one catchment, or near each other in one
grid. Without this, people would work on one flood twice. An alert more urgent than the event gets its own event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert
from data.model.alert_life import AlertStep
from data.model.geo import Box, box_around, distance_m
from data.model.people import SYSTEM
from data.model.task import Event, EventState
from data.ports.store import AlertQuery, Reader, Writer
from data.stored.trail import take_alert_step

_ONE_CONDITION = frozenset({"threshold", "time_to_threshold"})
"""Kinds that tell of one water: before its limit, and beyond it."""
_JOINED = frozenset({EventState.FILED, EventState.JUDGING, EventState.DISPATCHED, EventState.HANDLING})
MOST_ALERTS = 200


def join_near(writer: Writer, alert: Alert, now: datetime, settings: Settings) -> Alert:
    """Link an alert to the open event it belongs to, if any; a human links priorities not in `alarms.grouping`."""
    if not alert.is_open or alert.event_id is not None or alert.priority not in settings.alarms.grouping.priorities:
        return alert
    event = near_event(writer, alert, now, settings)
    if event is None:
        return alert
    linked = replace(alert, event_id=event.id, acknowledged_until=None)
    return take_alert_step(
        writer, linked, AlertStep.LINK, SYSTEM, now, detail={"event": event.id}, reason="same kind, place and time"
    )


def near_event(reader: Reader, alert: Alert, now: datetime, settings: Settings) -> Event | None:
    """The open event that this alert belongs to: the nearest one, and of two at the same place the newer."""
    sites = {site.id: site for site in settings.sites}
    site = sites.get(alert.key.site)
    if site is None:
        return None
    since = now - settings.alarms.grouping.within
    found = [
        event
        for kind in sorted(_kinds(alert, settings))
        for event in reader.events_of_kind(kind, since=now, box=_box(site, settings))
        if event.state in _JOINED
        and event.priority <= alert.priority
        and event.opened_at >= since
        and _is_near(event, site, sites.get(event.site), settings)
    ]
    alike = [event for event in found if _is_alike(reader, event, alert, settings)]
    return min(alike, key=lambda event: (distance_m(event.location, site.location), -event.id), default=None)


def _groups(alert: Alert, settings: Settings) -> Iterator[frozenset[str]]:
    for group in settings.alarms.grouping.groups:
        if alert.kind in group or alert.key.rule in group:
            yield frozenset(group)


def _kinds(alert: Alert, settings: Settings) -> set[str]:
    """The kinds of events that the alert may belong to; a group may name rules by their ids."""
    names = {name for group in _groups(alert, settings) for name in group}
    by_rule = {rule.kind for site in settings.sites for rule in site.rules if rule.name in names}
    ahead = _ONE_CONDITION if alert.kind in _ONE_CONDITION else frozenset()
    return {alert.kind} | names | by_rule | ahead


def _box(site: SiteSettings, settings: Settings) -> Box:
    """The box around the site, or around all sites of its catchment."""
    together = [other for other in settings.sites if site.catchment and other.catchment == site.catchment]
    boxes = [box_around(other.location, settings.alarms.grouping.radius) for other in (site, *together)]
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _is_near(event: Event, site: SiteSettings, other: SiteSettings | None, settings: Settings) -> bool:
    if other is not None and site.catchment and site.catchment == other.catchment:
        return True
    one_grid = not event.grid or not site.grid or event.grid == site.grid
    return one_grid and distance_m(event.location, site.location) <= settings.alarms.grouping.radius


def _is_alike(reader: Reader, event: Event, alert: Alert, settings: Settings) -> bool:
    """True if one of the event's alerts is of this alert's kind, or, without alerts, if the event itself is."""
    groups = list(_groups(alert, settings))
    members = reader.alerts(AlertQuery(event_id=event.id, limit=MOST_ALERTS))
    if not members:
        return _condition(event.kind) == _condition(alert.kind) or any(event.kind in group for group in groups)
    return any(
        (_condition(other.kind), other.label) == (_condition(alert.kind), alert.label)
        or any(other.kind in group or other.key.rule in group for group in groups)
        for other in members
    )


def _condition(kind: str) -> str:
    """The kind of alert, the same for what tells of one condition."""
    return "threshold" if kind in _ONE_CONDITION else kind
