"""The subject of a review, and what belongs to it: alerts, tasks and events, each list with a limit in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from data.config.settings import Settings
from data.errors import NotFound
from data.model.alert import CENTRE, Alert
from data.model.geo import Location
from data.model.plan import PlanRun
from data.model.review import Review, ReviewTopic
from data.model.task import Event, Task
from data.model.views import iso
from data.ports.store import AlertQuery, Reader, TaskQuery

MOST = {
    "alerts": 100,
    "tasks": 100,
    "events": 50,
    "pictures": 60,
    "clips": 60,
    "notices": 100,
    "audit": 200,
    "timeline": 300,
    "blind": 100,
    "recurrences": 30,
}
"""How many of each a report tells; where there are more, its facts say so."""


class Names:
    """Display names of sites, people and units. Each person is looked up once."""

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self._reader = reader
        self._sites = {site.id: site.name or site.id for site in settings.sites}
        self._people = {one.id: one.name for one in settings.responders}
        self._units = {unit.id: unit.name for unit in reader.units()}

    def site(self, site: str) -> str:
        """Empty for the centre itself, which has no name of its own."""
        return "" if site == CENTRE else self._sites.get(site, site)

    def unit(self, unit: str) -> str:
        return self._units.get(unit, unit)

    def person(self, name: str | None) -> str:
        """A user, a responder or a unit; the login name where nobody gave another."""
        if not name:
            return ""
        if name not in self._people:
            self._people[name] = self._units.get(name) or self._user(name) or name
        return self._people[name]

    def _user(self, name: str) -> str:
        try:
            return self._reader.user(name).display_name
        except NotFound:
            return ""


@dataclass
class Found:
    """What belongs to the subject, before it is told."""

    since: datetime
    until: datetime
    what: dict[str, Any]
    location: Location | None = None
    event: Event | None = None
    run: PlanRun | None = None
    alerts: Sequence[Alert] = ()
    tasks: Sequence[Task] = ()
    events: Sequence[Event] = ()
    more: set[str] = field(default_factory=set)
    counts: Mapping[str, int] | None = None

    def cut(self, name: str, found: Sequence[Any]) -> Sequence[Any]:
        """At most as many as are told; `found` has one more where there are more."""
        if len(found) > MOST[name]:
            self.more.add(name)
        return found[: MOST[name]]

    @property
    def sites(self) -> list[str]:
        places = [one.key.site for one in self.alerts] + [one.site for one in self.tasks]
        places += [one.site for one in self.events]
        return sorted({site for site in [self.what.get("site", ""), *places] if site})


def find_subject(reader: Reader, review: Review, settings: Settings, now: datetime) -> Found:
    if review.topic is ReviewTopic.EVENT:
        return _of_event(reader, review.number or 0, settings, now)
    if review.topic is ReviewTopic.ALERT:
        return _of_alert(reader, review.number or 0, settings, now)
    if review.topic is ReviewTopic.PLAN_RUN:
        return _of_run(reader, review.number or 0, settings, now)
    since, until = review.since or review.made_at, min(review.until or now, now)
    return _of_span(reader, Found(since, max(since, until), {"title": review.title, "site": ""}))


def _of_event(reader: Reader, number: int, settings: Settings, now: datetime) -> Found:
    event = reader.event(number)
    names = Names(reader, settings)
    found = Found(event.opened_at, event.closed_at or now, event_told(event, names), event.location, event)
    found.alerts = found.cut("alerts", reader.alerts(AlertQuery(event_id=number, limit=MOST["alerts"] + 1)))
    tasks = reader.tasks(TaskQuery(event_id=number, limit=MOST["tasks"] + 1))
    found.tasks = found.cut("tasks", tasks)[::-1]
    found.since = min([event.opened_at, *(one.started_at for one in found.alerts)])
    ends = [one.ended_at for one in found.alerts if one.ended_at is not None]
    found.until = min(max([found.until, *ends]), max(now, found.since))
    return found


def _of_alert(reader: Reader, number: int, settings: Settings, now: datetime) -> Found:
    alert = reader.alert(number)
    site = next((one for one in settings.sites if one.id == alert.key.site), None)
    what = {
        "alert": alert.id,
        "title": "",
        "kind": alert.kind,
        "label": alert.label,
        "site": alert.key.site,
        "site_name": Names(reader, settings).site(alert.key.site),
        "priority": alert.priority.value,
        "state": alert.state.value,
        "opened_at": iso(alert.started_at),
        "closed_at": iso(alert.ended_at),
    }
    found = Found(alert.started_at, alert.ended_at or now, what, site.location if site else None)
    found.alerts = [alert]
    found.tasks = found.cut("tasks", reader.tasks_of_alerts([number], limit=MOST["tasks"] + 1))[::-1]
    return found


def _of_run(reader: Reader, number: int, settings: Settings, now: datetime) -> Found:
    run = reader.plan_run(number)
    plan = next((one for one in settings.plans.plans if one.id == run.plan), None)
    last = run.steps[-1] if run.steps else None
    ended = None if run.is_open or last is None else last.at
    begun = run.begun
    names = Names(reader, settings)
    what = {
        "run": run.id,
        "plan": run.plan,
        "title": run.plan if plan is None else plan.zh,
        "title_en": run.plan if plan is None else plan.en,
        "mode": "" if plan is None else plan.mode or "",
        "site": "",
        "level": run.level.value,
        "state": run.state.value,
        "trigger": run.trigger,
        "description": run.steps[0].reason if run.steps else "",
        "opened_at": iso(begun.at if begun else run.opened_at),
        "closed_at": iso(ended),
        "by_name": names.person(begun.by if begun else ""),
    }
    since = begun.at if begun is not None else run.opened_at
    return _of_span(reader, Found(since, max(ended or now, since), what, run=run))


def _of_span(reader: Reader, found: Found) -> Found:
    span = (found.since, found.until)
    found.counts = {
        **reader.response_counts(*span),
        **{f"alerts_{priority}": number for priority, number in reader.alert_counts(*span).items()},
    }
    found.alerts = found.cut("alerts", reader.gravest_alerts(*span, limit=MOST["alerts"] + 1))
    found.events = found.cut("events", reader.events_opened(*span, limit=MOST["events"] + 1))
    found.tasks = found.cut("tasks", reader.gravest_tasks(*span, limit=MOST["tasks"] + 1))
    return found


def event_told(event: Event, names: Names) -> dict[str, Any]:
    return {
        "event": event.id,
        "title": event.title,
        "kind": event.kind,
        "site": event.site,
        "site_name": names.site(event.site),
        "grid": event.grid,
        "location": event.location.model_dump(),
        "priority": event.priority.value,
        "state": event.state.value,
        "origin": event.origin.value,
        "description": event.description,
        "opened_at": iso(event.opened_at),
        "closed_at": iso(event.closed_at),
        "closed_by_name": names.person(event.closed_by),
        "section_name": names.unit(event.section),
        "lead_name": names.unit(event.lead),
        "co_handler_names": [names.unit(one) for one in (*event.co_handlers, *event.cooperating)],
        "recurs": event.recurs,
        "photo": event.photo,
    }


def alert_told(alert: Alert, names: Names) -> dict[str, Any]:
    return {
        "alert": alert.id,
        "site": alert.key.site,
        "site_name": names.site(alert.key.site),
        "rule": alert.key.rule,
        "kind": alert.kind,
        "label": alert.label,
        "value": alert.value,
        "unit": alert.unit,
        "priority": alert.priority.value,
        "verification": alert.verification.value,
        "occurrence": alert.occurrence,
        "started_at": iso(alert.started_at),
        "raised_at": iso(alert.raised_at),
        "acknowledged_at": iso(alert.acknowledged_at),
        "acknowledged_by_name": names.person(alert.acknowledged_by),
        "ended_at": iso(alert.ended_at),
        "evidence": alert.evidence,
        "event": alert.event_id,
    }
