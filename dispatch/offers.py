"""Offers: a task is offered to the best candidate, then to the next, until one accepts or nobody is left.

The most urgent tasks are offered to two at once; the first acceptance wins and the other offer is withdrawn. An offer
is a row with its end (`expires_at`) and timer rows whose subject is the offer, so that a killed process forgets none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from data.config.settings import Settings
from data.errors import IllegalMove, NobodyAvailable
from data.model.case import Recorded
from data.model.people import SYSTEM, Actor
from data.model.record import Timer
from data.model.task import SHORTFALL, Candidate, Offer, Ring, Round, Task, TaskState
from data.ports.store import Reader, TaskQuery, Writer
from data.stored.trail import responder_changed, task_step
from dispatch.responders import LIFTED, Ranking, needs_of, rank
from dispatch.routing import Roads
from dispatch.transitions import Step, check

TIMER = "offer"
DELIVERY = "offer_delivery"
UNACCEPTED = "unaccepted"
"""Kind of the timers of `dispatch.unaccepted`, due when a task was not accepted in time. The subject is the task."""
NOT_DELIVERED = "not delivered to the phone"
_TIMERS_AT_ONCE = 1000
_MADE_SINCE = timedelta(seconds=2)  # a clock jump is noticed within this time; newer offers already use the new time
_EXPIRED_AT_ONCE = 20  # each one searches for the next responder while other units of work wait


def make_offer(
    writer: Writer, task: Task, candidate: Candidate, actor: Actor, now: datetime, *, settings: Settings
) -> Task:
    """Offer a draft task to this candidate for as long as its priority allows."""
    return make_offers(writer, task, (candidate,), actor, now, settings=settings)


def make_offers(
    writer: Writer, task: Task, candidates: Sequence[Candidate], actor: Actor, now: datetime, *, settings: Settings
) -> Task:
    """Offer a draft task to all of these at once, best first."""
    check(task, Step.OFFER, actor, (), now)
    for candidate in candidates:
        task = _offer(writer, task, candidate, actor, now, settings=settings)
    return task


def offer_also(
    writer: Writer, task: Task, candidate: Candidate, actor: Actor, now: datetime, *, settings: Settings
) -> Task:
    """Offer a task that nobody has accepted to this candidate, beside those who are being asked."""
    return _offer(writer, task, candidate, actor, now, settings=settings)


def at_once(settings: Settings, task: Task) -> int:
    """How many may hold an open offer of this task."""
    return settings.dispatch.offers_at_once.get(task.priority, 1)


def offer_next(
    writer: Writer, task: Task, now: datetime, *, roads: Roads, settings: Settings, places: int | None = None
) -> Task:
    """Make offers to the next best candidates, as many as may be open. If nobody is left the task counts as unaccepted.

    `places`: how many offers may be open at once; by priority when left out.
    """
    held = [offer.responder for offer in writer.offers(task.id) if offer.is_open]
    ranking = rank_for(writer, task, now, roads=roads, settings=settings)
    first, others = (held[0] if held else None), tuple(held[1:])
    task = writer.save_task(replace(task, offered_to=first, also_offered=others, candidates=ranking.stored))
    for candidate in ranking.eligible[: max(0, (places or at_once(settings, task)) - len(held))]:
        task = _offer(writer, task, candidate, SYSTEM, now, settings=settings)
    return task if task.state is not TaskState.DRAFT else _exhausted(writer, task, ranking, now, settings)


def _exhausted(writer: Writer, task: Task, ranking: Ranking, now: datetime, settings: Settings) -> Task:
    """Record that nobody is left to ask, with the reasons, and set the timer of its escalation."""
    known = task.unaccepted_since
    recorded = Recorded(SHORTFALL, task.state.value, now, SYSTEM.name, detail={"asked": len(writer.offers(task.id))})
    task = writer.save_task(replace(task, steps=(*task.steps, recorded)))
    limit = settings.dispatch.unaccepted_escalates.get(task.priority)
    if known is None and limit is not None:
        writer.add_timer(Timer(UNACCEPTED, task.id, now + limit))
    shortfall = ranking.shortfall
    task_step(writer, task, SYSTEM, SHORTFALL, now, detail={"reasons": list(shortfall)}, shortfall=shortfall)
    return task


def ask_again(
    writer: Writer, task_id: int, actor: Actor, now: datetime, ring: Ring, *, roads: Roads, settings: Settings
) -> Task:
    """Begin another round of offers on a human's order: the same people once more, or a wider ring.

    Offers that are still open stay open beside the new ones. Raises NobodyAvailable, and changes nothing, if the ring
    reaches nobody.
    """
    task = writer.task(task_id)
    offers = writer.offers(task_id)
    check(task, Step.ASK_AGAIN, actor, offers, now)
    check_no_unit(task)
    role = "" if actor.role is None else actor.role.value
    detail = {"ring": ring.value, "after": max((offer.id for offer in offers), default=0)}
    recorded = Recorded(Step.ASK_AGAIN.value, task.state.value, now, actor.name, role, detail=detail)
    asked = replace(task, steps=(*task.steps, recorded))
    ranking = rank_for(writer, asked, now, roads=roads, settings=settings)
    if not ranking.eligible:
        why = "; ".join(ranking.shortfall)
        raise NobodyAvailable(f"nobody can be sent: {why}", key="nobody", unfit_each=why)
    task = writer.save_task(asked)
    task_step(writer, task, actor, Step.ASK_AGAIN.value, now, detail=detail)
    held = sum(offer.is_open for offer in offers)
    places = held + max(1, at_once(settings, task) - held)
    return offer_next(writer, task, now, roads=roads, settings=settings, places=places)


def check_no_unit(task: Task) -> None:
    """Raise IllegalMove for a task of a unit: its people take it among themselves, without offers."""
    if task.unit:
        text = f"task {task.id} is for {task.unit}; reassign it to offer it to anybody else"
        raise IllegalMove(text, key="task.of_unit", task=task.id)


def rank_for(writer: Reader, task: Task, now: datetime, *, roads: Roads, settings: Settings) -> Ranking:
    """The ranking of all responders for this task, in its present round."""
    return rank(
        writer,
        task.location,
        now,
        roads=roads,
        settings=settings,
        excluded=refusals(writer.offers(task.id), task.round),
        needs=needs_of(writer, task, settings),
        grid=task.grid,
        reach=settings.dispatch.reach.get(task.priority),
        lifted=LIFTED[task.round.ring],
    )


def refusals(offers: Sequence[Offer], present: Round) -> dict[str, str]:
    """Responders who are not offered this task again in the present round, with the reason.

    A responder whose offer expired is asked again only in a new round; one who declined, only when everybody is asked.
    """
    reasons = {
        offer.responder: offer.reason or "did not answer in time"
        for offer in offers
        if offer.expired_at is not None and offer.id > present.after
    }
    declined = [
        offer
        for offer in offers
        if offer.declined_at is not None and (offer.id > present.after or present.ring is not Ring.EVERYBODY)
    ]
    return reasons | {offer.responder: f"declined: {offer.reason or 'no reason given'}" for offer in declined}


def end_offer(writer: Writer, task: Task, offer: Offer, now: datetime) -> None:
    """Store an offer that has ended, and stop its timers."""
    del task
    writer.save_offer(offer)
    for kind in (TIMER, DELIVERY):
        writer.finish_timers_of(kind, offer.id, now)


def withdraw_open(writer: Writer, task: Task, now: datetime, reason: str = "") -> None:
    """Withdraw every open offer of the task and free the responders who hold them."""
    for offer in writer.offers(task.id):
        if offer.is_open:
            end_offer(writer, task, replace(offer, withdrawn_at=now, reason=reason), now)
            responder_changed(writer, offer.responder, now)


def mark_delivered(writer: Writer, responder: str, now: datetime) -> int:
    """Mark the responder's open offers as delivered: the phone has fetched them. Returns how many arrived just now."""
    arrived = [offer for offer in writer.open_offers_to(responder) if offer.delivered_at is None]
    for offer in arrived:
        writer.save_offer(replace(offer, delivered_at=now))
        writer.finish_timers_of(DELIVERY, offer.id, now)
    return len(arrived)


