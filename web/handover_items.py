"""What is open at this moment, gathered by the server for a shift handover, group by group, the gravest first.

An item is a mapping with `key`, the reference that a note names ("alert:12", "site:quay", "run:3"), and facts that the
screens put into words. Names of sites are kept with it, since a handover is read years later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from data.config.settings import Settings
from data.model.alert import Alert, Priority
from data.model.case import CaseClock
from data.model.notice import Notice, NoticeState
from data.model.plan import RunState
from data.model.roll_call import counts_of
from data.model.task import Event, Task
from data.model.views import iso
from data.ports.store import AlertQuery, Reader, TaskQuery
from data.stored.modes import active_modes
from data.stored.recording_gaps import gaps_of
from web.health import past_health

MOST = 500  # items of one group; `more` says how many are left out at least
_NOTICES_LOOKED_AT = 1000
_VERSIONS_LOOKED_AT = 100


def gather(reader: Reader, settings: Settings, since: datetime, now: datetime) -> dict[str, Any]:
    """Every group of open items. `since`: when the shift began, for what failed or was changed in it."""
    sites = {site.id: site.name or site.id for site in settings.sites}
    found = {
        "alerts": list(_alerts(reader, sites, now)),
        "events": list(_events(reader, sites)),
        "tasks": list(_tasks(reader, sites)),
        "suppressed": list(_suppressed(reader, sites, now)),
        "plans": list(_plans(reader, settings)),
        "roll_calls": list(_roll_calls(reader)),
        "devices": list(_devices(reader, settings, sites, now)),
        "notices": list(_notices(reader, since)),
        "settings": list(_settings(reader, since)),
    }
    return {
        "at": iso(now),
        "modes": sorted(active_modes(reader)),
        "groups": {name: items[:MOST] for name, items in found.items()},
        "more": {name: len(items) - MOST for name, items in found.items() if len(items) > MOST},
    }


def _alerts(reader: Reader, sites: dict[str, str], now: datetime) -> Iterator[dict[str, Any]]:
    """Those that hold and those that nobody acknowledged; P1 without an acknowledgement first."""
    held = reader.alerts(AlertQuery(open_only=True, limit=MOST + 1))
    waiting = reader.alerts(AlertQuery(unacknowledged_only=True, limit=MOST + 1))
    alerts = {one.id: one for one in (*held, *waiting) if not one.is_suppressed(now)}

    def urgency(alert: Alert) -> tuple[bool, bool, str, datetime]:
        calls = alert.calls_for_attention(now)
        return not (calls and alert.priority is Priority.P1), not calls, alert.priority.value, alert.started_at

    for alert in sorted(alerts.values(), key=urgency):
        yield _alert(alert, sites) | {"calls": alert.calls_for_attention(now)}


def _alert(alert: Alert, sites: dict[str, str]) -> dict[str, Any]:
    return {
        "key": f"alert:{alert.id}",
        "alert": alert.id,
        "site": alert.key.site,
        "site_name": sites.get(alert.key.site, alert.key.site),
        "rule": alert.key.rule,
        "kind": alert.kind,
        "label": alert.label,
        "value": alert.value,
        "unit": alert.unit,
        "priority": alert.priority.value,
        "state": alert.state.value,
        "started_at": iso(alert.started_at),
        "acknowledged_by": alert.acknowledged_by,
        "event": alert.event_id,
    }


def _events(reader: Reader, sites: dict[str, str]) -> Iterator[dict[str, Any]]:
    units = {unit.id: unit.name for unit in reader.units()}

    def urgency(event: Event) -> tuple[str, str, int]:
        clock = _running(event)
        return event.priority.value, "9" if clock is None or clock.due is None else clock.due.isoformat(), event.id

    for event in sorted(reader.events(open_only=True, limit=MOST + 1), key=urgency):
        clock = _running(event)
        yield {
            "key": f"event:{event.id}",
            "event": event.id,
            "title": event.title,
            "site": event.site,
            "site_name": sites.get(event.site, event.site),
            "priority": event.priority.value,
            "state": event.state.value,
            "started_at": iso(event.opened_at),
            "lead": units.get(event.lead, event.lead),
            "clock": "" if clock is None else clock.name.value,
            "due": None if clock is None else iso(clock.due),
            "paused": clock is not None and clock.is_paused,
        }


def _running(event: Event) -> CaseClock | None:
    return next((clock for clock in reversed(event.clocks) if clock.stopped is None), None)


def _tasks(reader: Reader, sites: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Those that nobody accepts first, then by priority."""
    names = {one.id: one.name for one in reader.responders()}
    units = {unit.id: unit.name for unit in reader.units()}

    def urgency(task: Task) -> tuple[bool, str, int]:
        return task.unaccepted_since is None, task.priority.value, task.id

    for task in sorted(reader.tasks(TaskQuery(open_only=True, limit=MOST + 1)), key=urgency):
        offers = [offer.expires_at for offer in reader.offers(task.id) if offer.is_open] if task.offered_to else []
        who = task.responder or task.offered_to or ""
        yield {
            "key": f"task:{task.id}",
            "task": task.id,
            "event": task.event_id,
            "title": task.title,
            "site": task.site,
            "site_name": sites.get(task.site, task.site),
            "priority": task.priority.value,
            "state": task.state.value,
            "started_at": iso(task.created_at),
            "who": names.get(who, who) or units.get(task.unit, task.unit),
            "unaccepted_since": iso(task.unaccepted_since),
            "due": iso(min(offers)) if offers else None,
            "promised": None if task.promised is None else task.promised.isoformat(),
        }


