"""What a reading costs does not grow with the number of gauges."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from alerts.silence import Recipe as Silence
from alerts.threshold import Recipe as Threshold
from data.config.settings import Settings, SiteSettings
from data.model.geo import Location
from data.model.observation import Reading
from data.sql.store import open_store
from engine.judging.readings import MOST_A_SECOND, ReadingNews
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.sensors import Sensors
from monitors.gauges.http_push import Recipe as HttpPush
from tests.stores import new_store

BEGAN = datetime(2026, 7, 12, 8, 0, tzinfo=UTC)
OF_A_SITE = 5
A_SECOND = 5000
STEP = 250


@dataclass
class District:
    """So many gauges, five to a site with two rules, in the real sensors' process without its threads."""

    folder: Path
    gauges: int
    wall: datetime = BEGAN
    steady_s: float = 1000.0
    given: int = 0
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.names = [f"place-{number}" for number in range(self.gauges // OF_A_SITE)]
        monitors = tuple(HttpPush(id=f"g{place}", quantity="water_depth", unit="cm") for place in range(OF_A_SITE))
        deep = Threshold(id="deep", quantity="water_depth", above=250, clear_at=200)
        rules = (deep, Silence(id="mute", after=timedelta(hours=1)))
        here = Location(lon=106.5, lat=29.6)
        sites = tuple(SiteSettings(id=name, location=here, monitors=monitors, rules=rules) for name in self.names)
        options = RunOptions(settings=Settings(sites=sites), var_dir=self.folder / f"var-{self.gauges}")
        options.run_dir.mkdir(parents=True)
        new_store(options.var_dir / "yiping.db").close()
        self.store = open_store(options.store)
        self.sensors = Sensors(
            Heart(), options, self.store, "sensors", self.names,
            wall=lambda: self.wall, monotonic_s=lambda: self.steady_s,
        )  # fmt: skip
        self.devices = self.sensors.devices
        for device in self.devices:
            device.trouble = ""

    def readings(self, count: int) -> list[tuple[Any, Reading]]:
        """Of the gauges in turn, each a few tenths of a millimetre off its last one."""
        found: list[tuple[Any, Reading]] = []
        for number in range(self.given, self.given + count):
            device = self.devices[number % len(self.devices)]
            value = 10.0 + number // len(self.devices) % 50 * 0.01
            at = self.wall + timedelta(microseconds=number - self.given - count)
            found.append((device, Reading(device.site, device.recipe.name, "water_depth", value, at)))
        self.given += count
        return found

    def pass_by(self, readings: int) -> None:
        """So many readings at 5,000 a second, with the ticks that belong to the time."""
        for _ in range(readings // STEP):
            self.wall += timedelta(seconds=STEP / A_SECOND)
            self.steady_s += STEP / A_SECOND
            assert self.sensors.step(self.readings(STEP))

    def end(self) -> None:
        self.sensors.close()
        self.store.close()


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that is executed, each once for however many rows."""
    executed: list[str] = []

    def note(*arguments: Any) -> None:
        executed.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def executed_in_a_step(folder: Path, gauges: int) -> list[str]:
    district = District(folder, gauges)
    try:
        for _ in range(3):  # what is said once of each site, and its first tick
            district.wall += timedelta(seconds=2)
            district.steady_s += 2
            assert district.sensors.step(district.readings(gauges))
        with statements() as executed:
            district.wall += timedelta(seconds=0.5)
            district.steady_s += 0.5
            assert district.sensors.step(district.readings(gauges))
            district.wall += timedelta(seconds=2)
            district.steady_s += 2
            assert district.sensors.step(())  # a tick
        # Modes and travel times are read once a second, whoever asks.
        return [statement for statement in executed if statement.startswith(("INSERT", "UPDATE", "DELETE"))]
    finally:
        district.end()


def test_a_commit_has_as_many_statements_for_four_hundred_gauges_as_for_ten(tmp_path: Path) -> None:
    few, many = executed_in_a_step(tmp_path, 10), executed_in_a_step(tmp_path, 400)
    assert few
    assert len(many) == len(few), [one for one in many if one not in few]


def cost_s(folder: Path, gauges: int) -> float:
    """Processor time of half a second, with all that belongs to it."""
    district = District(folder, gauges)
    try:
        district.pass_by(gauges + A_SECOND)
        began_s = time.process_time()
        district.pass_by(A_SECOND // 2)
        return time.process_time() - began_s
    finally:
        district.end()


def test_a_reading_of_one_among_a_thousand_gauges_costs_what_one_among_a_hundred_does(tmp_path: Path) -> None:
    """A wide margin, as others use the processors too; what grows with each gauge is ten times as much."""
    cost_s(tmp_path / "warm", 10)
    few = min(cost_s(tmp_path / str(attempt), 100) for attempt in range(2))
    many = min(cost_s(tmp_path / str(attempt), 1000) for attempt in range(2))
    assert many <= 2.5 * few


def test_screens_are_told_of_five_hundred_series_a_second_in_the_order_in_which_they_have_waited() -> None:
    now_s = [100.0]
    news = ReadingNews(lambda: now_s[0])

    def come(value: float) -> Sequence[Reading]:
        at = BEGAN + timedelta(seconds=now_s[0])
        return [Reading("s", f"g{number:04}", "water_depth", value, at) for number in range(2000)]

    told = [change.subject for change in news.due(come(1.0))]
    assert len(told) == MOST_A_SECOND
    assert told == [f"s/g{number:04}/water_depth" for number in range(MOST_A_SECOND)]
    now_s[0] += 1.0
    second = news.due(come(2.0))
    assert [change.subject for change in second] == [f"s/g{number:04}/water_depth" for number in range(500, 1000)]
    assert {change.payload["value"] for change in second} == {2.0}, "the latest, not what it has waited with"
    for _ in range(2):
        now_s[0] += 1.0
        told += [change.subject for change in news.due()]
    assert told[-1] == "s/g1999/water_depth"
    now_s[0] += 1.0
    assert [change.subject for change in news.due()] == [f"s/g{number:04}/water_depth" for number in range(500)]


@pytest.mark.parametrize("seconds", [0.2, 0.9])
def test_few_series_are_told_once_a_second_however_many_readings_come(seconds: float) -> None:
    now_s = [100.0]
    news = ReadingNews(lambda: now_s[0])
    at = BEGAN + timedelta(seconds=100)
    assert len(news.due([Reading("s", "g", "water_depth", 1.0, at)])) == 1
    now_s[0] += seconds
    assert news.due([Reading("s", "g", "water_depth", 2.0, at + timedelta(seconds=1))]) == ()
    now_s[0] += 1.0 - seconds
    (told,) = news.due()
    assert told.payload["value"] == 2.0
