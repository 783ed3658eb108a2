"""Figures of each day: what counts on which day, of which grid and unit, and how many cases each share is made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from data.model.alert import Priority
from data.model.case import CaseClock, ClockName, Recorded, TimeKind
from data.model.geo import Location
from data.model.task import Event, TaskTimes
from dispatch.clocks import work_calendar
from dispatch.trends import AlarmTimes, Days, trends_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = work_calendar("Asia/Shanghai", "", ((time(9), time(17)),))
NOW = datetime(2026, 7, 15, 4, 0, tzinfo=UTC)  # noon of the 15th in Shanghai
DAYS = Days.until(NOW, 3, SHANGHAI)  # 13th, 14th, 15th
HERE = Location(lon=106.5, lat=29.58)
Pauses = tuple[tuple[datetime, datetime | None], ...]


def at(day: int, hour: float) -> datetime:
    """By Shanghai's clock."""
    return datetime(2026, 7, day, tzinfo=SHANGHAI) + timedelta(hours=hour)


def clock(
    began: datetime, limit_h: float, stopped: datetime | None = None, *, more_s: float = 0, pauses: Pauses = ()
) -> CaseClock:
    """`more_s`: by how much the limit was extended."""
    due = None if stopped else began + timedelta(hours=limit_h)
    kind = TimeKind.CALENDAR
    return CaseClock(ClockName.HANDLING, kind, limit_h * 3600, began, due, more_s, pauses, stopped)


def event(opened: datetime, *clocks: CaseClock, closed: datetime | None = None, lead: str = "u") -> Event:
    steps = (Recorded("close", "closed", closed, "qian"),) if closed else ()
    made = Event("e", "dirty_path", "", HERE, Priority.P3, opened, grid="g", lead=lead, clocks=clocks, steps=steps)
    return replace(made, closed_at=closed)


def test_a_day_is_the_city_s_and_goes_from_its_midnight_to_the_next() -> None:
    assert (DAYS.first, DAYS.number) == (date(2026, 7, 13), 3)
    assert datetime(2026, 7, 12, 16, 0, tzinfo=UTC) == DAYS.begin
    found = [DAYS.of(at(day, hour)) for day, hour in ((12, 23.99), (13, 0), (13, 23.99), (14, 0), (16, 0))]
    assert found == [None, 0, 0, 1, None]
    assert DAYS.of(None) is None


def test_ended_counts_on_the_day_of_the_opening_and_overdue_on_the_day_the_handling_ended() -> None:
    events = [
        event(at(13, 9), clock(at(13, 10), 4, at(13, 13)), closed=at(14, 9)),
        event(at(13, 9), clock(at(13, 10), 4, at(14, 10)), closed=at(14, 11), lead="other"),
        event(at(14, 9), clock(at(14, 10), 4)),  # open, and overdue since yesterday
        event(at(12, 9), clock(at(12, 10), 2, at(15, 9)), closed=at(15, 10)),  # from before; handled today, too late
    ]
    found = trends_of(DAYS, [], events, [], CALENDAR, NOW)
    whole = found.whole.view()
    assert (whole["opened"], whole["closed"]) == ([2, 1, 0], [2, 0, 0])
    assert (whole["handled"], whole["late"]) == ([1, 1, 1], [0, 1, 1])
    assert (whole["total"]["handled"], whole["total"]["late"], whole["overdue_now"]) == (3, 2, 1)
    assert found.units["other"].view()["late"] == [0, 1, 0]
    assert found.units["u"].view()["opened"] == [1, 1, 0]


def test_a_pause_and_an_extension_are_no_delay() -> None:
    began = at(14, 8)
    paused = clock(began, 2, at(14, 15), pauses=((at(14, 9), at(14, 14.5)),))
    extended = clock(began, 2, at(14, 11), more_s=2 * 3600)
    late = clock(began, 2, at(14, 11))
    found = trends_of(DAYS, [], [event(began, one) for one in (paused, extended, late)], [], CALENDAR, NOW)
    assert (found.whole.counts["handled"], found.whole.counts["late"]) == ([0, 3, 0], [0, 1, 0])


def test_a_suspended_event_is_not_overdue_now_and_one_not_filed_counts_in_nothing() -> None:
    suspended = event(at(13, 8), replace(clock(at(13, 8), 2), due=None, pauses=((at(13, 9), None),)))
    refused = replace(event(at(13, 8)), steps=(Recorded("refuse", "not_filed", at(13, 9), "li"),), closed_at=at(13, 9))
    found = trends_of(DAYS, [], [suspended, refused], [], CALENDAR, NOW)
    assert found.whole.overdue_now == 0
    assert found.whole.counts["opened"] == [1, 0, 0]


def test_satisfaction_counts_call_backs_that_reached_somebody_on_their_day() -> None:
    def called(hour: float, *, reached: bool, satisfied: bool | None) -> Recorded:
        detail = {"reached": reached, "satisfied": satisfied, "score": None}
        return Recorded("call_back", "to_check", at(14, hour), "li", detail=detail)

    steps = (
        called(9, reached=False, satisfied=None),
        called(10, reached=True, satisfied=False),
        called(11, reached=True, satisfied=True),
    )
    found = trends_of(DAYS, [], [replace(event(at(13, 8)), steps=steps)], [], CALENDAR, NOW)
    assert (found.whole.counts["answered"], found.whole.counts["satisfied"]) == ([0, 2, 0], [0, 1, 0])


def test_response_times_are_the_day_s_median_with_how_many_they_are_of() -> None:
    def task(hour: float, accepted_s: float | None, grid: str = "g") -> TaskTimes:
        made = at(14, hour)
        return TaskTimes(made, None if accepted_s is None else made + timedelta(seconds=accepted_s), None, "u", grid)

    tasks = [task(9, 30), task(10, 90), task(11, 600), task(12, None, "h"), task(13, -5)]
    alarms = [AlarmTimes(at(15, 1), at(15, 1) + timedelta(seconds=12), "g"), AlarmTimes(at(15, 2), None, "")]
    found = trends_of(DAYS, alarms, [], tasks, CALENDAR, NOW)
    view = found.whole.view()
    assert (view["accept_s"], view["accept_s_n"]) == ([None, 90.0, None], [0, 3, 0])
    assert (view["on_scene_s"], view["total"]["on_scene_s_n"]) == ([None, None, None], 0)
    assert (view["alerts"], view["acknowledge_s"], view["acknowledge_s_n"]) == (
        [0, 0, 2],
        [None, None, 12.0],
        [0, 0, 1],
    )
    assert found.grids["g"].counts["alerts"] == [0, 0, 1], "an alert of a site without a grid is in the whole alone"
    assert found.grids["h"].is_empty
