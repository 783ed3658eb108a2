"""Rows of a SQLite store carry checksums: changed bits are found, rows of other programs and kills are no damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from data.config.settings import Settings
from data.ports.store import AlertQuery
from data.sql.checksums import COLUMN, checksummed_tables
from data.sql.engine import store_url, writing_engine
from data.sql.schema import downgrade, upgrade
from data.sql.soundness import check_database
from data.sql.store import open_store
from engine.reactions.soundness import DatabaseCheck
from tests.contracts.crew import whole_unit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of 30 alerts, closed, without a write-ahead log."""
    store = open_store(tmp_path / "yiping.db")
    for number in range(1, 31):
        store.write(whole_unit(number))
    store.close()
    return tmp_path / "yiping.db"


@pytest.fixture
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The store as any other program opens it."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def replace_in_file(path: Path, old: bytes, new: bytes) -> None:
    """As a failing disk would: below SQLite."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    assert content.count(old) >= 1
    path.write_bytes(content.replace(old, new, 1))


def test_every_row_of_every_table_but_the_audit_has_a_checksum(path: Path, raw: sqlite3.Connection) -> None:
    tables = checksummed_tables(raw)
    assert {"alerts", "tasks", "events", "readings", "users", "alert_steps"} <= {table.name for table in tables}
    for table in tables:
        wrong = f'SELECT count(*) FROM "{table.name}" WHERE {COLUMN} IS NULL OR {COLUMN} = 0'
        assert raw.execute(wrong).fetchone() == (0,), table.name
    assert raw.execute("SELECT count(*) FROM alerts").fetchone() == (30,)
    assert check_database(path, thorough=True).parts == ()


def test_a_value_that_no_index_holds_is_found_when_a_bit_of_it_flips(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = 'water over the road' WHERE id = 7")
    raw.commit()
    store = open_store(path)
    check = DatabaseCheck(store, path, Settings(), first_after_s=0.0)  # of what another program wrote
    until(lambda: raw.execute(f"SELECT {COLUMN} FROM alerts WHERE id = 7").fetchone() != (0,))
    check.close()
    store.close()
    replace_in_file(path, b"water over the road", b"water over the roae")
    found = check_database(path, thorough=True)
    assert (found.problems, found.parts) == ((), ("alerts row 7",))


def test_damaged_rows_become_an_alarm_by_name_while_all_goes_on(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute(f"UPDATE alerts SET {COLUMN} = {COLUMN} + 1 WHERE id = 9")
    raw.commit()
    store = open_store(path)
    check = DatabaseCheck(store, path, Settings(), first_after_s=0.0)
    try:
        query = AlertQuery(site="centre", of=("damage",))
        until(lambda: bool(store.read(lambda reader: reader.alerts(query))))
        assert store.read(lambda reader: reader.alerts(query))[0].label == "yiping.db: alerts row 9"
    finally:
        check.close()
        store.close()


def test_text_that_is_no_utf8_any_more_is_named_by_its_row(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = 'one of a kind' WHERE id = 11")
    raw.commit()
    replace_in_file(path, b"one of a kind", b"one\xff of a kin")
    assert check_database(path, thorough=True).parts == ("alerts row 11",)


def test_a_trigger_that_was_changed_below_the_schema_is_found(path: Path) -> None:
    replace_in_file(path, b"audit rows are never changed", b"audit rows are never changee")
    assert check_database(path, thorough=True).parts == ("schema (tables, indexes, triggers)",)


def test_a_schema_that_is_no_utf8_any_more_is_named(path: Path) -> None:
    replace_in_file(path, b"quarantined_at", b"quarantin\xe5d_at")
    found = check_database(path, thorough=True)
    assert found.problems != () or found.parts == ("schema (tables, indexes, triggers)",)


def test_an_index_of_somebody_else_is_no_damage(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("CREATE INDEX my_own ON alerts (label)")
    raw.commit()
    assert check_database(path, thorough=True).parts == ()


def test_rows_that_another_program_writes_are_no_damage(path: Path, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE alerts SET label = 'by hand' WHERE id <= 3")
    raw.execute("INSERT INTO named_values (name, value) VALUES ('mine', '1')")
    raw.execute("UPDATE alerts SET label = label")  # which changes nothing
    raw.commit()
    assert check_database(path, thorough=True).parts == ()
    assert raw.execute(f"SELECT count(*) FROM alerts WHERE {COLUMN} = 0").fetchone() == (3,)


def test_steps_of_alerts_are_still_never_changed(raw: sqlite3.Connection) -> None:
    raw.execute(
        "INSERT INTO alert_steps (alert_id, step, at, by, role, occurrence, reason, proofs, detail) "
        "VALUES (1, 'raise', '2024-07-12 12:00:00.000000', 'li', 'operator', 1, '', '[]', '{}')"
    )
    with pytest.raises(sqlite3.IntegrityError, match="steps of alerts are never changed"):
        raw.execute("UPDATE alert_steps SET reason = 'another'")


def test_a_damaged_row_stays_damaged_through_an_upgrade(path: Path, raw: sqlite3.Connection) -> None:
    engine = writing_engine(store_url(path))
    downgrade(engine, "0013")
    raw.execute(f"UPDATE alerts SET {COLUMN} = {COLUMN} + 1 WHERE id = 5")
    raw.commit()
    upgrade(engine)
    engine.dispose()
    found = check_database(path, thorough=True)
    assert found.parts == ("alerts row 5",)


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_no_row_that_looks_damaged(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    open_store(path).close()
    program = (
        "import sys; from data.sql.store import open_store; from tests.contracts.crew import whole_unit\n"
        "store = open_store(sys.argv[1], migrate=False)\n"
        "for number in range(int(sys.argv[2]), 10**9): store.write(whole_unit(number)); print(number, flush=True)"
    )
    for kill in range(12):
        command = [sys.executable, "-c", program, str(path), str(1 + kill * 1_000_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.013 * kill)
            os.kill(writer.pid, signal.SIGKILL)
        found = check_database(path, thorough=True)
        assert (found.problems, found.parts) == ((), ())


def until(is_so: object, within_s: float = 20.0) -> None:
    ends_s = time.monotonic() + within_s
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < ends_s
        time.sleep(0.02)
