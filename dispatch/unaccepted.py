"""Unaccepted tasks: whom a human may send all the same, who was called, and which post is told next.

A task is unaccepted from when nobody is left to ask until somebody accepts (`Task.unaccepted_since`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from data.config.settings import Settings
from data.errors import IllegalMove, NobodyAvailable
from data.model.case import Recorded
from data.model.people import SYSTEM, Actor, Responder
from data.model.record import Timer
from data.model.task import Candidate, Offer, Ring, Task
from data.model.views import iso
from data.ports.store import Reader, TaskQuery, Writer
from data.stored.trail import event_step, task_step
from dispatch.case_table import EventStep
from dispatch.case_work import passed_on
from dispatch.escalating import next_post
from dispatch.offers import UNACCEPTED, check_no_unit, offer_also, offer_next, refusals
from dispatch.responders import LIFTED, Bar, Filters, needs_of, routed
from dispatch.routing import Roads
from dispatch.transitions import Step, check
from dispatch.turns import take_away, turned

_MOST_TASKS = 1000
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Person:
    """One responder with regard to one task. `reasons`: every reason against an offer; empty if they can be asked.

    `asked`: how the last offer of this task ended ("open", "declined", "expired" ...). `busy_with`: the open task that
    they hold. `ring`: the narrowest ring that reaches them, None if none does.
    """

    responder: Responder
    candidate: Candidate
    reasons: tuple[str, ...]
    bars: frozenset[Bar]
    asked: str
    busy_with: Task | None
    ring: Ring | None


def people_for(reader: Reader, task: Task, now: datetime, *, roads: Roads, settings: Settings) -> list[Person]:
    """All responders, shortest travel time first: those who can be asked, and every reason against the others."""
    offers = reader.offers(task.id)
    ended = {offer.responder: offer.state.value for offer in offers}
    silent, declined = _answers(offers, task)
    filters = Filters.read(
        reader,
        settings,
        now,
        needs=needs_of(reader, task, settings),
        reach=settings.dispatch.reach.get(task.priority),
    )
    holding = _holding(reader)
    found = []
    for responder, candidate, route in routed(reader, task.location, roads, settings):
        against = filters.against(responder, route)
        busy_with = holding.get(responder.id)
        asked = ended.get(responder.id, "")
        if asked == "open" or (busy_with is not None and busy_with.id == task.id):
            against = [(bar, text) for bar, text in against if bar is not Bar.BUSY]  # busy with this very task
        bars = frozenset(bar for bar, _ in against)
        told = [text for text in (silent.get(responder.id), declined.get(responder.id)) if text]
        account = [text for bar, text in against if bar is Bar.ACCOUNT]  # this reason cannot be overridden
        reasons = (*account, *told, *(text for bar, text in against if bar is not Bar.ACCOUNT))
        ring = None if asked == "open" else _ring(bars, responder.id in silent, responder.id in declined)
        found.append(Person(responder, candidate, reasons, bars, asked, busy_with, ring))
    return found


def send_anyone(
    writer: Writer,
    task_id: int,
    responder: str,
    actor: Actor,
    now: datetime,
    *,
    anyway: bool,
    roads: Roads,
    settings: Settings,
) -> Task:
    """Offer an unaccepted task to one person chosen by a human, beside the open offers.

    `anyway`: despite a filter, which is recorded. A busy person is taken away from less urgent work, which is offered
    to others. Raises NobodyAvailable for a filter without `anyway`, for an account that can do no tasks, and for a
    person whose present work is as urgent.
    """
    task = writer.task(task_id)
    check(task, Step.SEND, actor, (), now)
    check_no_unit(task)
    writer.responder(responder)  # raises NotFound
    chosen = next(
        one for one in people_for(writer, task, now, roads=roads, settings=settings) if one.responder.id == responder
    )
    if chosen.asked == "open":
        raise IllegalMove(f"task {task_id} is offered to {responder} already", key="offer.open", who=responder)
    if chosen.reasons and (not anyway or Bar.ACCOUNT in chosen.bars):
        why = chosen.reasons[0]
        raise NobodyAvailable(f"{responder} cannot be sent: {why}", key="nobody.named", who=responder, unfit=why)
    taken = _taken_from(writer, chosen, task, actor, now)
    detail: dict[str, Any] = {"to": responder, "despite": list(chosen.reasons)}
    detail |= {} if taken is None else {"from_task": taken.id}
    task = turned(writer, task, Step.SEND, task.state, actor, now, detail=detail)
    task = offer_also(writer, task, chosen.candidate, actor, now, settings=settings)
    if taken is not None:
        rest = offer_next(writer, taken, now, roads=roads, settings=settings)
        passed_on(writer, rest, actor, now, _needed_for(task), to=None)
    return task


def note_call(writer: Writer, task_id: int, responder: str, actor: Actor, now: datetime) -> Task:
    """Record that somebody was called by telephone about this task."""
    task = writer.task(task_id)
    check(task, Step.CALL, actor, (), now)
    writer.responder(responder)  # raises NotFound
    return turned(writer, task, Step.CALL, task.state, actor, now, detail={"who": responder})


def escalate_due(writer: Writer, now: datetime, *, settings: Settings, timers: Sequence[Timer] | None = None) -> int:
    """Escalate each task that was not accepted in time to the next post; returns how many timers ended, at most 20."""
    ended = 0
    for timer in writer.timers_due(now, _AT_ONCE, kinds=(UNACCEPTED,)) if timers is None else timers:
        if ended == _AT_ONCE:
            break
        if timer.kind == UNACCEPTED and writer.finish_timer(timer.id, now):
            _escalate(writer, writer.task(timer.subject), now, settings)
            ended += 1
    return ended


def _escalate(writer: Writer, task: Task, now: datetime, settings: Settings) -> None:
    since, limit = task.unaccepted_since, settings.dispatch.unaccepted_escalates.get(task.priority)
    if since is None or limit is None:
        return
    event = writer.event(task.event_id)
    of_it = {"task": task.id, "unaccepted_since": iso(since)}
    before = [step for step in event.steps if of_it.items() <= step.detail.items()]
    to = next_post(writer, event, {post for step in before for post in step.detail["to"]})
    if not to and before:
        return  # the highest post was told, or nobody holds one: nobody is left to tell
    detail: dict[str, Any] = {"to": to, **of_it, "unaccepted_s": round((now - since).total_seconds())}
    step = EventStep.ESCALATE.value
    recorded = Recorded(step, event.state.value, now, SYSTEM.name, detail=detail)
    event = writer.save_event(replace(event, steps=(*event.steps, recorded)))
    event_step(writer, event, SYSTEM, step, now, detail=detail)
    kept = Recorded(step, task.state.value, now, SYSTEM.name, detail={"to": to})
    task = writer.save_task(replace(task, steps=(*task.steps, kept)))
    task_step(writer, task, SYSTEM, step, now, detail={"to": to, "unaccepted_s": detail["unaccepted_s"]})
    writer.add_timer(Timer(UNACCEPTED, task.id, now + limit))


def _answers(offers: Sequence[Offer], task: Task) -> tuple[dict[str, str], dict[str, str]]:
    """Responders who did not answer in the present round, and those who declined, each with the reason."""
    refused = refusals(offers, replace(task.round, ring=Ring.USUAL))
    declined = {who: why for who, why in refused.items() if why.startswith("declined")}
    return {who: why for who, why in refused.items() if who not in declined}, declined


def _ring(bars: frozenset[Bar], silent: bool, declined: bool) -> Ring | None:
    """The narrowest ring of a new round that reaches this person."""
    for ring in Ring:
        if bars <= LIFTED[ring] and (ring is not Ring.USUAL or not silent) and (ring is Ring.EVERYBODY or not declined):
            return ring
    return None


def _holding(reader: Reader) -> Mapping[str, Task]:
    """The open task, or task with an open offer, that each responder holds; tasks of units hold nobody."""
    held: dict[str, Task] = {}
    for task in reader.tasks(TaskQuery(open_only=True, limit=_MOST_TASKS)):
        if task.unit:
            continue
        people = [task.responder] if task.responder else [task.offered_to, *task.also_offered]
        held |= {who: task for who in people if who is not None}
    return held


def _taken_from(writer: Writer, chosen: Person, task: Task, actor: Actor, now: datetime) -> Task | None:
    """Take this person away from a less urgent task and return it; None if they are free. Raises NobodyAvailable."""
    other = chosen.busy_with
    if Bar.BUSY not in chosen.bars or other is None:
        return None
    if other.priority <= task.priority:
        text = f"{chosen.responder.id} does task {other.id}, which is as urgent"
        raise NobodyAvailable(text, key="nobody.as_urgent", who=chosen.responder.id, task=other.id)
    return take_away(writer, other.id, actor, now, _needed_for(task), "")


def _needed_for(task: Task) -> str:
    return f"needed for task {task.id}"
