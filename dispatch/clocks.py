"""Clocks: time limits in working or calendar time, paused by 挂账, escalated at shares of the limit.

Working time is the working hours of working days, with public holidays and make-up days considered (`holidays`). Hours
are those of the wall clock, durations between them are physical, so a day with a clock change is counted correctly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from data.config.document import NAME
from data.config.located import Problem
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.case import CaseClock, ClockName, TimeKind

_LONGEST_S = 20 * 366 * 86_400.0
_DAYS_WITHOUT_WORK = 400  # more consecutive days without work mean wrong hours or holidays

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class WorkCalendar:
    """Working hours in one time zone and country. `hours`: pairs of start and end on the wall clock, in order."""

    zone: ZoneInfo
    hours: tuple[tuple[time, time], ...]
    days: holidays.HolidayBase | None = field(default=None, compare=False)

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday; with a country, without its public holidays and with its make-up days."""
        return day.weekday() < 5 if self.days is None else bool(self.days.is_working_day(day))

    def add(self, start: datetime, seconds: float, kind: TimeKind) -> datetime:
        """The moment at which so much time has passed since `start`. Raises InputRejected for limits over 20 years."""
        if not 0 <= seconds <= _LONGEST_S:
            raise InputRejected(f"a limit of {seconds:.0f} s is out of range")
        if kind is TimeKind.CALENDAR or seconds == 0:
            return start.astimezone(UTC) + timedelta(seconds=seconds)
        left = seconds
        for begins, ends in self._spans(start):
            length = (ends - begins).total_seconds()
            if left <= length:
                return begins + timedelta(seconds=left)
            left -= length
        raise InputRejected("there is no working time to count in")

    def between(self, start: datetime, end: datetime, kind: TimeKind) -> float:
        """Seconds of this kind of time from `start` to `end`; 0 when `end` is earlier."""
        if end <= start:
            return 0.0
        if kind is TimeKind.CALENDAR:
            return (end - start).total_seconds()
        passed = 0.0
        for begins, ends in self._spans(start):
            if begins >= end:
                return passed
            passed += (min(ends, end) - begins).total_seconds()
        return passed

    def _spans(self, start: datetime) -> Iterator[Span]:
        """The spans of working time from `start` on, in UTC."""
        day, idle = start.astimezone(self.zone).date(), 0
        while idle < _DAYS_WITHOUT_WORK:
            idle += 1
            if self.is_working_day(day):
                for opens, closes in self.hours:
                    begins = datetime.combine(day, opens, self.zone).astimezone(UTC)
                    ends = datetime.combine(day, closes, self.zone).astimezone(UTC)
                    begins = max(begins, start.astimezone(UTC))
                    if begins < ends:
                        idle = 0
                        yield begins, ends
            day += timedelta(days=1)


@lru_cache(16)
def work_calendar(zone: str, country: str, hours: tuple[tuple[time, time], ...]) -> WorkCalendar:
    """The calendar of a country ("" for none). Raises InputRejected for an unknown country.

    The first call loads the holidays of every country, which takes two seconds or more on a busy machine. Processes
    that write events call it while they start, so that no unit of work has to.
    """
    try:
        days = holidays.country_holidays(country) if country else None
    except (NotImplementedError, TypeError) as error:  # the latter for the name of something else in the library
        raise InputRejected(
            f"cases.country: no holidays of {country!r} are known; write a country code such as CN, or leave it empty"
        ) from error
    return WorkCalendar(ZoneInfo(zone), hours, days)


def calendar_of(settings: Settings) -> WorkCalendar:
    """The calendar that config.yaml describes."""
    return work_calendar(settings.timezone, settings.cases.country, settings.cases.working_hours)


def calendar_problems(settings: Settings) -> Iterator[Problem]:
    """The problem of a country without a calendar. Reading settings does not check it: few processes need one."""
    try:
        calendar_of(settings)
    except InputRejected as error:
        path, _, message = str(error).partition(": ")
        yield Problem(NAME, path, 0, message, key="setting.country", values={"name": settings.cases.country})


def start(calendar: WorkCalendar, name: ClockName, kind: TimeKind, limit: timedelta, now: datetime) -> CaseClock:
    limit_s = limit.total_seconds()
    return CaseClock(name, kind, limit_s, now, calendar.add(now, limit_s, kind))


def used_s(calendar: WorkCalendar, clock: CaseClock, now: datetime) -> float:
    """Seconds of the limit that are used: time since the start without the pauses."""
    until = clock.stopped or now
    used = calendar.between(clock.started, until, clock.time)
    for since, ended in clock.pauses:
        used -= calendar.between(since, min(ended or until, until), clock.time)
    return max(0.0, used)


def pause(clock: CaseClock, now: datetime) -> CaseClock:
    """Pause a running clock; a paused or stopped clock stays as it is."""
    if not clock.is_running:
        return clock
    return replace(clock, pauses=(*clock.pauses, (now, None)), due=None)


def resume(calendar: WorkCalendar, clock: CaseClock, now: datetime) -> CaseClock:
    if not clock.is_paused:
        return clock
    since, _ = clock.pauses[-1]
    return _with_due(calendar, replace(clock, pauses=(*clock.pauses[:-1], (since, max(now, since)))), now)


def stop(clock: CaseClock, now: datetime) -> CaseClock:
    if clock.stopped is not None:
        return clock
    return replace(clock, stopped=now, due=None)


def go_on(calendar: WorkCalendar, clock: CaseClock, now: datetime) -> CaseClock:
    """Restart a stopped clock (rework, reopening): the time in between does not count."""
    if clock.stopped is None:
        return clock
    pauses = clock.pauses
    if pauses and pauses[-1][1] is None:
        pauses = (*pauses[:-1], (pauses[-1][0], clock.stopped))
    return _with_due(calendar, replace(clock, stopped=None, pauses=(*pauses, (clock.stopped, now))), now)


def extend(calendar: WorkCalendar, clock: CaseClock, by: timedelta, now: datetime) -> CaseClock:
    """Add time to the limit. A share already escalated is escalated again once the larger limit is used that far."""
    longer = replace(clock, extended_s=clock.extended_s + by.total_seconds())
    share = 100 * used_s(calendar, longer, now) / longer.whole_s
    longer = replace(longer, told=min(longer.told, int(share)))
    return _with_due(calendar, longer, now) if longer.is_running else longer


def reaches(calendar: WorkCalendar, clock: CaseClock, percent: int, now: datetime) -> datetime:
    """When a running clock has used this share of its limit; `now` when it has already."""
    left = clock.whole_s * percent / 100 - used_s(calendar, clock, now)
    return now if left <= 0 else calendar.add(now, left, clock.time)


def _with_due(calendar: WorkCalendar, clock: CaseClock, now: datetime) -> CaseClock:
    left = clock.whole_s - used_s(calendar, clock, now)
    # Over the limit already: it became due when the limit was reached.
    due = calendar.add(now, left, clock.time) if left > 0 else min(now, clock.due or now)
    return replace(clock, due=due)
