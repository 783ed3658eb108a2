"""Times in files as spreadsheets write them: day numbers, the hour 24, and what is refused with words."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.model.observation import Reading, Rejected
from data.ports.recipe import Context
from monitors.gauges._series import Columns, rows_of
from monitors.gauges.csv_gauge import Recipe

SHANGHAI = ZoneInfo("Asia/Shanghai")


def taken(context: Context, times: list[str], **more: object) -> tuple[list[datetime], list[str]]:
    text = "At;Depth\n" + "".join(f"{time};1\n" for time in times)
    (context.base_dir / "depth.csv").write_text(text)
    plain = {"path": "depth.csv", "time": "At", "value": "Depth", "quantity": "water_depth", "separator": ";"}
    recipe = Recipe.model_validate({**plain, "timezone": "Asia/Shanghai", **more})
    with closing(recipe.make(context)) as monitor:
        seen = list(monitor.observe())
    local = [one.at.astimezone(SHANGHAI).replace(tzinfo=None) for one in seen if isinstance(one, Reading)]
    return local, [one.reason for one in seen if isinstance(one, Rejected)]


def test_day_numbers_of_excel_are_read_where_that_is_set_and_named_where_it_is_not(context: Context) -> None:
    times, reasons = taken(context, ["45485.75", "45485,7604166667", "45486", "12", "soon"], time_format="excel")
    assert times == [datetime(2024, 7, 12, 18), datetime(2024, 7, 12, 18, 15), datetime(2024, 7, 13)]  # noqa: DTZ001
    assert reasons == ["line 5: '12' is no time written as excel", "line 6: 'soon' is no time written as excel"]
    times, reasons = taken(context, ["2024-07-12 18:00", "45485.75"])
    assert len(times) == 1
    assert reasons == ["line 3: '45485.75' looks like a day number of Excel: set `time_format: excel`"]


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        (None, "2026-01-01 24:00"),
        (None, "2026-01-01T24:00:00"),
        ("%Y-%m-%d %H:%M", "2026-01-01 24:00"),
        ("%Y/%m/%d %H:%M:%S", "2026/1/1 24:00:00"),
        ("%Y%m%d%H%M", "202601012400"),
        ("%Y%m%d%H", "2026010124"),
        ("%d.%m.%Y %H:%M", "01.01.2026 24:00"),
        ("%Y年%m月%d日%H时", "2026年1月1日24时"),
    ],
)
def test_the_hour_24_is_the_midnight_that_follows(context: Context, time_format: str | None, text: str) -> None:
    times, reasons = taken(context, [text], time_format=time_format)
    assert (times, reasons) == ([datetime(2026, 1, 2)], [])  # noqa: DTZ001 - the gauge's local time


@pytest.mark.parametrize("text", ["2026-01-01 24:01", "2026-01-01 25:00", "2024-01-01 24:24"])
def test_a_minute_behind_the_hour_24_is_no_time(context: Context, text: str) -> None:
    for time_format in (None, "%Y-%m-%d %H:%M"):
        times, reasons = taken(context, ["2026-01-01 12:00", text], time_format=time_format)
        assert len(times) == 1
        assert "is no time" in reasons[0]


def test_a_day_without_a_time_of_day_says_so(context: Context) -> None:
    times, reasons = taken(context, ["2026-01-01 08:00", "2026-01-02", "20260103", "2026-01"])
    assert len(times) == 1
    assert all("is a day without a time of day" in reason for reason in reasons)
    assert len(reasons) == 3


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001 - local times
def test_every_day_number_is_the_time_that_it_stands_for_to_the_second(at: datetime) -> None:
    at = at.replace(microsecond=0)
    days = (at - datetime(1899, 12, 30)) / timedelta(days=1)  # noqa: DTZ001
    ((row,), bad) = rows_of([(2, [f"{days:.10f}", "1"])], 0, 1, Columns("t", "v", "excel", "UTC"))
    assert bad == []
    assert row.at == at.replace(tzinfo=UTC)
