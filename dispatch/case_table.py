"""The one table of an event's transitions: the right they need, from which states, their guards and clocks.

The states and steps are those of digital city management (数字城管): reception, filing, dispatch, handling, check,
closing; 挂账 and 作废 beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from data.model.case import ClockName
from data.model.people import Action
from data.model.task import EventState

S = EventState


class EventStep(StrEnum):
    """What can happen to an event."""

    RECEIVE = "receive"  # 受理: somebody checks whether it is true
    FILE = "file"  # 立案
    REFUSE = "refuse"  # 不予立案
    JUDGE = "judge"  # 研判: lead, co-handlers, cooperating units, deadline
    DISPATCH = "dispatch"  # 派遣
    HANDLE = "handle"  # somebody has accepted
    SUBMIT = "submit"  # all tasks are closed: 待核查
    CALL_BACK = "call_back"  # 回访
    CLOSE = "close"  # 结案
    REVIEW = "review"  # 复盘
    SUSPEND = "suspend"  # 挂账
    RESUME = "resume"
    VOID = "void"  # 作废
    EXTEND = "extend"  # 延期
    RETURN = "return"  # 退单
    REASSIGN = "reassign"  # 改派
    ESCALATE = "escalate"  # 升级
    REWORK = "rework"  # 返工
    REOPEN = "reopen"  # 重开
    RULE = "rule"  # 裁定
    CONVENE = "convene"  # 街道吹哨、部门报到
    SHARE = "share"  # another district is asked to take part
    HOLD = "hold"  # that district agrees
    SPLIT = "split"  # responsibility is split in writing
    HAND_OVER = "hand_over"  # to routine upkeep
    LINK = "link"  # an alert or a report is added to it
    OUTCOME = "outcome"  # a lasting measure is recorded


class EventGuard(StrEnum):
    """What must hold before a step is taken. The function of the same name in `dispatch.case_rules` checks it."""

    REASON = "reason"
    FILING = "filing"  # the category's filing conditions
    SENT_OR_LED = "sent_or_led"  # judged, or opened by an alert or a plan
    HAS_WORK = "has_work"
    ALL_DONE = "all_done"
    NOBODY_AT_WORK = "nobody_at_work"
    NOT_OWN_WORK = "not_own_work"
    CALLED_BACK = "called_back"
    CLOSING = "closing"  # the category's closing conditions
    SPLIT = "split"  # every district that holds it has agreed who does what
    ASKED = "asked"  # this district was asked to hold it
    SHARED = "shared"
    MORE_TIME = "more_time"
    CARRIED_OUT = "carried_out"


class ClockAct(StrEnum):
    """What a step does to a clock."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    EXTEND = "extend"
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True)
class EventTransition:
    """A step from these states to `to` (None: the state stays; `back`: to the state before the suspension).

    `action`: the right it needs; None for a step that only the system takes.
    """

    states: frozenset[EventState]
    to: EventState | None
    action: Action | None
    guards: tuple[EventGuard, ...] = ()
    clocks: tuple[tuple[ClockName, ClockAct], ...] = ()
    back: bool = False


def _in(*states: EventState) -> frozenset[EventState]:
    return frozenset(states)


_WORK = _in(S.DISPATCHED, S.HANDLING)
_CASE = _WORK | {S.FILED, S.JUDGING, S.TO_CHECK}
_INTAKE, _HANDLING = ClockName.INTAKE, ClockName.HANDLING
_REASON = (EventGuard.REASON,)

