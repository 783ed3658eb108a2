"""Consequences of a confirmed alert: work is offered at once, and work that needs a decision is left to a human.

Everything is derived from the store, so running it twice, or after a crash, makes nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from data.config.fusion import FusedPlace, SendSettings
from data.config.settings import Settings
from data.model.alert import Alert
from data.model.alert_life import AlertStep, Verification
from data.model.case import Part
from data.model.people import SYSTEM
from data.model.task import Task, TaskState
from data.model.vehicle import PermitState
from data.ports.store import Reader, TaskQuery, Writer
from data.stored.trail import take_alert_step
from dispatch.case_work import Work, add_task
from dispatch.events import event_of
from dispatch.routing import Roads
from dispatch.tasks import verify_by_reading
from dispatch.turns import tasks_of

_PERMITS = MappingProxyType(
    {
        PermitState.UNKNOWN: ("许可未查", "permit not checked"),
        PermitState.NONE: ("无通行许可", "no permit"),
        PermitState.EXPIRED: ("许可已过期", "permit has expired"),
        PermitState.NOT_YET: ("许可尚未生效", "permit not valid yet"),
        PermitState.OUT_OF_HOURS: ("不在许可时段", "outside the permit's hours"),
    }
)


def wanting(reader: Reader, place: FusedPlace, alerts: Sequence[Alert], now: datetime) -> tuple[SendSettings, ...]:
    """The place's configured tasks that are not made yet. `alerts`: its open alerts."""
    if not (place.send or place.ask) or not _calls(place, alerts, now):
        return ()
    event = _event_of(reader, alerts)
    made = set() if event is None else {task.title for task in tasks_of(reader, event)}
    return tuple(one for one in (*place.send, *place.ask) if one.title not in made)


def send_confirmed(
    writer: Writer, place: FusedPlace, alerts: Sequence[Alert], now: datetime, *, roads: Roads, settings: Settings
) -> list[Task]:
    """Make the missing tasks in the one event of these alerts. Raises IllegalMove where that event takes no tasks."""
    missing = wanting(writer, place, alerts, now)
    if not missing:
        return []
    known = _event_of(writer, alerts)
    order = sorted(alerts, key=lambda alert: (alert.event_id != known, alert.priority.value, alert.id))
    event, lead = event_of(writer, order[0], SYSTEM, now, settings)
    for other in order[1:]:
        if other.event_id is None:
            linked = replace(other, event_id=event.id)
            take_alert_step(writer, linked, AlertStep.LINK, SYSTEM, now, detail={"event": event.id})
    made = []
    for number, one in enumerate(missing):
        asked = one in place.ask
        part = Part.LEAD if number == 0 and not asked else Part.CO_HANDLER
        named = tuple(_named_vehicles(alerts, settings.language))
        work = Work(title=one.title, part=part, checklist=(*named, *one.checklist), on_offer=not asked)
        if asked:  # a human offers it with the alert's dispatch button
            work = replace(work, alert_id=lead.id)
        made.append(add_task(writer, event.id, work, SYSTEM, now, roads=roads, settings=settings))
    return made


def _named_vehicles(alerts: Sequence[Alert], language: str) -> Iterator[str]:
    """A line for each vehicle: plate, permit, and how often it did so before; whoever goes has it offline, too."""
    vehicles = {alert.vehicle.plate: alert.vehicle for alert in alerts if alert.vehicle is not None}
    for plate, vehicle in sorted(vehicles.items()):
        zh, en = _PERMITS[vehicle.permit]
        permit, number = zh if language == "zh" else en, vehicle.earlier + 1
        if language == "zh":
            yield f"车牌 {plate}，{permit}，{'首次' if number == 1 else f'第 {number} 次'}"
        else:
            yield f"Plate {plate}, {permit}, {'first time' if number == 1 else f'time no. {number}'}"


def receding(reader: Reader, place: FusedPlace) -> tuple[Task, ...]:
    """The place's reported tasks that wait for verification, by a person or by a sensor."""
    titles = {one.title for one in place.send}
    tasks = reader.tasks(TaskQuery(open_only=True, limit=1000)) if titles else ()
    return tuple(
        task for task in tasks
        if task.site in place.all_sites and task.title in titles and task.state is TaskState.REPORTED
    )  # fmt: skip


def verify_receded(  # noqa: PLR0917 - what was seen, by whom and when
    writer: Writer, place: FusedPlace, source: str, seen_at: datetime, finding: Mapping[str, Any], now: datetime
) -> list[Task]:
    """Verify each task reported before `source` saw that the water has gone."""
    tasks = [t for t in receding(writer, place) if t.reported_at is not None and seen_at > t.reported_at]
    return [verify_by_reading(writer, t.id, now, source=source, seen_at=seen_at, finding=finding) for t in tasks]


def _calls(place: FusedPlace, alerts: Sequence[Alert], now: datetime) -> bool:
    """True if one of them is as sure as the place asks, severe enough, and neither shelved nor out of service."""
    enough = {Verification.CONFIRMED}
    if place.tasks_when == "probable":
        enough.add(Verification.PROBABLE)
    loud = (alert for alert in alerts if not alert.is_suppressed(now))
    sure = (alert for alert in loud if alert.verification in enough)
    return any(alert.priority.value <= place.from_priority.value for alert in sure)


def _event_of(reader: Reader, alerts: Sequence[Alert]) -> int | None:
    """The open event to which one of them already belongs."""
    return next((e for e in _events(alerts) if reader.event(e).closed_at is None), None)


def _events(alerts: Sequence[Alert]) -> Iterator[int]:
    yield from sorted({alert.event_id for alert in alerts if alert.event_id is not None})
