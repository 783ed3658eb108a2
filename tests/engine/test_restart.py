"""A restart in the middle of a stay: what had not raised an alert yet is not forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alerts.dwell import Recipe as Dwell
from data.config.settings import SiteSettings
from data.local.meters import Meters
from data.local.vault import FolderVault
from data.model.observation import Detection, Detections, Observation, Tick
from data.ports.recipe import Context
from data.ports.store import AlertQuery, Store
from engine.judging.judgement import UnitOfWork, alerts_to_resume, kept_state
from engine.judging.outlet import Outlet
from engine.judging.pipeline import SitePipeline
from engine.judging.spool import Spool
from tests.engine.city import CHONGQING, Cities, lamp_site
from tests.engine.test_outlet import until
from tests.stores import new_store

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
STREAM = "gate-3.camera"
SITE = SiteSettings(id="gate-3", location=CHONGQING, rules=(Dwell(labels=("car",), at_least="60s"),))


class Process:
    """A pipeline on the real store, as a worker has it; dropped without a word when it is killed."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.outlet = Outlet(store, FolderVault(folder / "evidence"), Spool(folder / "spool"), Meters())
        self.outlet.open(STREAM)
        open_alerts = store.read(lambda reader: alerts_to_resume(reader, "gate-3", "camera", other_side=False))
        state = store.read(partial(kept_state, stream=STREAM))
        self.pipeline = SitePipeline(SITE, Context(site=SITE.place), open_alerts, state)

    def judge(self, seen: Observation | Tick) -> None:
        signals = self.pipeline._judge(seen)
        if signals:
            self.outlet.send(UnitOfWork(STREAM, tuple(signals), seen.at))

    def watch(self, start: int, end: int, *shown: Detection) -> None:
        """Five looks a second, and the state kept every two."""
        for i in range(start * 5, end * 5):
            at = NOON + timedelta(milliseconds=200 * i)
            self.judge(Detections.of("gate-3", at, list(shown)))
            if i % 10 == 9:
                self.judge(Tick("gate-3", at))
                self.outlet.keep(STREAM, self.pipeline.snapshot())
        until(lambda: self.outlet.settled(STREAM) and not self.outlet._states and not self.outlet._values)
        self.outlet.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "yiping.db")
    yield store
    store.close()


def car(track: int, x: float = 0.5) -> Detection:
    return Detection((x - 0.04, 0.4, x + 0.04, 0.5), 0.8, "car", track)


def trail(store: Store) -> list[dict[str, Any]]:
    return [dict(entry.detail) for entry in store.read(lambda reader: reader.audit()) if entry.action == "raise"]


def seconds(at: datetime) -> float:
    return (at - NOON).total_seconds()


def test_a_restart_in_mid_stay_gives_one_alert_and_the_gap_neither_counts_nor_resets(
    tmp_path: Path, store: Store
) -> None:
    Process(tmp_path, store).watch(0, 40, car(1))
    Process(tmp_path, store).watch(45, 52, car(1))
    Process(tmp_path, store).watch(55, 100, car(1, x=0.505))
    (alert,) = store.read(lambda reader: reader.alerts(AlertQuery()))
    assert seconds(alert.started_at) == 0.0
    assert seconds(alert.raised_at) == pytest.approx(60 + 5.2 + 3.2, abs=0.3)
    (detail,) = trail(store)
    assert detail["blind_s"] == pytest.approx(5.2 + 3.2, abs=0.3)
    assert len(detail["gaps"]) == 2


def test_a_car_that_drove_off_while_the_process_was_down_is_not_counted_on(tmp_path: Path, store: Store) -> None:
    Process(tmp_path, store).watch(0, 40, car(1))
    Process(tmp_path, store).watch(45, 100, car(1, x=0.8))
    assert list(store.read(lambda reader: reader.alerts(AlertQuery()))) == []


def test_an_alert_that_ended_after_the_last_state_is_not_taken_up_again(tmp_path: Path, store: Store) -> None:
    Process(tmp_path, store).watch(0, 70, car(1))
    second = Process(tmp_path, store)
    second.outlet.keep = lambda *_: None  # type: ignore[method-assign]
    second.watch(72, 110)
    Process(tmp_path, store).watch(111, 130, car(5))
    alerts = store.read(lambda reader: reader.alerts(AlertQuery()))
    assert [alert.is_open for alert in alerts] == [False]


def test_nothing_is_kept_of_an_empty_street(tmp_path: Path, store: Store) -> None:
    Process(tmp_path, store).watch(0, 4)
    assert store.read(partial(kept_state, stream=STREAM)) is None


def test_a_state_that_cannot_be_read_is_left_aside(caplog: pytest.LogCaptureFixture) -> None:
    broken = {"dwell": {"kind": "dwell", "state": {"version": 1, "time": {}, "stays": [{}]}}}
    SitePipeline(SITE, Context(site=SITE.place), (), broken)
    assert "gate-3, rule dwell: begins without its earlier state" in caplog.text
    SitePipeline(SITE, Context(site=SITE.place), (), {"dwell": {"kind": "intrusion", "state": 7}})


@pytest.mark.slow
def test_a_worker_killed_in_mid_stay_goes_on_counting_after_its_restart(city: Cities, tmp_path: Path) -> None:
    lamp = lamp_site("gate-1", tmp_path / "lamps")
    rules = (Dwell(labels=("lamp",), at_least=timedelta(seconds=9)),)
    one = city(sites=(lamp.model_copy(update={"rules": rules}),))
    one.set("gate-1", "bright")
    running = one.start()
    one.wait_for(lambda: one.store.read(partial(kept_state, stream="gate-1.camera")))
    before = datetime.now(UTC)
    running.signal("worker-1")
    one.wait_for(lambda: one.alerts("gate-1"))
    (alert,) = one.alerts("gate-1")
    assert alert.started_at < before
    (entry,) = one.store.read(lambda reader: reader.audit(subject=f"alert:{alert.id}"))
    seen_s = (alert.raised_at - alert.started_at).total_seconds() - entry.detail["blind_s"]
    assert seen_s == pytest.approx(9.0, abs=0.7)
    assert len(entry.detail["gaps"]) == 1
