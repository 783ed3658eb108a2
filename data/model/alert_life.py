"""The four axes of an alert's life and its steps, in the terms of ISA-18.2 and IEC 62682.

The axes are independent: condition, acknowledgement, suppression and verification. Each state is derived from recorded
times; the steps are the record and are only ever appended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Condition(StrEnum):
    """State of the condition. A stored alert is never NORMAL or PENDING; those are reported by `Standing`."""

    NORMAL = "normal"
    PENDING = "pending"  # beyond the limit, but not yet for long enough
    ACTIVE = "active"
    CLEARING = "clearing"  # normal again, but not yet for long enough
    STALE = "stale"  # unknown: the camera or gauge is silent
    CLEARED = "cleared"


class Suppression(StrEnum):
    """Why an alert calls nobody. It is kept and shown all the same."""

    SHELVED = "shelved"  # by a human, for a time
    BY_DESIGN = "by_design"  # by another condition: camera away, road closed
    OUT_OF_SERVICE = "out_of_service"  # under a work order


class Verification(StrEnum):
    """How certain it is that the alert is true."""

    UNVERIFIED = "unverified"
    PROBABLE = "probable"  # one kind of evidence
    CONFIRMED = "confirmed"  # two independent kinds, or a human
    DISMISSED = "dismissed"  # by a human, with a reason


class AlertStep(StrEnum):
    """A step of an alert's life. The table of `alerts.moves` says who may take it, and when."""

    RAISE = "raise"
    REOPEN = "reopen"  # the same key soon after its end: another occurrence
    WORSEN = "worsen"  # the severity rises
    EASE = "ease"  # the severity falls
    CLEAR = "clear"  # normal again; not yet for long enough
    RECUR = "recur"  # while clearing: beyond the limit again
    FALL_SILENT = "fall_silent"
    BE_HEARD = "be_heard"
    LATCH = "latch"  # flapping: it stays open until it has been quiet for a while
    END = "end"
    ACKNOWLEDGE = "acknowledge"
    LAPSE = "lapse"  # the acknowledgement has expired
    SHELVE = "shelve"
    UNSHELVE = "unshelve"  # by a human, or when its time is over
    INHIBIT = "inhibit"
    RELEASE = "release"  # what inhibited it has gone
    OUT_OF_SERVICE = "out_of_service"
    RETURN_TO_SERVICE = "return_to_service"
    SUSPECT = "suspect"  # probable
    CONFIRM = "confirm"
    DISMISS = "dismiss"
    LOOK = "look"  # the second look has answered
    FORESEE = "foresee"  # what a gauge is expected to do has changed
    LINK = "link"  # to an event
    UNACKNOWLEDGE = "unacknowledge"  # an acknowledgement, undone within seconds by whoever made it
    WITHDRAW = "withdraw"  # a dismissal, undone likewise


NOTICED = frozenset({AlertStep.CLEAR, AlertStep.RECUR, AlertStep.FALL_SILENT, AlertStep.BE_HEARD})
"""Steps that are observed and not decided: they make no entry in the audit trail."""


VERIFYING = frozenset({AlertStep.SUSPECT, AlertStep.CONFIRM, AlertStep.DISMISS, AlertStep.WITHDRAW})
"""The steps that set an alert's verification."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence for an alert, or against it.

    `kind`: gauge, camera_water, camera_objects, position, citizen, forecast, human. `source`: "alert:12",
    "site:dip-1/gauge", "user:li", "warning:3", "event:7". `for_it` False: it contradicts. `text`: for people;
    `picture`: an evidence id.
    """

    kind: str
    source: str
    at: datetime
    text: str = ""
    for_it: bool = True
    value: float | None = None
    unit: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class TakenStep:
    """A recorded step. `until`: end of shelving or acknowledgement. `detail`: what else it set or cleared."""

    alert_id: int
    step: AlertStep
    at: datetime
    by: str
    role: str
    occurrence: int
    reason: str = ""
    until: datetime | None = None
    proofs: tuple[Proof, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    id: int = 0
