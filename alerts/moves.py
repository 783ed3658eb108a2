"""The one table of an alert's moves: who may make them, and when. Every refusal gives its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.alert import Alert
from data.model.alert_life import AlertStep, Suppression, Verification
from data.model.people import Action, Actor
from data.model.views import iso

REASON_LIMIT = 500  # characters


class Why(NamedTuple):
    """The reason of a refusal: in English, and as a key of the screens' words with its values."""

    text: str
    key: str = "now"
    values: Mapping[str, str | int | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Need:
    """A precondition of a move; `why` gives the reason when it does not hold."""

    holds: Callable[[Alert, datetime], bool]
    why: Callable[[Alert], Why]


@dataclass(frozen=True, slots=True)
class Move:
    """A move of an alert. `action`: the right it needs; None for a move that only the system makes."""

    action: Action | None
    needs: tuple[Need, ...] = ()
    reason: bool = False


def _shelved(alert: Alert, now: datetime) -> bool:
    return Suppression.SHELVED in alert.suppressions(now)


def _acknowledged(alert: Alert) -> Why:
    by, at = alert.acknowledged_by, iso(alert.acknowledged_at)
    return Why(f"was acknowledged by {by} at {at}", "acknowledged", {"by": by, "at": at})


def _on_the_shelf(alert: Alert) -> Why:
    by, until = alert.shelved_by, iso(alert.shelved_until)
    return Why(f"is shelved by {by} until {until}", "shelved", {"by": by, "until": until})


_OPEN = Need(
    lambda a, _: a.is_open,
    lambda a: Why(f"returned to normal at {iso(a.ended_at)}", "over", {"at": iso(a.ended_at)}),
)
_OVER = Need(lambda a, _: not a.is_open, lambda _: Why("is still open", "open"))
_UNSEEN = Need(lambda a, now: not a.is_acknowledged(now), _acknowledged)
_SEEN = Need(lambda a, _: a.acknowledged_at is not None, lambda _: Why("is not acknowledged", "unacknowledged"))
_UNSHELVED = Need(lambda a, now: not _shelved(a, now), _on_the_shelf)
_ON_SHELF = Need(lambda a, _: a.shelved_until is not None, lambda _: Why("is not shelved", "unshelved"))
_IN_SERVICE = Need(
    lambda a, _: not a.work_order,
    lambda a: Why(f"is out of service under work order {a.work_order}", "out_of_service", {"order": a.work_order}),
)
_OUT = Need(lambda a, _: bool(a.work_order), lambda _: Why("is in service", "in_service"))
_INHIBITED = Need(lambda a, _: bool(a.inhibited_by), lambda _: Why("is not inhibited"))
_NOT_CONFIRMED = Need(
    lambda a, _: a.verification is not Verification.CONFIRMED, lambda _: Why("is confirmed already", "confirmed")
)
_NOT_DISMISSED = Need(
    lambda a, _: a.verification is not Verification.DISMISSED, lambda _: Why("was dismissed by a human", "dismissed")
)
_DISMISSED = Need(
    lambda a, _: a.verification is Verification.DISMISSED, lambda _: Why("is not dismissed", "not_dismissed")
)
_NO_HUMAN = Need(
    lambda a, _: a.verification in {Verification.UNVERIFIED, Verification.PROBABLE},
    lambda a: Why(f"is {a.verification.value} already"),
)
_CLEARING = Need(lambda a, _: a.clearing_since is not None, lambda _: Why("is not clearing"))
_NOT_CLEARING = Need(lambda a, _: a.clearing_since is None, lambda a: Why(f"is clearing since {iso(a.clearing_since)}"))
_SILENT = Need(lambda a, _: a.stale_since is not None, lambda _: Why("is not stale"))
_HEARD = Need(lambda a, _: a.stale_since is None, lambda a: Why(f"is stale since {iso(a.stale_since)}"))
_LOOSE = Need(lambda a, _: a.latched_since is None, lambda a: Why(f"is latched since {iso(a.latched_since)}"))

MOVES = MappingProxyType(
    {
        AlertStep.RAISE: Move(None, (_OPEN,)),
        AlertStep.REOPEN: Move(None, (_OVER,)),
        AlertStep.WORSEN: Move(None, (_OPEN,)),
        AlertStep.EASE: Move(None, (_OPEN,)),
        AlertStep.CLEAR: Move(None, (_OPEN, _NOT_CLEARING)),
        AlertStep.RECUR: Move(None, (_OPEN, _CLEARING)),
        AlertStep.FALL_SILENT: Move(None, (_OPEN, _HEARD)),
        AlertStep.BE_HEARD: Move(None, (_OPEN, _SILENT)),
        AlertStep.LATCH: Move(None, (_OPEN, _LOOSE)),
        AlertStep.END: Move(None, (_OPEN,)),
        AlertStep.ACKNOWLEDGE: Move(Action.ACKNOWLEDGE, (_UNSEEN,)),
        AlertStep.LAPSE: Move(None, (_OPEN, _SEEN)),
        AlertStep.SHELVE: Move(Action.SHELVE, (_OPEN, _IN_SERVICE, _UNSHELVED), reason=True),
        AlertStep.UNSHELVE: Move(Action.SHELVE, (_ON_SHELF,)),
        AlertStep.INHIBIT: Move(None, (_OPEN,)),
        AlertStep.RELEASE: Move(None, (_INHIBITED,)),
        AlertStep.OUT_OF_SERVICE: Move(Action.OUT_OF_SERVICE, (_OPEN, _IN_SERVICE), reason=True),
        AlertStep.RETURN_TO_SERVICE: Move(Action.OUT_OF_SERVICE, (_OUT,)),
        AlertStep.SUSPECT: Move(None, (_NO_HUMAN,)),
        AlertStep.CONFIRM: Move(Action.VERIFY_ALERT, (_NOT_CONFIRMED,)),
        AlertStep.DISMISS: Move(Action.VERIFY_ALERT, (_NOT_DISMISSED,), reason=True),
        AlertStep.LOOK: Move(None, (_OPEN,)),
        AlertStep.FORESEE: Move(None, (_OPEN,)),
        AlertStep.LINK: Move(None),
        AlertStep.UNACKNOWLEDGE: Move(Action.ACKNOWLEDGE, (_SEEN,)),
        AlertStep.WITHDRAW: Move(Action.VERIFY_ALERT, (_DISMISSED,)),
    }
)


def check(alert: Alert, step: AlertStep, actor: Actor, now: datetime, reason: str = "") -> str:
    """Return the tidied reason when the move is allowed.

    Raises Forbidden (not this role), IllegalMove (not possible now, with the reason) or InputRejected (the reason is
    missing or too long).
    """
    move = MOVES[step]
    if move.action is not None:
        actor.require(move.action)
    elif actor.role is not None:
        raise Forbidden(f"{step.value} is done by the system only", key="system")
    for need in move.needs:
        if not need.holds(alert, now):
            why = need.why(alert)
            raise IllegalMove(f"alert {alert.id} {why.text}", key=f"alert.{why.key}", alert=alert.id, **why.values)
    if step is AlertStep.CONFIRM and actor.role is None and not _NOT_DISMISSED.holds(alert, now):
        raise IllegalMove(f"alert {alert.id} {_NOT_DISMISSED.why(alert).text}; only a human takes that back")
    told = reason.strip()
    if move.reason and not told:
        raise InputRejected(f"say why: {step.value} of alert {alert.id} needs a reason", key="reason")
    if len(told) > REASON_LIMIT:
        text = f"a reason has at most {REASON_LIMIT} characters, this one {len(told)}"
        raise InputRejected(text, key="reason.long", limit=REASON_LIMIT, n=len(told))
    return told
