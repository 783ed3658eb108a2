"""What the life of events and tasks is made of: the steps that were recorded, and the clocks that run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Origin(StrEnum):
    """How an event came in."""

    ALERT = "alert"  # by rule
    CITIZEN = "citizen"  # Open311, no login
    OPERATOR = "operator"  # by hand
    GRID = "grid"  # a grid member's phone
    PLAN = "plan"
    UPKEEP = "upkeep"  # routine upkeep that was handed over


class Part(StrEnum):
    """A unit's part of an event."""

    LEAD = "lead"  # 主办
    CO_HANDLER = "co_handler"  # 协办
    COOPERATING = "cooperating"  # 配合


class ClockName(StrEnum):
    INTAKE = "intake"  # from reception until somebody has filed it or said why not
    HANDLING = "handling"  # from dispatch until it is to be checked


class TimeKind(StrEnum):
    """In which time a limit runs."""

    WORKING = "working"  # only in working hours of working days
    CALENDAR = "calendar"  # day and night: urgent work


@dataclass(frozen=True, slots=True)
class Recorded:
    """One step that was taken. `to`: the state it led to. Steps are appended, never changed."""

    step: str
    to: str
    at: datetime
    by: str
    role: str = ""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseClock:
    """A limit that runs. `due` is None while it is paused (挂账) or after it has stopped.

    `pauses`: from when to when, None while it lasts. `told`: the highest share of the limit, in percent, of which
    somebody was told.
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
        """The limit with what was granted on top."""
        return self.limit_s + self.extended_s
