"""Real gauges through the adapters that read their files and the pipeline that watches live."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from alerts.out_of_range import Recipe as OutOfRange
from alerts.rate_of_rise import Recipe as RateOfRise
from alerts.silence import Recipe as Silence
from alerts.stuck import Recipe as Stuck
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import Ended, Raised, Signal
from data.model.geo import Location
from data.model.observation import Reading, Tick
from data.ports.recipe import Context, MonitorRecipe, RuleRecipe
from engine.judging.pipeline import SitePipeline
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from monitors.gauges.parquet_gauge import Recipe as ParquetGauge

pytestmark = pytest.mark.shared

PLACE = Location(lon=-95.4, lat=29.76)
FEET_ABOVE = "NAVD88"
HARVEY = {
    "time": "Time GT", "value": "Milam Elevation (ft)", "time_format": "%m/%d/%y %H:%M", "timezone": "UTC",
    "quantity": "water_level", "unit": "ft", "vertical_datum": FEET_ABOVE,
}  # fmt: skip
TWENTY_FEET = Threshold(quantity="water_level", above=20, clear_at=19, unit="ft", vertical_datum=FEET_ABOVE)


def readings(recipe: MonitorRecipe, site: SiteSettings) -> Iterator[Reading]:
    monitor = recipe.make(Context(site=site.place))
    with closing(monitor):
        yield from (item for item in monitor.observe() if isinstance(item, Reading))


def watched(recipe: MonitorRecipe, rules: Sequence[RuleRecipe], tick: timedelta | None) -> list[Signal]:
    """The whole series in the order in which the adapter gives it, with ticks in between or without any."""
    site = SiteSettings(id="gauge-1", location=PLACE, monitor=recipe, rules=tuple(rules))
    pipeline = SitePipeline(site, Context(site=site.place))
    signals: list[Signal] = []
    now: datetime | None = None
    for reading in readings(recipe, site):
        while tick is not None and now is not None and now + tick < reading.at:
            now += tick
            signals += pipeline.tick(Tick(site.id, now))
        now = reading.at if now is None else max(now, reading.at)
        signals += pipeline.read(reading)
    assert list(pipeline.refused()) == []
    return signals


def when(signals: Sequence[Signal]) -> list[tuple[str, str]]:
    return [
        ("raised", f"{s.started_at:%d %H:%M}") if isinstance(s, Raised) else ("ended", f"{s.ended_at:%d %H:%M}")
        for s in signals
    ]


@pytest.mark.parametrize("tick", [None, timedelta(seconds=30)], ids=["imported", "with ticks"])
def test_the_flood_of_buffalo_bayou_is_one_alert_across_the_dip_to_19_94(shared: Path, tick: timedelta | None) -> None:
    """2.66 ft to 27.14 ft in August 2017; over 20 ft, down to 19.94, up again (data: WaterNet, MIT)."""
    gauge = CsvGauge.model_validate({**HARVEY, "path": shared / "series" / "harvey_buffalo_bayou_stage.csv"})
    assert when(watched(gauge, [TWENTY_FEET], tick)) == [("raised", "26 23:37")]
    naive = TWENTY_FEET.model_copy(update={"clear_at": 20.0})
    assert len(watched(gauge, [naive], tick)) > 1, "without hysteresis the dip would be two alerts"


def test_its_rows_that_come_out_of_order_change_nothing_when_they_are_given_as_they_stand(shared: Path) -> None:
    """00:50-00:59 stand before 00:01 in the file: fed row by row, as a gauge that sends late would."""
    path = shared / "series" / "harvey_buffalo_bayou_stage.csv"
    gauge = CsvGauge.model_validate({**HARVEY, "path": path})
    site = SiteSettings(id="gauge-1", location=PLACE, monitor=gauge, rules=(TWENTY_FEET,))
    with path.open(encoding="utf-8") as file:
        stamps = [row[0] for row in csv.reader(file)][1:]
    order = {stamp: number for number, stamp in reversed(list(enumerate(s for s in stamps if s)))}
    rows = sorted(readings(gauge, site), key=lambda r: order[f"{r.at:%-m/%-d/%y %-H:%M}"])
    assert sum(b.at < a.at for a, b in pairwise(rows)) >= 1, "the file has lost its late rows"
    pipeline = SitePipeline(site, Context(site=site.place))
    assert when([s for row in rows for s in pipeline.read(row)]) == [("raised", "26 23:37")]


def test_the_steep_hour_is_a_rise_of_six_feet(shared: Path) -> None:
    gauge = CsvGauge.model_validate({**HARVEY, "path": shared / "series" / "harvey_buffalo_bayou_stage.csv"})
    fast = RateOfRise(quantity="water_level", above=6, unit="ft", over=timedelta(hours=1))
    raised = [s for s in watched(gauge, [fast], timedelta(seconds=30)) if isinstance(s, Raised)]
    assert [f"{s.at:%d %H}" for s in raised] == ["26 22"]


@pytest.fixture(scope="module")
def year(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[datetime]]:
    """A year of stage every 15 min as Parquet in UTC, and its times in order."""
    zone = {"MDT": timedelta(hours=6), "MST": timedelta(hours=7)}
    with (shared / "series" / "usgs_10109000_stage_15min.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[2:]
    at = [datetime.fromisoformat(row[2]).replace(tzinfo=UTC) + zone[row[3]] for row in rows]
    path = tmp_path_factory.mktemp("usgs") / "stage.parquet"
    pd.DataFrame({"at": at, "feet": [float(row[4]) for row in rows]}).to_parquet(path)
    return path, sorted(at)


YEAR_RULES = (
    Threshold(id="flood", quantity="water_level", above=5.0, unit="ft"),
    RateOfRise(quantity="water_level", above=1.0, unit="ft", over=timedelta(hours=1)),
    Silence(after=timedelta(minutes=20)),
    Stuck(quantity="water_level", after=timedelta(hours=24)),
    OutOfRange(quantity="water_level", lowest=0, highest=20, unit="ft"),
)


@pytest.mark.parametrize("tick", [None, timedelta(minutes=5)], ids=["imported", "with ticks"])
def test_a_year_of_a_real_gauge_is_stale_once_for_each_gap_and_nothing_else(
    year: tuple[Path, list[datetime]], tick: timedelta | None
) -> None:
    """The stage of USGS 10109000, May 2024 to May 2025, public domain."""
    path, times = year
    gaps = [(a, b) for a, b in pairwise(times) if b - a > timedelta(minutes=20)]
    gauge = ParquetGauge(path=path, time="at", value="feet", quantity="water_level", unit="ft", timezone="UTC")
    signals = watched(gauge, YEAR_RULES, tick)
    assert {s.key.rule for s in signals} == {"silence"}, "a false alarm"
    stale = [s for s in signals if isinstance(s, Raised)]
    over = [s for s in signals if isinstance(s, Ended)]
    assert [(s.started_at, e.ended_at) for s, e in zip(stale, over, strict=True)] == gaps
    print(f"\n{len(times)} readings, {len(gaps)} gaps: {len(stale)} times stale, 0 false alarms")
