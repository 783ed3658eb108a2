"""Routine upkeep: a recurring task for a unit, so that a solved problem stays solved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from data.config.settings import Settings
from data.errors import InputRejected
from data.model.case import Origin
from data.model.organisation import Upkeep
from data.model.people import SYSTEM, Actor
from data.model.record import Timer
from data.model.task import Event
from data.ports.store import Writer
from data.stored.trail import event_step
from dispatch.case_table import EventStep
from dispatch.case_work import Work, add_task
from dispatch.cases import Given, take
from dispatch.routing import Roads

TIMER = "upkeep"
SHORTEST = timedelta(hours=1)
_TIMERS_AT_ONCE = 1000


def hand_over(  # noqa: PLR0917 - who hands what to whom
    writer: Writer, event_id: int, actor: Actor, now: datetime, unit: str, title: str, every: timedelta
) -> Event:
    """Give the unit a recurring task from now on. The first one is due after one period."""
    writer.unit(unit)
    if every < SHORTEST:
        raise InputRejected(f"routine upkeep comes at most every {SHORTEST.total_seconds() / 3600:g} h")
    event = writer.event(event_id)
    detail = {"unit": unit, "title": title, "every_s": every.total_seconds()}
    event = take(writer, event_id, EventStep.HAND_OVER, actor, now, Given(detail=detail))
    upkeep = writer.add_upkeep(Upkeep(event_id, title or event.title, unit, every.total_seconds(), now))
    writer.add_timer(Timer(TIMER, upkeep.id, now + every))
    return event


def upkeeps_due(
    writer: Writer, now: datetime, *, roads: Roads, settings: Settings, timers: Sequence[Timer] | None = None
) -> int:
    """Make the tasks that are due, each once; the next is due a period later. Returns how many were made."""
    made = 0
    for timer in writer.timers_due(now, _TIMERS_AT_ONCE, kinds=(TIMER,)) if timers is None else timers:
        if timer.kind != TIMER or not writer.finish_timer(timer.id, now):
            continue
        upkeep = writer.upkeep(timer.subject)
        if upkeep.ends is not None:
            continue
        _make(writer, upkeep, now, roads, settings)
        made += 1
        following = timer.due_at + timedelta(seconds=upkeep.every_s)
        if following <= now:  # after a long pause one task is made, not one for each missed period
            following = now + timedelta(seconds=upkeep.every_s)
        writer.add_timer(Timer(TIMER, upkeep.id, following))
    return made


def end_upkeep(writer: Writer, upkeep_id: int, now: datetime) -> Upkeep:
    """End the recurring task. Raises NotFound."""
    writer.upkeep(upkeep_id)
    writer.end_upkeep(upkeep_id, now)
    writer.finish_timers_of(TIMER, upkeep_id, now)
    return writer.upkeep(upkeep_id)


def _make(writer: Writer, upkeep: Upkeep, now: datetime, roads: Roads, settings: Settings) -> None:
    source = writer.event(upkeep.event_id)
    event = writer.add_event(
        Event(
            title=upkeep.title,
            kind="upkeep",
            site=source.site,
            location=source.location,
            priority=source.priority,
            opened_at=now,
            grid=source.grid,
            origin=Origin.UPKEEP,
            section=source.section,
            lead=upkeep.unit,
            holders=source.holders,
            recurs=source.id,
        )
    )
    event_step(writer, event, SYSTEM, "open", now, detail={"upkeep": upkeep.id, "after": source.id})
    take(writer, event.id, EventStep.FILE, SYSTEM, now)
    add_task(writer, event.id, Work(unit=upkeep.unit), SYSTEM, now, roads=roads, settings=settings)
