"""Opening a store: schema, settings of the database, and what cannot be opened."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from data.errors import StoreClosed
from data.ports.store import Reader, Store, Writer
from data.sql.engine import reading_engine, store_url, writing_engine
from data.sql.models import Row
from data.sql.schema import upgrade
from data.sql.store import open_store
from tests.contracts.postgres import Cluster
from tests.contracts.samples import a_change
from tests.contracts.test_migrations import is_declared


def test_the_migrations_make_exactly_the_tables_of_the_models(empty_url: str) -> None:
    engine = writing_engine(store_url(empty_url))
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_declared})
        assert compare_metadata(context, Row.metadata) == []
    engine.dispose()


def test_opening_again_keeps_what_is_there(empty_url: str) -> None:
    first = open_store(empty_url)
    first.write(lambda writer: writer.publish(a_change()))
    epoch = first.read(lambda reader: reader.value("epoch"))
    first.close()
    again = open_store(empty_url)
    assert again.read(lambda reader: reader.last_change()) == 1
    assert again.read(lambda reader: reader.value("epoch")) == epoch
    again.close()


def test_a_store_of_a_newer_version_is_refused(url: str) -> None:
    engine = writing_engine(store_url(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreClosed, match="the store's schema is '9999', this version knows up to"):
        open_store(url)


def test_sqlite_commits_to_the_disk_and_checks_references(tmp_path: Path) -> None:
    url = store_url(tmp_path / "yiping.db")
    engine = writing_engine(url)
    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    engine.dispose()


def test_readers_cannot_write(url: str) -> None:
    engine = reading_engine(store_url(url))
    with engine.connect() as connection, pytest.raises(Exception, match=r"readonly|read-only"):
        connection.execute(text("DELETE FROM outbox"))
    engine.dispose()


def test_a_read_is_one_moment_while_others_write(store: Store) -> None:
    def look(reader: Reader) -> tuple[int, int]:
        before = reader.last_change()
        store.write(lambda writer: writer.publish(a_change()))
        return before, reader.last_change()

    store.write(lambda writer: writer.publish(a_change()))
    assert store.read(look) == (1, 1)
    assert store.read(lambda reader: reader.last_change()) == 2


def test_reading_gives_its_connection_back_also_after_an_error(store: Store) -> None:
    for _ in range(80):
        with pytest.raises(ZeroDivisionError):
            store.read(lambda _reader: 1 / 0)
    assert store.read(lambda reader: reader.last_change()) == 0


def test_the_store_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "yiping.db"
    store = open_store(path)
    store.write(lambda writer: writer.publish(a_change()))
    for file in (path, path.with_name("yiping.db-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store.close()


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "yiping.db"
    path.write_bytes(b"just some text, long enough to look like a file" * 50)
    before = path.read_bytes()
    with pytest.raises(StoreClosed, match=rf"cannot open the store {re.escape(str(path))}: file is not a database"):
        open_store(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "://"])
def test_what_is_not_a_store_is_refused_by_name(url: str) -> None:
    with pytest.raises(StoreClosed, match=r"write a file's path or postgresql://host/name"):
        open_store(url)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(StoreClosed, match=r"cannot open the store city on 127\.0\.0\.1") as refused:
        open_store("postgresql://yiping:s3cret-word@127.0.0.1:1/city")
    assert "s3cret-word" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_store_taken_across_a_fork_is_refused_instead_of_hanging(tmp_path: Path) -> None:
    store = open_store(tmp_path / "yiping.db")
    child = os.fork()
    if child == 0:
        try:
            store.write(lambda writer: writer.publish(a_change()))
        except RuntimeError as error:
            os._exit(17 if "open it again" in str(error) else 18)
        os._exit(19)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
    store.close()


FULL_DISK = """
import resource, sys
from pathlib import Path
from data.errors import StoreClosed
from data.sql.store import open_store
from tests.contracts.samples import a_change
store = open_store(sys.argv[1])
largest = max(path.stat().st_size for path in Path(sys.argv[1]).parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 300_000, resource.RLIM_INFINITY))
kept = 0
try:
    while True:
        kept = store.write(lambda writer: writer.publish(a_change())).seq
except StoreClosed as error:
    assert "disk I/O error" in str(error), error
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    store.write(lambda writer: writer.publish(a_change()))
except StoreClosed as error:
    assert "restart on a sound disk" in str(error), error
else:
    raise SystemExit("a store whose disk failed went on")
store.close()
print(kept)
"""


def test_a_disk_that_fails_closes_the_store_and_keeps_what_was_acknowledged(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "yiping.db"
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    child = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode == 0, child.stderr
    kept = int(child.stdout)
    assert kept > 10
    store = open_store(path)
    assert store.read(lambda reader: [change.seq for change in reader.changes(0, 10_000)])[:kept] == [
        *range(1, kept + 1)
    ]
    store.close()


@pytest.mark.server
def test_a_lost_connection_fails_its_unit_of_work_and_the_next_one_goes_on(cluster: Cluster) -> None:
    store = open_store(cluster.new_database())

    def cut_off(writer: Writer) -> None:
        writer.publish(a_change())
        connection = writer._connection  # type: ignore[attr-defined]
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StoreClosed, match="nothing was stored"):
        store.write(cut_off)
    store.write(lambda writer: writer.publish(a_change()))
    assert store.read(lambda reader: len(reader.changes(0))) == 1
    store.close()