TABLE = MappingProxyType(
    {
        EventStep.RECEIVE: EventTransition(_in(S.RECEIVED), S.TO_VERIFY, Action.RECEIVE_EVENT),
        EventStep.FILE: EventTransition(
            _in(S.RECEIVED, S.TO_VERIFY),
            S.FILED,
            Action.RECEIVE_EVENT,
            (EventGuard.FILING,),
            ((_INTAKE, ClockAct.STOP),),
        ),
        EventStep.REFUSE: EventTransition(
            _in(S.RECEIVED, S.TO_VERIFY), S.NOT_FILED, Action.RECEIVE_EVENT, _REASON, ((_INTAKE, ClockAct.STOP),)
        ),
        EventStep.JUDGE: EventTransition(_in(S.FILED, S.JUDGING), S.JUDGING, Action.JUDGE_EVENT),
        EventStep.DISPATCH: EventTransition(
            _in(S.FILED, S.JUDGING),
            S.DISPATCHED,
            Action.DISPATCH,
            (EventGuard.SENT_OR_LED, EventGuard.HAS_WORK),
            ((_HANDLING, ClockAct.START),),
        ),
        EventStep.HANDLE: EventTransition(_in(S.DISPATCHED), S.HANDLING, None),
        EventStep.SUBMIT: EventTransition(
            _WORK, S.TO_CHECK, None, (EventGuard.ALL_DONE,), ((_HANDLING, ClockAct.STOP),)
        ),
        EventStep.CALL_BACK: EventTransition(_in(S.TO_CHECK), None, Action.RECEIVE_EVENT),
        EventStep.CLOSE: EventTransition(
            _in(S.TO_CHECK),
            S.CLOSED,
            Action.CLOSE_EVENT,
            (
                EventGuard.NOBODY_AT_WORK,
                EventGuard.NOT_OWN_WORK,
                EventGuard.CALLED_BACK,
                EventGuard.SPLIT,
                EventGuard.CLOSING,
            ),
        ),
        EventStep.REVIEW: EventTransition(_in(S.CLOSED), S.REVIEWED, Action.REVIEW_EVENT, _REASON),
        EventStep.SUSPEND: EventTransition(
            _CASE, S.SUSPENDED, Action.JUDGE_EVENT, _REASON, ((_HANDLING, ClockAct.PAUSE),)
        ),
        EventStep.RESUME: EventTransition(
            _in(S.SUSPENDED), None, Action.JUDGE_EVENT, (), ((_HANDLING, ClockAct.RESUME),), back=True
        ),
        EventStep.VOID: EventTransition(
            _CASE | {S.RECEIVED, S.TO_VERIFY, S.SUSPENDED},
            S.VOIDED,
            Action.VOID_EVENT,
            (EventGuard.REASON, EventGuard.NOBODY_AT_WORK),
            ((_INTAKE, ClockAct.STOP), (_HANDLING, ClockAct.STOP)),
        ),
        EventStep.EXTEND: EventTransition(
            _WORK,
            None,
            Action.JUDGE_EVENT,
            (EventGuard.REASON, EventGuard.MORE_TIME),
            ((_HANDLING, ClockAct.EXTEND),),
        ),
        EventStep.RETURN: EventTransition(_WORK, S.JUDGING, None, _REASON),
        EventStep.REASSIGN: EventTransition(_WORK | {S.JUDGING}, S.DISPATCHED, None, (EventGuard.HAS_WORK,)),
        EventStep.ESCALATE: EventTransition(_CASE | {S.RECEIVED, S.TO_VERIFY}, None, Action.JUDGE_EVENT, _REASON),
        EventStep.REWORK: EventTransition(
            _WORK | {S.TO_CHECK},
            S.HANDLING,
            None,
            (EventGuard.REASON, EventGuard.HAS_WORK),
            ((_HANDLING, ClockAct.GO_ON),),
        ),
        EventStep.REOPEN: EventTransition(_in(S.CLOSED, S.REVIEWED, S.NOT_FILED), S.FILED, Action.JUDGE_EVENT, _REASON),
        EventStep.RULE: EventTransition(_CASE, None, Action.RULE_EVENT, _REASON),
        EventStep.CONVENE: EventTransition(_CASE - {S.TO_CHECK, S.FILED}, None, Action.JUDGE_EVENT),
        EventStep.SHARE: EventTransition(_CASE, None, Action.JUDGE_EVENT, _REASON),
        EventStep.HOLD: EventTransition(_CASE, None, Action.HOLD_EVENT, (EventGuard.ASKED,)),
        EventStep.SPLIT: EventTransition(_CASE, None, Action.HOLD_EVENT, (EventGuard.REASON, EventGuard.SHARED)),
        EventStep.HAND_OVER: EventTransition(
            _in(S.TO_CHECK, S.CLOSED), None, Action.JUDGE_EVENT, (EventGuard.CARRIED_OUT,)
        ),
        EventStep.LINK: EventTransition(_CASE | {S.RECEIVED, S.TO_VERIFY, S.SUSPENDED}, None, Action.RECEIVE_EVENT),
        EventStep.OUTCOME: EventTransition(_CASE - {S.FILED} | {S.CLOSED}, None, Action.JUDGE_EVENT, _REASON),
    }
)
