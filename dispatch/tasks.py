"""The life of a task from dispatch to closing. Each step is one unit of work: row, audit entry and change together.

Every step raises NotFound (no such task), Forbidden (not this role or person) or IllegalMove (not in this state)
with a text that says why, and then changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove, InputRejected, NobodyAvailable
from data.model.alert import Alert
from data.model.case import Recorded
from data.model.people import SYSTEM, Action, Actor
from data.model.record import Evidence
from data.model.task import Candidate, Event, EventState, Ring, Task, TaskState
from data.model.views import iso
from data.ports.store import Reader, TaskQuery, Writer
from data.stored.trail import responder_changed, task_step
from dispatch.assignment import offer_all
from dispatch.case_table import EventStep
from dispatch.cases import after_acceptance, close_if_done, judge_if_unattended, take
from dispatch.clocks import calendar_of
from dispatch.events import event_of, unopened
from dispatch.offers import (
    UNACCEPTED,
    ask_again,
    at_once,
    end_offer,
    make_offers,
    offer_next,
    rank_for,
    withdraw_open,
)
from dispatch.responders import Ranking, named
from dispatch.routing import Roads
from dispatch.transitions import Step, check, open_offer
from dispatch.turns import people_of

REPORT_TEXT_LIMIT = 4000  # characters


def dispatch(
    writer: Writer,
    alert_id: int,
    actor: Actor,
    now: datetime,
    *,
    roads: Roads,
    settings: Settings,
    responder: str | None = None,
) -> Task:
    """Send the nearest available responder, or the one named, to an alert.

    Opens the alert's event if there is none, and acknowledges the alert if nobody did. A task of this alert for which
    nobody was left is offered again. If nobody can be asked the task is made all the same, and every screen shows that
    it is unaccepted. Raises NobodyAvailable, and makes nothing, if such a task exists already and still nobody can be
    asked, or if the one named cannot be sent; raises IllegalMove when the alert is being worked on already.
    """
    actor.require(Action.DISPATCH)
    alert = writer.alert(alert_id)
    waiting = _waiting_task(writer, alert)
    event, alert = event_of(writer, alert, actor, now, settings)
    chosen: tuple[Candidate, ...] = () if responder is None else (_named(writer, event, responder, roads),)
    if waiting is not None and not chosen:
        task = ask_again(writer, waiting.id, actor, now, Ring.AGAIN, roads=roads, settings=settings)
        return _on_its_way(writer, task, event, actor, now, settings)
    task = waiting or _new_task(writer, alert, event, actor, now, ranking=Ranking((), ()))
    ranking = rank_for(writer, task, now, roads=roads, settings=settings)
    task = writer.save_task(replace(task, candidates=ranking.stored))
    chosen = chosen or ranking.eligible[: at_once(settings, task)]
    if chosen:
        task = make_offers(writer, task, chosen, actor, now, settings=settings)
    else:
        task = offer_next(writer, task, now, roads=roads, settings=settings)
    return _on_its_way(writer, task, event, actor, now, settings)


def send_automatically(writer: Writer, alert: Alert, now: datetime, *, roads: Roads, settings: Settings) -> Task:
    """Send the nearest responder automatically. The alert stays unacknowledged; if nobody is left the task says why."""
    event, alert = event_of(writer, alert, SYSTEM, now, settings)
    task = _new_task(writer, alert, event, SYSTEM, now, ranking=Ranking((), ()))
    task = offer_next(writer, task, now, roads=roads, settings=settings)
    return _on_its_way(writer, task, event, SYSTEM, now, settings)


def dispatch_all(
    writer: Writer, alert_ids: Sequence[int], actor: Actor, now: datetime, *, roads: Roads, settings: Settings
) -> list[Task]:
    """Send somebody to each of several alerts at the least total cost. Raises as `dispatch`, and then sends nobody."""
    actor.require(Action.DISPATCH)
    drafts, events = [], []
    for alert_id in dict.fromkeys(alert_ids):
        alert = writer.alert(alert_id)
        waiting = _waiting_task(writer, alert)
        event, alert = event_of(writer, alert, actor, now, settings)
        none = Ranking((), ())
        drafts.append(waiting or _new_task(writer, alert, event, actor, now, ranking=none))
        events.append(event)
    offered = offer_all(writer, drafts, actor, now, roads=roads, settings=settings)
    return [_on_its_way(writer, task, event, actor, now, settings) for task, event in zip(offered, events, strict=True)]


def _on_its_way(  # noqa: PLR0917 - who sent whom to what
    writer: Writer, task: Task, event: Event, actor: Actor, now: datetime, settings: Settings
) -> Task:
    """Put the event into dispatched, if it is not yet: somebody was sent."""
    if writer.event(event.id).state in (EventState.FILED, EventState.JUDGING):
        take(writer, event.id, EventStep.DISPATCH, actor, now, calendar=calendar_of(settings))
    return task


def accept(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
    """The responder accepts the offer; the first of several to accept gets the task."""
    task = writer.task(task_id)
    offers = writer.offers(task_id)
    check(task, Step.ACCEPT, actor, offers, now, members=people_of(writer, task.unit))
    at = _at(task, now)
    accepted = replace(task, responder=actor.name, accepted_at=at)
    writer.finish_timers_of(UNACCEPTED, task.id, now)
    if not task.unit:
        offer = open_offer(offers, actor.name)
        if offer is None:
            raise IllegalMove(f"task {task_id} has no open offer to {actor.name}")
        end_offer(writer, task, replace(offer, accepted_at=at), now)
        withdraw_open(writer, task, now, f"accepted by {actor.name}")
        accepted = replace(accepted, offered_to=actor.name, also_offered=())
    task = writer.save_task(accepted)
    task_step(writer, task, actor, "accept", now)
    after_acceptance(writer, task.event_id, actor, now)
    return task


def decline(
    writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str, *, roads: Roads, settings: Settings
) -> Task:
    """The responder declines; the task is offered to the next best at once."""
    task = writer.task(task_id)
    offers = writer.offers(task_id)
    check(task, Step.DECLINE, actor, offers, now, members=people_of(writer, task.unit))
    offer = open_offer(offers, actor.name)
    if offer is None:
        raise IllegalMove(f"task {task_id} has no open offer to {actor.name}")
    end_offer(writer, task, replace(offer, declined_at=now, reason=reason), now)
    task_step(writer, task, actor, "decline", now, detail={"reason": reason})
    responder_changed(writer, actor.name, now)
    return offer_next(writer, task, now, roads=roads, settings=settings)


def en_route(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
    """The responder has set out."""
    task = writer.task(task_id)
    check(task, Step.EN_ROUTE, actor, (), now)
    task = writer.save_task(replace(task, en_route_at=_at(task, now)))
    task_step(writer, task, actor, "en_route", now)
    return task


def on_scene(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
    """The responder has arrived."""
    task = writer.task(task_id)
    check(task, Step.ON_SCENE, actor, (), now)
    task = writer.save_task(replace(task, on_scene_at=_at(task, now)))
    task_step(writer, task, actor, "on_scene", now)
    return task


def report(  # noqa: PLR0917 - who, when and what
    writer: Writer,
    task_id: int,
    actor: Actor,
    now: datetime,
    text: str,
    photo: Evidence | None,
    *,
    checked: Collection[int] = (),
) -> Task:
    """The responder reports the work as done, with a text, a photo or both. Raises InputRejected without either.

    `checked`: which items of the checklist are done, by index.
    """
    task = writer.task(task_id)
    check(task, Step.REPORT, actor, (), now)
    text = text.strip()
    if not text and photo is None:
        raise InputRejected("a report needs a photo or a text", key="report.empty")
    if task.needs_photo and photo is None:
        raise InputRejected(f"task {task_id} asks for a photo", key="report.photo", task=task_id)
    unknown = sorted(set(checked) - set(range(len(task.checklist))))
    if unknown:
        raise InputRejected(f"the checklist of task {task_id} has no item {unknown[0]}")
    if len(text) > REPORT_TEXT_LIMIT:
        raise InputRejected(f"the text has {len(text)} characters, at most {REPORT_TEXT_LIMIT} are kept")
    if photo is not None:
        writer.add_evidence(photo)
    photo_id, steps, detail = None if photo is None else photo.id, task.steps, {}
    if task.checklist:
        detail = {"checked": sorted(set(checked)), "of": len(task.checklist)}
        role = "" if actor.role is None else actor.role.value
        steps = (*steps, Recorded(Step.REPORT.value, TaskState.REPORTED.value, now, actor.name, role, "", detail))
    reported = replace(task, reported_at=_at(task, now), report_text=text, report_photo=photo_id, steps=steps)
    task = writer.save_task(reported)
    task_step(writer, task, actor, "report", now, detail={"photo": photo_id, "characters": len(text)} | detail)
    return task


def verify(writer: Writer, task_id: int, actor: Actor, now: datetime, text: str = "") -> Task:
    """Somebody else verifies that the work is done. This closes the task, and with its last task the event."""
    task = writer.task(task_id)
    check(task, Step.VERIFY, actor, (), now, members=people_of(writer, task.unit))
    return _verified(writer, task, actor, now, {"text": text.strip()})


def verify_by_reading(
    writer: Writer, task_id: int, now: datetime, *, source: str, seen_at: datetime, finding: Mapping[str, Any]
) -> Task:
    """Verify a task by what a sensor or camera observed after the report.

    `source` names it ("dip-1/gauge"); `seen_at`: the observation's own time; `finding`: the result (a value with its
    unit, an evidence id). Raises IllegalMove for an observation before the report, or without a report.
    """
    task = writer.task(task_id)
    check(task, Step.VERIFY, SYSTEM, (), now)
    if task.reported_at is None or seen_at <= task.reported_at:
        raise IllegalMove(f"{source} saw this at {iso(seen_at)}, before task {task_id} was reported")
    return _verified(writer, task, SYSTEM, now, {"source": source, "seen_at": iso(seen_at), **finding})


def verify_by_recheck(writer: Writer, task_id: int, actor: Actor, now: datetime, finding: Mapping[str, Any]) -> Task:
    """Verify a task by what another person has seen at the place, and close it.

    A task that nobody has reported is reported by it, without a responder: whoever set it right, it is right. Raises
    Forbidden for who did the work, IllegalMove for a task that has ended.
    """
    task = writer.task(task_id)
    if task.responder == actor.name:
        text = f"task {task.id} was done by {task.responder}; nobody verifies their own work"
        raise Forbidden(text, key="task.own_work", task=task.id)
    if not task.is_open:
        raise IllegalMove(f"task {task.id} has ended")
    if task.reported_at is None:
        withdraw_open(writer, task, now, f"seen to be done by {actor.name}")
        writer.finish_timers_of(UNACCEPTED, task.id, now)
        photo = finding.get("photo")
        task = writer.save_task(replace(task, reported_at=_at(task, now), report_photo=photo))
        task_step(writer, task, actor, "report", now, detail=finding)
    return _verified(writer, task, actor, now, finding)


def _verified(writer: Writer, task: Task, actor: Actor, now: datetime, detail: Mapping[str, Any]) -> Task:
    at = _at(task, now)
    task = writer.save_task(replace(task, verified_at=at, verified_by=actor.name))
    task_step(writer, task, actor, "verify", now, detail=detail)
    check(task, Step.CLOSE, SYSTEM, (), now)
    task = writer.save_task(replace(task, closed_at=at))
    task_step(writer, task, SYSTEM, "close", now)
    _released(writer, task, now)
    close_if_done(writer, task.event_id, actor, now)
    return task


def cancel(writer: Writer, task_id: int, actor: Actor, now: datetime, reason: str = "") -> Task:
    """Cancel a task that is no longer wanted. Open offers are withdrawn; the alert can be dispatched again.

    An event whose last open task this was is returned to be judged with its clock running, since nobody works on it.
    """
    task = writer.task(task_id)
    offers = writer.offers(task_id)
    check(task, Step.CANCEL, actor, offers, now)
    task = _called_off(writer, task, Step.CANCEL, actor, now, reason)
    judge_if_unattended(writer, task.event_id, actor, now, reason=reason, detail={"task": task.id})
    return task


def take_back(writer: Writer, task_id: int, actor: Actor, now: datetime, *, settings: Settings) -> Task:
    """Undo one's own dispatch within `alarms.undo_within`, as if nobody had been sent.

    The task is cancelled. An acknowledgement and an event that the dispatch made are undone too, so that the alert
    calls again; an event that existed before is returned to be judged. Raises NotFound, Forbidden, and IllegalMove when
    it was somebody else's dispatch, when somebody has accepted meanwhile, and when it is too late.
    """
    task = writer.task(task_id)
    actor.require(Action.DISPATCH)
    if task.created_by != actor.name:
        who = task.created_by
        raise IllegalMove(f"task {task_id} was dispatched by {who}", key="undo.others", who=who)
    if task.responder is not None:
        text = f"task {task_id} was accepted by {task.responder} meanwhile"
        raise IllegalMove(text, key="undo.accepted", who=task.responder, task=task_id)
    check(task, Step.TAKE_BACK, actor, writer.offers(task_id), now)
    within = settings.alarms.undo_within
    if now - task.created_at > within:
        n = int(within.total_seconds())
        raise IllegalMove(f"task {task_id}: a dispatch can be taken back for {n} s", key="undo.late", n=n)
    reason = f"taken back by {actor.name}"
    task = _called_off(writer, task, Step.TAKE_BACK, actor, now, reason)
    if not unopened(writer, task, actor, now, reason):
        judge_if_unattended(writer, task.event_id, actor, now, reason=reason, detail={"task": task.id})
    return task


def _called_off(  # noqa: PLR0917 - who called it off, when and why
    writer: Writer, task: Task, step: Step, actor: Actor, now: datetime, reason: str
) -> Task:
    """End the task undone and free the responders who were asked."""
    withdraw_open(writer, task, now, reason if step is Step.TAKE_BACK else "")
    writer.finish_timers_of(UNACCEPTED, task.id, now)
    task = writer.save_task(replace(task, cancelled_at=_at(task, now)))
    task_step(writer, task, actor, step.value, now, detail={"reason": reason.strip()})
    _released(writer, task, now)
    close_if_done(writer, task.event_id, actor, now)
    return task


def _waiting_task(reader: Reader, alert: Alert) -> Task | None:
    """The alert's draft task for which nobody was left. Raises IllegalMove when somebody works on the alert."""
    for task in reader.tasks(TaskQuery(alert_id=alert.id, open_only=True, limit=1)):
        if task.state is not TaskState.DRAFT:
            state = task.state.value.replace("_", " ")
            who = task.responder or task.offered_to or ""
            raise IllegalMove(
                f"alert {alert.id} is being worked on: task {task.id} is {state}, {who}",
                key="alert.worked_on",
                alert=alert.id,
                task=task.id,
                task_state=task.state.value,
                who=who,
            )
        return task
    return None


