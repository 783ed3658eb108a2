"""Recorded steps and running clocks of events and tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Origin(StrEnum):
    """The source of an event."""

    ALERT = "alert"  # by rule
    CITIZEN = "citizen"  # Open311, no login
    OPERATOR = "operator"  # by hand
    GRID = "grid"  # a grid member's phone
    PLAN = "plan"
    EXTERNAL = "external"  # another system (`case_sources`)
    UPKEEP = "upkeep"  # routine upkeep that was handed over
    INSPECTION = "inspection"  # a hazard that an inspection found


class Part(StrEnum):
    """A unit's part of an event."""

    LEAD = "lead"  # 主办
    CO_HANDLER = "co_handler"  # 协办
    COOPERATING = "cooperating"  # 配合


class ClockName(StrEnum):
    INTAKE = "intake"  # from reception until it is filed or refused with a reason
    HANDLING = "handling"  # from dispatch until it is to be checked


class TimeKind(StrEnum):
    """The kind of time in which a limit runs."""

    WORKING = "working"  # only in working hours of working days
    CALENDAR = "calendar"  # day and night: urgent work


OPENING = "open"
"""The name of an event's first step, recorded only where a deadline was set with it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded step. `to`: the state it led to. Steps are appended, never changed."""

    step: str
    to: str
    at: datetime
    by: str
    role: str = ""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseClock:
    """A time limit. `due` is None while it is paused (挂账) and after it has stopped.

    `pauses`: start and end of each, the end None while it lasts. `told`: the highest share of the limit, in percent,
    that was escalated.
    """

    name: ClockName
    time: TimeKind
    limit_s: float
    started: datetime
    due: datetime | None
    extended_s: float = 0.0
    pauses: tuple[tuple[datetime, datetime | None], ...] = ()
    stopped: datetime | None = None
    told: int = 0

    @property
    def is_paused(self) -> bool:
        return self.stopped is None and bool(self.pauses) and self.pauses[-1][1] is None

    @property
    def is_running(self) -> bool:
        return self.stopped is None and not self.is_paused

    @property
    def whole_s(self) -> float:
        """The limit with all extensions, seconds."""
        return self.limit_s + self.extended_s
