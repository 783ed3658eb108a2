"""The alarm figures, on literal values."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.kpi import Period, alarm_figures
from data.model.alarm import AlarmColumns
from tests.stores import new_store

BEGAN = datetime(2026, 7, 12, tzinfo=UTC)
DAY = Period(BEGAN, BEGAN + timedelta(days=1))
Row = tuple[str, str, float, float | None, float | None]  # site, priority, came, acknowledged, ended: seconds


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def columns(*rows: Row) -> AlarmColumns:
    """Alarms of a threshold at these sites; acknowledged and ended so many seconds after they came."""
    ordered = sorted(rows, key=lambda row: row[2])
    sites, priorities, came, acknowledged, ended = zip(*ordered, strict=True) if ordered else ((), (), (), (), ())
    return AlarmColumns(
        id=range(1, len(ordered) + 1),
        site=sites,
        rule=["deep"] * len(ordered),
        zone=[""] * len(ordered),
        priority=priorities,
        came_at=[at(s) for s in came],
        acknowledged_at=[None if a is None else at(s + a) for s, a in zip(came, acknowledged, strict=True)],
        ended_at=[None if e is None else at(s + e) for s, e in zip(came, ended, strict=True)],
    )


def figures(*rows: Row, period: Period = DAY) -> dict[str, Any]:
    return alarm_figures(columns(*rows), period, {"": lambda _site: True})


def test_no_alarm_is_no_figure_and_no_error() -> None:
    found = figures()
    assert found["alarms"] == 0
    assert found["top_share"] is None
    assert found["priorities"]["P1"] == {"alarms": 0, "share": None}


def test_rates_of_144_a_day_are_one_in_ten_minutes() -> None:
    (desk,) = figures(*[("a", "P3", 300 + 600 * n, 10, 60) for n in range(144)])["desks"]
    assert (desk["per_day"], desk["per_hour"], desk["per_10min"], desk["peak_10min"]) == (144, 6, 1, 1)
    assert (desk["busy_share"], desk["floods"], desk["flood_s"]) == (0, 0, 0)


def test_a_flood_of_twenty_alarms_in_twenty_seconds_lasts_ten_minutes_and_a_bit() -> None:
    (desk,) = figures(*[("a", "P3", 3600 + n, 10, 60) for n in range(20)])["desks"]
    assert (desk["floods"], desk["flood_s"], desk["peak_10min"]) == (1, 605.0, 20)
    assert desk["flood_share"] == 605 / 86400
    assert desk["busy_share"] == 1 / 144


def test_a_flood_that_began_before_the_period_is_counted_from_its_beginning() -> None:
    before = [("a", "P3", -300.0 + n, 10.0, 60.0) for n in range(20)]
    (desk,) = figures(*before)["desks"]
    assert (desk["alarms"], desk["floods"], desk["flood_s"]) == (0, 1, 315.0)


def test_each_desk_has_its_own_rate() -> None:
    rows = [("a", "P3", 10.0 + n, None, None) for n in range(11)] + [("b", "P3", 30.0, None, None)]
    found = alarm_figures(columns(*rows), DAY, {"left": lambda site: site == "a", "right": lambda site: site == "b"})
    assert [(desk["id"], desk["alarms"], desk["floods"]) for desk in found["desks"]] == [
        ("left", 11, 1),
        ("right", 1, 0),
    ]


def test_the_top_ten_by_their_share() -> None:
    rows = [(f"s{n}", "P4", 60.0 * (n * 20 + i), 10.0, 30.0) for n in range(12) for i in range(20 - n)]
    found = figures(*rows)
    assert [(one["site"], one["alarms"]) for one in found["top"]][:3] == [("s0", 20), ("s1", 19), ("s2", 18)]
    assert len(found["top"]) == 10
    assert found["top_share"] == pytest.approx(155 / 174)


def test_standing_are_those_that_hold_at_the_end_and_of_them_those_of_more_than_a_day() -> None:
    found = figures(
        ("a", "P3", -7200, 10, None),
        ("b", "P3", 80000, 10, None),
        ("c", "P3", -7200, 10, 20000),
        ("d", "P3", 80000, 10, 7000),
    )
    assert (found["standing"], found["standing_24h"]) == (3, 1)
    assert [one["site"] for one in found["oldest"]] == ["a"]


def test_three_within_a_minute_chatter_three_within_two_do_not() -> None:
    fast = [("a", "P3", 1000.0 + 30 * n, 1.0, 2.0) for n in range(3)]
    slow = [("b", "P3", 1000.0 + 31 * n, 1.0, 2.0) for n in range(3)]
    assert figures(*fast, *slow)["chattering"] == [{"site": "a", "rule": "deep", "zone": "", "alarms": 3}]


def test_the_mix_of_priorities() -> None:
    rows = [("a", priority, 600.0 * n, 1.0, 2.0) for n, priority in enumerate(["P1", "P2", "P2", "P4", "P3"])]
    mix = figures(*rows)["priorities"]
    assert {name: one["share"] for name, one in mix.items()} == {"P1": 0.2, "P2": 0.4, "P3": 0.2, "P4": 0.2}


def test_times_to_acknowledge_and_what_is_late_though_nobody_has_seen_it_yet() -> None:
    took = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    rows: list[Row] = [("a", "P1", 700.0 * n, seconds, 200) for n, seconds in enumerate(took)]
    found = figures(*rows, ("b", "P1", 86390, None, None), ("c", "P1", 86000, None, None))["acknowledgement"]
    assert found["P1"] == {
        "alarms": 12,
        "acknowledged": 10,
        "median_s": 55.0,
        "p90_s": 91.0,
        "limit_s": 60.0,
        "late": 5,
    }
    assert found["P2"]["median_s"] is None


FILL = """
INSERT INTO alerts (site, rule, zone, subject, kind, priority, started_at, raised_at, label, unit, committed_at,
                    acknowledged_at, ended_at,
                    version, occurrence, calls, shelved_by, inhibited_by, work_order, verification)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000),
