"""CSV series: real floods in order of time, growing logs, replays from now, and rows that cannot be used."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading, Rejected
from data.ports.recipe import Context
from monitors.gauges.csv_gauge import Recipe

PLAIN = {"path": "log.csv", "time": "time", "value": "level", "quantity": "water_level"}


def series(**more: object) -> Recipe:
    return Recipe.model_validate({**PLAIN, **more})


def write(context: Context, text: str, encoding: str = "utf-8") -> None:
    (context.base_dir / "log.csv").write_bytes(text.encode(encoding))


def given(recipe: Recipe, context: Context) -> tuple[list[Reading], list[Rejected]]:
    seen = list(recipe.make(context).observe())
    return [r for r in seen if isinstance(r, Reading)], [r for r in seen if isinstance(r, Rejected)]


def harvey(shared: Path, **more: object) -> Recipe:
    return series(
        path=shared / "series" / "harvey_buffalo_bayou_stage.csv",
        time="Time GT",
        value="Milam Elevation (ft)",
        unit="ft",
        time_format="%m/%d/%y %H:%M",
        **more,
    )


@pytest.mark.shared
def test_the_harvey_flood_comes_in_order_of_time_without_its_empty_tail(shared: Path, context: Context) -> None:
    readings, rejected = given(harvey(shared, timezone="America/Chicago", vertical_datum="NAVD88"), context)
    assert rejected == []
    assert len(readings) == 264
    feet = [reading.value / 0.3048 for reading in readings]
    assert (min(feet), max(feet)) == pytest.approx((2.66, 27.14))
    assert all(a.at < b.at for a, b in pairwise(readings))
    crest = next(r for r in readings if r.at == datetime(2017, 8, 26, 15, 31, tzinfo=UTC))
    assert crest.value == pytest.approx(12.56 * 0.3048)
    assert crest.vertical_datum == "NAVD88"
    midnight = datetime(2017, 8, 27, 5, 0, tzinfo=UTC)
    hour = [r for r in readings if midnight <= r.at < midnight + timedelta(hours=1)]
    assert hour[0].at == midnight + timedelta(minutes=1)  # 00:50-00:59 stand before it in the file
    assert hour[0].value == pytest.approx(21.41 * 0.3048)


@pytest.mark.shared
def test_times_without_offset_need_the_time_zone(shared: Path, context: Context) -> None:
    with pytest.raises(InputRejected, match="'8/25/17 18:06' have no offset from UTC: set the gauge's `timezone`"):
        given(harvey(shared), context)


@pytest.mark.shared
def test_a_year_of_the_usgs_gauge_is_read_with_both_hours_of_the_clock_change(shared: Path, context: Context) -> None:
    path = shared / "series" / "usgs_10109000_stage_15min.csv"
    recipe = series(
        path=path, time="datetime", value="144277_00065", unit="ft", timezone="America/Denver", skip_lines=[2]
    )
    readings, rejected = given(recipe, context)
    assert len(readings) == 35_031
    assert readings[0].at == datetime(2024, 5, 9, 6, 0, tzinfo=UTC)
    assert readings[-1].at == datetime(2025, 5, 11, 0, 0, tzinfo=UTC)
    assert rejected == []
    hour = timedelta(hours=1)
    doubled = [r for r in readings if timedelta(0) <= r.at - datetime(2024, 11, 3, 7, tzinfo=UTC) < 2 * hour]
    assert [round(r.value / 0.3048, 2) for r in doubled] == [2.8, 2.8, 2.82, 2.81, 2.82, 2.82, 2.82, 2.83]


def test_bad_rows_are_rejected_with_their_line_and_the_rest_goes_on(context: Context) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=90)).isoformat()
    write(
        context,
        "time,level,who\n"
        "2024-07-12T12:00:00+08:00,181.24,a\n"
        "2024-07-12T12:15:00+08:00,dry,b\n"
        "yesterday,181.3,c\n"
        "\n"
        "2024-07-12T12:30:00+08:00,,d\n"
        "2024-07-12T12:45:00+08:00,inf,e\n"
        "2024-07-12T13:00:00+08:00\n"
        f"{soon},181.4,f\n"
        ",,\n"
        '2024-07-12T04:15:00Z,"181.50","said ""high"", and more, and more",x,y,z\n',
    )
    readings, rejected = given(series(), context)
    noon = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
    assert [(r.at, r.value) for r in readings] == [(noon, 181.24), (noon + timedelta(minutes=15), 181.5)]
    assert [r.reason for r in rejected[:5]] == [
        "line 3: 'dry' is not a number",
        "line 4: 'yesterday' is no time in ISO 8601; set `time_format` for others",
        "line 6: there is no value",
        "line 7: 'inf' is not a number",
        "line 8: there is no value",
    ]
    assert rejected[0].excerpt == "2024-07-12T12:15:00+08:00,dry,b"
    assert rejected[5].reason.startswith("line 9: it is ")
    assert "s from the future" in rejected[5].reason
    assert len(rejected) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds not one usable row"),
        ("time,level\n", "holds not one usable row"),
        ("dear diary\nit rained\n", "has no column 'time'; it has 'dear diary'"),
        ("time,depth\n2024-07-12T12:00:00Z,1\n", "has no column 'level'; it has 'time', 'depth'"),
        ("time,level\nx,1\n", "holds not one usable row; line 2: 'x' is no time"),
        ('time,level\n"' + "x" * 200_000, "is no CSV text"),
        ("time,level\n2024-07-12T12:00:00,1\n", "set the gauge's `timezone`"),
    ],
)
def test_a_file_that_is_no_such_series_is_refused_clearly(context: Context, text: str, said: str) -> None:
    write(context, text)
    with pytest.raises(InputRejected) as caught:
        given(series(), context)
    assert str(caught.value).startswith("gate-3: ")
    assert said in str(caught.value)


def test_a_missing_file_is_lost_not_refused(context: Context) -> None:
    with pytest.raises(DeviceLost, match=r"gate-3: there is no file .*log\.csv"):
        series().make(context)


def test_other_encodings_and_separators_are_read(context: Context) -> None:
    write(context, "时间;水位\n2024-07-12 12:00;0.25\n", "gb18030")
    recipe = series(time="时间", value="水位", encoding="gb18030", separator=";", timezone="Asia/Shanghai", id="桥下")
    readings, _ = given(recipe, context)
    assert readings == [Reading("gate-3", "桥下", "water_level", 0.25, datetime(2024, 7, 12, 4, 0, tzinfo=UTC))]


def test_a_growing_log_is_followed_whole_line_by_whole_line(context: Context) -> None:
    write(context, "time,level\n2024-07-12T04:00:00Z,1\n2024-07-12T04:0")
    monitor = series(follow=True).make(context)
    log = context.base_dir / "log.csv"
    steps = ["5:00Z,2\n", "2024-07-12T04:20:00Z,4\n2024-07-12T04:15:00Z,3\nbad,9\n", "2024-07-12T04:01:00Z,8\n"]
    seen: list[object] = []
    stepped = time.monotonic()
    for item in monitor.observe():
        assert time.monotonic() - stepped < 1.0
        stepped = time.monotonic()
        if isinstance(item, Reading):
            seen.append(item.value)
        elif isinstance(item, Rejected):
            seen.append(item.reason[:28])
        elif steps:
            with log.open("a") as file:
                file.write(steps.pop(0))
        else:
            monitor.close()
    assert seen == [1, 2, "line 6: 'bad' is no time in ", 3, 4, "line 7: it is older than the"]


def test_a_growing_log_tells_both_hours_of_the_clock_change_row_by_row(context: Context) -> None:
    write(context, "time,level\n")
    monitor = series(follow=True, timezone="Europe/Rome").make(context)
    log = context.base_dir / "log.csv"
    rows = [
        "2025-10-26 01:40,1",
        "2025-10-26 02:40,2",
        "2025-10-26 02:40,3",
        "2025-10-26 03:40,4",
        "2026-03-29 02:10,5",
    ]
    readings, rejected = [], []
    for item in monitor.observe():
        if isinstance(item, Reading):
            readings.append(item)
        elif isinstance(item, Rejected):
            rejected.append(item.reason)
            monitor.close()
        else:
            with log.open("a") as file:
                file.write(f"{rows.pop(0)}\n")
    assert [(f"{r.at:%H:%M}", r.value) for r in readings] == [("23:40", 1), ("00:40", 2), ("01:40", 3), ("02:40", 4)]
    assert rejected == [
        "line 6: 2026-03-29 02:10:00 never was: clocks in Europe/Rome were put forward over it; "
        "send the offset from UTC"
    ]


def test_two_values_for_one_time_are_given_both_in_their_order(context: Context) -> None:
    write(context, "time,level\n2024-07-12T08:00:00Z,176.31\n2024-07-12T08:00:00Z,180.99\n")
    readings, rejected = given(series(), context)
    assert ([reading.value for reading in readings], rejected) == ([176.31, 180.99], [])


def test_a_log_that_is_replaced_is_read_from_its_beginning(context: Context) -> None:
    write(context, "time,level\n2024-07-12T04:00:00Z,1\n2024-07-12T04:15:00Z,2\n")
    monitor = series(follow=True).make(context)
    values = []
    replaced = False
    for item in monitor.observe():
        if isinstance(item, Reading):
            values.append(item.value)
        elif replaced:
            monitor.close()
        else:
            write(context, "time,level\n2024-07-12T05:00:00Z,3\n")
            replaced = True
        if len(values) == 3:
            monitor.close()
    assert values == [1, 2, 3]


def test_a_replay_begins_now_keeps_the_pace_and_loops(context: Context) -> None:
    write(context, "time,level\n2024-07-12T04:00:00Z,1\n2024-07-12T04:01:00Z,2\n2024-07-12T04:02:00Z,3\n")
    began = datetime.now(UTC)
    monitor = series(replay="from_now", speed=300, loop=True).make(context)
    readings = []
    for item in monitor.observe():
        if isinstance(item, Reading):
            assert item.at <= datetime.now(UTC)
            readings.append(item)
        if len(readings) == 7:
            monitor.close()
    assert [r.value for r in readings] == [1, 2, 3, 1, 2, 3, 1]
    assert abs((readings[0].at - began).total_seconds()) < 1.0
    steps = [(b.at - a.at).total_seconds() for a, b in pairwise(readings)]
    assert steps == pytest.approx([0.2] * 6, abs=0.001)
    assert (datetime.now(UTC) - readings[-1].at).total_seconds() < 0.5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"loop": True}, "belong to `replay: from_now`"),
        ({"speed": 2}, "belong to `replay: from_now`"),
        ({"replay": "from_now", "follow": True}, "belongs to `replay: as_recorded`"),
        ({"encoding": "klingon"}, "no encoding 'klingon'"),
        ({"encoding": "utf-16"}, "lines cannot be told apart in utf-16"),
        ({"unit": "s"}, "water_level is kept in m; 's' cannot be converted"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        series(**wrong)
