"""The demo's gauges through the demo's own rules."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.alert import Ended, Raised
from data.model.observation import Reading
from data.model.units import UNIT_OF
from data.ports.recipe import Resources
from engine.catalogue import load_catalogue
from engine.demo.script import PERIOD_S
from engine.demo.series import STAGE_M, write_series
from engine.process.options import RunOptions

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def city() -> Settings:
    return load_settings(Path(__file__).resolve().parents[2] / "config.yaml", load_catalogue())[0]


def told(folder: Path, name: str) -> list[tuple[float, float]]:
    """Seconds since the first row, and the value."""
    with (folder / f"{name}.csv").open(newline="", encoding="ascii") as file:
        rows = [(datetime.fromisoformat(row["time"]), float(row["value"])) for row in csv.DictReader(file)]
    return [((at - rows[0][0]).total_seconds(), value) for at, value in rows]


def alerts(city: Settings, folder: Path, site_id: str, name: str, quantity: str) -> dict[str, tuple[float, float]]:
    """By rule, when its one alert of a period began and ended, seconds; the series is given twice."""
    site = city.site(site_id)
    rules = [rule.make(RunOptions(city, folder).context(site, Resources())) for rule in site.rules]
    rows = told(folder, name)
    rows += [(at + PERIOD_S, value) for at, value in rows]
    began: dict[str, list[float]] = {}
    ended: dict[str, list[float]] = {}
    assert quantity in UNIT_OF
    for at_s, value in rows:
        reading = Reading(site_id, "gauge", quantity, value, NOON + timedelta(seconds=at_s))
        for rule in rules:
            for signal in rule.judge(reading):
                into = began if isinstance(signal, Raised) else ended
                assert isinstance(signal, Raised | Ended)
                into.setdefault(signal.key.rule, []).append((signal.at - NOON).total_seconds())
    assert all(len(times) == 2 for times in (*began.values(), *ended.values())), (began, ended)
    return {rule: (times[0], ended[rule][0]) for rule, times in began.items()}


def test_a_series_has_a_row_every_two_seconds_and_comes_back_after_its_period(tmp_path: Path) -> None:
    write_series(tmp_path)
    rows = told(tmp_path, "river-stage")
    assert len(rows) == 120
    assert rows[1][0] == 2.0
    assert rows[-1][0] + 2.0 == PERIOD_S
    assert abs(rows[-1][1] - rows[0][1]) < 0.1


def test_the_stage_has_a_crest_a_dip_a_higher_crest_and_a_recession() -> None:
    values = [value for _, value in STAGE_M]
    turns = [b for a, b, c in zip(values, values[1:], values[2:], strict=False) if (b - a) * (c - b) < 0]
    assert turns == [181.36, 181.17, 181.92]


def test_the_river_passes_its_warning_stage_once_in_spite_of_the_dip(tmp_path: Path, city: Settings) -> None:
    write_series(tmp_path)
    found = alerts(city, tmp_path, "river-9", "river-stage", "water_level")
    assert list(found) == ["warning-stage"]
    began, ended = found["warning-stage"]
    assert 85 < began < 110
    assert 190 < ended < 215


@pytest.mark.parametrize(("site", "warned_by_s", "closed_by_s"), [("underpass-5", 75, 90), ("tunnel-6", 150, 165)])
def test_a_road_floods_within_three_minutes_and_runs_dry_again(
    tmp_path: Path, city: Settings, site: str, warned_by_s: float, closed_by_s: float
) -> None:
    write_series(tmp_path)
    found = alerts(city, tmp_path, site, site, "water_depth")
    assert found["depth-15cm"][0] <= warned_by_s
    assert found["depth-25cm"][0] <= closed_by_s
    assert found["depth-15cm"][0] < found["depth-25cm"][0] < found["depth-25cm"][1] < found["depth-15cm"][1] < PERIOD_S


def test_the_rain_raises_one_alert_a_period(tmp_path: Path, city: Settings) -> None:
    write_series(tmp_path)
    found = alerts(city, tmp_path, "rain-8", "rain", "rain_intensity")
    assert 45 < found["heavy-rain"][0] < 65


def test_the_deep_underpass_is_confirmed_by_the_rain_and_there_are_crews_for_what_follows(
    tmp_path: Path, city: Settings
) -> None:
    write_series(tmp_path)
    (place,) = city.fusion.places
    deep = alerts(city, tmp_path, "underpass-5", "underpass-5", "water_depth")["depth-25cm"]
    rain = alerts(city, tmp_path, "rain-8", "rain", "rain_intensity")["heavy-rain"]
    assert rain[0] < deep[0] < rain[1], "both kinds of evidence at once"
    skills = [set(responder.skills) for responder in city.responders]
    assert all(any(set(task.skills) <= known for known in skills) for task in (*place.send, *place.ask))
