"""Event 事件: what people work on. Task 任务: one unit's part of it. States are derived from recorded times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from data.model.alert import Priority
from data.model.case import CaseClock, ClockName, Origin, Recorded
from data.model.geo import Location


class EventState(StrEnum):
    """State of an event in the closed loop of digital city management."""

    RECEIVED = "received"  # 待受理
    TO_VERIFY = "to_verify"  # 待核实
    FILED = "filed"  # 已立案
    NOT_FILED = "not_filed"  # 不予立案
    JUDGING = "judging"  # 研判中
    DISPATCHED = "dispatched"  # 已派遣
    HANDLING = "handling"  # 处置中
    TO_CHECK = "to_check"  # 待核查
    CLOSED = "closed"  # 已结案
    REVIEWED = "reviewed"  # 已复盘
    SUSPENDED = "suspended"  # 挂账
    VOIDED = "voided"  # 作废


ENDED = frozenset({EventState.NOT_FILED, EventState.CLOSED, EventState.REVIEWED, EventState.VOIDED})


@dataclass(frozen=True, slots=True)
class Event:
    """One or more alerts, or a report, that people work on until it is closed.

    `steps`: all recorded steps, oldest first; the state is where the last one led. `closed_at`: when it ended (closed,
    not filed or voided); a recorded reopening clears it. `lead`, `co_handlers`, `cooperating`: ids of units. `holders`:
    districts that hold the event together. `recurs`: the event that this one repeats. `reporter`: for the call-back.
    """

    title: str
    kind: str
    site: str
    location: Location
    priority: Priority
    opened_at: datetime
    grid: str = ""
    closed_at: datetime | None = None
    closed_by: str | None = None
    origin: Origin = Origin.ALERT
    description: str = ""
    photo: str | None = None
    reporter: Mapping[str, str] = field(default_factory=dict)
    section: str = ""
    lead: str = ""
    co_handlers: tuple[str, ...] = ()
    cooperating: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    recurs: int | None = None
    clocks: tuple[CaseClock, ...] = ()
    steps: tuple[Recorded, ...] = ()
    id: int = 0
    version: int = 0

    @property
    def state(self) -> EventState:
        if self.steps:
            return EventState(self.steps[-1].to)
        return EventState.RECEIVED if self.closed_at is None else EventState.CLOSED

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    def clock(self, name: ClockName) -> CaseClock | None:
        """The most recently started clock of this name."""
        return next((clock for clock in reversed(self.clocks) if clock.name is name), None)

    def last(self, *steps: str) -> Recorded | None:
        """The newest recorded step of one of these names."""
        return next((one for one in reversed(self.steps) if one.step in steps), None)


class TaskTimes(NamedTuple):
    """When a task was made, accepted, and somebody was on scene; of many tasks, without the rest of them."""

    created_at: datetime
    accepted_at: datetime | None
    on_scene_at: datetime | None
    unit: str
    grid: str


class TaskState(StrEnum):
    """State of a task, in the terms of computer-aided dispatch."""

    DRAFT = "draft"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    REPORTED = "reported"
    VERIFIED = "verified"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"  # cannot continue for now
    RETURNED = "returned"  # 退单: returned with a reason, waits for another unit or a ruling
    REWORK = "rework"  # 返工: was reported and has to be redone


_TURNS = frozenset({TaskState.BLOCKED, TaskState.RETURNED, TaskState.REWORK})
SHORTFALL, ASK_AGAIN = "shortfall", "ask_again"
"""Recorded steps of a task: nobody was left to ask; a human begins another round."""


class Ring(StrEnum):
    """Whom a round of offers may reach; each ring includes the ones before it."""

    USUAL = "usual"  # responders who pass all filters
    AGAIN = "again"  # also those who did not answer in time
    WIDER = "wider"  # also those beyond `dispatch.reach`, or without a recent position
    EVERYBODY = "everybody"  # also those who declined, are off shift or lack a skill


@dataclass(frozen=True, slots=True)
class Round:
    """The present round of offers. Results of offers up to the id `after` count in it only as `ring` says."""

    ring: Ring = Ring.USUAL
    after: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A responder considered for a task. `method`: "road" or "straight line"; reason empty if eligible.

    `cost_s`: travel time + load + rest - bonus, by which candidates are ranked; `why`: its parts in words. `warning`: a
    consequence of sending them, e.g. a grid without anybody.
    """

    responder: str
    travel_s: float
    distance_m: float
    method: str
    reason: str = ""
    cost_s: float = 0.0
    why: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One unit's part of an event. Each time is set once, from None, in each round.

    `responder` is set by acceptance; the open offer, if any, is in the store's offers. `unit`: a unit whose people take
    it among themselves, without offers; empty for a task that is offered to responders. `steps`: steps that turned it
    back (blocked, returned, reassigned, rework, ruling); a step that clears times keeps them in its detail.
    `also_offered`: others with an open offer (the most urgent tasks are offered to several at once). `promised`: the
    day by which the unit has promised it. `needs_photo`: a report needs a picture.
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
    also_offered: tuple[str, ...] = ()
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
    unit: str = ""
    promised: date | None = None
    needs_photo: bool = False
    steps: tuple[Recorded, ...] = ()
    id: int = 0
    version: int = 0

    @property
    def checked(self) -> tuple[int, ...]:
        """Indices of the checklist items that the last report marks as done."""
        checked = next((one for one in reversed(self.steps) if "checked" in one.detail), None)
        return () if checked is None else tuple(checked.detail["checked"])

    @property
    def state(self) -> TaskState:
        ends = (self.cancelled_at, self.closed_at, self.verified_at, self.reported_at)
        if self.steps and all(at is None for at in ends) and TaskState(self.steps[-1].to) in _TURNS:
            return TaskState(self.steps[-1].to)
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

    @property
    def unaccepted_since(self) -> datetime | None:
        """When nobody was left to ask for the first time; None unless the task still waits for acceptance."""
        if not self.is_open or self.accepted_at is not None:
            return None
        first = [one.at for one in self._since_accepted() if one.step == SHORTFALL]
        return first[0] if first else None

    @property
    def round(self) -> Round:
        """The present round, as last ordered by a human."""
        asked = [one for one in self._since_accepted() if one.step == ASK_AGAIN]
        return Round(Ring(asked[-1].detail["ring"]), asked[-1].detail["after"]) if asked else Round()

    def _since_accepted(self) -> tuple[Recorded, ...]:
        """The steps since the last acceptance was cleared."""
        taken = [number for number, one in enumerate(self.steps) if "accepted_at" in one.detail]
        return self.steps[taken[-1] + 1 :] if taken else self.steps


class OfferState(StrEnum):
    """State of an offer. After declined and expired the task is offered to the next responder."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Offer:
    """A task offered to one responder. At most one of accepted, declined, expired, withdrawn is set.

    `delivered_at`: when it first reached the responder's phone.
    """

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
    delivered_at: datetime | None = None
    id: int = 0

    @property
    def is_open(self) -> bool:
        ends = (self.accepted_at, self.declined_at, self.expired_at, self.withdrawn_at)
        return all(at is None for at in ends)

    @property
    def state(self) -> OfferState:
        ends = (
            (self.accepted_at, OfferState.ACCEPTED),
            (self.declined_at, OfferState.DECLINED),
            (self.expired_at, OfferState.EXPIRED),
            (self.withdrawn_at, OfferState.WITHDRAWN),
        )
        return next((state for at, state in ends if at is not None), OfferState.OPEN)
