"""Work on an event: judging it, and making, returning, reassigning and reworking its tasks.

Functions raise as `dispatch.cases.take` does; each is one unit of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from data.config.settings import Settings
from data.errors import IllegalMove, InputRejected
from data.model.alert import Priority
from data.model.case import OPENING, Part
from data.model.people import SYSTEM, Action, Actor
from data.model.task import Event, EventState, Task, TaskState
from data.ports.store import Writer
from data.stored.trail import task_step
from dispatch import turns
from dispatch.case_rules import QUICK
from dispatch.case_table import EventStep
from dispatch.cases import Given, close_if_done, judge_if_unattended, take
from dispatch.clocks import calendar_of
from dispatch.offers import make_offer, offer_next
from dispatch.responders import named
from dispatch.routing import Roads
from dispatch.transitions import Step, check
from dispatch.turns import tasks_of

TAKES_TASKS = frozenset({EventState.FILED, EventState.JUDGING, EventState.DISPATCHED, EventState.HANDLING})


@dataclass(frozen=True, slots=True)
class Work:
    """A task to be made.

    `unit`: its people take the task among themselves; `responder`: the one it is offered to; with neither it is offered
    to the nearest suitable responder. `on_offer` False: it stays a draft until a human decides.
    """

    title: str = ""
    part: Part = Part.LEAD
    unit: str = ""
    responder: str | None = None
    checklist: tuple[str, ...] = ()
    promised: date | None = None
    needs_photo: bool = False
    priority: Priority | None = None  # the event's when left out
    alert_id: int | None = None
    on_offer: bool = True


def judge(
    writer: Writer,
    event_id: int,
    actor: Actor,
    now: datetime,
    *,
    changes: Mapping[str, Any],
    limit: timedelta | None = None,
    reason: str = "",
) -> Event:
    """研判: `changes` may name section, lead, co_handlers, cooperating and priority; `limit` the deadline."""
    for unit in _units_named(changes):
        writer.unit(unit)
    parts = [changes.get("lead", ""), *changes.get("co_handlers", ()), *changes.get("cooperating", ())]
    named_units = [unit for unit in parts if unit]
    if len(set(named_units)) != len(named_units):
        raise InputRejected("a unit has one part in an event: lead, co-handler or cooperating")
    detail: dict[str, Any] = {name: _plain(value) for name, value in changes.items()}
    if limit is not None:
        detail["limit_s"] = limit.total_seconds()
    return take(writer, event_id, EventStep.JUDGE, actor, now, Given(reason=reason, detail=detail, changes=changes))


def dispatch_units(writer: Writer, event_id: int, actor: Actor, now: datetime, *, settings: Settings) -> Event:
    """派遣: a task for the lead, each co-handler and each cooperating unit that has none, then the step itself."""
    event = writer.event(event_id)
    if event.state not in (EventState.FILED, EventState.JUDGING):
        # `take` raises with the reason.
        return take(writer, event_id, EventStep.DISPATCH, actor, now, calendar=calendar_of(settings))
    actor.require(Action.DISPATCH)
    busy = {task.unit for task in tasks_of(writer, event_id, open_only=True) if task.state is not TaskState.RETURNED}
    for part, units in (
        (Part.LEAD, (event.lead,)),
        (Part.CO_HANDLER, event.co_handlers),
        (Part.COOPERATING, event.cooperating),
    ):
        for unit in units:
            if unit and unit not in busy:
                assigned(writer, event, Work(part=part, unit=unit), actor, now)
    given = Given(limit=_limit_said(event))
    return take(writer, event_id, EventStep.DISPATCH, actor, now, given, calendar=calendar_of(settings))


def _limit_said(event: Event) -> timedelta | None:
    """The deadline that the last judging set, else the one set when the event was entered; None: the category's."""
    said = [one.detail.get("limit_s") for one in (event.last(EventStep.JUDGE.value), event.last(OPENING)) if one]
    seconds = next((one for one in said if one is not None), None)
    return None if seconds is None else timedelta(seconds=seconds)


def add_task(
    writer: Writer, event_id: int, work: Work, actor: Actor, now: datetime, *, roads: Roads, settings: Settings
) -> Task:
    """Add a task to an event; an event that is filed and needs no judging is dispatched by it.

    If nobody can be asked, the task stays a draft with its shortfall. Raises IllegalMove in states that take no tasks;
    never raises NobodyAvailable.
    """
    actor.require(Action.DISPATCH)
    event = writer.event(event_id)
    if event.state not in TAKES_TASKS:
        text = f"event {event_id} is {event.state}; no task is added to it"
        raise IllegalMove(text, key="event.state", event=event_id, event_state=event.state.value)
    if work.unit:
        task = assigned(writer, event, work, actor, now)
    else:
        task = _made(writer, event, work, actor, now)
        if not work.on_offer:
            return task
        if work.responder is None:
            task = offer_next(writer, task, now, roads=roads, settings=settings)
        else:
            candidate, why = named(writer, work.responder, event.location, roads=roads)
            if why:
                text = f"{work.responder} cannot be sent: {why}"
                raise IllegalMove(text, key="nobody.named", who=work.responder, unfit=why)
            task = make_offer(writer, task, candidate, actor, now, settings=settings)
    # Returned to be judged since all its tasks had been cancelled.
    back = event.state is EventState.JUDGING and event.origin in QUICK
    if event.state is EventState.FILED or back:
        given = Given(limit=_limit_said(event))
        take(writer, event_id, EventStep.DISPATCH, actor, now, given, calendar=calendar_of(settings))
    return task


