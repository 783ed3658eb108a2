"""Limits in working and calendar time equal cases computed by hand."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from data.errors import InputRejected
from data.model.case import ClockName, TimeKind
from dispatch import clocks
from dispatch.clocks import WorkCalendar, work_calendar

HOURS = ((time(9), time(12)), (time(13, 30), time(17, 30)))  # seven hours a day
CHINA = work_calendar("Asia/Shanghai", "CN", HOURS)


def at(text: str, zone: str = "Asia/Shanghai") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def due(start: str, hours: float, kind: TimeKind = TimeKind.WORKING, calendar: WorkCalendar = CHINA) -> str:
    """When the limit ends, on the wall clock."""
    zone = calendar.zone.key
    return calendar.add(at(start, zone), hours * 3600, kind).astimezone(calendar.zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2024-07-08 10:00", 1, "2024-07-08 11:00"),  # Monday, within the morning
        ("2024-07-08 11:30", 1, "2024-07-08 14:00"),  # over the midday break
        ("2024-07-08 16:30", 4, "2024-07-09 12:00"),  # one hour today, three tomorrow
        ("2024-07-08 22:00", 1, "2024-07-09 10:00"),  # reported at night
        ("2024-07-09 03:00", 0.5, "2024-07-09 09:30"),
        ("2024-07-12 17:00", 2, "2024-07-15 10:30"),  # Friday evening to Monday
        ("2024-07-13 12:00", 7, "2024-07-15 17:30"),  # Saturday: the whole of Monday
        ("2024-09-30 17:00", 1, "2024-10-08 09:30"),  # National Day, 1 to 7 October
        ("2024-09-27 17:30", 1, "2024-09-29 10:00"),  # Sunday 29 September is a make-up working day
        ("2024-10-11 17:00", 1, "2024-10-12 09:30"),  # Saturday 12 October is one, too
        ("2024-02-09 16:30", 2, "2024-02-18 10:00"),  # Spring Festival 10 to 17; 9 works, Sunday 18 is made up
        ("2024-06-07 17:00", 1, "2024-06-11 09:30"),  # Dragon Boat Festival on Monday 10 June
    ],
)
def test_working_time_skips_nights_weekends_and_holidays_and_counts_make_up_days(
    start: str, hours: float, expected: str
) -> None:
    assert due(start, hours) == expected
    spent = CHINA.between(at(start), at(expected), TimeKind.WORKING)
    assert spent == pytest.approx(hours * 3600)


def test_urgent_work_runs_day_and_night_through_every_holiday() -> None:
    assert due("2024-09-30 17:00", 24, TimeKind.CALENDAR) == "2024-10-01 17:00"
    assert due("2024-07-13 23:30", 24, TimeKind.CALENDAR) == "2024-07-14 23:30"


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was() -> None:
    # Cairo puts the clocks forward at midnight before Friday, 26 April 2024: 00:00 to 06:00 are five hours.
    cairo = work_calendar("Africa/Cairo", "", ((time(0), time(6)),))
    assert due("2024-04-25 06:00", 6, calendar=cairo) == "2024-04-29 01:00"
    assert due("2024-05-02 06:00", 6, calendar=cairo) == "2024-05-03 06:00"
    berlin = work_calendar("Europe/Berlin", "DE", HOURS)
    assert due("2024-03-30 12:00", 24, TimeKind.CALENDAR, berlin) == "2024-03-31 13:00"
    assert due("2024-10-26 12:00", 24, TimeKind.CALENDAR, berlin) == "2024-10-27 11:00"
    assert due("2024-03-28 17:00", 1, calendar=berlin) == "2024-04-02 09:30"  # Good Friday to Easter Monday
    assert due("2024-03-30 12:00", 24, TimeKind.CALENDAR) == "2024-03-31 12:00"  # Shanghai has no summer time


def test_a_pause_does_not_count_and_the_clock_shows_it() -> None:
    clock = clocks.start(CHINA, ClockName.HANDLING, TimeKind.WORKING, timedelta(hours=4), at("2024-07-08 09:00"))
    assert clock.due == at("2024-07-08 14:30")
    paused = clocks.pause(clock, at("2024-07-08 11:00"))
    assert (paused.is_paused, paused.due) == (True, None)
    assert clocks.used_s(CHINA, paused, at("2024-07-10 11:00")) == 2 * 3600
    assert clocks.pause(paused, at("2024-07-08 12:00")) == paused
    again = clocks.resume(CHINA, paused, at("2024-07-09 15:00"))
    assert again.due == at("2024-07-09 17:00")
    assert again.pauses == ((at("2024-07-08 11:00"), at("2024-07-09 15:00")),)
    assert clocks.used_s(CHINA, again, at("2024-07-09 16:00")) == 3 * 3600


def test_an_extension_adds_to_what_is_left_and_a_stopped_clock_goes_on_where_it_stood() -> None:
    clock = clocks.start(CHINA, ClockName.HANDLING, TimeKind.WORKING, timedelta(hours=2), at("2024-07-08 09:00"))
    longer = clocks.extend(CHINA, clock, timedelta(hours=7), at("2024-07-08 10:00"))
    assert longer.due == at("2024-07-09 11:00")
    stopped = clocks.stop(longer, at("2024-07-08 12:00"))
    assert (stopped.due, clocks.used_s(CHINA, stopped, at("2024-07-20 12:00"))) == (None, 3 * 3600)
    on = clocks.go_on(CHINA, stopped, at("2024-07-10 09:00"))
    assert on.due == at("2024-07-10 16:30")  # six hours are left: three before the break, three after it


def test_shares_of_the_limit_are_reached_in_working_time() -> None:
    clock = clocks.start(CHINA, ClockName.HANDLING, TimeKind.WORKING, timedelta(hours=4), at("2024-07-12 15:30"))
    expected = {50: "2024-07-12 17:30", 80: "2024-07-15 10:12", 100: "2024-07-15 11:00", 150: "2024-07-15 14:30"}
    for percent, moment in expected.items():
        assert clocks.reaches(CHINA, clock, percent, at("2024-07-12 15:30")) == at(moment), percent


def test_a_limit_that_nobody_can_mean_and_an_unknown_country_are_refused() -> None:
    with pytest.raises(InputRejected, match="out of range"):
        CHINA.add(at("2024-07-08 09:00"), 21 * 366 * 86_400, TimeKind.CALENDAR)
    for country in ("XX", "registry"):  # the latter is a name in the library, and no country
        with pytest.raises(InputRejected, match=f"'{country}'"):
            work_calendar("Asia/Shanghai", country, HOURS)
