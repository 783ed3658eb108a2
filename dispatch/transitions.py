"""The one table of task transitions: from which states, and by whom. Every refusal gives its reason.

Offered, accepted, en route, on scene and reported are the words of computer-aided dispatch; verified and closed
are the last two steps of the closed loop of digital city management.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.people import Action, Actor
from data.model.task import Offer, Task, TaskState
from data.model.views import iso


class Step(StrEnum):
    """A step of a task after it was made."""

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
    ASSIGN = "assign"  # to a unit, whose people take it among themselves
    BLOCK = "block"
    UNBLOCK = "unblock"
    RETURN = "return"  # 退单
    RULE = "rule"  # 裁定
    REASSIGN = "reassign"  # 改派
    REWORK = "rework"  # 返工
    ASK_AGAIN = "ask_again"  # unaccepted: a human begins another round of offers
    SEND = "send"  # unaccepted: a human chooses somebody despite the filters
    TAKE_BACK = "take_back"  # a dispatch, undone within seconds by whoever made it
    CALL = "call"  # somebody was called by telephone


class Who(StrEnum):
    """Which of the people who have the right may take the step."""

    ANYBODY = "anybody"
    OFFERED = "the responder it is offered to"
    ASSIGNED = "the responder who accepted it"
    ANOTHER = "somebody else than the one who did the work"


class TaskGuard(StrEnum):
    """What must hold, besides state and right, before a step of a task is taken."""

    REASON = "a reason is given"
    RULED = "it was not returned before, or a ruling allows it"


class Clock(StrEnum):
    """What the step does to the clock of the acceptance (`Offer.expires_at`)."""

    STARTS = "starts"
    STOPS = "stops"


@dataclass(frozen=True, slots=True)
class Transition:
    """A step is possible in these states, with this right, for these people, when these guards hold.

    `unit_states`: more states in which it is possible for a unit's task.
    """

    states: frozenset[TaskState]
    action: Action | None  # None: only the system does it
    who: Who
    guards: tuple[TaskGuard, ...] = ()
    clock: Clock | None = None
    unit_states: frozenset[TaskState] = frozenset()


def _only(*states: TaskState) -> frozenset[TaskState]:
    return frozenset(states)


_AT_WORK = _only(TaskState.ACCEPTED, TaskState.EN_ROUTE, TaskState.ON_SCENE)
_WAITING = _only(TaskState.DRAFT, TaskState.OFFERED)
_UNDONE = _AT_WORK | {TaskState.DRAFT, TaskState.OFFERED, TaskState.BLOCKED, TaskState.RETURNED, TaskState.REWORK}

TRANSITIONS = MappingProxyType(
    {
        Step.OFFER: Transition(_only(TaskState.DRAFT), Action.DISPATCH, Who.ANYBODY, clock=Clock.STARTS),
        Step.ASSIGN: Transition(_only(TaskState.DRAFT), Action.DISPATCH, Who.ANYBODY),
        Step.ACCEPT: Transition(_only(TaskState.OFFERED), Action.WORK_TASK, Who.OFFERED, clock=Clock.STOPS),
        Step.DECLINE: Transition(_only(TaskState.OFFERED), Action.WORK_TASK, Who.OFFERED, clock=Clock.STOPS),
        Step.EXPIRE: Transition(_only(TaskState.OFFERED), None, Who.ANYBODY, clock=Clock.STOPS),
        Step.EN_ROUTE: Transition(_only(TaskState.ACCEPTED), Action.WORK_TASK, Who.ASSIGNED),
        Step.ON_SCENE: Transition(_only(TaskState.EN_ROUTE), Action.WORK_TASK, Who.ASSIGNED),
        Step.REPORT: Transition(
            _only(TaskState.ON_SCENE, TaskState.REWORK), Action.WORK_TASK, Who.ASSIGNED, unit_states=_AT_WORK
        ),
        Step.VERIFY: Transition(_only(TaskState.REPORTED), Action.VERIFY, Who.ANOTHER),
        Step.CLOSE: Transition(_only(TaskState.VERIFIED), None, Who.ANYBODY),
        Step.CANCEL: Transition(_UNDONE | {TaskState.REPORTED}, Action.CANCEL_TASK, Who.ANYBODY, clock=Clock.STOPS),
        Step.BLOCK: Transition(_AT_WORK, Action.WORK_TASK, Who.ASSIGNED, (TaskGuard.REASON,)),
        Step.UNBLOCK: Transition(_only(TaskState.BLOCKED), Action.WORK_TASK, Who.ASSIGNED),
        Step.RETURN: Transition(
            _AT_WORK | {TaskState.BLOCKED},
            Action.WORK_TASK,
            Who.ASSIGNED,
            (TaskGuard.REASON, TaskGuard.RULED),
            unit_states=_only(TaskState.OFFERED),
        ),
        Step.RULE: Transition(_UNDONE, Action.RULE_EVENT, Who.ANYBODY, (TaskGuard.REASON,)),
        Step.REASSIGN: Transition(_UNDONE, Action.DISPATCH, Who.ANYBODY, (TaskGuard.REASON,), Clock.STOPS),
        Step.ASK_AGAIN: Transition(_WAITING, Action.DISPATCH, Who.ANYBODY, clock=Clock.STARTS),
        Step.SEND: Transition(_WAITING, Action.DISPATCH, Who.ANYBODY, clock=Clock.STARTS),
        Step.TAKE_BACK: Transition(_WAITING, Action.DISPATCH, Who.ANYBODY, clock=Clock.STOPS),
        Step.CALL: Transition(_UNDONE, Action.DISPATCH, Who.ANYBODY),
        Step.REWORK: Transition(
            _only(TaskState.REPORTED, TaskState.CLOSED), Action.VERIFY, Who.ANOTHER, (TaskGuard.REASON,)
        ),
    }
)


def check(
    task: Task,
    step: Step,
    actor: Actor,
    offers: Sequence[Offer],
    now: datetime,
    *,
    members: Collection[str] = (),
    reason: str | None = None,
) -> None:
    """Return when the step is allowed.

    Raises Forbidden (not this role, not this person), IllegalMove (not in this state, not any more) or InputRejected
    (no reason given). `offers`: all offers of the task, oldest first; `members`: the people of the task's unit.
    """
    transition = TRANSITIONS[step]
    if transition.action is None:
        if actor.role is not None:
            raise Forbidden(f"{step} is done by the system only", key="system")
    else:
        actor.require(transition.action)
    _check_person(task, step, transition.who, actor, offers, members)
    possible = transition.states | (transition.unit_states if task.unit else frozenset())
    if task.state not in possible:
        raise IllegalMove(
            f"task {task.id} is {_standing(task)}; {step} is possible only when {_named(possible)}",
            key="task.state",
            task=task.id,
            task_state=task.state.value,
            who=task.responder or task.offered_to or "",
        )
    if transition.who is Who.OFFERED and not task.unit:
        _check_offer(task, actor, offers, now)
    if TaskGuard.REASON in transition.guards and not (reason or "").strip():
        raise InputRejected(f"{step} of task {task.id} needs a reason", key="reason")
    if TaskGuard.RULED in transition.guards:
        _check_ruling(task)


def _check_person(  # noqa: PLR0917 - who does what to which task
    task: Task, step: Step, who: Who, actor: Actor, offers: Sequence[Offer], members: Collection[str]
) -> None:
    if who is Who.OFFERED and task.unit and actor.name not in members:
        text = f"task {task.id} is for {task.unit}, and {actor.name} is not one of its people"
        raise Forbidden(text, key="task.unit", task=task.id)
    if who is Who.OFFERED and not task.unit and all(offer.responder != actor.name for offer in offers):
        raise Forbidden(f"task {task.id} was not offered to {actor.name}", key="task.not_offered", task=task.id)
    if who is Who.ASSIGNED and task.unit and task.responder is None and actor.name not in members:
        text = f"task {task.id} is for {task.unit}, and {actor.name} is not one of its people"
        raise Forbidden(text, key="task.unit", task=task.id)
    if who is Who.ASSIGNED and task.responder not in (None, actor.name):
        text = f"task {task.id} is {task.responder}'s; only they can do {step}"
        raise Forbidden(text, key="task.others", task=task.id, who=task.responder)
    if who is Who.ANOTHER and (task.responder == actor.name or (task.unit and actor.name in members)):
        text = f"task {task.id} was done by {task.responder}; nobody verifies their own work"
        raise Forbidden(text, key="task.own_work", task=task.id)


def _check_ruling(task: Task) -> None:
    """A task may be returned once with a reason, and a second time only after a ruling."""
    returned = [n for n, one in enumerate(task.steps) if one.step == Step.RETURN]
    if returned and all(one.step != Step.RULE for one in task.steps[returned[-1] :]):
        text = f"task {task.id} was returned once already; a second return needs a ruling"
        raise IllegalMove(text, key="task.returned_once", task=task.id)


def open_offer(offers: Sequence[Offer], responder: str | None = None) -> Offer | None:
    """The open offer to this responder, or the first open offer to anybody."""
    return next((offer for offer in offers if offer.is_open and responder in (None, offer.responder)), None)


def _check_offer(task: Task, actor: Actor, offers: Sequence[Offer], now: datetime) -> None:
    """Check that the newest offer to this person is still open and has not expired."""
    mine = [offer for offer in offers if offer.responder == actor.name][-1]
    if not mine.is_open:
        ends = (("declined", mine.declined_at), ("expired", mine.expired_at), ("withdrawn", mine.withdrawn_at))
        how, at = next(((how, at) for how, at in ends if at is not None), ("answered", mine.accepted_at))
        text = f"the offer of task {task.id} to {actor.name} was {how} at {iso(at)}"
        raise IllegalMove(text, key=f"offer.{how}", task=task.id, at=iso(at))
    if now > mine.expires_at:
        text = f"the offer of task {task.id} to {actor.name} expired at {iso(mine.expires_at)}"
        raise IllegalMove(text, key="offer.expired", task=task.id, at=iso(mine.expires_at))


def _standing(task: Task) -> str:
    """The task's state, with the person and time behind it."""
    state = task.state.value.replace("_", " ")
    facts = {
        TaskState.OFFERED: f" to {task.offered_to}",
        TaskState.CLOSED: f" since {iso(task.closed_at)}, verified by {task.verified_by}",
        TaskState.CANCELLED: f" since {iso(task.cancelled_at)}",
    }
    by = f" (by {task.responder})" if task.responder is not None else ""
    return state + facts.get(task.state, by)


def _named(states: Collection[TaskState]) -> str:
    return ", ".join(state.value.replace("_", " ") for state in TaskState if state in states)
