"""What is wrong with the system is found and told in words, with its repair."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.config.heartbeat import HeartbeatSettings
from data.config.settings import Settings, SiteSettings
from data.local.meters import Meters
from data.model.people import CONSOLE, Role, Session, User
from data.model.record import Timer
from data.ports.store import Store, Writer
from layouts.health import worded
from layouts.words import LANGUAGES, TABLE, Words
from tests.stores import new_store
from web.account_steps import revoke_one
from web.diagnosis import Finding, State, diagnose, is_ready
from web.tls import init

NOW = datetime.now(UTC)
SITE = SiteSettings(id="quay", name="一号码头", location={"lon": 106.5, "lat": 29.5})
SETTINGS = Settings(sites=(SITE,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "yiping.db")
    yield store
    store.close()


def running(var: Path, **pids: int) -> None:
    (var / "run").mkdir(exist_ok=True)
    for name, pid in ({"supervisor": os.getpid(), "clock": os.getpid()} | pids).items():
        (var / "run" / f"{name}.pid").write_text(f"{pid}\n")


def keys(found: tuple[Finding, ...], state: State) -> set[str]:
    return {one.key for one in found if one.state is state}


def test_a_system_that_is_well_has_no_fault_and_is_ready(store: Store, tmp_path: Path) -> None:
    running(tmp_path)
    found = diagnose(SETTINGS, store, tmp_path, NOW)
    assert keys(found, State.FAULT) == keys(found, State.WARN) - {"disk_low"} == set()
    assert is_ready(found)


def test_a_process_whose_pid_file_was_cut_off_by_a_full_disk_is_not_called_dead(store: Store, tmp_path: Path) -> None:
    running(tmp_path)
    (tmp_path / "run" / "clock.pid").write_text("")
    assert "process_dead" not in keys(diagnose(SETTINGS, store, tmp_path, NOW), State.FAULT)


def test_every_fault_is_found_named_and_has_its_repair(store: Store, tmp_path: Path) -> None:
    running(tmp_path, **{"worker-1": 2**22 + 17})  # beyond the largest process id of Linux
    meters = Meters()
    meters.count("yiping_child_restarts_total", 7, child="worker-1")
    meters.save(tmp_path / "run" / "metrics-supervisor.json")
    spooled = tmp_path / "spool" / "quay.jsonl"
    spooled.parent.mkdir()
    spooled.write_text("{}\n")
    os.utime(spooled, (time.time() - 300, time.time() - 300))
    certificate = init(tmp_path, ["localhost"], [], now=NOW - timedelta(days=10_000)).certificate

    def break_things(writer: object) -> None:
        writer.add_timer(Timer("offer", 1, NOW - timedelta(minutes=5)))  # type: ignore[attr-defined]
        writer.put_value("health:quay", {"health": "lost", "at": NOW.isoformat(), "cause": "refused"})  # type: ignore[attr-defined]
        writer.put_value("heartbeat", {"at": NOW.isoformat(), "ok": False, "reason": "answered 404"})  # type: ignore[attr-defined]

    store.write(break_things)
    settings = SETTINGS.model_copy(update={"heartbeat": HeartbeatSettings(url="https://beat.example.org/x")})
    found = diagnose(settings, store, tmp_path, NOW, certificate)
    assert keys(found, State.FAULT) == {"process_dead", "timers_late", "certificate_over"}
    assert {"process_restarts", "spool_old", "device_lost", "heartbeat_refused"} <= keys(found, State.WARN)
    assert not is_ready(found)
    assert [one.state for one in found] == sorted(
        (one.state for one in found), key=(State.FAULT, State.WARN, State.OK).index
    )
    for language in LANGUAGES:
        for one in found:
            text, repair = worded(one.key, one.state.value, one.values, Words(language))
            assert text
            assert "{" not in text + repair
            assert bool(repair) is (one.state is not State.OK)


def test_a_dead_camera_takes_no_server_out_of_service(store: Store, tmp_path: Path) -> None:
    running(tmp_path)
    store.write(lambda w: w.put_value("health:quay", {"health": "lost", "at": NOW.isoformat(), "cause": ""}))
    found = diagnose(SETTINGS, store, tmp_path, NOW)
    assert "device_lost" in keys(found, State.WARN)
    assert is_ready(found)


def test_a_store_that_is_away_is_a_fault(store: Store, tmp_path: Path) -> None:
    running(tmp_path)
    (tmp_path / "yiping.db").write_bytes(b"no database" * 4096)
    for side in ("-wal", "-shm"):
        (tmp_path / f"yiping.db{side}").unlink(missing_ok=True)
    found = diagnose(SETTINGS, store, tmp_path, NOW)
    assert "store_away" in keys(found, State.FAULT)
    assert not is_ready(found)


def test_every_text_of_a_part_that_is_not_well_has_a_repair() -> None:
    told = {key.removeprefix("health.") for key in TABLE if key.startswith("health.")}
    repairs = {key.removeprefix("repair.") for key in TABLE if key.startswith("repair.")}
    assert repairs <= told


def test_tokens_near_their_end_and_past_it_are_findings_until_they_have_a_successor_or_are_revoked(
    store: Store, tmp_path: Path
) -> None:
    def fill(writer: Writer) -> None:
        for name in ("gauge's", "old"):
            writer.add_user(User(name, Role.SOURCE))
        for key, days, label in (("soon", 6, "dip 4"), ("over", -3, ""), ("far", 8, "dip 5"), ("replaced", 2, "dip 6")):
            writer.add_session(
                Session(key * 8, "gauge's", NOW, NOW + timedelta(days=days, hours=1), kind="token", label=label)
            )
        writer.add_session(Session("newer", "gauge's", NOW, NOW + timedelta(days=300), kind="token", label="dip 6"))
        writer.add_session(Session("gone", "old", NOW, NOW + timedelta(days=1), kind="token"))
        writer.save_user(User("old", Role.SOURCE, disabled_at=NOW, disabled_by="admin"))

    store.write(fill)
    found = {one.key: one for one in diagnose(SETTINGS, store, tmp_path, NOW) if one.part == "token"}
    assert {key: one.values["n"] for key, one in found.items()} == {"token_soon": 6, "token_over": 0}
    soon = found["token_soon"]
    shown, repair = worded(soon.key, soon.state.value, soon.values, Words("en"))
    assert shown.startswith("gauge's: the token “dip 4” ends in 6 days")
    assert """users token 'gauge'"'"'s' --label 'dip 4'""" in repair, "as a shell takes it"
    assert "--id soonsoonsoonsoon" in repair
    for key in ("soonsoonsoonsoon", "overoveroverover"):
        store.write(lambda writer, key=key: revoke_one(writer, CONSOLE, "gauge's", key, NOW))  # type: ignore[misc]
    assert [one.key for one in diagnose(SETTINGS, store, tmp_path, NOW) if one.part == "token"] == ["tokens"]
