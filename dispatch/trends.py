"""Figures of each day: how many alerts and events came, how much of it was ended and in time, how quickly people came.

A share is told as its two numbers: what a few cases say is not a trend, and whoever reads it must see how few. What is
counted on which day:

- an alert on the day it came; its acknowledgement with it;
- 办结率: the events opened that day, and how many of them have ended by now;
- 超期率: the events whose handling ended that day, and how many of them took longer than their limit, without pauses;
- 满意度: the call-backs of that day that reached the reporter, and how many said that they are satisfied;
- a task on the day it was made: until it was accepted, and until somebody was on scene. Cancelled ones do not count.

Events that were not filed or were voided count in none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from statistics import median
from typing import Any, NamedTuple

from data.model.case import CaseClock, ClockName
from data.model.task import Event, EventState, TaskTimes
from dispatch.case_table import EventStep
from dispatch.clocks import WorkCalendar, used_s

COUNTS = ("alerts", "opened", "closed", "handled", "late", "answered", "satisfied")
TIMES = ("acknowledge_s", "accept_s", "on_scene_s")
FEW = 5
"""A share or a median of fewer cases is shown, and compared with nothing."""
_NOT_CASES = frozenset({EventState.NOT_FILED, EventState.VOIDED})


class AlarmTimes(NamedTuple):
    """An alert of a grid, as it came to people."""

    came_at: datetime
    acknowledged_at: datetime | None
    grid: str


@dataclass(frozen=True)
class Days:
    """The days from `first` on, by the calendar of a time zone."""

    first: date
    number: int
    zone: tzinfo

    @classmethod
    def until(cls, now: datetime, number: int, zone: tzinfo) -> Days:
        """The last `number` days, today among them."""
        return cls(now.astimezone(zone).date() - timedelta(days=number - 1), number, zone)

    @property
    def begin(self) -> datetime:
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=self.zone)

    def of(self, at: datetime | None) -> int | None:
        """Which of the days this moment lies on; None for none of them."""
        if at is None:
            return None
        day = (at.astimezone(self.zone).date() - self.first).days
        return day if 0 <= day < self.number else None


class Tally:
    """The figures of one grid, one unit or the whole, for each day."""

    def __init__(self, days: int) -> None:
        self.counts = {name: [0] * days for name in COUNTS}
        self.times: dict[str, list[list[float]]] = {name: [[] for _ in range(days)] for name in TIMES}
        self.overdue_now = 0

    def count(self, name: str, day: int | None) -> None:
        if day is not None:
            self.counts[name][day] += 1

    def took(self, name: str, day: int | None, begun: datetime, ended: datetime | None) -> None:
        """A time in seconds; what has not happened, or is told to have happened before it began, has none."""
        if day is not None and ended is not None and ended >= begun:
            self.times[name][day].append((ended - begun).total_seconds())

    @property
    def is_empty(self) -> bool:
        counted = any(any(by_day) for by_day in self.counts.values())
        return not (self.overdue_now or counted or any(any(by_day) for by_day in self.times.values()))

    def view(self) -> dict[str, Any]:
        """Counts by day; times as the day's median with how many; the same over all days in `total`."""
        times = {name: [_median(values) for values in by_day] for name, by_day in self.times.items()}
        cases = {f"{name}_n": [len(values) for values in by_day] for name, by_day in self.times.items()}
        whole = {name: [value for values in by_day for value in values] for name, by_day in self.times.items()}
        total: dict[str, float | None] = {name: sum(by_day) for name, by_day in self.counts.items()}
        total |= {name: _median(values) for name, values in whole.items()}
        total |= {f"{name}_n": len(values) for name, values in whole.items()}
        return {**self.counts, **times, **cases, "total": total, "overdue_now": self.overdue_now}


@dataclass
class Trends:
    """The whole, and each grid and each unit of which there is anything."""

    days: Days
    whole: Tally
    grids: dict[str, Tally]
    units: dict[str, Tally]

    def of(self, grid: str, unit: str = "") -> list[Tally]:
        """Where something of this grid and unit is counted."""
        found = [self.whole]
        for known, key in ((self.grids, grid), (self.units, unit)):
            if key:
                found.append(known.setdefault(key, Tally(self.days.number)))
        return found


def trends_of(  # noqa: PLR0917 - what is counted, over which days, and by which clock
    days: Days,
    alarms: Iterable[AlarmTimes],
    events: Sequence[Event],
    tasks: Iterable[TaskTimes],
    calendar: WorkCalendar,
    now: datetime,
) -> Trends:
    """`alarms`, `events`, `tasks`: those of the days, and any others, which are left out."""
    found = Trends(days, Tally(days.number), {}, {})
    for alarm in alarms:
        day = days.of(alarm.came_at)
        for tally in found.of(alarm.grid) if day is not None else ():
            tally.count("alerts", day)
            tally.took("acknowledge_s", day, alarm.came_at, alarm.acknowledged_at)
    for event in events:
        if event.state not in _NOT_CASES:
            _count_event(found, event, calendar, now)
    for task in tasks:
        day = days.of(task.created_at)
        for tally in found.of(task.grid, task.unit) if day is not None else ():
            tally.took("accept_s", day, task.created_at, task.accepted_at)
            tally.took("on_scene_s", day, task.created_at, task.on_scene_at)
    return found


def _count_event(found: Trends, event: Event, calendar: WorkCalendar, now: datetime) -> None:
    opened, clock = found.days.of(event.opened_at), event.clock(ClockName.HANDLING)
    is_late = clock is not None and _is_late(clock, calendar, now)
    handled = None if clock is None else found.days.of(clock.stopped)
    answers = [one for one in event.steps if one.step == EventStep.CALL_BACK and one.detail.get("reached")]
    for tally in found.of(event.grid, event.lead):
        tally.count("opened", opened)
        if not event.is_open:
            tally.count("closed", opened)
        tally.count("handled", handled)
        if is_late:
            tally.count("late", handled)
        if is_late and clock is not None and clock.stopped is None and event.is_open:
            tally.overdue_now += 1
        for answer in answers:
            day = found.days.of(answer.at)
            tally.count("answered", day)
            if answer.detail.get("satisfied"):
                tally.count("satisfied", day)


def _is_late(clock: CaseClock, calendar: WorkCalendar, now: datetime) -> bool:
    """Has more of the limit been used than there was?"""
    if clock.is_running:
        return clock.due is not None and clock.due < now
    return used_s(calendar, clock, now) > clock.whole_s


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 1) if values else None
