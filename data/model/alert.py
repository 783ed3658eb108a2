"""An alert is one condition at one site. Rules signal it; the store keeps it; people work on its event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from data.model.alert_life import Condition, Suppression, Verification
from data.model.forecast import Forecast
from data.model.sightings import DwellTime, SecondLook
from data.model.vehicle import VehicleSight


class Priority(StrEnum):
    """P1 red 红, P2 orange 橙, P3 yellow 黄, P4 blue 蓝."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


class AlertKey(NamedTuple):
    """The identity of an alert. `zone` and `subject` are empty where they do not apply."""

    site: str
    rule: str
    zone: str
    subject: str


CENTRE = "centre"
"""The site of alarms about the system itself."""

UNKNOWN_OBJECT = "unknown_object"
"""Kind of the alerts about objects that no detector can name: probable from the start."""

Gap = tuple[datetime, datetime]
"""From the last time the site was seen to the next."""


@dataclass(frozen=True, slots=True)
class Raised:
    """The signal of a rule that a condition holds.

    `started_at`: when the condition began. `at`: time of the observation or tick on which the rule decided.
    `decided_at`: when another system decided, if its message came at `at`; or just after the end that it follows, if
    `at` is before that. `xyxy`: the object's box in fractions of the picture. `value`: the deciding reading, in `unit`.
    `gaps`: spans since the beginning in which the site could not be seen; they neither count nor reset the condition.
    `dwell`, `second_look`: for objects before a camera; `forecast`: for a gauge; `vehicle`: for one that
    tells its positions. `again`: only updates the second look or the forecast of an open alert; it never opens one.
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
    decided_at: datetime | None = None
    dwell: DwellTime | None = None
    second_look: SecondLook | None = None
    again: bool = False
    forecast: Forecast | None = None
    vehicle: VehicleSight | None = None


class Because(StrEnum):
    """Why an alert ended although its condition may still hold: the settings no longer ask for it, or another rule has
    taken over."""

    RULE_CHANGED = "rule_changed"
    RULE_REMOVED = "rule_removed"
    ZONE_CHANGED = "zone_changed"
    CAMERA_REMOVED = "camera_removed"
    GAUGES_REMOVED = "gauges_removed"
    SITE_REMOVED = "site_removed"
    NAMED = "named"
    """A detector names now what could not be named: rules about such objects judge it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The signal of a rule that a condition has not held since `ended_at`, decided at `at`. `gaps`: as in Raised.

    `started_at`: the beginning of the occurrence that ended, where the source gives it, so that a late end does not end
    a later occurrence. None: the open occurrence. `because`: the settings have changed, and the condition may still
    hold. `second_look`: set when the second look has withdrawn the alert. `forecast`: with what became of it.
    """

    key: AlertKey
    ended_at: datetime
    at: datetime
    gaps: tuple[Gap, ...] = ()
    started_at: datetime | None = None
    because: Because | None = None
    dwell: DwellTime | None = None
    second_look: SecondLook | None = None
    forecast: Forecast | None = None


Signal = Raised | Ended


@dataclass(frozen=True, slots=True)
class Standing:
    """A condition without an open alert (PENDING since `since`), or of one (CLEARING, STALE, ACTIVE again)."""

    key: AlertKey
    condition: Condition
    since: datetime
    kind: str = ""
    priority: Priority = Priority.P3


class AlertState(StrEnum):
    """Condition and acknowledgement in one word. Derived from recorded times, never stored (ISA-18.2)."""

    FIRING = "firing"  # active, unacknowledged
    ACKNOWLEDGED = "acknowledged"  # active, acknowledged
    RETURNED = "returned"  # returned to normal, unacknowledged
    CLOSED = "closed"  # returned to normal, acknowledged


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as stored. `id` is 0 until stored. Its times describe the present; the past is in its steps.

    `ended_at` and `acknowledged_at` are set once; only a recorded step (it fires again) clears them. `occurrence`: how
    many times it has fired; `active_since`: when the present occurrence began (None: `started_at`). `follows`: the
    previous alert of the same key, which ended longer ago. `calls`: number of times staff were notified; each begins
    its notices anew. `inhibited_by`: "alert:12", and `work_order`, for out of service; empty if neither.
    """

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
    occurrence: int = 1
    follows: int | None = None
    calls: int = 1
    active_since: datetime | None = None
    acknowledged_until: datetime | None = None
    clearing_since: datetime | None = None
    stale_since: datetime | None = None
    latched_since: datetime | None = None
    shelved_until: datetime | None = None
    shelved_by: str = ""
    inhibited_by: str = ""
    work_order: str = ""
    verification: Verification = Verification.UNVERIFIED
    dwell: DwellTime | None = None
    second_look: SecondLook | None = None
    forecast: Forecast | None = None
    vehicle: VehicleSight | None = None
    id: int = 0
    version: int = 0

    @property
    def state(self) -> AlertState:
        if self.ended_at is None:
            return AlertState.FIRING if self.acknowledged_at is None else AlertState.ACKNOWLEDGED
        return AlertState.RETURNED if self.acknowledged_at is None else AlertState.CLOSED

    @property
    def is_open(self) -> bool:
        """True while the condition holds."""
        return self.ended_at is None

    @property
    def condition(self) -> Condition:
        if self.ended_at is not None:
            return Condition.CLEARED
        if self.stale_since is not None:
            return Condition.STALE
        return Condition.ACTIVE if self.clearing_since is None else Condition.CLEARING

    def is_acknowledged(self, now: datetime) -> bool:
        """True if somebody has acknowledged the alert and that has not expired."""
        return self.acknowledged_at is not None and (self.acknowledged_until is None or now < self.acknowledged_until)

    def suppressions(self, now: datetime) -> tuple[Suppression, ...]:
        """All suppressions in effect."""
        shelved = self.shelved_until is not None and now < self.shelved_until
        held = (
            (Suppression.SHELVED, shelved),
            (Suppression.BY_DESIGN, bool(self.inhibited_by)),
            (Suppression.OUT_OF_SERVICE, bool(self.work_order)),
        )
        return tuple(suppression for suppression, holds in held if holds)

    def is_suppressed(self, now: datetime) -> bool:
        """True if any suppression is in effect."""
        return bool(self.suppressions(now))

    def calls_for_attention(self, now: datetime) -> bool:
        """True if it is neither acknowledged nor suppressed nor dismissed."""
        dismissed = self.verification is Verification.DISMISSED
        return not (dismissed or self.is_acknowledged(now) or self.is_suppressed(now))

    @property
    def is_calling(self) -> bool:
        """As `calls_for_attention`, by recorded steps alone: an expired time counts until its step is taken."""
        quiet = self.shelved_until is not None or bool(self.inhibited_by or self.work_order)
        dismissed = self.verification is Verification.DISMISSED
        return self.is_open and self.acknowledged_at is None and not quiet and not dismissed


def renewed_call(before: Alert, after: Alert) -> Alert:
    """The alert after a step; counts another call if it calls people now and did not before."""
    return replace(after, calls=after.calls + 1) if after.is_calling and not before.is_calling else after
