"""An alert is one condition at one site. Rules signal it; the store keeps it; people work on its event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Priority(StrEnum):
    """P1 red 红, P2 orange 橙, P3 yellow 黄, P4 blue 蓝."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class AlertKey(NamedTuple):
    """What makes an alert the same alert. `zone` and `subject` are empty where they do not apply."""

    site: str
    rule: str
    zone: str
    subject: str


Gap = tuple[datetime, datetime]
"""From the last time the site was seen to the next."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A rule says: this condition holds.

    `started_at`: when the condition began. `at`: the observation or tick on which the rule decided.
    `xyxy`: the object's box in fractions of the picture. `value`: the reading that decided, in `unit`.
    `gaps`: from when to when the site could not be seen since the condition began: neither counted nor a reset.
    """

    key: AlertKey
    kind: str
    priority: Priority
    started_at: datetime
    at: datetime
    label: str = ""
    confidence: float | None = None
    xyxy: tuple[float, float, float, float] | None = None
    value: float | None = None
    unit: str = ""
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A rule says: this condition no longer holds, since `ended_at`; decided at `at`. `gaps`: as in Raised."""

    key: AlertKey
    ended_at: datetime
    at: datetime
    gaps: tuple[Gap, ...] = ()


Signal = Raised | Ended


class AlertState(StrEnum):
    """Derived from recorded times, never stored (ISA-18.2)."""

    FIRING = "firing"  # active, unacknowledged
    ACKNOWLEDGED = "acknowledged"  # active, acknowledged
    RETURNED = "returned"  # returned to normal, unacknowledged
    CLOSED = "closed"  # returned to normal, acknowledged


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as stored. `id` is 0 until stored. Each time is set once, from None."""

    key: AlertKey
    kind: str
    priority: Priority
    started_at: datetime
    raised_at: datetime
    label: str = ""
    confidence: float | None = None
    xyxy: tuple[float, float, float, float] | None = None
    value: float | None = None
    unit: str = ""
    evidence: str | None = None
    event_id: int | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    ended_at: datetime | None = None
    committed_at: datetime | None = None
    id: int = 0
    version: int = 0

    @property
    def state(self) -> AlertState:
        if self.ended_at is None:
            return AlertState.FIRING if self.acknowledged_at is None else AlertState.ACKNOWLEDGED
        return AlertState.RETURNED if self.acknowledged_at is None else AlertState.CLOSED

    @property
    def is_open(self) -> bool:
        """Does the condition still hold?"""
        return self.ended_at is None
