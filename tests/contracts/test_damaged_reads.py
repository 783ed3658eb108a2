"""An alert, task or event that is opened by its number is whole, or named as damaged and not served."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import NotFound, RowDamaged
from data.ports.store import AlertQuery, Reader, Store
from data.sql.checksum_pass import make_checksums
from data.sql.checksums import COLUMN, DAMAGED, drop_triggers
from data.sql.store import open_store
from tests.contracts.samples import a_task, an_alert, an_event

READS: dict[str, Callable[[Reader], Any]] = {
    "alerts": lambda reader: reader.alert(1),
    "events": lambda reader: reader.event(1),
    "tasks": lambda reader: reader.task(1),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yiping.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Store]:
    store = open_store(path)
    store.write(lambda writer: writer.add_alert(an_alert()))
    store.write(lambda writer: writer.add_event(an_event()))
    store.write(lambda writer: writer.add_task(a_task(1)))
    yield store
    store.close()


@pytest.fixture
def raw(path: Path, opened: Store) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        yield connection


@pytest.mark.parametrize("table", sorted(READS))
def test_a_damaged_row_is_named_and_not_served(opened: Store, raw: sqlite3.Connection, table: str) -> None:
    assert opened.read(READS[table]).id == 1
    raw.execute(f"UPDATE {table} SET {COLUMN} = {COLUMN} + 1")
    with pytest.raises(RowDamaged, match=f"{table[:-1]} 1 is damaged in the database .* app.py restore BACKUP"):
        opened.read(READS[table])
    raw.execute(f"UPDATE {table} SET {COLUMN} = {DAMAGED}")
    with pytest.raises(RowDamaged):
        opened.read(READS[table])


def test_a_text_that_is_no_utf8_any_more_is_named(opened: Store, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = CAST(x'e6b0' AS TEXT)")
    with pytest.raises(RowDamaged, match="alert 1 is damaged"):
        opened.read(READS["alerts"])


def test_what_is_not_there_and_what_another_program_wrote_are_no_damage(opened: Store, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = 'by hand'")
    assert opened.read(READS["alerts"]).label == "by hand"
    with pytest.raises(NotFound, match="no alert 2") as found:
        opened.read(lambda reader: reader.alert(2))
    assert not isinstance(found.value, RowDamaged)


def test_a_reader_from_before_a_migration_serves_whole_rows(opened: Store, raw: sqlite3.Connection) -> None:
    assert opened.read(READS["alerts"]).id == 1
    raw.execute("BEGIN IMMEDIATE")
    drop_triggers(raw)
    raw.execute("ALTER TABLE alerts ADD COLUMN mood TEXT DEFAULT 'calm'")
    make_checksums(raw)
    raw.execute("COMMIT")
    assert opened.read(READS["alerts"]).id == 1
    raw.execute(f"UPDATE alerts SET {COLUMN} = {COLUMN} + 1")
    with pytest.raises(RowDamaged):
        opened.read(READS["alerts"])


def test_a_unit_of_work_goes_on_with_what_is_left_and_the_mark_stays(opened: Store, raw: sqlite3.Connection) -> None:
    raw.execute(f"UPDATE alerts SET {COLUMN} = {COLUMN} + 1")
    seen = opened.write(lambda writer: writer.save_alert(replace(writer.alert(1), label="looked at")))
    assert seen.label == "looked at"
    assert raw.execute(f"SELECT {COLUMN} FROM alerts").fetchone() == (DAMAGED,)
    assert [alert.id for alert in opened.read(lambda reader: reader.alerts(AlertQuery()))] == [1]