def expire_due(
    writer: Writer, now: datetime, *, roads: Roads, settings: Settings, timers: Sequence[Timer] | None = None
) -> int:
    """End offers that have expired and offers that did not reach the phone; offer their tasks to the next candidates.

    Returns how many ended, at most 20. The rest stay due: call again.
    """
    ended = 0
    for timer in writer.timers_due(now, _TIMERS_AT_ONCE, kinds=(TIMER, DELIVERY)) if timers is None else timers:
        if ended == _EXPIRED_AT_ONCE:
            break
        if timer.kind not in {TIMER, DELIVERY} or not writer.finish_timer(timer.id, now):
            continue
        offer = writer.offer(timer.subject)
        late = timer.kind == TIMER  # not decided by `expires_at`: the clock may have been put back since
        lost = timer.kind == DELIVERY and offer.delivered_at is None
        if not offer.is_open or not (late or lost):
            continue
        expire_offer(writer, offer, NOT_DELIVERED if lost else "", now, roads=roads, settings=settings)
        ended += 1
    return ended


def expire_offer(writer: Writer, offer: Offer, reason: str, now: datetime, *, roads: Roads, settings: Settings) -> None:
    """End an unanswered offer, for this reason (empty: its time is over), and offer its task to the next."""
    task = writer.task(offer.task_id)
    check(task, Step.EXPIRE, SYSTEM, writer.offers(task.id), now)
    end_offer(writer, task, replace(offer, expired_at=now, reason=reason), now)
    detail = {"offered_to": offer.responder} | ({"reason": reason} if reason else {})
    task_step(writer, task, SYSTEM, "expire", now, detail=detail)
    responder_changed(writer, offer.responder, now)
    offer_next(writer, task, now, roads=roads, settings=settings)


