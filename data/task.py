"""Event 事件: what people work on. Task 任务: one unit's part of it. States are derived from recorded times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from data.alert import Priority
from data.geo import Location


class EventState(StrEnum):
    """Where an event stands (first subset of the digital city management loop)."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One or more alerts, or a report, that people work on to its end."""

    title: str
    kind: str
    site: str
    location: Location
    priority: Priority
    opened_at: datetime
    grid: str = ""
    closed_at: datetime | None = None
    closed_by: str | None = None
    id: int = 0
    version: int = 0

    @property
    def state(self) -> EventState:
        return EventState.OPEN if self.closed_at is None else EventState.CLOSED


class TaskState(StrEnum):
    """Computer-aided dispatch words."""

    DRAFT = "draft"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    REPORTED = "reported"
    VERIFIED = "verified"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A responder considered for a task. `method`: "road" or "straight line"; reason empty if eligible."""

    responder: str
    travel_s: float
    distance_m: float
    method: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One unit's part of an event. Each time is set once, from None.

    `responder` is set by acceptance; the open offer, if any, is in the store's offers.
    """

    event_id: int
    title: str
    priority: Priority
    location: Location
    created_at: datetime
    created_by: str
    alert_id: int | None = None
    site: str = ""
    grid: str = ""
    role: str = "lead"
    checklist: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    offered_to: str | None = None
    responder: str | None = None
    accepted_at: datetime | None = None
    en_route_at: datetime | None = None
    on_scene_at: datetime | None = None
    reported_at: datetime | None = None
    report_text: str = ""
    report_photo: str | None = None
    verified_at: datetime | None = None
    verified_by: str | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    id: int = 0
    version: int = 0

    @property
    def state(self) -> TaskState:
        reached = (
            (self.cancelled_at, TaskState.CANCELLED),
            (self.closed_at, TaskState.CLOSED),
            (self.verified_at, TaskState.VERIFIED),
            (self.reported_at, TaskState.REPORTED),
            (self.on_scene_at, TaskState.ON_SCENE),
            (self.en_route_at, TaskState.EN_ROUTE),
            (self.accepted_at, TaskState.ACCEPTED),
        )
        for at, state in reached:
            if at is not None:
                return state
        return TaskState.DRAFT if self.offered_to is None else TaskState.OFFERED

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.cancelled_at is None


@dataclass(frozen=True, slots=True)
class Offer:
    """A task offered to one responder. At most one of accepted, declined, expired, withdrawn is set."""

    task_id: int
    responder: str
    offered_at: datetime
    expires_at: datetime
    travel_s: float
    distance_m: float
    method: str
    accepted_at: datetime | None = None
    declined_at: datetime | None = None
    expired_at: datetime | None = None
    withdrawn_at: datetime | None = None
    reason: str = ""
    id: int = 0

    @property
    def is_open(self) -> bool:
        ends = (self.accepted_at, self.declined_at, self.expired_at, self.withdrawn_at)
        return all(at is None for at in ends)