def _named(reader: Reader, event: Event, responder: str, roads: Roads) -> Candidate:
    """The responder named by a human. Raises NobodyAvailable."""
    candidate, reason = named(reader, responder, event.location, roads=roads)
    if reason:
        raise NobodyAvailable(f"{responder} cannot be sent: {reason}", key="nobody.named", who=responder, unfit=reason)
    return candidate


def _new_task(writer: Writer, alert: Alert, event: Event, actor: Actor, now: datetime, *, ranking: Ranking) -> Task:
    task = writer.add_task(
        Task(
            event_id=event.id,
            title=event.title,
            priority=event.priority,
            location=event.location,
            created_at=now,
            created_by=actor.name,
            alert_id=alert.id,
            site=event.site,
            grid=event.grid,
            candidates=ranking.stored,
        )
    )
    task_step(writer, task, actor, "dispatch", now, detail={"alert": alert.id, "event": event.id})
    return task


def _released(writer: Writer, task: Task, now: datetime) -> None:
    """Free the responder who held the task."""
    who = task.responder or task.offered_to
    if who is not None and not task.unit:
        responder_changed(writer, who, now)


def _at(task: Task, now: datetime) -> datetime:
    """`now`, but never before the task's last step, so that the order holds when the clock is put back."""
    steps = (task.created_at, task.accepted_at, task.en_route_at, task.on_scene_at, task.reported_at, task.verified_at)
    return max(now, *(at for at in steps if at is not None))