def _offer(
    writer: Writer, task: Task, candidate: Candidate, actor: Actor, now: datetime, *, settings: Settings
) -> Task:
    """Make one offer; the first holder is the task's `offered_to`, further ones are in `also_offered`."""
    expires_at = now + settings.dispatch.accept_within[task.priority]
    offer = writer.add_offer(
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
    writer.add_timer(Timer(TIMER, offer.id, expires_at))
    if settings.dispatch.deliver_within is not None:
        writer.add_timer(Timer(DELIVERY, offer.id, now + settings.dispatch.deliver_within))
    if task.offered_to is None:
        task = writer.save_task(replace(task, offered_to=candidate.responder))
    else:
        task = writer.save_task(replace(task, also_offered=(*task.also_offered, candidate.responder)))
    detail = {
        "to": candidate.responder,
        "until": expires_at.isoformat(timespec="milliseconds"),
        "travel_s": round(candidate.travel_s, 1),
        "cost_s": round(candidate.cost_s, 1),
        "method": candidate.method,
    }
    task_step(
        writer, task, actor, "offer", now, detail=detail | ({"warning": candidate.warning} if candidate.warning else {})
    )
    responder_changed(writer, candidate.responder, now)
    return task


def follow_clock(writer: Writer, jump: timedelta, now: datetime, settings: Settings) -> int:
    """Adjust open offers after this computer's clock was put back, so that they last as long as promised. How many.

    `now`: by the new clock. Without this, offers from before a step of an hour would hold their tasks for an hour more,
    and nobody else would be asked. A clock put forward ends them at once, and the next candidates are asked.
    """
    if jump >= timedelta(0):
        return 0
    moved = 0
    for task in _with_open_offers(writer):
        for offer in writer.offers(task.id):
            if not offer.is_open or timedelta(0) <= now - offer.offered_at < _MADE_SINCE:
                continue
            _set_anew(writer, Timer(TIMER, offer.id, offer.expires_at + jump), now)
            if offer.delivered_at is None and settings.dispatch.deliver_within is not None:
                _set_anew(writer, Timer(DELIVERY, offer.id, now + settings.dispatch.deliver_within), now)
            moved += 1
        limit = settings.dispatch.unaccepted_escalates.get(task.priority)
        if task.unaccepted_since is not None and limit is not None:
            _set_anew(writer, Timer(UNACCEPTED, task.id, now + limit), now)
    return moved


def _with_open_offers(writer: Writer) -> Iterator[Task]:
    """Tasks that nobody has accepted, page by page."""
    before: int | None = None
    while page := writer.tasks(TaskQuery(open_only=True, before_id=before, limit=500)):
        yield from (task for task in page if task.offered_to is not None or task.unaccepted_since is not None)
        before = page[-1].id


def _set_anew(writer: Writer, timer: Timer, now: datetime) -> None:
    writer.finish_timers_of(timer.kind, timer.subject, now)
    writer.add_timer(timer)