came(n, at) AS (SELECT n, strftime('%Y-%m-%d %H:%M:%S.000000', '2026-07-01', (n * 25) || ' seconds') FROM numbers)
SELECT 'site-' || (n % 97), 'rule-' || (n % 3), '', n, 'threshold', 'P' || (1 + n % 4), at, at, '', '', at,
       CASE WHEN n % 11 THEN strftime('%Y-%m-%d %H:%M:%S.000000', at, (n % 900) || ' seconds') END,
       CASE WHEN n % 1000 THEN strftime('%Y-%m-%d %H:%M:%S.000000', at, '600 seconds') END,
       1, 1, 1, '', '', '', 'unverified'
FROM came
"""


@pytest.mark.alone
def test_100_000_alarms_take_a_second_of_one_core(tmp_path: Path) -> None:
    """Wall time on an idle machine; a busy one is measured by the processor time that was spent."""
    store = new_store(tmp_path / "yiping.db")
    with sqlite3.connect(tmp_path / "yiping.db") as database:
        database.execute(FILL)
    month = Period(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 8, 1, tzinfo=UTC))
    spent, walls = [], []
    for _ in range(3):
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        read = store.read(lambda reader: reader.alarm_columns(month.since, month.until))
        found = alarm_figures(read, month, {"": lambda _site: True})
        spent.append(time.process_time() - began_cpu_s)
        walls.append(time.perf_counter() - began_s)
    store.close()
    assert found["alarms"] == 100_000
    assert found["standing"] == 100
    assert found["acknowledgement"]["P1"]["alarms"] == 25_000
    print(f"100,000 alarms: {min(spent):.2f} s of processor time, {min(walls):.2f} s of wall time")
    assert min(spent) <= 1.0