def _suppressed(reader: Reader, sites: dict[str, str], now: datetime) -> Iterator[dict[str, Any]]:
    """Shelved, suppressed by design or out of service; those that end first stand first."""
    found = reader.suppressed_alerts(now, limit=MOST + 1)
    ends = {one.id: one.shelved_until if one.shelved_until and one.shelved_until > now else None for one in found}
    for alert in sorted(found, key=lambda one: (ends[one.id] is None, ends[one.id] or now, one.id)):
        yield _alert(alert, sites) | {
            "how": [one.value for one in alert.suppressions(now)],
            "due": iso(ends[alert.id]),
            "shelved_by": alert.shelved_by,
            "inhibited_by": alert.inhibited_by,
            "work_order": alert.work_order,
        }


def _plans(reader: Reader, settings: Settings) -> Iterator[dict[str, Any]]:
    for run in reversed(reader.plan_runs(open_only=True, limit=MOST + 1)):
        plan, begun = settings.plans.plan(run.plan), run.begun
        yield {
            "key": f"run:{run.id}",
            "plan": run.plan,
            "zh": run.plan if plan is None else plan.zh,
            "en": run.plan if plan is None else plan.en,
            "mode": "" if plan is None else plan.mode,
            "level": run.level.value,
            "state": run.state.value,
            "trigger": run.trigger,
            "started_at": iso(run.opened_at if begun is None else begun.at),
            "by": "" if begun is None else begun.by,
            "waits": run.state is RunState.PROPOSED,
        }


def _roll_calls(reader: Reader) -> Iterator[dict[str, Any]]:
    for one in reader.roll_calls(open_only=True, limit=MOST + 1):
        called = reader.called(one.id)
        yield {
            "key": f"roll_call:{one.id}",
            "roll_call": one.id,
            "title": one.title,
            "counts": counts_of(called),
            "by": one.steps[0].by,
            "started_at": iso(one.ordered_at),
            "due": iso(max((each.due for each in called), default=one.ordered_at)),
        }


def _devices(reader: Reader, settings: Settings, sites: dict[str, str], now: datetime) -> Iterator[dict[str, Any]]:
    """Cameras and gauges with a fault: lost, looked at otherwise than configured, silent, without video."""
    health = past_health(reader, tuple(sites))
    for site, known in health.items():
        fault = "lost" if known.health == "lost" else "degraded" if known.degraded else ""
        if fault:
            yield _device(site, sites, fault, known.cause or known.degraded, known.at)
    for alert in reader.alerts(AlertQuery(of=("silence",), open_only=True, limit=MOST + 1)):
        yield _device(
            alert.key.site, sites, "silent", alert.key.subject or alert.label, iso(alert.started_at), alert.id
        )
    if settings.recording.enabled:
        for camera in (site for site in settings.sites if site.camera is not None):
            gaps = gaps_of(reader, camera.id, now)
            if gaps:
                missing_s = round(sum((until - begin).total_seconds() for begin, until in gaps))
                yield _device(camera.id, sites, "recording_gap", str(missing_s), iso(gaps[-1][1]))


def _device(  # noqa: PLR0917
    site: str, sites: dict[str, str], fault: str, cause: str, at: str | None, alert: int | None = None
) -> dict[str, Any]:
    about = {"key": f"site:{site}", "site": site, "site_name": sites.get(site, site), "fault": fault}
    return about | {"cause": cause, "started_at": at, "alert": alert}


def _notices(reader: Reader, since: datetime) -> Iterator[dict[str, Any]]:
    """Notices of the shift that reached nobody, and call-outs that nobody has answered."""
    for one in _of_the_shift(reader.notices(limit=_NOTICES_LOOKED_AT), since):
        unanswered = one.wants_answer and one.state in {NoticeState.WAITING, NoticeState.DELIVERED}
        if one.state is NoticeState.FAILED or unanswered:
            yield {
                "key": f"notice:{one.id}",
                "notice": one.id,
                "subject": one.subject,
                "title": one.title,
                "channel": one.channel,
                "to": list(one.recipients),
                "state": one.state.value,
                "error": one.error,
                "priority": one.priority.value,
                "started_at": iso(one.created_at),
            }


def _of_the_shift(notices: Sequence[Notice], since: datetime) -> list[Notice]:
    return [one for one in notices if one.created_at >= since]


def _settings(reader: Reader, since: datetime) -> Iterator[dict[str, Any]]:
    for version in reader.settings_versions(limit=_VERSIONS_LOOKED_AT):
        if version.at >= since:
            yield {
                "key": f"settings:{version.number}",
                "version": version.number,
                "by": version.who,
                "note": version.note,
                "changed": len(version.difference),
                "started_at": iso(version.at),
            }
