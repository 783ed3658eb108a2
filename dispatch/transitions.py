"""The one table of task transitions: from which states, by whom. Everything refused says why.

Offered, accepted, en route, on scene and reported are the words of computer-aided dispatch; verified and closed
are the last two steps of the closed loop of digital city management.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from data.errors import Forbidden, IllegalMove
from data.people import Action, Actor
from data.task import Offer, Task, TaskState
from data.views import iso


class Step(StrEnum):
    """What can happen to a task after it was made."""

    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    REPORT = "report"
    VERIFY = "verify"
    CLOSE = "close"
    CANCEL = "cancel"


class Who(StrEnum):
    """Which of the people with the right."""

    ANYBODY = "anybody"
    OFFERED = "the responder it is offered to"
    ASSIGNED = "the responder who accepted it"
    ANOTHER = "somebody else than the one who did the work"


@dataclass(frozen=True, slots=True)
class Transition:
    """A step is possible in these states, with this right, for these people."""

    states: frozenset[TaskState]
    action: Action | None  # None: only the system does it
    who: Who


_UNFINISHED = frozenset(
    {
        TaskState.DRAFT,
        TaskState.OFFERED,
        TaskState.ACCEPTED,
        TaskState.EN_ROUTE,
        TaskState.ON_SCENE,
        TaskState.REPORTED,
    }
)


def _only(*states: TaskState) -> frozenset[TaskState]:
    return frozenset(states)


TRANSITIONS = MappingProxyType(
    {
        Step.OFFER: Transition(_only(TaskState.DRAFT), Action.DISPATCH, Who.ANYBODY),
        Step.ACCEPT: Transition(_only(TaskState.OFFERED), Action.WORK_TASK, Who.OFFERED),
        Step.DECLINE: Transition(_only(TaskState.OFFERED), Action.WORK_TASK, Who.OFFERED),
        Step.EXPIRE: Transition(_only(TaskState.OFFERED), None, Who.ANYBODY),
        Step.EN_ROUTE: Transition(_only(TaskState.ACCEPTED), Action.WORK_TASK, Who.ASSIGNED),
        Step.ON_SCENE: Transition(_only(TaskState.EN_ROUTE), Action.WORK_TASK, Who.ASSIGNED),
        Step.REPORT: Transition(_only(TaskState.ON_SCENE), Action.WORK_TASK, Who.ASSIGNED),
        Step.VERIFY: Transition(_only(TaskState.REPORTED), Action.VERIFY, Who.ANOTHER),
        Step.CLOSE: Transition(_only(TaskState.VERIFIED), None, Who.ANYBODY),
        Step.CANCEL: Transition(_UNFINISHED, Action.CANCEL_TASK, Who.ANYBODY),
    }
)


def check(task: Task, step: Step, actor: Actor, offers: Sequence[Offer], now: datetime) -> None:
    """Return when the step is allowed.

    Raises Forbidden (not this role, not this person) or IllegalMove (not in this state, not any more).
    `offers`: all offers of the task, oldest first.
    """
    transition = TRANSITIONS[step]
    if transition.action is None:
        if actor.role is not None:
            raise Forbidden(f"{step} is done by the system only")
    else:
        actor.require(transition.action)
    if transition.who is Who.OFFERED and all(offer.responder != actor.name for offer in offers):
        raise Forbidden(f"task {task.id} was not offered to {actor.name}")
    if transition.who is Who.ASSIGNED and task.responder not in (None, actor.name):
        raise Forbidden(f"task {task.id} is {task.responder}'s; only they can do {step}")
    if transition.who is Who.ANOTHER and task.responder == actor.name:
        raise Forbidden(f"task {task.id} was done by {actor.name}; nobody verifies their own work")
    if task.state not in transition.states:
        raise IllegalMove(f"task {task.id} is {_standing(task)}; {step} is possible only when {_named(transition)}")
    if transition.who is Who.OFFERED:
        _check_offer(task, actor, offers, now)


def open_offer(offers: Sequence[Offer]) -> Offer | None:
    """The offer that waits for an answer."""
    return next((offer for offer in offers if offer.is_open), None)


def _check_offer(task: Task, actor: Actor, offers: Sequence[Offer], now: datetime) -> None:
    """The newest offer to this person must still be open and in time."""
    mine = [offer for offer in offers if offer.responder == actor.name][-1]
    if not mine.is_open:
        ends = (("declined", mine.declined_at), ("expired", mine.expired_at), ("withdrawn", mine.withdrawn_at))
        how, at = next(((how, at) for how, at in ends if at is not None), ("answered", mine.accepted_at))
        raise IllegalMove(f"the offer of task {task.id} to {actor.name} was {how} at {iso(at)}")
    if now > mine.expires_at:
        raise IllegalMove(f"the offer of task {task.id} to {actor.name} expired at {iso(mine.expires_at)}")


def _standing(task: Task) -> str:
    """The state with the person and time that explain it."""
    state = task.state.value.replace("_", " ")
    facts = {
        TaskState.OFFERED: f" to {task.offered_to}",
        TaskState.CLOSED: f" since {iso(task.closed_at)}, verified by {task.verified_by}",
        TaskState.CANCELLED: f" since {iso(task.cancelled_at)}",
    }
    by = f" (by {task.responder})" if task.responder is not None else ""
    return state + facts.get(task.state, by)


def _named(transition: Transition) -> str:
    return ", ".join(state.value.replace("_", " ") for state in TaskState if state in transition.states)
