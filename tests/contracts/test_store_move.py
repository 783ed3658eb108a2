"""A whole SQLite store moved to PostgreSQL: every row the same, numbers go on, and it is all of it or nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from data.model.record import GENESIS, broken_link
from data.sql.engine import store_url, writing_engine
from data.sql.lease import held_in_store
from data.sql.store import open_store
from data.sql.tables import OUR_TABLES
from data.store_move import MoveFailed, move_store
from tests.contracts.crew import whole_unit
from tests.contracts.postgres import Cluster
from tests.contracts.samples import a_change
from tests.contracts.test_migrations import ROWS, fill
from tests.stores import new_store

pytestmark = pytest.mark.server


def scalar(url: str, statement: str) -> object:
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return None if row is None else row[0]


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    """A store in which people worked: alerts, evidence, changes and an audit chain that holds."""
    path = tmp_path / "yiping.db"
    with closing(new_store(path)) as store:
        for number in range(1, 6):
            store.write(whole_unit(number))
    return path


@pytest.fixture
def target(cluster: Cluster) -> str:
    return cluster.new_database()


def test_every_row_of_every_table_arrives_as_it_is(tmp_path: Path, target: str) -> None:
    path = tmp_path / "full.db"
    open_store(path).close()
    engine = writing_engine(store_url(path))
    with engine.begin() as connection:  # what a new store holds at its beginning would be in the way
        connection.execute(sa.text("DELETE FROM named_values"))
    fill(engine)
    engine.dispose()
    lines: list[str] = []
    moved = move_store(f"sqlite:{path}", target, lines.append)
    assert moved.rows == dict.fromkeys(OUR_TABLES, ROWS)
    assert moved.total == ROWS * len(OUR_TABLES)
    assert f"alerts: {ROWS} rows, each the same in both" in lines
    assert moved.broken_at == 1  # these entries never were a chain, there as little as here
    assert scalar(target, "SELECT title FROM tasks WHERE id = 2") == "title 2 水位"


def test_the_audit_chain_holds_there_and_goes_on_with_the_next_number(worked: Path, target: str) -> None:
    with closing(open_store(worked)) as store:
        before = store.read(lambda reader: (reader.audit(limit=100), reader.changes(0), reader.value("epoch")))
        gone = store.write(lambda writer: writer.publish(a_change())).seq
    with closing(sqlite3.connect(worked, isolation_level=None)) as raw:
        raw.execute("DELETE FROM outbox WHERE seq = ?", (gone,))
    moved = move_store(worked, target)
    assert (moved.audit_entries, moved.broken_at) == (5, None)
    with closing(open_store(target)) as store:
        after = store.read(lambda reader: (reader.audit(limit=100), reader.changes(0), reader.value("epoch")))
        assert after == before
        assert broken_link(after[0], GENESIS) is None
        assert store.write(lambda writer: writer.publish(a_change())).seq == gone + 1
        store.write(whole_unit(6))
        assert broken_link(store.read(lambda reader: reader.audit(limit=100)), GENESIS) is None


def test_json_stays_the_very_text_so_that_hashes_over_it_hold(worked: Path, target: str) -> None:
    odd = '{"b" : 1.50,  "a":"水位\\u0000"}'
    with closing(sqlite3.connect(worked, isolation_level=None)) as raw:
        raw.execute("INSERT INTO named_values (name, value) VALUES ('odd', ?)", (odd,))
    move_store(worked, target)
    assert scalar(target, "SELECT value::text FROM named_values WHERE name = 'odd'") == odd


def test_a_database_that_holds_rows_is_refused_and_left_as_it_is(worked: Path, target: str) -> None:
    with closing(open_store(target)) as store:
        store.write(whole_unit(9))
    with pytest.raises(MoveFailed, match=r"t_\w+ on 127\.0\.0\.1:\d+ is not empty: its table \w+ holds rows"):
        move_store(worked, target)
    assert scalar(target, "SELECT count(*) FROM alerts") == 1


def test_a_text_that_postgresql_cannot_hold_moves_nothing_and_is_named(worked: Path, target: str) -> None:
    with closing(sqlite3.connect(worked, isolation_level=None)) as raw:
        raw.execute("UPDATE alerts SET subject = 'gate' || char(0) || '3' WHERE id = 3")
    with pytest.raises(MoveFailed, match=r"nothing was moved: table alerts, after 2 rows: .*0x00"):
        move_store(worked, target)
    held = {name: scalar(target, f"SELECT count(*) FROM {name}") for name in OUR_TABLES}
    assert held == {**dict.fromkeys(OUR_TABLES, 0), "named_values": 1}  # the mark of a new store


def test_a_damaged_or_older_source_is_refused_by_name(worked: Path, target: str) -> None:
    with closing(sqlite3.connect(worked, isolation_level=None)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(MoveFailed, match=r"has the schema '0001', this version .*: start once with it"):
        move_store(worked, target)
    content = bytearray(worked.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = b"\x07" * 8
    worked.write_bytes(content)
    with pytest.raises(MoveFailed, match="is damaged"):
        move_store(worked, target)
    with pytest.raises(MoveFailed, match="there is no store"):
        move_store(worked.with_name("other.db"), target)


def test_the_command_takes_the_store_of_the_configuration_and_refuses_while_it_runs(
    worked: Path, target: str, root: Path
) -> None:
    config = worked.with_name("config.yaml")
    config.write_text(f"name: 测试\nstore: {target}\n")
    command = [sys.executable, "app.py", "migrate-store", "--from", f"sqlite:{worked}", "--config", str(config)]
    with held_in_store(worked, "instance", "Yiping"):
        refused = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert (refused.returncode, "is running already" in refused.stderr) == (2, True)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "alerts: 5 rows, each the same in both" in done.stdout
    assert "5 audit entries\nthe audit chain holds." in done.stdout
