"""Offers: a task is offered to one responder after the other until one accepts or nobody is left.

An offer is a row with its end (`expires_at`) and a timer row, so that a killed process forgets none. The timer's
subject is the task's id: a task has at most one open offer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from data.people import SYSTEM, Actor
from data.record import Timer
from data.settings import Settings
from data.store import Writer
from data.task import Candidate, Offer, Task
from data.trail import responder_changed, task_step
from dispatch.responders import Ranking, rank
from dispatch.routing import Roads
from dispatch.transitions import Step, check, open_offer

TIMER = "offer"
_TIMERS_AT_ONCE = 1000
_EXPIRED_AT_ONCE = 20  # each looks for the next responder, and other units of work wait meanwhile


def make_offer(
    writer: Writer, task: Task, candidate: Candidate, actor: Actor, now: datetime, *, settings: Settings
) -> Task:
    """Offer a draft task to this candidate for as long as its priority allows."""
    check(task, Step.OFFER, actor, (), now)
    expires_at = now + settings.dispatch.accept_within[task.priority]
    writer.add_offer(
        Offer(
            task_id=task.id,
            responder=candidate.responder,
            offered_at=now,
            expires_at=expires_at,
            travel_s=candidate.travel_s,
            distance_m=candidate.distance_m,
            method=candidate.method,
        )
    )
    writer.add_timer(Timer(TIMER, task.id, expires_at))
    task = writer.save_task(replace(task, offered_to=candidate.responder))
    detail = {
        "to": candidate.responder,
        "until": expires_at.isoformat(timespec="milliseconds"),
        "travel_s": round(candidate.travel_s, 1),
        "method": candidate.method,
    }
    task_step(writer, task, actor, "offer", now, detail=detail)
    responder_changed(writer, candidate.responder, now)
    return task


def offer_next(writer: Writer, task: Task, now: datetime, *, roads: Roads, settings: Settings) -> Task:
    """Offer a task that nobody holds to the next best; with nobody left it stays a draft with a named shortfall."""
    ranking = rank_for(writer, task, now, roads=roads, settings=settings)
    task = writer.save_task(replace(task, offered_to=None, candidates=ranking.stored))
    if ranking.eligible:
        return make_offer(writer, task, ranking.eligible[0], SYSTEM, now, settings=settings)
    shortfall = ranking.shortfall
    task_step(writer, task, SYSTEM, "shortfall", now, detail={"reasons": list(shortfall)}, shortfall=shortfall)
    return task


def rank_for(
    writer: Writer, task: Task, now: datetime, *, roads: Roads, settings: Settings, again: bool = False
) -> Ranking:
    """Everybody for this task. `again`: a human asks once more, so who has not answered is asked again."""
    excluded = refusals(writer.offers(task.id), again=again)
    return rank(writer, task.location, now, roads=roads, settings=settings, excluded=excluded)


def refusals(offers: Sequence[Offer], *, again: bool) -> dict[str, str]:
    """Who is not offered this task once more, and why.

    Who declined is never asked again. Who let an offer expire is asked again only in a new round, and then
    once: in a round everybody may fail to answer as often as the most patient count so far.
    """
    silent = Counter(offer.responder for offer in offers if offer.expired_at is not None)
    round_number = max(silent.values(), default=0) + (1 if again else 0)
    reasons = {who: "did not answer in time" for who, times in silent.items() if times >= max(1, round_number)}
    declined = [offer for offer in offers if offer.declined_at is not None]
    return reasons | {offer.responder: f"declined: {offer.reason or 'no reason given'}" for offer in declined}


def end_offer(writer: Writer, task: Task, offer: Offer, now: datetime) -> None:
    """Store an offer that was answered, and stop its timer."""
    writer.save_offer(offer)
    writer.finish_timers_of(TIMER, task.id, now)


def expire_due(writer: Writer, now: datetime, *, roads: Roads, settings: Settings) -> int:
    """End the offers whose time is over and offer their tasks to the next. How many expired, 20 at most.

    What is left is still due: call again.
    """
    expired = 0
    for timer in writer.timers_due(now, limit=_TIMERS_AT_ONCE):
        if expired == _EXPIRED_AT_ONCE:
            break
        if timer.kind != TIMER or not writer.finish_timer(timer.id, now):
            continue
        task = writer.task(timer.subject)
        offers = writer.offers(task.id)
        offer = open_offer(offers)
        if offer is None or offer.expires_at > now:
            continue
        check(task, Step.EXPIRE, SYSTEM, offers, now)
        writer.save_offer(replace(offer, expired_at=now))
        task = writer.save_task(replace(task, offered_to=None))
        task_step(writer, task, SYSTEM, "expire", now, detail={"offered_to": offer.responder})
        responder_changed(writer, offer.responder, now)
        offer_next(writer, task, now, roads=roads, settings=settings)
        expired += 1
    return expired
