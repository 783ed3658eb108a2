"""Times from outside: what is a moment, what is none, and the two hours that are both called half past two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputRejected
from data.model.observation import Reading
from data.ports.recipe import Context
from monitors.gauges._series import Columns, rows_of
from monitors.gauges._times import Arrival, LocalTimes, instant, written_time
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from monitors.gauges.http_push import Recipe as HttpPush

ROME = ZoneInfo("Europe/Rome")
BACK = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 03:00 summer time becomes 02:00
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("given_time", "meant"),
    [
        ("2026-07-12T08:00:00+08:00", "2026-07-12T00:00:00+00:00"),
        ("2026-07-12 00:00:00Z", "2026-07-12T00:00:00+00:00"),
        (1783814400, "2026-07-12T00:00:00+00:00"),
        (1783814400000, "2026-07-12T00:00:00+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999+00:00"),
        ("2017-01-01T07:59:60.5+08:00", "2016-12-31T23:59:59.999999+00:00"),
        ("2026-07-12T24:00:00Z", "2026-07-13T00:00:00+00:00"),
        ("2026-07-12T24:00+08:00", "2026-07-12T16:00:00+00:00"),
    ],
)
def test_a_moment_is_read_in_each_of_its_spellings(given_time: object, meant: str) -> None:
    assert instant(given_time, None).isoformat() == meant


@pytest.mark.parametrize(
    ("given_time", "said"),
    [
        (0, "0 is not a time: the clock that gave it was never set"),
        (0.0, "0.0 is not a time: the clock that gave it was never set"),
        (float("nan"), "nan is not a time"),
        (True, "True is not a time"),
        (None, "None is not a time"),
        ("", "'' is not a time"),
        ("2026-07-12", "'2026-07-12' is a day without a time of day"),
        ("20260712", "'20260712' is a day without a time of day"),
        ("2026-W28-7", "'2026-W28-7' is a day without a time of day"),
        ("2026-07-12T24:01:00Z", "is not a time"),
        ("2026-07-12T08:00:61Z", "is not a time"),
        ("0001-01-01T00:00:00+08:00", "is not a time"),
        ("2026-07-12T08:00:00", "has no offset from UTC and the gauge no `timezone`"),
        (1e40, "is not a time"),
    ],
)
def test_what_is_no_moment_is_refused_with_words(given_time: object, said: str) -> None:
    with pytest.raises(InputRejected, match=said.replace("(", r"\(")):
        instant(given_time, None)


def test_the_hour_that_is_left_out_in_spring_never_was() -> None:
    with pytest.raises(InputRejected, match="2026-03-29 02:30:00 never was: clocks in Europe/Rome were put forward"):
        LocalTimes(ROME).utc(wall(3, 29, 2, 30))
    assert LocalTimes(ROME).utc(wall(3, 29, 3, 0)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def wall(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """What a clock on the wall shows in 2026."""
    return datetime(2026, month, day, hour, minute)  # noqa: DTZ001 - a local time is what is tested


def local(minute: int) -> datetime:
    """The wall clock so many minutes after 00:00 UTC of that night: from 60 on an hour is told for the second time."""
    return (BACK - timedelta(hours=1) + minute * MINUTE).astimezone(ROME).replace(tzinfo=None, fold=0)


@given(st.lists(st.integers(-180, 240), min_size=1, max_size=30, unique=True), st.booleans(), st.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_a_live_gauge_is_understood_in_both_hours_also_over_a_restart(
    minutes: list[int], delayed: bool, restart_at: int
) -> None:
    """It sends in the order of time, at once or with some minutes' delay."""
    times, latest = LocalTimes(ROME), None
    for number, minute in enumerate(sorted(minutes)):
        if number == restart_at:
            times = LocalTimes(ROME, latest)
        true = BACK - timedelta(hours=1) + minute * MINUTE
        arrived = true + (8 * MINUTE if delayed else timedelta(seconds=2))
        latest = times.utc(local(minute), Arrival(arrived, f"{minute}"))
        assert latest == true


@given(st.integers(1, 60).filter(lambda step: 60 % step == 0), st.integers(0, 120))
@settings(max_examples=100, deadline=None)
def test_a_steady_log_is_understood_row_by_row_at_once_and_sorted_by_local_time(step: int, cut: int) -> None:
    minutes = list(range(-60, 180, step))
    expected = [BACK - timedelta(hours=1) + minute * MINUTE for minute in minutes]
    times = LocalTimes(ROME)
    assert [times.utc(local(minute)) for minute in minutes] == expected
    texts = [local(minute).isoformat(" ") for minute in minutes]
    assert read(texts) == expected
    assert sorted(read(sorted(texts))) == expected
    part, times = cut % len(texts), LocalTimes(ROME)
    assert [*read(texts[:part], times), *read(texts[part:], times)] == expected


