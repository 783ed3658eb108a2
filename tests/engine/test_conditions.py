"""Pending, clearing and stale reach the store from the rules and the ticks, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import AlertKey, Signal
from data.model.alert_life import Condition
from data.model.geo import Location
from data.model.observation import Reading, Tick
from data.ports.recipe import Context
from data.ports.store import Store
from engine.judging.judgement import GAUGES, UnitOfWork, alerts_to_resume, commit_unit, pending_keys, stream_of
from engine.judging.pipeline import SitePipeline
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
KEY = AlertKey("dip-1", "threshold", "", "")
DIP = SiteSettings(
    id="dip-1",
    location=Location(lon=106.5, lat=29.5),
    rules=(
        Threshold(
            quantity="water_depth",
            above=25,
            pending_for=timedelta(seconds=60),
            keep_firing_for=timedelta(seconds=60),
        ),
    ),
)


class Dip:
    """One gauge, judged and committed second by second."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        self.stream = stream_of("dip-1", GAUGES)
        self.number = 0
        self.start()

    def start(self) -> None:
        alerts, pending = self.store.read(
            lambda r: (alerts_to_resume(r, "dip-1", GAUGES, other_side=False), pending_keys(r, self.stream))
        )
        self.pipeline = SitePipeline(DIP, Context(DIP.place), alerts, pending=pending)

    def second(self, depth_cm: float | None, *, heard: bool = True) -> None:
        self.now += timedelta(seconds=1)
        signals: list[Signal] = []
        if depth_cm is not None:
            signals += self.pipeline.read(Reading("dip-1", "gauge", "water_depth", depth_cm, self.now))
        signals += self.pipeline.tick(Tick("dip-1", self.now, heard))
        standings = self.pipeline.standings()
        if signals or standings:
            self.number += 1
            unit = UnitOfWork(self.stream, tuple(signals), self.now, number=self.number, standings=standings)
            self.store.write(lambda writer: commit_unit(writer, unit, self.now))

    def pending(self) -> list[AlertKey]:
        return [one.key for one in self.store.read(lambda reader: reader.pending_conditions("dip-1"))]

    def condition(self) -> Condition:
        return self.store.read(lambda reader: reader.alert(1)).condition


@pytest.fixture
def dip(tmp_path: Path) -> Iterator[Dip]:
    store = new_store(tmp_path / "dip.db")
    yield Dip(store)
    store.close()


def test_a_rising_pool_is_pending_active_clearing_and_cleared(dip: Dip) -> None:
    dip.second(10)
    dip.second(30)
    assert dip.pending() == [KEY]
    dip.second(10)
    assert dip.pending() == []
    for _ in range(60):
        dip.second(30)
        assert dip.pending() == [KEY]
    dip.second(30)
    assert (dip.pending(), dip.condition()) == ([], Condition.ACTIVE)
    dip.second(10)
    assert dip.condition() is Condition.CLEARING
    dip.second(30)
    assert dip.condition() is Condition.ACTIVE
    for _ in range(61):
        dip.second(10)
    assert dip.condition() is Condition.CLEARED
    steps = dip.store.read(lambda reader: reader.alert_steps(1))
    assert [taken.step.value for taken in steps] == ["raise", "clear", "recur", "clear", "end"]


def test_an_alert_whose_gauge_falls_silent_is_stale_until_it_is_heard_again(dip: Dip) -> None:
    for _ in range(62):
        dip.second(30)
    for _ in range(9):
        dip.second(None, heard=False)
    assert dip.condition() is Condition.ACTIVE
    dip.second(None, heard=False)
    assert dip.condition() is Condition.STALE
    for _ in range(600):
        dip.second(None, heard=False)
    assert dip.condition() is Condition.STALE
    dip.start()  # a restart meanwhile
    dip.second(None, heard=False)
    dip.second(30)
    assert dip.condition() is Condition.ACTIVE
    steps = dip.store.read(lambda reader: reader.alert_steps(1))
    assert [taken.step.value for taken in steps] == ["raise", "fall_silent", "be_heard"]
    assert steps[1].detail["since"] == "2026-07-12T04:01:02.000+00:00"


def test_after_a_restart_what_was_pending_and_is_no_more_is_taken_back(dip: Dip) -> None:
    dip.second(30)
    dip.start()
    dip.second(10)
    assert dip.pending() == []
