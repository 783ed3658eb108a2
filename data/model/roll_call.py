"""Roll-call 叫应: an order to many people: who was reached, who answered, who was called instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from data.model.case import Recorded
from data.model.notice import Notice, NoticeState
from data.model.views import iso, step_view


class RollAnswer(StrEnum):
    """What somebody says to a roll-call."""

    PRESENT = "present"  # 收到
    UNABLE = "unable"  # 无法到岗, with a reason


class CalledState(StrEnum):
    """How one person stands. Derived from recorded times and the notices."""

    CALLED = "called"  # not reached yet
    REACHED = "reached"  # a channel has delivered, or the phone has shown it
    PRESENT = "present"
    UNABLE = "unable"
    MISSING = "missing"  # no answer in the limit


@dataclass(frozen=True, slots=True)
class Called:
    """One person of a roll-call.

    `unit`: for which they were called. `stands_for`: whose deputy they are, empty for those of the order itself.
    `calls`: how often they were called. `due`: until when they are to answer. `shown_at`: when their phone or page has
    shown it. `missed_at`: when the limit passed without an answer. `told_by`: who entered the answer, where it was
    given by telephone; empty when it was their own.
    """

    roll_call_id: int
    person: str
    unit: str
    called_at: datetime
    due: datetime
    stands_for: str = ""
    calls: int = 1
    shown_at: datetime | None = None
    missed_at: datetime | None = None
    answered_at: datetime | None = None
    answer: str = ""
    reason: str = ""
    told_by: str = ""
    id: int = 0

    @property
    def state(self) -> CalledState:
        if self.answered_at is not None:
            return CalledState(self.answer)
        if self.missed_at is not None:
            return CalledState.MISSING
        return CalledState.CALLED if self.shown_at is None else CalledState.REACHED


@dataclass(frozen=True, slots=True)
class RollCall:
    """An order to answer. `ladder`: the next of the ladder is called for who does not answer, or cannot come.

    `template`: the id of the template it was made from. `channels`: ids of channels. `steps`: order, recall, close;
    `ordered_at`, `closed_at`: the first and the last.
    """

    title: str
    text: str
    answer_within_s: float
    ordered_at: datetime
    steps: tuple[Recorded, ...]
    template: str = ""
    channels: tuple[str, ...] = ()
    ladder: bool = True
    closed_at: datetime | None = None
    id: int = 0
    version: int = 0

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


def counts_of(called: Sequence[Called]) -> dict[str, int]:
    """How many there are in each state, of all who were called, and `all`."""
    found = Counter(one.state.value for one in called)
    return {state.value: found[state.value] for state in CalledState} | {"all": len(called)}


def roll_call_view(roll_call: RollCall, names: Mapping[str, str]) -> dict[str, Any]:
    """A roll-call as JSON, without its people."""
    return {
        "id": roll_call.id,
        "title": roll_call.title,
        "text": roll_call.text,
        "template": roll_call.template,
        "channels": list(roll_call.channels),
        "ladder": roll_call.ladder,
        "answer_within_s": roll_call.answer_within_s,
        "ordered_at": iso(roll_call.ordered_at),
        "ordered_by": roll_call.steps[0].by,
        "closed_at": iso(roll_call.closed_at),
        "steps": [step_view(step) | {"name": names.get(step.by, step.by)} for step in roll_call.steps],
        "version": roll_call.version,
    }


def called_view(called: Called, notices: Sequence[Notice], names: Mapping[str, str]) -> dict[str, Any]:
    """One person with the channels that reached them. `notices`: those to this person, in any order."""
    delivered = sorted(
        (one for one in notices if one.delivered_at is not None), key=lambda one: str(iso(one.delivered_at))
    )
    reached = [{"channel": one.channel, "at": iso(one.delivered_at)} for one in delivered]
    reached += [] if called.shown_at is None else [{"channel": "screen", "at": iso(called.shown_at)}]
    state = CalledState.REACHED if reached and called.state is CalledState.CALLED else called.state
    failed = [{"channel": one.channel, "error": one.error} for one in notices if one.state is NoticeState.FAILED]
    return {
        "person": called.person,
        "name": names.get(called.person, called.person),
        "unit": called.unit,
        "stands_for": called.stands_for,
        "calls": called.calls,
        "state": state.value,
        "called_at": iso(called.called_at),
        "due": iso(called.due),
        "reached": reached,
        "failed": failed,
        "missed_at": iso(called.missed_at),
        "answered_at": iso(called.answered_at),
        "reason": called.reason,
        "told_by": called.told_by,
        "told_by_name": names.get(called.told_by, called.told_by),
    }
