"""The record cannot be tampered with unnoticed: each of these is found, and the untouched record is whole."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bench.security_audit import _BEGIN, TAMPERS, check, cut_the_end, recorded_city, take_everything, without_triggers
from data.config.settings import Settings
from data.local.checkpoint import CheckpointFile, CheckpointKey, is_signed_by
from data.model.record import AuditEntry
from data.ports.store import AlertQuery
from data.sql.store import open_store
from engine.reactions.audit_seal import AuditSeal
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    recorded_city(folder)
    return folder


@pytest.fixture
def city(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "city"))


def verify(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "app.py"), "audit", "verify", "--var", str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def seal(folder: Path) -> AuditSeal:
    store = open_store(folder / "yiping.db")
    return AuditSeal(store, Settings(name="t"), CheckpointKey(folder), CheckpointFile(folder))


def write(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "yiping.db")) as database, database:
        database.execute(sql)


WORDS = {
    "last 100 entries deleted": "its end was cut off",
    "all entries deleted": "its end was cut off",
    "whole chain rebuilt": "the trail was made anew",
    "an entry changed": "the chain is broken here",
    "a picture changed": "was changed on the disk",
}


@pytest.mark.parametrize("name", TAMPERS)
def test_each_tampering_is_found_and_named(city: Path, name: str) -> None:
    assert check(city).findings == ()
    TAMPERS[name](city)
    assert any(WORDS[name] in finding for finding in check(city).findings)


def test_the_command_says_what_holds_and_ends_with_1_where_it_does_not(city: Path) -> None:
    good = verify(city)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "262 entries, the chain holds" in good.stdout
    mark = good.stdout.split("--expect ")[1].split()[0]
    assert verify(city, "--expect", mark).returncode == 0
    assert verify(city, "--expect", "262:" + "0" * 64).returncode == 1
    without_triggers(city, cut_the_end)
    for gone in ("audit", "keys"):
        shutil.rmtree(city / gone)
    write(city, "DELETE FROM named_values WHERE name = 'audit_checkpoint'")
    assert "note: there is no key" in verify(city).stdout
    found = verify(city, "--expect", mark)
    assert found.returncode == 1
    assert "had 262: its end was cut off" in found.stdout
    assert verify(city, "--expect", "rubbish").returncode == 2


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE users SET role = 'administrator' WHERE name = 'wu'", "wu has the role administrator"),
        ("UPDATE alerts SET acknowledged_by = 'wu' WHERE id = 7", "alert 7 is acknowledged by wu"),
        ("UPDATE alerts SET ended_at = raised_at WHERE id = 7", "alert 7 has ended"),
        ("DROP TRIGGER audit_refuses_delete", "trigger audit_refuses_delete is gone"),
        ("DELETE FROM evidence", "evidence"),
        ("DELETE FROM named_values WHERE name = 'audit_checkpoint'", ""),
    ],
)
def test_what_the_store_holds_is_compared_with_the_trail(city: Path, sql: str, words: str) -> None:
    if sql == "DELETE FROM evidence":
        write(city, "UPDATE evidence SET path = '../outside.jpg'")
    else:
        write(city, sql)
    assert bool(words) == any(words in finding for finding in check(city).findings)


def test_checkpoints_that_were_taken_away_changed_or_signed_by_another_are_found(city: Path) -> None:
    file = city / "audit" / "checkpoints.jsonl"
    line = json.loads(file.read_text())
    assert is_signed_by(CheckpointFile(city).read()[0][0], (city / "audit" / "public-key.txt").read_text().strip())
    file.write_text(json.dumps(line | {"count": 12}) + "\n")
    assert any("not signed with our key" in finding for finding in check(city).findings)
    file.write_text("not a checkpoint\n")
    assert any("line 1 is no checkpoint" in finding for finding in check(city).findings)
    file.unlink()
    assert any("the file was taken away" in finding for finding in check(city).findings)
    for secret in (city / "keys" / "audit.key", city / "audit" / "public-key.txt"):
        assert secret.stat().st_mode & 0o077 == 0


def test_a_copy_on_another_machine_shows_what_was_cut_here(city: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    shutil.copy(city / "audit" / "checkpoints.jsonl", copy)
    key = (city / "audit" / "public-key.txt").read_text().strip()
    without_triggers(city, take_everything)
    for gone in ("audit", "keys"):
        shutil.rmtree(city / gone)
    write(city, "DELETE FROM named_values WHERE name = 'audit_checkpoint'")
    found = verify(city, "--checkpoints", str(copy), "--key", key)
    assert found.returncode == 1
    assert "its end was cut off" in found.stdout


def test_only_what_links_to_the_last_checkpoint_is_signed_and_a_cut_end_raises_an_alarm(city: Path) -> None:
    one = seal(city)
    store = one._store
    try:
        one.poll(_BEGIN)
        assert len(CheckpointFile(city).read()[0]) == 1  # it had not grown
        store.write(lambda writer: writer.record(AuditEntry(_BEGIN, "li", "operator", "test", "thing:1", {})))
        one.poll(_BEGIN + timedelta(minutes=1))
        [_, second] = CheckpointFile(city).read()[0]
        assert (second.number, second.count) == (2, 263)
        without_triggers(city, cut_the_end)
        one.poll(_BEGIN + timedelta(minutes=2))
        assert len(CheckpointFile(city).read()[0]) == 2
        query = AlertQuery(site="centre", of=("audit",), open_only=True)
        [alarm] = store.read(lambda reader: reader.alerts(query))
        assert "is not there as it was signed" in alarm.label
    finally:
        store.close()
    again = seal(city)
    again.poll(_BEGIN + timedelta(minutes=3))  # a restart forgets nothing: the file outside knows
    assert len(CheckpointFile(city).read()[0]) == 2
    again._store.close()


def test_a_line_cut_by_a_power_failure_spoils_no_later_checkpoint(city: Path) -> None:
    file = city / "audit" / "checkpoints.jsonl"
    with file.open("a") as torn:
        torn.write('{"number": 2, "at": "20')
    one = seal(city)
    one._store.write(lambda writer: writer.record(AuditEntry(_BEGIN, "li", "operator", "test", "thing:1", {})))
    one.poll(_BEGIN + timedelta(minutes=1))
    one._store.close()
    checkpoints, damaged = CheckpointFile(city).read()
    assert [found.count for found in checkpoints] == [262, 263]
    assert damaged == [2]
