"""Taking a step of an event: check it against the table, record it, update its clocks, publish the change.

Steps raise NotFound, Forbidden (not this role), IllegalMove (not in this state, or a guard forbids it) or InputRejected
(the request lacks something), and then change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.case import CaseClock, ClockName, Recorded
from data.model.category import Category, category_of
from data.model.people import SYSTEM, Actor, may
from data.model.task import ENDED, Event, EventState
from data.ports.store import Reader, Writer
from data.stored.trail import event_step
from dispatch import clocks
from dispatch.case_clocks import retime
from dispatch.case_rules import QUICK, Attempt, reason_against, state_before_suspension
from dispatch.case_table import TABLE, ClockAct, EventGuard, EventStep, EventTransition
from dispatch.clocks import WorkCalendar
from dispatch.turns import tasks_of

_GIVEN = frozenset({EventGuard.REASON, EventGuard.MORE_TIME})  # guards on the request, not on the event


@dataclass(frozen=True, slots=True)
class Given:
    """What is given with a step. `changes`: fields of the event; `detail`: kept with the recorded step."""

    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    more_time: timedelta | None = None
    limit: timedelta | None = None
    unit: str = ""
    on_behalf: str = ""  # the user whose step made the system take this one


NOTHING = Given()
ALL_CANCELLED = "all_cancelled"  # reason of the return when nobody gave one


def category_for(reader: Reader, kind: str) -> Category:
    """The category of this kind of event; a default category where the table has none."""
    try:
        return reader.category(kind).category
    except NotFound:
        return category_of({}, kind)


def take(  # noqa: PLR0917 - who takes which step, when, and what is said with it
    writer: Writer,
    event_id: int,
    step: EventStep,
    actor: Actor,
    now: datetime,
    given: Given = NOTHING,
    *,
    calendar: WorkCalendar | None = None,
) -> Event:
    """Take one step, as one unit of work. Steps that start or continue a clock need the `calendar`."""
    event, move = writer.event(event_id), TABLE[step]
    check_standing(event, step, actor)
    # Steps stay in order when the clock is put back.
    at = max([now, event.opened_at, *(one.at for one in event.steps[-1:])])
    changed = replace(event, **dict(given.changes))
    category = category_for(writer, event.kind)
    attempt = Attempt(changed, actor, category, tasks_of(writer, event_id), given.reason, given.more_time, given.unit)
    check(event, step, attempt)
    to = _target(event, move)
    role = "" if actor.role is None else actor.role.value
    detail = dict(given.detail) | ({"after_step_of": given.on_behalf} if given.on_behalf else {})
    recorded = Recorded(step.value, to.value, at, actor.name, role, given.reason.strip(), detail)
    changed = replace(changed, steps=(*event.steps, recorded))
    changed = _ended(changed, event, to, at, given.on_behalf or actor.name)
    changed = _with_clocks(changed, move, category, given, at, calendar)
    changed = writer.save_event(changed)
    if changed.clocks != event.clocks:
        retime(writer, changed, category, at, calendar)
    event_step(writer, changed, actor, step.value, at, detail={"reason": given.reason.strip()} | detail)
    return changed


def check(event: Event, step: EventStep, attempt: Attempt) -> None:
    """Return when the step is allowed. Raises Forbidden, IllegalMove, InputRejected."""
    check_standing(event, step, attempt.actor)
    for guard in TABLE[step].guards:
        why = reason_against(guard, attempt)
        if why and guard in _GIVEN:
            raise InputRejected(f"{step} of event {event.id}: {why}", key=f"case.{guard.value}", event=event.id)
        if why:
            raise IllegalMove(f"{step} of event {event.id}: {why}", key=f"case.{guard.value}", event=event.id)


def check_standing(event: Event, step: EventStep, actor: Actor) -> None:
    """Check role and state only. Raises Forbidden (not this role) or IllegalMove (not in this state)."""
    move = TABLE[step]
    if move.action is None:
        if actor.role is not None:
            raise Forbidden(f"{step} is done by the system only", key="system")
    else:
        actor.require(move.action)
    if event.state not in move.states:
        possible = ", ".join(state.value for state in EventState if state in move.states)
        raise IllegalMove(
            f"event {event.id} is {event.state}; {step} is possible only when {possible}",
            key="event.state",
            event=event.id,
            event_state=event.state.value,
        )


def possible_steps(reader: Reader, event: Event, actor: Actor) -> list[dict[str, str]]:
    """The steps this person could take now, each with the reason against it when a guard forbids it."""
    tasks, category = tasks_of(reader, event.id), category_for(reader, event.kind)
    unit = _own_district(reader, actor)
    found = []
    for step, move in TABLE.items():
        if move.action is None or event.state not in move.states:
            continue
        if actor.role is not None and not may(actor.role, move.action):
            continue
        attempt = Attempt(event, actor, category, tasks, "-", timedelta(1), unit)
        whys = (reason_against(guard, attempt) for guard in move.guards)
        found.append({"step": step.value, "why": next((why for why in whys if why), "")})
    return found


def after_acceptance(writer: Writer, event_id: int, actor: Actor, now: datetime) -> None:
    """Put the event into handling when somebody has accepted a task."""
    if writer.event(event_id).state is EventState.DISPATCHED:
        take(writer, event_id, EventStep.HANDLE, SYSTEM, now, Given(on_behalf=actor.name))


def close_if_done(writer: Writer, event_id: int, actor: Actor, now: datetime) -> Event:
    """After its last task was closed, submit the event for checking; an event of an alert or a plan is closed.

    An event whose tasks were all cancelled stays open: nobody has done the work.
    """
    event, tasks = writer.event(event_id), tasks_of(writer, event_id)
    done = [task.id for task in tasks if task.closed_at is not None]
    if event.state not in TABLE[EventStep.SUBMIT].states or not done or any(task.is_open for task in tasks):
        return event
    given = Given(on_behalf=actor.name, detail={"tasks": done})
    event = take(writer, event_id, EventStep.SUBMIT, SYSTEM, now, given)
    if event.origin not in QUICK:
        return event
    attempt = Attempt(event, SYSTEM, category_for(writer, event.kind), tasks)
    if any(reason_against(guard, attempt) for guard in TABLE[EventStep.CLOSE].guards):
        return event
    return take(writer, event_id, EventStep.CLOSE, SYSTEM, now, given)


def judge_if_unattended(
    writer: Writer,
    event_id: int,
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Event:
    """Send an event that is dispatched or handled without an open task back to be judged; its clock runs on.

    Called after a task was cancelled, and after a suspended event, whose tasks may have been cancelled meanwhile,
    was resumed. Other events are returned as they are.
    """
    event = writer.event(event_id)
    if event.state not in TABLE[EventStep.RETURN].states or any(one.is_open for one in tasks_of(writer, event_id)):
        return event
    given = Given(reason=reason.strip() or ALL_CANCELLED, detail=detail or {}, on_behalf=actor.name)
    return take(writer, event_id, EventStep.RETURN, SYSTEM, now, given)


def _target(event: Event, move: EventTransition) -> EventState:
    if move.back:
        return state_before_suspension(event)
    return event.state if move.to is None else move.to


def _ended(event: Event, before: Event, to: EventState, at: datetime, who: str) -> Event:
    """The event with `closed_at` and `closed_by` set, or cleared, as the new state requires."""
    if to in ENDED and before.closed_at is None:
        return replace(event, closed_at=at, closed_by=who)
    if to not in ENDED and before.closed_at is not None:
        return replace(event, closed_at=None, closed_by=None)
    return event


def _with_clocks(  # noqa: PLR0917 - a step's whole context
    event: Event, move: EventTransition, category: Category, given: Given, now: datetime, calendar: WorkCalendar | None
) -> Event:
    for name, act in move.clocks:
        running = event.clock(name)
        moved = _moved(running, name, act, category, given, now, calendar)
        if moved is None or moved == running:
            continue
        others = tuple(clock for clock in event.clocks if clock is not running)
        kept = event.clocks if act is ClockAct.START else others
        event = replace(event, clocks=(*kept, moved))
    return event


def _moved(  # noqa: PLR0917 - a step's whole context
    clock: CaseClock | None,
    name: ClockName,
    act: ClockAct,
    category: Category,
    given: Given,
    now: datetime,
    calendar: WorkCalendar | None,
) -> CaseClock | None:
    if act is ClockAct.START and (clock is None or clock.stopped is not None):
        return clocks.start(_needed(calendar), name, category.time, given.limit or category.limit, now)
    if clock is None:
        return None
    match act:
        case ClockAct.STOP:
            return clocks.stop(clock, now)
        case ClockAct.PAUSE:
            return clocks.pause(clock, now)
        case ClockAct.RESUME:
            return clocks.resume(_needed(calendar), clock, now)
        case ClockAct.GO_ON:
            return clocks.go_on(_needed(calendar), clock, now)
        case ClockAct.EXTEND:
            return clocks.extend(_needed(calendar), clock, given.more_time or timedelta(0), now)
        case _:
            return clock


def _needed(calendar: WorkCalendar | None) -> WorkCalendar:
    if calendar is None:
        raise ValueError("this step moves a clock: it needs the calendar")
    return calendar


def _own_district(reader: Reader, actor: Actor) -> str:
    """The district that this person represents; empty for none."""
    found = (u.id for u in reader.units() if u.kind == "district" and actor.name in (*u.people, u.leader))
    return next(found, "")
