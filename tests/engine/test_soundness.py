"""A damaged database is found: at the start it is refused with the way on, while it runs it is an alarm."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from data.config.settings import Settings
from data.errors import StoreClosed
from data.ports.store import AlertQuery
from data.sql.soundness import check_database, refuse_damaged
from engine.process.options import RunOptions
from engine.reactions.soundness import DatabaseCheck
from engine.run import prepare
from tests.contracts.crew import whole_unit
from tests.stores import new_store


def filled(path: Path) -> None:
    store = new_store(path)
    for number in range(200):
        store.write(whole_unit(number))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def spoil(path: Path, table: str) -> None:
    """Destroy the root page of a table or an index, as a bad block would."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x00" * 4096)


def test_a_start_on_a_damaged_database_is_refused_with_the_way_on(tmp_path: Path) -> None:
    options = RunOptions(settings=Settings(), var_dir=tmp_path / "var")
    prepare(options)
    path = tmp_path / "var" / "yiping.db"
    filled(path)
    spoil(path, "alerts")
    with pytest.raises(StoreClosed, match=r"yiping\.db is damaged .*python app\.py restore BACKUP --replace"):
        prepare(options)


def test_a_whole_and_a_new_database_are_not_refused(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    assert refuse_damaged(path, within_s=5)
    path.touch()
    assert refuse_damaged(path, within_s=5)
    filled(path)
    assert refuse_damaged(path, within_s=30)
    assert check_database(path, thorough=True).problems == ()


def test_a_check_that_takes_too_long_is_given_up_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE much AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                           "WHERE i < 300000) SELECT i, hex(randomblob(20)) AS text FROM n")  # fmt: skip
        connection.commit()
    found = check_database(path, within_s=0.0)
    assert (found.problems, found.finished) == ((), False)


def test_an_index_that_does_not_fit_its_table_becomes_an_alarm_while_all_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = "CREATE INDEX ix_alerts_raised_at ON alerts (started_at)"
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'ix_alerts_raised_at'", (sql,))
        connection.commit()
    store = new_store(path)
    check = DatabaseCheck(store, path, Settings(), first_after_s=0.0)
    try:
        ends_s = time.monotonic() + 20
        query = AlertQuery(site="centre", of=("damage",))
        while not (found := store.read(lambda reader: reader.alerts(query))):
            assert time.monotonic() < ends_s
            time.sleep(0.05)
        assert "ix_alerts_raised_at" in found[0].label
    finally:
        check.close()
        store.close()
