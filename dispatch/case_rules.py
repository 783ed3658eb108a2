"""The guards of an event's steps. Each returns the reason against the step, empty when there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from data.model.case import Origin
from data.model.category import Category, ClosingCondition, FilingCondition
from data.model.people import Actor
from data.model.task import Event, EventState, Task
from dispatch.case_table import EventGuard, EventStep

QUICK = frozenset({Origin.ALERT, Origin.PLAN, Origin.UPKEEP, Origin.EXTERNAL, Origin.INSPECTION})
"""Origins of events decided by a human, a plan or another system that sent somebody.
They close with their last task. An inspector has seen the hazard at the place, and only a re-check by somebody else
closes its task."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step that somebody wants to take. `event`: as it would be stored, but in its present state."""

    event: Event
    actor: Actor
    category: Category
    tasks: Sequence[Task]
    reason: str = ""
    more_time: timedelta | None = None
    unit: str = ""


def reason_against(guard: EventGuard, attempt: Attempt) -> str:
    """Why this guard forbids the step; empty when it allows it."""
    return _CHECKS[guard](attempt)


def _reason(attempt: Attempt) -> str:
    return "" if attempt.reason.strip() else "a reason is needed"


def _filing(attempt: Attempt) -> str:
    event = attempt.event
    if event.origin in QUICK:
        return ""
    missing = {
        FilingCondition.DESCRIBED: not event.description.strip(),
        FilingCondition.PHOTO: event.photo is None,
        FilingCondition.IN_A_GRID: not event.grid,
        FilingCondition.REPORTER_KNOWN: not event.reporter,
    }
    found = [condition.value for condition in attempt.category.file_when if missing[condition]]
    return f"the filing conditions of {event.kind} are not met: {', '.join(found)}" if found else ""


def _sent_or_led(attempt: Attempt) -> str:
    if attempt.event.lead or attempt.event.origin in QUICK:
        return ""
    return "no lead is named"


def _has_work(attempt: Attempt) -> str:
    return "" if any(task.is_open for task in attempt.tasks) else "no task is open"


def _all_done(attempt: Attempt) -> str:
    still = _nobody_at_work(attempt)
    if still:
        return still
    return "" if any(task.closed_at for task in attempt.tasks) else "no task was carried out"


def _nobody_at_work(attempt: Attempt) -> str:
    still = [task for task in attempt.tasks if task.is_open]
    if not still:
        return ""
    named = "; ".join(f"task {t.id} ({t.role}, {t.unit or t.responder or 'nobody'}) is {t.state}" for t in still)
    return f"not all tasks are closed: {named}"


def _not_own_work(attempt: Attempt) -> str:
    own = [str(task.id) for task in attempt.tasks if task.closed_at and task.responder == attempt.actor.name]
    return f"{attempt.actor.name} did task {', '.join(own)}; nobody verifies their own work" if own else ""


def _called_back(attempt: Attempt) -> str:
    event = attempt.event
    wanted = event.origin is Origin.CITIZEN or ClosingCondition.CALLED_BACK in attempt.category.close_when
    if not wanted:
        return ""
    round_began = event.last(EventStep.SUBMIT.value)
    call = event.last(EventStep.CALL_BACK.value)
    if call is None or (round_began is not None and event.steps.index(call) < event.steps.index(round_began)):
        return "the one who reported it was not called back"
    if call.detail.get("reached") is False:
        return ""
    satisfied = call.detail.get("satisfied")
    return "" if satisfied else "the one who reported it is not satisfied: let it be done again, or rule on it"


def _closing(attempt: Attempt) -> str:
    event = attempt.event
    done = [task for task in attempt.tasks if task.closed_at]
    missing = {
        ClosingCondition.REPORT_PHOTO: any(task.report_photo is None for task in done),
        ClosingCondition.CALLED_BACK: False,  # has a guard of its own
        ClosingCondition.RESOLUTION: event.last(EventStep.SPLIT.value, EventStep.RULE.value) is None,
        ClosingCondition.OUTCOME: event.last(EventStep.OUTCOME.value, EventStep.HAND_OVER.value) is None,
    }
    found = [condition.value for condition in attempt.category.close_when if missing[condition]]
    return f"the closing conditions of {event.kind} are not met: {', '.join(found)}" if found else ""


def _split(attempt: Attempt) -> str:
    event = attempt.event
    asked = _asked_districts(event)
    waiting = sorted(asked - set(event.holders))
    if waiting:
        return f"{', '.join(waiting)} has not taken it yet"
    if not asked or event.last(EventStep.SPLIT.value) is not None:
        return ""
    return f"{', '.join(event.holders)} hold it: responsibility is not split yet"


def _asked(attempt: Attempt) -> str:
    held = {one.detail.get("district") for one in attempt.event.steps if one.step == EventStep.HOLD.value}
    if attempt.unit in held:
        return f"{attempt.unit} holds it already"
    return "" if attempt.unit in _asked_districts(attempt.event) else f"{attempt.unit or 'nobody'} was not asked to"


def _shared(attempt: Attempt) -> str:
    event = attempt.event
    waiting = sorted(_asked_districts(event) - set(event.holders))
    if waiting:
        return f"{', '.join(waiting)} has not taken it yet"
    return "" if len(event.holders) > 1 else "nobody else holds it: there is nothing to split"


def _more_time(attempt: Attempt) -> str:
    by = attempt.more_time
    return "" if by is not None and by > timedelta(0) else "say how much more time"


def _carried_out(attempt: Attempt) -> str:
    return "" if any(task.closed_at for task in attempt.tasks) else "nothing was carried out yet"


def _asked_districts(event: Event) -> set[str]:
    return {str(one.detail.get("with")) for one in event.steps if one.step == EventStep.SHARE.value}


_CHECKS: Mapping[EventGuard, Callable[[Attempt], str]] = MappingProxyType(
    {
        EventGuard.REASON: _reason,
        EventGuard.FILING: _filing,
        EventGuard.SENT_OR_LED: _sent_or_led,
        EventGuard.HAS_WORK: _has_work,
        EventGuard.ALL_DONE: _all_done,
        EventGuard.NOBODY_AT_WORK: _nobody_at_work,
        EventGuard.NOT_OWN_WORK: _not_own_work,
        EventGuard.CALLED_BACK: _called_back,
        EventGuard.CLOSING: _closing,
        EventGuard.SPLIT: _split,
        EventGuard.ASKED: _asked,
        EventGuard.SHARED: _shared,
        EventGuard.MORE_TIME: _more_time,
        EventGuard.CARRIED_OUT: _carried_out,
    }
)


def state_before_suspension(event: Event) -> EventState:
    """The state of a suspended event before its suspension. Steps that do not change the state are ignored."""
    suspended = EventState.SUSPENDED.value
    before = next((one.to for one in reversed(event.steps) if one.to != suspended), EventState.FILED.value)
    return EventState(before)
