"""Escalation when an event's clock has used 50, 80, 100 or 150 % of its limit.

Timers are rows, so a killed process forgets none. A timer's subject is the event's id. It only triggers a check: what
is due is derived from the event's clocks, in the unit of work that finishes the timer. So each share is escalated
exactly once, even across a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from data.errors import NotFound
from data.model.case import CaseClock, Recorded
from data.model.category import Category, Escalation, category_of
from data.model.organisation import Unit, UnitKind, above
from data.model.people import SYSTEM, Role
from data.model.record import Timer
from data.model.task import Event
from data.model.views import iso
from data.ports.store import Reader, Writer
from data.stored.trail import event_step
from dispatch import clocks
from dispatch.clocks import WorkCalendar
from dispatch.turns import tasks_of

TIMER = "event_clock"
ESCALATE = "escalate"
_TIMERS_AT_ONCE = 1000
_TOLD_AT_ONCE = 20

_ROLE_OF = {"section_head": Role.SECTION_HEAD, "duty_officer": Role.DUTY_OFFICER, "commander": Role.COMMANDER}


def retime(writer: Writer, event: Event, category: Category, now: datetime, calendar: WorkCalendar | None) -> None:
    """Set the event's timer to the next share of a running clock; an event without a running clock has no timer."""
    writer.finish_timers_of(TIMER, event.id, now)
    running = [clock for clock in event.clocks if clock.is_running]
    if not running:
        return
    if calendar is None:
        raise ValueError("a clock runs: its timer needs the calendar")
    due = [at for clock in running if (at := next_share(calendar, clock, category, now)) is not None]
    if due:
        writer.add_timer(Timer(TIMER, event.id, min(due)))


def next_share(calendar: WorkCalendar, clock: CaseClock, category: Category, now: datetime) -> datetime | None:
    """When the next share of the limit is reached; None after the last one has been escalated."""
    later = sorted(one.percent for one in category.escalations if one.percent > clock.told)
    return clocks.reaches(calendar, clock, later[0], now) if later else None


def clocks_due(writer: Writer, now: datetime, *, calendar: WorkCalendar, timers: Sequence[Timer] | None = None) -> int:
    """Escalate the shares that are reached; returns how many events were checked, at most 20. Call again for more."""
    looked = 0
    for timer in writer.timers_due(now, _TIMERS_AT_ONCE, kinds=(TIMER,)) if timers is None else timers:
        if looked == _TOLD_AT_ONCE:
            break
        if timer.kind != TIMER or not writer.finish_timer(timer.id, now):
            continue
        look_at(writer, timer.subject, now, calendar=calendar)
        looked += 1
    return looked


def look_at(writer: Writer, event_id: int, now: datetime, *, calendar: WorkCalendar) -> Event:
    """Escalate every share that the event's clocks have reached and that is not escalated yet."""
    event = writer.event(event_id)
    try:
        category = writer.category(event.kind).category
    except NotFound:
        category = category_of({}, event.kind)
    for clock in event.clocks:
        if clock.is_running:
            event = _tell(writer, event, clock, category, now, calendar)
    retime(writer, event, category, now, calendar)
    return event


def _tell(  # noqa: PLR0917 - which share of whose clock
    writer: Writer, event: Event, clock: CaseClock, category: Category, now: datetime, calendar: WorkCalendar
) -> Event:
    share = 100 * clocks.used_s(calendar, clock, now) / clock.whole_s + 1e-9
    reached = sorted(
        (one for one in category.escalations if clock.told < one.percent <= share), key=lambda one: one.percent
    )
    for one in reached:
        told = replace(clock, told=one.percent)
        kept = tuple(told if other is clock else other for other in event.clocks)
        detail = _detail(writer, event, clock, one)
        recorded = Recorded(ESCALATE, event.state.value, now, SYSTEM.name, "", "", detail)
        event = writer.save_event(replace(event, clocks=kept, steps=(*event.steps, recorded)))
        event_step(writer, event, SYSTEM, ESCALATE, now, detail=detail)
        clock = told
    return event


def _detail(reader: Reader, event: Event, clock: CaseClock, one: Escalation) -> dict[str, Any]:
    posts = {post: sorted(people_at(reader, event, post)) for post in one.to}
    return {"clock": clock.name.value, "percent": one.percent, "to": posts, "due": iso(clock.due)}


def people_at(reader: Reader, event: Event, post: str) -> set[str]:
    """The users (or unit ids without a leader) that hold this post for this event."""
    if post == "responder":
        open_tasks = tasks_of(reader, event.id, open_only=True)
        return {who for task in open_tasks if (who := task.responder or task.offered_to) is not None}
    units = {unit.id: unit for unit in reader.units()}
    if post == "grid_leader":
        return _leaders(unit for unit in units.values() if unit.kind is UnitKind.GRID and unit.code == event.grid)
    if post == "district":
        chain = [one for unit in units.values() if unit.code == event.grid != "" for one in above(units, unit.id)]
        held = [units[unit_id] for unit_id in event.holders if unit_id in units]
        return _leaders(unit for unit in [*chain, *held] if unit.kind is UnitKind.DISTRICT)
    if post == "section_head" and event.section in units and units[event.section].leader:
        return {units[event.section].leader}
    role = _ROLE_OF.get(post)
    return {user.name for user in reader.users() if user.role is role and user.disabled_at is None}


def _leaders(units: Iterable[Unit]) -> set[str]:
    return {unit.leader or unit.id for unit in units}
