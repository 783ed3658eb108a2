"""An alert's four axes, derived from its recorded steps. Tests check that the stored row agrees with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from data.model.alert import Alert, Priority
from data.model.alert_life import AlertStep, Condition, Suppression, TakenStep, Verification


class Axes(NamedTuple):
    """Where an alert stands at one moment."""

    condition: Condition
    acknowledged: bool
    suppressions: tuple[Suppression, ...]
    verification: Verification
    priority: Priority
    occurrence: int
    latched: bool


def axes_of(alert: Alert, now: datetime) -> Axes:
    """Of the alert as stored."""
    return Axes(
        alert.condition,
        alert.is_acknowledged(now),
        alert.suppressions(now),
        alert.verification,
        alert.priority,
        alert.occurrence,
        alert.latched_since is not None,
    )


@dataclass(frozen=True, slots=True)
class _Walked:
    priority: Priority = Priority.P4
    occurrence: int = 0
    open: bool = False
    silent: bool = False
    clearing: bool = False
    latched: bool = False
    acknowledged: bool = False
    acknowledged_until: datetime | None = None
    shelved_until: datetime | None = None
    inhibited: bool = False
    out_of_service: bool = False
    verification: Verification = Verification.UNVERIFIED


def axes_of_steps(steps: Iterable[TakenStep], now: datetime) -> Axes:
    """Of the alert whose steps these are, oldest first."""
    walked = _Walked()
    for taken in steps:
        walked = _after(walked, taken)
    condition = Condition.CLEARED
    if walked.open:
        condition = Condition.CLEARING if walked.clearing else Condition.ACTIVE
        condition = Condition.STALE if walked.silent else condition
    seen = walked.acknowledged and (walked.acknowledged_until is None or now < walked.acknowledged_until)
    shelved = walked.shelved_until is not None and now < walked.shelved_until
    held = (
        (Suppression.SHELVED, shelved),
        (Suppression.BY_DESIGN, walked.inhibited),
        (Suppression.OUT_OF_SERVICE, walked.out_of_service),
    )
    quiet = tuple(suppression for suppression, holds in held if holds)
    return Axes(condition, seen, quiet, walked.verification, walked.priority, walked.occurrence, walked.latched)


_SETS: Mapping[AlertStep, Mapping[str, Any]] = MappingProxyType(
    {
        AlertStep.CLEAR: {"clearing": True},
        AlertStep.RECUR: {"clearing": False},
        AlertStep.FALL_SILENT: {"silent": True},
        AlertStep.BE_HEARD: {"silent": False},
        AlertStep.LATCH: {"latched": True},
        AlertStep.LAPSE: {"acknowledged": False, "acknowledged_until": None},
        AlertStep.UNACKNOWLEDGE: {"acknowledged": False, "acknowledged_until": None},
        AlertStep.LINK: {"acknowledged_until": None},  # with work behind it an acknowledgement does not expire
        AlertStep.UNSHELVE: {"shelved_until": None},
        AlertStep.INHIBIT: {"inhibited": True},
        AlertStep.RELEASE: {"inhibited": False},
        AlertStep.OUT_OF_SERVICE: {"out_of_service": True},
        AlertStep.RETURN_TO_SERVICE: {"out_of_service": False},
        AlertStep.SUSPECT: {"verification": Verification.PROBABLE},
        AlertStep.CONFIRM: {"verification": Verification.CONFIRMED},
        AlertStep.DISMISS: {"verification": Verification.DISMISSED},
        AlertStep.LOOK: {},
        AlertStep.FORESEE: {},
    }
)


def _after(walked: _Walked, taken: TakenStep) -> _Walked:
    """The state after this step."""
    if taken.step is AlertStep.ACKNOWLEDGE:
        return replace(walked, acknowledged=True, acknowledged_until=taken.until)
    if taken.step is AlertStep.SHELVE:
        return replace(walked, shelved_until=taken.until)
    if taken.step is AlertStep.WITHDRAW:
        return replace(walked, verification=Verification(taken.detail["to"]))
    return replace(walked, **_SETS[taken.step]) if taken.step in _SETS else _moved(walked, taken)


def _moved(walked: _Walked, taken: TakenStep) -> _Walked:
    """The condition itself moved."""
    if taken.step is AlertStep.END:
        return replace(walked, open=False, silent=False, clearing=False, latched=False, acknowledged_until=None)
    priority = Priority(taken.detail["priority"])
    if taken.step is AlertStep.RAISE:
        return _Walked(priority, 1, open=True)
    if taken.step is AlertStep.EASE or taken.detail.get("quiet"):
        return replace(walked, priority=priority)
    fresh = replace(walked, priority=priority, acknowledged=False, acknowledged_until=None)
    if taken.step is AlertStep.REOPEN:
        unknown = Verification.UNVERIFIED
        return replace(fresh, occurrence=taken.occurrence, open=True, verification=unknown)
    dismissed = walked.verification is Verification.DISMISSED
    known = Verification.UNVERIFIED if dismissed else walked.verification
    return replace(fresh, shelved_until=None, verification=known)
