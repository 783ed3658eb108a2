"""An alert is one condition at one site. Rules signal it; the store keeps it; people work on its event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from data.model.alert_life import Condition, Suppression, Verification
from data.model.forecast import Forecast
from data.model.sightings import DwellTime, SecondLook


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


CENTRE = "centre"
"""The site of alarms about the system itself."""

Gap = tuple[datetime, datetime]
"""From the last time the site was seen to the next."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A rule says: this condition holds.

    `started_at`: when the condition began. `at`: the observation or tick on which the rule decided. `decided_at`: when
    another system decided, whose message came at `at`; or just after the end that it follows, if `at` is before that.
    `xyxy`: the object's box in fractions of the picture. `value`: the reading that decided, in `unit`.
    `gaps`: from when to when the site could not be seen since the condition began: neither counted nor a reset.
    `dwell`, `second_look`: of objects before a camera; `forecast`: of a gauge. `again`: the alert is open, and only
    what the second look saw, or the forecast, is new; an alert that is not open is not opened by it.
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


class Because(StrEnum):
    """Why an alert ended though nobody knows that its condition is over: nobody asks for it any more."""

    RULE_CHANGED = "rule_changed"
    RULE_REMOVED = "rule_removed"
    ZONE_CHANGED = "zone_changed"
    CAMERA_REMOVED = "camera_removed"
    GAUGES_REMOVED = "gauges_removed"
    SITE_REMOVED = "site_removed"


@dataclass(frozen=True, slots=True)
class Ended:
    """A rule says: this condition no longer holds, since `ended_at`; decided at `at`. `gaps`: as in Raised.

    `started_at`: the beginning of the occurrence that ended, where the source tells it. An end that arrives late does
    not end an occurrence that began after it. None: the occurrence that is open.
    `because`: its settings have changed; whether the condition holds is not known. `second_look`: where it has
    withdrawn the alert. `forecast`: with what became of it.
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
    """An alert as stored. `id` is 0 until stored. Its times tell of now; what was before is in its steps.

    `ended_at` and `acknowledged_at` are set once; only a recorded step (it fires again) takes them away.
    `occurrence`: which time it fires; `active_since`: since when, this time (None: `started_at`).
    `follows`: the earlier alert of the same key, ended longer ago. `calls`: number of times staff were notified;
    each begins its notices anew. `inhibited_by`: "alert:12"; `work_order`: why it is out of service; both
    empty when not so.
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

    @property
    def condition(self) -> Condition:
        if self.ended_at is not None:
            return Condition.CLEARED
        if self.stale_since is not None:
            return Condition.STALE
        return Condition.ACTIVE if self.clearing_since is None else Condition.CLEARING

    def is_acknowledged(self, now: datetime) -> bool:
        """Has somebody acknowledged, and does it still count?"""
        return self.acknowledged_at is not None and (self.acknowledged_until is None or now < self.acknowledged_until)

    def suppressions(self, now: datetime) -> tuple[Suppression, ...]:
        """Everything that keeps it quiet."""
        shelved = self.shelved_until is not None and now < self.shelved_until
        held = (
            (Suppression.SHELVED, shelved),
            (Suppression.BY_DESIGN, bool(self.inhibited_by)),
            (Suppression.OUT_OF_SERVICE, bool(self.work_order)),
        )
        return tuple(suppression for suppression, holds in held if holds)

    def is_suppressed(self, now: datetime) -> bool:
        """Does anything keep it quiet?"""
        return bool(self.suppressions(now))

    def calls_for_attention(self, now: datetime) -> bool:
        """Nobody has acknowledged it, nothing keeps it quiet, nobody has dismissed it."""
        dismissed = self.verification is Verification.DISMISSED
        return not (dismissed or self.is_acknowledged(now) or self.is_suppressed(now))

    @property
    def is_calling(self) -> bool:
        """As `calls_for_attention`, until a step says otherwise: what has expired counts until its step is taken."""
        quiet = self.shelved_until is not None or bool(self.inhibited_by or self.work_order)
        dismissed = self.verification is Verification.DISMISSED
        return self.is_open and self.acknowledged_at is None and not quiet and not dismissed


def renewed_call(before: Alert, after: Alert) -> Alert:
    """After a step: does it call people now, and did not? Then it calls anew."""
    return replace(after, calls=after.calls + 1) if after.is_calling and not before.is_calling else after
