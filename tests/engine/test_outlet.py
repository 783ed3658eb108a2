"""Signals reach the store in order and exactly once, also when it is away for a while or the process ends."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.local.meters import Meters
from data.local.vault import FolderVault
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.model.observation import Reading
from data.model.record import Evidence
from data.ports.store import AlertQuery, Store
from engine.judging.judgement import UnitOfWork, alerts_to_resume
from engine.judging.outlet import Outlet
from engine.judging.spool import Spool
from tests.stores import new_store

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
STREAM = "gate-3.camera"


def raised(subject: str, at: datetime = NOON, rule: str = "intrusion", value: float | None = None) -> Raised:
    box = (0.1, 0.2, 0.3, 0.4) if value is None else None
    key = AlertKey("gate-3", rule, "river" if value is None else "", subject)
    return Raised(key, rule, Priority.P1, at, at, "person", 0.75, box, value, "" if value is None else "cm")


def ended(subject: str, at: datetime) -> Ended:
    return Ended(raised(subject).key, at, at)


class Bench:
    """A real store and vault, and outlets on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store = new_store(folder / "yiping.db")
        self.spool = Spool(folder / "spool")
        self.meters = Meters()
        self.outlets: list[Outlet] = []

    def outlet(self, store: Store | None = None) -> Outlet:
        outlet = Outlet(store or self.store, FolderVault(self.folder / "evidence"), self.spool, self.meters)
        outlet.open(STREAM)
        self.outlets.append(outlet)
        return outlet

    def alerts(self) -> list[Alert]:
        return sorted(self.store.read(lambda reader: reader.alerts(AlertQuery())), key=lambda alert: alert.id)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another process holds the database: no unit of work gets through."""
        other = sqlite3.connect(self.folder / "yiping.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for outlet in bench.outlets:
        outlet.close()
    bench.store.close()


def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def test_a_signal_is_an_alert_with_its_picture_and_its_latency_is_measured(bench: Bench) -> None:
    outlet = bench.outlet()
    outlet.send(UnitOfWork(STREAM, (raised("7"),), NOON, picture=b"\xff\xd8picture", received_s=time.monotonic()))
    until(lambda: outlet.settled(STREAM))
    (alert,) = bench.alerts()
    evidence = bench.store.read(lambda reader: reader.evidence(str(alert.evidence)))
    assert FolderVault(bench.folder / "evidence").open(evidence) == b"\xff\xd8picture"
    counters = bench.meters.as_dict()["counters"]
    assert counters["yiping_alert_commit_seconds_count"] == {"{}": 1.0}
    assert counters["yiping_alert_commit_seconds_sum"]["{}"] < 1.0
    assert counters["yiping_alerts_raised_total"] == {'{"kind": "intrusion"}': 1.0}


def kept_picture(bench: Bench) -> bytes:
    (alert,) = bench.alerts()
    evidence = bench.store.read(lambda reader: reader.evidence(str(alert.evidence)))
    return FolderVault(bench.folder / "evidence").open(evidence)


def test_an_alert_waits_for_its_picture_in_full_resolution_and_holds_up_no_other_stream(bench: Bench) -> None:
    outlet = bench.outlet()
    outlet.open("quay.camera")
    full: Future[bytes | None] = Future()
    ends_s = time.monotonic() + 60
    outlet.send(UnitOfWork(STREAM, (raised("7"),), NOON, picture=b"small", full=full, full_until_s=ends_s))
    other = UnitOfWork("quay.camera", (), NOON)
    outlet.send(other)
    until(lambda: outlet.settled("quay.camera"))
    assert bench.alerts() == []
    full.set_result(b"large")
    until(lambda: outlet.settled(STREAM))
    assert kept_picture(bench) == b"large"
    assert bench.meters.as_dict()["counters"]["yiping_evidence_pictures_total"] == {'{"of": "main"}': 1.0}


@pytest.mark.parametrize("how", ["late", "none", "broken"])
def test_an_alert_goes_out_with_the_small_picture_when_the_large_one_cannot_be_had(bench: Bench, how: str) -> None:
    outlet = bench.outlet()
    full: Future[bytes | None] = Future()
    if how == "none":
        full.set_result(None)
    elif how == "broken":
        full.set_exception(ValueError("no picture"))
    ends_s = time.monotonic() + (0.2 if how == "late" else 60)
    outlet.send(UnitOfWork(STREAM, (raised("7"),), NOON, picture=b"small", full=full, full_until_s=ends_s))
    until(lambda: outlet.settled(STREAM))
    assert kept_picture(bench) == b"small"
    assert bench.meters.as_dict()["counters"]["yiping_evidence_pictures_total"] == {'{"of": "substream"}': 1.0}


def test_while_the_store_is_away_signals_wait_on_disk_and_then_arrive_in_order(bench: Bench) -> None:
    outlet = bench.outlet()
    with bench.locked():
        outlet.send(UnitOfWork(STREAM, (raised("7"),), NOON))
        outlet.send(UnitOfWork(STREAM, (ended("7", NOON + timedelta(seconds=9)),), NOON))
        outlet.send(UnitOfWork(STREAM, (raised("8"),), NOON))
        until(lambda: len(bench.spool.units(STREAM)) == 3)
        assert bench.alerts() == []
    until(lambda: outlet.settled(STREAM))
    assert [(alert.key.subject, alert.is_open) for alert in bench.alerts()] == [("7", False), ("8", True)]
    assert bench.spool.units(STREAM) == ()


def test_what_a_process_left_in_the_spool_is_stored_once_by_the_next(bench: Bench) -> None:
    dying = bench.outlet(new_store(bench.folder / "yiping.db"))
    with bench.locked():
        dying.send(UnitOfWork(STREAM, (raised("7"),), NOON, picture=b"\xff\xd8picture"))
        dying.send(UnitOfWork(STREAM, (ended("7", NOON + timedelta(seconds=9)),), NOON))
        until(lambda: len(bench.spool.units(STREAM)) == 2)
        dying.close()  # its first unit is still under way, and will be committed: the next one must notice
        assert [unit.number for unit in bench.spool.units(STREAM)] == [1, 2]
    until(lambda: len(bench.alerts()) == 1)
    outlet = bench.outlet()
    until(lambda: outlet.settled(STREAM))
    (alert,) = bench.alerts()
    assert alert.ended_at == NOON + timedelta(seconds=9)
    assert alert.evidence is not None
    trail = bench.store.read(lambda reader: reader.audit())
    assert [entry.action for entry in trail] == ["raise", "end"]
    outlet.send(UnitOfWork(STREAM, (raised("8"),), NOON))
    until(lambda: len(bench.alerts()) == 2)


def test_a_spool_that_a_crash_cut_off_gives_every_whole_line(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    evidence = Evidence("ab" * 32, "2024/07/12/ab.jpg", "image/jpeg", NOON, 9, "gate-3")
    reading = Reading("gate-3", "gauge", "water_depth", 31.5, NOON)
    for number in (1, 2):
        spool.append(
            UnitOfWork(STREAM, (raised("7"), ended("6", NOON)), NOON, (reading,), evidence=evidence, number=number)
        )
    path = tmp_path / f"{STREAM}.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    (unit,) = spool.units(STREAM)
    assert unit.signals == (raised("7"), ended("6", NOON))
    assert (unit.readings, unit.evidence, unit.at, unit.number) == ((reading,), evidence, NOON, 1)


def test_signals_that_the_store_refuses_do_not_hold_up_the_others(bench: Bench) -> None:
    outlet = bench.outlet()
    outlet.send(UnitOfWork(STREAM, (raised("7", value=float("nan")),), NOON))
    outlet.send(UnitOfWork(STREAM, (raised("8"),), NOON))
    until(lambda: outlet.settled(STREAM))
    assert [alert.key.subject for alert in bench.alerts()] == ["8"]
    assert bench.meters.as_dict()["counters"]["yiping_units_refused_total"] == {"{}": 1.0}


def test_each_side_of_a_site_resumes_its_own_alerts_only(bench: Bench) -> None:
    outlet = bench.outlet()
    outlet.open("gate-3.gauges")
    outlet.send(UnitOfWork(STREAM, (raised("7"),), NOON))
    outlet.send(UnitOfWork("gate-3.gauges", (raised("", rule="threshold", value=31.0),), NOON))
    until(lambda: outlet.settled(STREAM) and outlet.settled("gate-3.gauges"))

    def rules(side: str, *, other_side: bool) -> list[str]:
        alerts = bench.store.read(lambda reader: alerts_to_resume(reader, "gate-3", side, other_side=other_side))
        return sorted(alert.key.rule for alert in alerts)

    assert rules("camera", other_side=True) == ["intrusion"]
    assert rules("gauges", other_side=True) == ["threshold"]
    assert rules("gauges", other_side=False) == ["intrusion", "threshold"]


def test_the_newest_health_of_a_site_is_a_value_and_a_change(bench: Bench) -> None:
    outlet = bench.outlet()
    with bench.locked():
        outlet.tell_health("gate-3", "live", "")
        time.sleep(0.1)
        outlet.tell_health("gate-3", "lost", "the plug is out")
    until(lambda: (bench.store.read(lambda reader: reader.value("health:gate-3")) or {}).get("health") == "lost")
    last = bench.store.read(lambda reader: reader.changes(0))[-1]
    assert (last.topic, last.subject, last.payload["health"]) == ("site", "gate-3", "lost")
