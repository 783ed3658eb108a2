"""Limits against real times: seen → acknowledged → offered → accepted → on scene → closed.

Each check says from when to when, how long it took in seconds, the limit, and whether it was over. Without an end it
was not reached; it is over then if the limit had passed when the subject ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from alerts.kpi import ACKNOWLEDGE_WITHIN_S
from data.config.settings import Settings
from data.model.alert import Alert
from data.model.alert_life import AlertStep, TakenStep
from data.model.case import ClockName
from data.model.task import Event, Offer, Task
from data.model.views import iso
from dispatch.clocks import calendar_of, used_s

STEPS = ("seen", "acknowledged", "offered", "accepted", "arrived", "reported", "intake", "handling")


def _check(  # noqa: PLR0917 - a line of a table
    step: str,
    of: str,
    site: str,
    since: datetime,
    until: datetime | None,
    limit_s: float | None,
    ended: datetime,
    *,
    priority: str,
    who: str = "",
    expected: bool = False,
) -> dict[str, Any]:
    """`expected`: the limit is a forecast of travel time, not a rule."""
    took = None if until is None else max(0.0, (until - since).total_seconds())
    waited = (ended - since).total_seconds() if took is None else took
    return {
        "step": step,
        "subject": of,
        "site": site,
        "priority": priority,
        "since": iso(since),
        "until": iso(until),
        "took_s": None if took is None else round(took, 1),
        "limit_s": None if limit_s is None else round(limit_s, 1),
        "expected": expected,
        "over": limit_s is not None and waited > limit_s,
        "who": who,
    }


def alert_times(alert: Alert, steps: Iterable[TakenStep], ended: datetime) -> list[dict[str, Any]]:
    """Seen: from the beginning of the condition to the alert. Acknowledged: from the alert to the first time."""
    of, site = f"alert:{alert.id}", alert.key.site
    first = next((one for one in steps if one.alert_id == alert.id and one.step is AlertStep.ACKNOWLEDGE), None)
    at, who = (first.at, first.by) if first else (alert.acknowledged_at, alert.acknowledged_by or "")
    limit, gravity = ACKNOWLEDGE_WITHIN_S.get(alert.priority), alert.priority.value
    return [
        _check("seen", of, site, alert.started_at, alert.raised_at, None, ended, priority=gravity),
        _check("acknowledged", of, site, alert.raised_at, at, limit, ended, priority=gravity, who=who),
    ]


def task_times(
    task: Task, offers: Sequence[Offer], cause: Alert | None, settings: Settings, ended: datetime
) -> list[dict[str, Any]]:
    """From the alert (or the task) to the first offer, to the acceptance, to the scene, to the report."""
    gravity = task.priority.value
    of, site, end = f"task:{task.id}", task.site, task.cancelled_at or ended
    begun = task.created_at if cause is None else min(cause.raised_at, task.created_at)
    offered = min((one.offered_at for one in offers), default=None)
    assigned = next((one.at for one in task.steps if one.step == "assign"), None)
    asked = offered or assigned or (task.created_at if task.unit else None)
    checks = [_check("offered", of, site, begun, asked, None, end, priority=gravity, who="" if offers else task.unit)]
    if asked is None:
        return checks
    taken = next((one for one in offers if one.accepted_at is not None), None)
    limit = settings.dispatch.accept_within[task.priority].total_seconds()
    holder = task.responder or ""
    checks.append(_check("accepted", of, site, asked, task.accepted_at, limit, end, priority=gravity, who=holder))
    if task.accepted_at is not None:
        travel = None if taken is None else taken.travel_s
        arrived = _check(
            "arrived",
            of,
            site,
            task.accepted_at,
            task.on_scene_at,
            travel,
            end,
            priority=gravity,
            who=holder,
            expected=True,
        )
        checks.append(arrived)
    if task.on_scene_at is not None:
        checks.append(
            _check("reported", of, site, task.on_scene_at, task.reported_at, None, end, priority=gravity, who=holder)
        )
    return checks


def event_times(event: Event, settings: Settings, ended: datetime) -> list[dict[str, Any]]:
    """The clocks of the event, in the time they count in (working hours or all hours), without their pauses."""
    calendar, told = calendar_of(settings), []
    for clock in event.clocks:
        used = used_s(calendar, clock, clock.stopped or ended)
        step = "intake" if clock.name is ClockName.INTAKE else "handling"
        told.append(
            {
                "step": step,
                "subject": f"event:{event.id}",
                "site": event.site,
                "priority": event.priority.value,
                "since": iso(clock.started),
                "until": iso(clock.stopped),
                "took_s": None if clock.stopped is None else round(used, 1),
                "limit_s": round(clock.whole_s, 1),
                "expected": False,
                "over": used > clock.whole_s,
                "who": "",
                "time": clock.time.value,
            }
        )
    return told
