"""Steps that turn a task back: blocked, returned 退单, ruled 裁定, reassigned 改派, sent back for rework 返工.

Each is recorded among the task's steps with its reason, and with the times that it clears.
Steps raise NotFound, Forbidden, IllegalMove or InputRejected as those of `dispatch.tasks` do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from data.errors import IllegalMove, NotFound
from data.model.case import Recorded
from data.model.people import Actor
from data.model.task import ENDED, Task, TaskState
from data.model.views import iso
from data.ports.store import Reader, TaskQuery, Writer
from data.stored.trail import responder_changed, task_step
from dispatch.offers import withdraw_open
from dispatch.transitions import Step, check

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ROUND = ("accepted_at", "en_route_at", "on_scene_at", "reported_at", "verified_at", "closed_at")


def block(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str) -> Task:
    """Mark the work as blocked for now: a locked gate, a car in the way."""
    task = writer.task(task_id)
    check(task, Step.BLOCK, actor, (), now, reason=reason)
    return turned(writer, task, Step.BLOCK, TaskState.BLOCKED, actor, now, reason=reason)


def unblock(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str = "") -> Task:
    """Continue blocked work in its former state."""
    task = writer.task(task_id)
    check(task, Step.UNBLOCK, actor, (), now)
    before = replace(task, steps=()).state
    return turned(writer, task, Step.UNBLOCK, before, actor, now, reason=reason)


def give_back(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str) -> Task:
    """Return a task that is not for this unit or person: once with a reason, a second time only after a ruling."""
    task = writer.task(task_id)
    check(task, Step.RETURN, actor, (), now, members=people_of(writer, task.unit), reason=reason)
    cleared, kept = new_round(task)
    returned = turned(
        writer, cleared, Step.RETURN, TaskState.RETURNED, actor, now, reason=reason, detail=kept, offered_to=None
    )
    _free(writer, task, now)
    return returned


def rule(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str) -> Task:
    """Record a ruling on who has to do the task; after it the task may be returned once more."""
    task = writer.task(task_id)
    check(task, Step.RULE, actor, writer.offers(task_id), now, reason=reason)
    return turned(writer, task, Step.RULE, task.state, actor, now, reason=reason)


def rework(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str) -> Task:
    """Send a reported task back to the same people for rework. Not possible once the event has ended."""
    task = writer.task(task_id)
    check(task, Step.REWORK, actor, (), now, members=people_of(writer, task.unit), reason=reason)
    event = writer.event(task.event_id)
    if event.state in ENDED:
        raise IllegalMove(f"event {event.id} of task {task.id} is {event.state}; reopen it first")
    if task.state is TaskState.CLOSED and task.responder in writer.busy_responders() and not task.unit:
        raise IllegalMove(f"{task.responder} is busy with another task; reassign task {task.id}")
    kept = {"report_text": task.report_text, "report_photo": task.report_photo} | _times(
        task, "reported_at", "verified_at", "closed_at"
    )
    cleared = replace(task, reported_at=None, verified_at=None, verified_by=None, closed_at=None)
    again = turned(writer, cleared, Step.REWORK, TaskState.REWORK, actor, now, reason=reason, detail=kept)
    if task.responder is not None and not task.unit:
        responder_changed(writer, task.responder, now)
    return again


def take_away(  # noqa: PLR0917 - who, when and why
    writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str, unit: str
) -> Task:
    """First half of a reassignment: take the task away from its holder, for `unit` or a new offer to take over."""
    task = writer.task(task_id)
    offers = writer.offers(task_id)
    check(task, Step.REASSIGN, actor, offers, now, reason=reason)
    if unit:
        writer.unit(unit)
    withdraw_open(writer, task, now, "reassigned")
    cleared, kept = new_round(task)
    detail = kept | {"from": task.responder or task.offered_to, "from_unit": task.unit, "to_unit": unit}
    free = turned(
        writer,
        cleared,
        Step.REASSIGN,
        TaskState.OFFERED if unit else TaskState.DRAFT,
        actor,
        now,
        reason=reason,
        detail=detail,
        offered_to=unit or None,
        unit=unit,
        also_offered=(),
    )
    _free(writer, task, now)
    return free


def new_round(task: Task) -> tuple[Task, dict[str, Any]]:
    """The task without responder and times, and the values that were cleared."""
    kept = {"responder": task.responder} | _times(task, *_ROUND)
    nothing: dict[str, Any] = dict.fromkeys(_ROUND)
    return replace(task, responder=None, verified_by=None, **nothing), kept


def turned(  # noqa: PLR0917 - who did what, and where it led
    writer: Writer,
    task: Task,
    step: Step,
    to: TaskState,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    detail: Mapping[str, Any] = _NOTHING,
    **changes: Any,
) -> Task:
    """Store the task with this step recorded."""
    role = "" if actor.role is None else actor.role.value
    recorded = Recorded(step.value, to.value, now, actor.name, role, reason.strip(), dict(detail))
    task = writer.save_task(replace(task, steps=(*task.steps, recorded), **changes))
    task_step(writer, task, actor, step.value, now, detail={"reason": reason.strip()} | dict(detail))
    return task


def people_of(reader: Reader, unit: str) -> Collection[str]:
    """The people of a unit; empty without a unit."""
    if not unit:
        return ()
    try:
        return reader.unit(unit).people
    except NotFound:
        return ()


def tasks_of(reader: Reader, event_id: int, *, open_only: bool = False) -> list[Task]:
    """All tasks of an event, oldest first."""
    return sorted(reader.tasks(TaskQuery(event_id=event_id, open_only=open_only, limit=1000)), key=lambda one: one.id)


def own_tasks(reader: Reader, person: str, query: TaskQuery) -> list[Task]:
    """The tasks offered to, accepted by, or open to the units of this person, newest first.

    The other fields of the query apply to all of them.
    """
    found = {task.id: task for task in reader.tasks(replace(query, responder=person))}
    for unit in reader.units_of(person):
        for task in reader.tasks(replace(query, responder=None, unit=unit.id)):
            if task.responder in (None, person):
                found[task.id] = task
    return sorted(found.values(), key=lambda one: one.id, reverse=True)[: query.limit]


def is_own_task(reader: Reader, task: Task, person: str) -> bool:
    """True if `own_tasks` would return this task for this person. Reads no other tasks."""
    if person in (task.offered_to, task.responder, *task.also_offered):
        return True
    if any(offer.is_open and offer.responder == person for offer in reader.offers(task.id)):
        return True
    return task.responder is None and person in people_of(reader, task.unit)


def _times(task: Task, *names: str) -> dict[str, str | None]:
    return {name: iso(getattr(task, name)) for name in names if getattr(task, name) is not None}


def _free(writer: Writer, before: Task, now: datetime) -> None:
    who = before.responder or before.offered_to
    if who is not None and not before.unit:
        responder_changed(writer, who, now)