def give_back(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str) -> Task:
    """退单: return a task. When the lead's task is returned, the event has to be judged again."""
    task = turns.give_back(writer, task_id, actor, now, reason)
    event = writer.event(task.event_id)
    if task.role == Part.LEAD and event.state in (EventState.DISPATCHED, EventState.HANDLING):
        given = Given(reason=reason, detail={"task": task.id, "unit": task.unit}, on_behalf=actor.name)
        take(writer, event.id, EventStep.RETURN, SYSTEM, now, given)
    return task


def reassign(
    writer: Writer,
    task_id: int,
    actor: Actor,
    now: datetime,
    reason: str,
    *,
    roads: Roads,
    settings: Settings,
    unit: str = "",
    responder: str | None = None,
) -> Task:
    """改派: reassign a task to a unit, to a named responder, or to the nearest suitable one."""
    task = turns.take_away(writer, task_id, actor, now, reason, unit)
    if not unit and responder is not None:
        candidate, why = named(writer, responder, task.location, roads=roads)
        if why:
            raise IllegalMove(f"{responder} cannot be sent: {why}", key="nobody.named", who=responder, unfit=why)
        task = make_offer(writer, task, candidate, actor, now, settings=settings)
    elif not unit:
        task = offer_next(writer, task, now, roads=roads, settings=settings)
    passed_on(writer, task, actor, now, reason, to=unit or responder)
    return task


def passed_on(writer: Writer, task: Task, actor: Actor, now: datetime, reason: str, *, to: str | None) -> None:
    """Record the reassignment on the event; a suspended event stays suspended. `to`: the unit or person named."""
    event = writer.event(task.event_id)
    if event.state is EventState.SUSPENDED:
        return
    changes = {"lead": task.unit} if task.unit and task.role == Part.LEAD else {}
    given = Given(reason=reason, detail={"task": task.id, "to": to}, changes=changes, on_behalf=actor.name)
    take(writer, event.id, EventStep.REASSIGN, SYSTEM, now, given)


def rework(  # noqa: PLR0917 - who, when and why
    writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str, settings: Settings
) -> Task:
    """返工: send a task and its event back for rework; the handling clock continues from where it stopped."""
    task = turns.rework(writer, task_id, actor, now, reason)
    given = Given(reason=reason, detail={"task": task.id}, on_behalf=actor.name)
    take(writer, task.event_id, EventStep.REWORK, SYSTEM, now, given, calendar=calendar_of(settings))
    return task


def assigned(writer: Writer, event: Event, work: Work, actor: Actor, now: datetime) -> Task:
    """Assign a task to a unit: any of its people may accept it."""
    writer.unit(work.unit)
    task = _made(writer, event, work, actor, now)
    check(task, Step.ASSIGN, actor if actor.role is None else SYSTEM, (), now)
    task = writer.save_task(replace(task, offered_to=work.unit))
    task_step(writer, task, actor, "assign", now, detail={"to": work.unit, "part": work.part.value})
    return task


def _made(writer: Writer, event: Event, work: Work, actor: Actor, now: datetime) -> Task:
    task = writer.add_task(
        Task(
            event_id=event.id,
            title=work.title or event.title,
            priority=work.priority or event.priority,
            location=event.location,
            created_at=now,
            created_by=actor.name,
            site=event.site,
            grid=event.grid,
            role=work.part.value,
            checklist=work.checklist,
            unit=work.unit,
            promised=work.promised,
            needs_photo=work.needs_photo,
            alert_id=work.alert_id,
        )
    )
    task_step(writer, task, actor, "dispatch", now, detail={"event": event.id})
    return task


def _units_named(changes: Mapping[str, Any]) -> list[str]:
    single = [changes[name] for name in ("section", "lead") if changes.get(name)]
    return [*single, *changes.get("co_handlers", ()), *changes.get("cooperating", ())]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else getattr(value, "value", value)


def resume(  # noqa: PLR0917 - who lets which event go on, when and why
    writer: Writer, event_id: int, actor: Actor, now: datetime, reason: str, settings: Settings
) -> Event:
    """Resume a suspended event in its former state; its tasks may have been closed or cancelled meanwhile."""
    take(writer, event_id, EventStep.RESUME, actor, now, Given(reason=reason), calendar=calendar_of(settings))
    close_if_done(writer, event_id, actor, now)
    return judge_if_unattended(writer, event_id, actor, now)
