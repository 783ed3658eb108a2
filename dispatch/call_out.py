"""The call-out ladder of a case: who telephones or visits by when, and who is told when they have not.

The subject of a timer is the task. What is due is derived from the task's recorded times in the unit of work that
finishes the timer, so that a restart neither forgets nor repeats an escalation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from data.config.case_sources import CallOut, CallOutTo
from data.config.settings import Settings
from data.errors import NotFound
from data.model.case import Part
from data.model.organisation import Unit, above
from data.model.people import SYSTEM
from data.model.record import Timer
from data.model.task import Event, Task
from data.model.views import iso
from data.ports.store import Writer
from dispatch.case_table import TABLE, EventStep
from dispatch.case_work import Work, add_task
from dispatch.cases import Given, take
from dispatch.escalating import next_above
from dispatch.routing import Roads

REPORTED, ON_SCENE = "call_out_reported", "call_out_on_scene"
"""Kinds of the timers: by then the task is reported, or somebody is on scene."""
KIND_OF: Mapping[str, str] = MappingProxyType({"reported": REPORTED, "on_scene": ON_SCENE})
REASON = "call_out_missed"
_AT_ONCE = 20


def begin(
    writer: Writer,
    event: Event,
    ladder: Iterable[CallOut],
    grid: Unit | None,
    now: datetime,
    *,
    roads: Roads,
    settings: Settings,
) -> list[Task]:
    """Make the tasks of every rung, each with its limit. Where a unit is not known the nearest who can is asked."""
    units = {unit.id: unit for unit in writer.units()}
    made, lead = [], True
    for rung in ladder:
        for to in rung.to:
            part = Part.LEAD if lead else Part.CO_HANDLER
            due = now + rung.within
            title = _title(rung, due, settings)
            work = Work(title, part, unit_of(units, to, grid), checklist=rung.checklist)
            task = add_task(writer, event.id, work, SYSTEM, now, roads=roads, settings=settings)
            writer.add_timer(Timer(KIND_OF[rung.until], task.id, due))
            made.append(task)
            lead = False
    return made


def _title(rung: CallOut, due: datetime, settings: Settings) -> str:
    """`电话劝阻 · 11:41 前`: whoever has the task sees by when, on every screen and on the phone."""
    at = due.astimezone(settings.zone_info).strftime("%H:%M")
    until = f"{at} 前" if settings.language == "zh" else f"by {at}"
    return f"{rung.title(settings.language)} · {until}"


def unit_of(units: Mapping[str, Unit], to: CallOutTo, grid: Unit | None) -> str:
    """The unit that is meant; empty where there is none: then the nearest who can is asked."""
    if to.unit:
        return to.unit if to.unit in units else ""
    if to.level is None or grid is None:
        return ""
    return next((one.id for one in above(units, grid.id) if one.kind is to.level), "")


def limits_due(writer: Writer, now: datetime, timers: Sequence[Timer] | None = None) -> int:
    """Escalate what was not done in its limit; returns how many timers ended."""
    ended = 0
    kinds = tuple(KIND_OF.values())
    for timer in writer.timers_due(now, _AT_ONCE, kinds=kinds) if timers is None else timers:
        if timer.kind not in kinds or not writer.finish_timer(timer.id, now):
            continue
        ended += 1
        try:
            task = writer.task(timer.subject)
        except NotFound:
            continue
        if is_waited_for(task, timer.kind):
            _escalate(writer, task, timer, now)
    return ended


def is_waited_for(task: Task, kind: str) -> bool:
    """True while the task has not come as far as its rung wants."""
    done = task.reported_at is not None or (kind == ON_SCENE and task.on_scene_at is not None)
    return task.is_open and not done


def _escalate(writer: Writer, task: Task, timer: Timer, now: datetime) -> None:
    """Tell the next post above; after as long again the one above it, until the highest was told."""
    event = writer.event(task.event_id)
    if event.state not in TABLE[EventStep.ESCALATE].states:
        return  # suspended or ended: a human has decided
    limit_s = _limit_s(event, task, timer)
    detail: dict[str, Any] = {
        "to": next_above(writer, event, SYSTEM),
        "task": task.id,
        "title": task.title,
        "call_out_s": limit_s,
        "due": iso(timer.due_at),
    }
    event = take(writer, event.id, EventStep.ESCALATE, SYSTEM, now, Given(reason=REASON, detail=detail))
    if next_above(writer, event, SYSTEM) != detail["to"]:
        writer.add_timer(Timer(timer.kind, task.id, now + timedelta(seconds=limit_s)))


def _limit_s(event: Event, task: Task, timer: Timer) -> float:
    """The rung's limit: of the first time from the task's beginning, afterwards as it was recorded."""
    for step in reversed(event.steps):
        if step.step == EventStep.ESCALATE.value and step.detail.get("task") == task.id:
            return float(step.detail["call_out_s"])
    return (timer.due_at - task.created_at).total_seconds()