def read(texts: list[str], times: LocalTimes | None = None) -> list[datetime]:
    columns = Columns("time", "value", None, "Europe/Rome")
    rows, bad = rows_of([(n, [text, "1"]) for n, text in enumerate(texts)], 0, 1, columns, times)
    assert bad == []
    return [row.at for row in rows]


def test_a_message_that_is_delivered_again_stays_in_its_hour() -> None:
    times = LocalTimes(ROME)
    first = times.utc(wall(10, 25, 2, 15), Arrival(BACK - 45 * MINUTE, "3.5"))
    assert first == BACK - 45 * MINUTE
    again = times.utc(wall(10, 25, 2, 15), Arrival(BACK + 3 * MINUTE, "3.5"))
    assert again == first
    assert times.utc(wall(10, 25, 2, 15), Arrival(BACK + 15 * MINUTE, "3.5")) == BACK + 15 * MINUTE
    assert times.utc(wall(10, 25, 2, 15), Arrival(BACK + 60 * MINUTE, "4.0")) == BACK + 15 * MINUTE


def test_an_outage_before_the_doubled_hour_is_decided_by_the_arrival() -> None:
    times = LocalTimes(ROME, latest=BACK - timedelta(hours=6))
    assert times.utc(wall(10, 25, 2, 20), Arrival(BACK + 20 * MINUTE, "a")) == BACK + 20 * MINUTE


def test_half_an_hour_is_put_back_on_lord_howe_island() -> None:
    lord_howe = LocalTimes(ZoneInfo("Australia/Lord_Howe"))
    texts = ["2026-04-05 01:15", "2026-04-05 01:45", "2026-04-05 01:45", "2026-04-05 02:15"]
    at = [lord_howe.utc(datetime.fromisoformat(text)) for text in texts]
    assert [(b - a) / MINUTE for a, b in pairwise(at)] == [30, 30, 30]


def test_sent_observations_keep_the_order_of_the_doubled_hour_and_a_refused_batch_changes_nothing() -> None:
    recipe = HttpPush(id="probe", quantity="water_depth", unit="cm", timezone="Europe/Rome")
    receiver, now, depths = recipe.receiver("dip", None), BACK + timedelta(hours=5), iter(range(100))

    def sent(*texts: str) -> list[str]:
        observations = [{"result": next(depths), "phenomenonTime": text} for text in texts]
        return [f"{one.at:%H:%M}" for one in receiver.accept(observations, now) if isinstance(one, Reading)]

    assert sent("2026-10-25T02:15:00", "2026-10-25T02:45:00") == ["00:15", "00:45"]
    with pytest.raises(InputRejected, match="observation 2: phenomenonTime: 'never' is not a time"):
        sent("2026-10-25T02:15:00", "never")
    assert sent("2026-10-25T02:50:00") == ["00:50"]
    assert sent("2026-10-25T02:15:00", "2026-10-25T02:45:00", "2026-10-25T03:15:00") == ["01:15", "01:45", "02:15"]


def test_a_phenomenon_time_of_0_is_refused_and_not_taken_for_now() -> None:
    recipe = HttpPush(id="probe", quantity="water_depth", unit="cm")
    with pytest.raises(InputRejected, match="phenomenonTime: 0 is not a time"):
        recipe.accept("dip", {"result": 12, "phenomenonTime": 0}, BACK)
    with pytest.raises(InputRejected, match="phenomenonTime: '2026-10-24' is a day without a time of day"):
        recipe.accept("dip", {"result": 12, "phenomenonTime": "2026-10-24"}, BACK)
    with pytest.raises(InputRejected, match="is one of a clock that was never set"):
        recipe.accept("dip", {"result": 12, "phenomenonTime": "1999-12-31T23:59:59Z"}, BACK)


def test_days_without_a_time_of_day_say_so_and_are_read_when_they_are_declared(context: Context) -> None:
    (context.base_dir / "days.csv").write_text("day,level\n1937-07-12,176.31\n1937-07-13,176.35\n")
    where = {
        "path": "days.csv",
        "time": "day",
        "value": "level",
        "quantity": "water_level",
        "timezone": "Asia/Shanghai",
    }
    with pytest.raises(InputRejected, match="'1937-07-12' is a day without a time of day; where the day's beginning"):
        list(CsvGauge.model_validate(where).make(context).observe())
    declared = CsvGauge.model_validate(where | {"time_format": "%Y-%m-%d"})
    readings = [str(getattr(one, "at", one)) for one in declared.make(context).observe()]
    assert readings == ["1937-07-11 16:00:00+00:00", "1937-07-12 16:00:00+00:00"]


def test_a_written_time_without_offset_stays_without_one() -> None:
    assert written_time("2026-07-12T08:00:00") == wall(7, 12, 8)
