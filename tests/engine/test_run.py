"""The whole running side in real processes on a real store: what is killed comes back, what was decided stays."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.lifecycle import acknowledge
from app import FORKED
from data.config.settings import CaseSettings, Settings
from data.errors import InputRejected
from data.local.meters import read_meters
from data.local.vault import FolderVault
from data.model.people import SYSTEM, Actor, Role
from data.model.record import broken_link
from data.sql.store import open_store
from data.stored.settings_versions import keep_version, proposed
from engine.clock import run_clock
from engine.process.child import Target
from engine.process.current_settings import document_reader
from engine.process.options import RunOptions
from engine.process.supervisor import Child
from engine.run import MoreWorkers, build_children, prepare, shares
from tests.engine.children import is_alive, supervise
from tests.engine.city import Cities, lamp_site

OFFICER = Actor("li", Role.DUTY_OFFICER)


def test_what_a_camera_sees_becomes_an_alert_with_its_picture_and_ends_again(city: Cities) -> None:
    one = city("gate-1")
    one.set("gate-1", "bright")
    running = one.start()
    one.wait_for(lambda: one.alerts("gate-1", open_only=True))
    alert = one.alerts("gate-1")[0]
    assert (alert.key.rule, alert.label, alert.priority) == ("intrusion", "lamp", "P3")
    assert alert.evidence is not None
    evidence = one.store.read(lambda reader: reader.evidence(str(alert.evidence)))
    assert FolderVault(one.options.evidence_dir).open(evidence)[:2] == b"\xff\xd8"
    assert evidence.origin == "gate-1"
    one.wait_for(lambda: one.health("gate-1") == "live")
    one.set("gate-1")
    one.wait_for(lambda: not one.alerts("gate-1", open_only=True))
    trail = one.store.read(lambda reader: reader.audit(subject=f"alert:{alert.id}"))
    assert [entry.action for entry in trail if entry.action != "suspect"] == ["raise", "end"]  # beside what is fused
    one.wait_for(lambda: "worker-1" in read_meters(running.run_dir))
    assert running.stop() == 0
    assert "Traceback" not in running.log


def test_killed_children_come_back_and_neither_lose_nor_double_an_alert(city: Cities) -> None:
    one = city("gate-1", "gate-2", workers=2)
    one.set("gate-1", "bright")
    running = one.start()
    one.wait_for(lambda: one.alerts("gate-1", open_only=True))
    first = one.alerts("gate-1")[0]
    one.store.write(lambda writer: acknowledge(writer, first.id, OFFICER, datetime.now(UTC)))
    for name in ("worker-1", "worker-2", "clock"):
        old = running.signal(name)
        assert one.wait_for(lambda name=name, old=old: running.pid(name) not in {old, None}) < 5.0  # type: ignore[misc]
    one.set("gate-2", "bright")
    one.wait_for(lambda: one.alerts("gate-2", open_only=True))
    one.set("gate-1")
    one.wait_for(lambda: not one.alerts("gate-1", open_only=True))
    kept = one.alerts("gate-1")
    assert [(alert.id, alert.acknowledged_by) for alert in kept] == [(first.id, "li")]
    assert len(one.alerts("gate-2")) == 1


def test_after_the_parent_is_killed_the_next_start_goes_on_from_the_store(city: Cities) -> None:
    one = city("gate-1")
    one.set("gate-1", "bright")
    running = one.start()
    one.wait_for(lambda: one.alerts("gate-1", open_only=True))
    children = [running.pid("worker-1"), running.pid("clock")]
    running.process.kill()
    running.process.wait(5)
    assert one.wait_for(lambda: not any(is_alive(pid) for pid in children if pid)) < 5.0
    one.start()
    one.wait_for(lambda: one.store.read(lambda reader: reader.value("health:gate-1")) is not None)
    one.set("gate-1")
    one.wait_for(lambda: not one.alerts("gate-1", open_only=True))
    assert len(one.alerts("gate-1")) == 1


def test_a_dead_camera_does_not_disturb_another_in_the_same_worker(city: Cities) -> None:
    one = city("gate-1", "gate-2", "gate-3")
    one.set("gate-1", "lost")
    one.set("gate-2", "rejected")
    running = one.start()
    one.wait_for(lambda: one.health("gate-1") == one.health("gate-2") == "lost" and one.health("gate-3") == "live")
    one.set("gate-3", "bright")
    one.wait_for(lambda: one.alerts("gate-3", open_only=True))
    assert running.log.count("gate-1/lamp_camera is lost: gate-1: the plug is out") == 1
    assert running.log.count("gate-2/lamp_camera is lost: rejected: gate-2: this is no picture") == 1
    one.set("gate-1")
    one.wait_for(lambda: one.health("gate-1") == "live")
    assert running.log.count("gate-1/lamp_camera is back after") == 1
    assert "worker-1 ended" not in running.log


@pytest.mark.slow
def test_a_read_that_ignores_its_time_out_costs_the_others_no_more_than_a_restart(city: Cities) -> None:
    one = city("gate-1", "gate-2")
    running = one.start()
    one.wait_for(lambda: one.health("gate-1") == one.health("gate-2") == "live")
    one.set("gate-1", "hang")
    one.wait_for(lambda: one.health("gate-1") == "lost")
    one.wait_for(lambda: "worker-1 ended (exit status 2)" in running.log)
    one.set("gate-2", "bright")
    assert one.wait_for(lambda: one.alerts("gate-2", open_only=True)) < 10.0, "a worker starts in about 3 s"
    one.set("gate-1")
    one.wait_for(lambda: one.health("gate-1") == "live")


@pytest.mark.slow
def test_while_alerts_flow_kills_leave_no_double_and_no_stale_alert(city: Cities) -> None:
    names = ("gate-1", "gate-2", "gate-3", "gate-4")
    one = city(*names, workers=2)
    running = one.start()
    one.wait_for(lambda: all(one.health(name) == "live" for name in names))
    for round_ in range(6):
        for name in names[: 2 + round_ % 3]:
            one.set(name, *(["bright"] if round_ % 2 == 0 else []))
        time.sleep(1.2)
        victim = running.pid(("worker-1", "worker-2")[round_ % 2])
        if victim is not None:
            os.kill(victim, signal.SIGKILL)
    for name in names:
        one.set(name, *(["bright"] if name in {"gate-1", "gate-3"} else []))

    def settled() -> bool:
        return [len(one.alerts(name, open_only=True)) for name in names] == [1, 0, 1, 0]

    one.wait_for(settled)
    time.sleep(1.5)
    assert settled()
    assert running.log.count("killed by SIGKILL") == 6
    trail = one.store.read(lambda reader: reader.audit(limit=1000))
    assert broken_link(trail) is None
    for name in names:
        for alert in one.alerts(name):
            own = [entry.action for entry in trail if entry.subject == f"alert:{alert.id}"]
            steps = [action for action in own if action != "suspect"]  # what fusion says beside it
            assert steps == (["raise"] if alert.is_open else ["raise", "end"])


def test_a_second_clock_on_the_same_folder_refuses_to_run(city: Cities, tmp_path: Path) -> None:
    one = city()
    running = one.start()
    one.wait_for((one.options.run_dir / "clock.lock").exists)
    clock = build_children(one.options)[-1]
    other = supervise(tmp_path / "other", clock)
    try:
        other.wait_for(lambda: "clock ended (exit status 2)" in other.log, 45)
        assert f"the clock is running already (process {running.pid('clock')}" in other.log
    finally:
        other.end()


def test_what_is_loaded_while_the_settings_are_read_is_what_children_are_forked_from(city: Cities) -> None:
    options = replace(city("gate-1").options, settings=Settings(config="screen"))
    children = build_children(options, Child("web", Target("web.server", "serve"), forked=True))
    modules = [one.target.module for one in children if one.forked and isinstance(one.target, Target)]
    assert sorted(FORKED) == sorted(modules)


def test_cameras_are_spread_evenly_over_the_workers(tmp_path: Path) -> None:
    sites = tuple(lamp_site(f"gate-{number}", tmp_path) for number in range(5))
    assert shares(Settings(sites=sites, workers=2)) == [("gate-0", "gate-2", "gate-4"), ("gate-1", "gate-3")]
    assert shares(Settings(sites=sites[:1], workers=4)) == [("gate-0",)]
    assert shares(Settings(workers=4)) == []


def test_a_file_of_the_organisation_that_is_gone_stops_no_start_where_settings_are_saved_on_a_screen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cases = CaseSettings(organisation=(Path("gone.csv"),))
    prepare(RunOptions(Settings(config="screen", cases=cases), var_dir=tmp_path / "screen"))
    assert "the organisation stays as it is stored: gone.csv: cannot be read" in caplog.text
    with pytest.raises(InputRejected, match=r"gone\.csv: cannot be read"):
        prepare(RunOptions(Settings(config="file", cases=cases), var_dir=tmp_path / "file"))


def test_a_responder_who_was_saved_while_no_clock_ran_is_there_when_it_runs(tmp_path: Path) -> None:
    options = RunOptions(Settings(config="screen", workers=1), var_dir=tmp_path / "var")
    prepare(options)
    with closing(open_store(options.store)) as store:
        new = proposed(store, document_reader(options), 0, {"responders": [{"id": "zhang", "name": "Zhang"}]})
        store.write(lambda writer: keep_version(writer, new, SYSTEM, datetime.now(UTC)))
        running = supervise(options.run_dir, Child("clock", run_clock, (options,), silent_s=60.0))
        try:
            running.wait_for(lambda: [one.id for one in store.read(lambda look: look.responders())] == ["zhang"], 20.0)
        finally:
            running.stop()


def test_a_camera_that_is_added_gets_a_worker_of_its_own_while_the_machine_carries_one_more(tmp_path: Path) -> None:
    options = RunOptions(Settings(config="screen", workers=2), var_dir=tmp_path / "var")
    prepare(options)
    assert [child.name for child in build_children(options)] == ["worker-1", "sensors", "clock", "notifier"]
    more = MoreWorkers(options, running=1)
    more.open()
    with closing(open_store(options.store)) as store:
        reader = document_reader(options)

        def save(*names: str) -> None:
            sites = [
                {"id": name, "location": {"lon": 1, "lat": 2}, "monitor": {"kind": "http_snapshot", "url": "http://x/"}}
                for name in names
            ]
            base = store.read(lambda look: look.newest_settings())
            new = proposed(store, reader, base, {"sites": sites})
            store.write(lambda writer: keep_version(writer, new, SYSTEM, datetime.now(UTC)))

        def begun() -> list[tuple[str, tuple[str, ...]]]:
            return [(child.name, child.args[2]) for child in more()]

        save("gate")
        deadline = time.monotonic() + 10
        while more.version < 1:
            assert begun() == []
            assert time.monotonic() < deadline
            time.sleep(0.02)
        save("gate", "quay", "pier")
        found: list[tuple[str, tuple[str, ...]]] = []
        while not found:
            found = begun()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert found == [("worker-2", ("quay",))]
        assert begun() == []
    more.close()
