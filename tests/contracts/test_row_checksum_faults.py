"""What must not make a damaged row of a SQLite store whole, and what must not make a whole one look damaged."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from data.config.settings import Settings
from data.sql import checksum_pass, schema
from data.sql.checksum_pass import checksum_unchecked_rows, finish_checksums, make_checksums
from data.sql.checksums import COLUMN, DAMAGED, ChecksumState, checksum_state, checksummed_tables, drop_triggers
from data.sql.engine import store_url, writing_engine
from data.sql.schema import downgrade, upgrade
from data.sql.soundness import check_database
from data.sql.store import open_store
from engine.reactions.soundness import DatabaseCheck
from tests.contracts.crew import whole_unit

ROWS = 30
STEP = (
    "INTO alert_steps (id, alert_id, step, at, by, role, occurrence, reason, proofs, detail) "
    "VALUES (7, 1, 'raise', '2024-07-12 12:00:00.000000', 'li', 'operator', 1, '', '[]', '{}')"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of 30 alerts, closed."""
    store = open_store(tmp_path / "yiping.db")
    for number in range(1, ROWS + 1):
        store.write(whole_unit(number))
    store.close()
    return tmp_path / "yiping.db"


@pytest.fixture
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The store as any other program opens it; each statement is committed."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        yield connection


def flip_in_checksum(raw: sqlite3.Connection, where: str) -> None:
    """As if a bit of these alerts had flipped: no trigger sees it."""
    raw.execute(f"UPDATE alerts SET {COLUMN} = {COLUMN} + 1 WHERE {where}")


def parts_of(path: Path) -> tuple[str, ...]:
    found = check_database(path, thorough=True)
    assert found.problems == ()
    return found.parts


def test_a_damaged_row_stays_damaged_when_it_is_changed(path: Path, raw: sqlite3.Connection) -> None:
    flip_in_checksum(raw, "id IN (4, 5)")
    engine = writing_engine(store_url(path))
    for _ in range(2):
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE alerts SET label = label || '!' WHERE id IN (4, 6)"))
    engine.dispose()
    assert parts_of(path) == ("alerts row 4", "alerts row 5")
    assert raw.execute(f"SELECT {COLUMN} FROM alerts WHERE id = 4").fetchone() == (DAMAGED,)


def test_another_program_that_changes_a_marked_row_does_not_make_it_whole(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute(f"UPDATE alerts SET {COLUMN} = {DAMAGED} WHERE id = 4")
    raw.execute("UPDATE alerts SET label = 'by hand' WHERE id = 4")
    checksum_unchecked_rows(raw)
    assert parts_of(path) == ("alerts row 4",)


def test_all_damaged_rows_stay_damaged_through_upgrades_and_downgrades(path: Path, raw: sqlite3.Connection) -> None:
    flip_in_checksum(raw, "id <= 25")
    engine = writing_engine(store_url(path))
    downgrade(engine, "0013")
    assert raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} = {DAMAGED}").fetchone() == (25,)
    upgrade(engine)
    downgrade(engine, "0010")
    upgrade(engine)
    engine.dispose()
    assert raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} = {DAMAGED}").fetchone() == (25,)
    assert len(parts_of(path)) == 10  # of each table so many are named


def test_text_that_is_no_utf8_any_more_stays_damaged_through_an_upgrade(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = CAST(x'e6b0' AS TEXT) WHERE id IN (3, 8)")
    raw.execute(f"UPDATE alerts SET {COLUMN} = 1 WHERE id IN (3, 8)")
    engine = writing_engine(store_url(path))
    downgrade(engine, "0013")
    upgrade(engine)
    engine.dispose()
    assert parts_of(path) == ("alerts row 3", "alerts row 8")


def test_statistics_and_what_somebody_else_made_are_no_damage_and_stay_as_they_are(
    path: Path, raw: sqlite3.Connection
) -> None:
    raw.execute("ANALYZE")
    raw.execute("CREATE VIEW open_alerts AS SELECT * FROM alerts WHERE ended_at IS NULL")
    raw.execute("CREATE TABLE my_notes (text TEXT)")
    raw.execute("CREATE TABLE my_copy AS SELECT * FROM alerts WHERE id > 3")
    raw.execute("CREATE TRIGGER my_count AFTER INSERT ON alerts BEGIN INSERT INTO my_notes VALUES ('one more'); END")
    raw.execute("UPDATE my_copy SET label = 'mine'")
    assert parts_of(path) == ()
    engine = writing_engine(store_url(path))
    downgrade(engine, "0014")
    assert parts_of(path) == ()
    upgrade(engine)
    engine.dispose()
    assert parts_of(path) == ()
    assert raw.execute("SELECT name FROM pragma_table_info('my_notes')").fetchall() == [("text",)]


@pytest.mark.parametrize(
    "change", ["rowid = 99", "oid = 99", "_rowid_ = 99", "id = 99", "reason = 'x'", "step = 'end'", "detail = NULL"]
)
def test_a_step_is_changed_by_no_name_of_a_column(raw: sqlite3.Connection, change: str) -> None:
    raw.execute(f"INSERT {STEP}")
    with pytest.raises(sqlite3.IntegrityError, match="steps of alerts are never changed"):
        raw.execute(f"UPDATE alert_steps SET {change} WHERE id = 7")


@pytest.mark.parametrize("verb", ["REPLACE", "INSERT OR REPLACE"])
def test_a_step_is_not_replaced_either(raw: sqlite3.Connection, verb: str) -> None:
    raw.execute(f"INSERT {STEP}")
    with pytest.raises(sqlite3.IntegrityError, match="steps of alerts are never changed"):
        raw.execute(f"{verb} {STEP}")


def test_an_entry_of_the_trail_is_not_replaced(raw: sqlite3.Connection) -> None:
    columns = "seq, at, actor, role, action, subject, detail, previous_hash, hash"
    changed = columns.replace("actor", "'nobody'")
    with pytest.raises(sqlite3.IntegrityError, match="audit rows are never changed"):
        raw.execute(f"REPLACE INTO audit ({columns}) SELECT {changed} FROM audit")


@pytest.mark.parametrize("table", ["alert_steps", "outbox", "positions", "superseded_readings"])
def test_every_table_to_which_rows_are_only_added_has_its_guard(raw: sqlite3.Connection, table: str) -> None:
    engine = writing_engine(store_url(str(raw.execute("PRAGMA database_list").fetchone()[2])))
    tables = sa.MetaData()
    tables.reflect(engine, only=[table])
    engine.dispose()
    values = {column.name: _any(column) for column in tables.tables[table].columns if column.name != COLUMN}
    raw.execute(f"DELETE FROM {table}") if table != "alert_steps" else None
    marks = ", ".join("?" for _ in values)
    raw.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    for column in ("rowid", *values):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            raw.execute(f"UPDATE {table} SET {column} = 12345 WHERE rowid = (SELECT max(rowid) FROM {table})")


def _any(column: sa.Column[object]) -> object:
    return 7 if isinstance(column.type, sa.Integer | sa.Float | sa.BigInteger) else "2024-07-12 12:00:00.000000"


def test_after_a_downgrade_nothing_looks_damaged_and_damage_is_still_found(path: Path, raw: sqlite3.Connection) -> None:
    engine = writing_engine(store_url(path))
    for revision in ("0014", "0012", "0010"):
        downgrade(engine, revision)
        assert parts_of(path) == ()
    engine.dispose()
    raw.execute("UPDATE alerts SET label = 'by hand' WHERE id = 2")
    flip_in_checksum(raw, "id = 9")
    assert parts_of(path) == ("alerts row 9",)


def test_a_connection_from_before_a_migration_writes_rows_that_are_whole(path: Path) -> None:
    old, migrating = writing_engine(store_url(path)), writing_engine(store_url(path))
    with old.begin() as connection:
        connection.execute(sa.text("UPDATE alerts SET label = 'before' WHERE id = 1"))
    with migrating.begin() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        drop_triggers(raw)
        raw.execute("ALTER TABLE alerts ADD COLUMN mood TEXT DEFAULT 'calm'")
        make_checksums(raw)
    with old.begin() as connection:
        connection.execute(sa.text("UPDATE alerts SET label = 'after' WHERE id = 2"))
    assert parts_of(path) == ()
    with pytest.raises(ZeroDivisionError), migrating.begin() as connection:
        raise ZeroDivisionError  # what the transaction made for this connection is gone with it
    with migrating.begin() as connection:
        connection.execute(sa.text("UPDATE alerts SET label = 'last' WHERE id = 3"))
        stored = connection.execute(sa.text(f"SELECT {COLUMN} FROM alerts WHERE id <= 3")).scalars().all()
    assert all(checksum > 1 << 61 for checksum in stored)
    old.dispose()
    migrating.dispose()
    assert parts_of(path) == ()


def test_nothing_is_written_into_a_database_that_was_just_found_damaged(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = 'by hand' WHERE id = 2")
    flip_in_checksum(raw, "id = 9")
    store = open_store(path)
    checked = DatabaseCheck(store, path, Settings(), first_after_s=1e9)
    try:
        checked.check()
        assert raw.execute(f"SELECT {COLUMN} FROM alerts WHERE id = 2").fetchone() == (0,)
        raw.execute(f"UPDATE alerts SET {COLUMN} = 0 WHERE id = 9")  # somebody has compared it
        checked.check()
        assert raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} = 0").fetchone() == (0,)
    finally:
        checked.close()
        store.close()


class TestManyRows:
    """A store without checksums whose rows do not fit into the transaction of the migration."""

    @pytest.fixture
    def large(self, path: Path, raw: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(checksum_pass, "ROWS_AT_ONCE", 10)
        monkeypatch.setattr(checksum_pass, "ROWS_OF_A_BATCH", 7)
        monkeypatch.setattr(schema, "CHECKSUMS_WITHIN_S", -1.0)
        drop_triggers(raw)
        for table in checksummed_tables(raw):
            raw.execute(f"ALTER TABLE {table.name} DROP COLUMN {COLUMN}")
        raw.execute("PRAGMA user_version = 0")
        return path

    def test_the_start_does_not_wait_for_them_and_nothing_looks_damaged_meanwhile(
        self, large: Path, raw: sqlite3.Connection
    ) -> None:
        store = open_store(large)
        assert checksum_state(raw) is ChecksumState.PENDING
        store.write(whole_unit(31))
        assert parts_of(large) == ()
        checked = DatabaseCheck(store, large, Settings(), first_after_s=1e9)
        checked.check()
        checked.close()
        store.write(whole_unit(32))
        store.close()
        assert checksum_state(raw) is ChecksumState.CURRENT
        assert parts_of(large) == ()
        assert raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} > {1 << 61}").fetchone() == (32,)
        flip_in_checksum(raw, "id = 9")
        assert parts_of(large) == ("alerts row 9",)

    def test_a_pass_that_was_cut_off_goes_on_and_says_how_far_it_is(
        self, large: Path, raw: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(checksum_pass, "PROGRESS_EVERY_S", 0.0)
        caplog.set_level(logging.INFO, "data.sql.checksum_pass")
        open_store(large).close()
        raw.set_progress_handler(lambda: caplog.text.count("have their checksum") >= 2, 1)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            finish_checksums(raw, large)
        raw.set_progress_handler(None, 0)
        written = raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} > 0").fetchone()[0]
        assert 0 < written < ROWS
        assert finish_checksums(raw, large)
        assert "about 14 rows have their checksum (now: alerts)" in caplog.text
        assert parts_of(large) == ()

    def test_without_room_on_the_disk_no_checksum_is_written_and_the_log_says_so(
        self,
        large: Path,
        raw: sqlite3.Connection,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        open_store(large).close()
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9 << 20))
        assert not finish_checksums(raw, large)
        assert "128 MiB are needed, 9 MiB are free" in caplog.text
        assert raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} > 0").fetchone() == (0,)
        assert parts_of(large) == ()

    def test_a_mark_of_damage_outlasts_it(self, large: Path, raw: sqlite3.Connection) -> None:
        open_store(large).close()
        raw.execute(f"UPDATE alerts SET {COLUMN} = {DAMAGED} WHERE id = 5")
        assert finish_checksums(raw, large)
        assert parts_of(large) == ("alerts row 5",)
