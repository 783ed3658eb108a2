"""Connections. One engine writes (one connection, transactions that lock first), one reads (a pool of snapshots).

SQLite: WAL, `synchronous=FULL` (a commit is on the disk when it returns), writers wait up to 30 s for each other.
PostgreSQL: writers hold one advisory lock for the transaction, so that they are serial as SQLite's are and numbers
rise in the order of commits; readers see a snapshot.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from data.errors import StoreClosed, TookTooLong
from data.sql.checksums import follow_schema, register

BUSY_TIMEOUT_S = 30.0
_STEPS_BETWEEN_LOOKS = 100_000  # steps of SQLite's virtual machine, a few milliseconds
_QUERY_CANCELED = "57014"  # PostgreSQL, appendix A
WRITER_LOCK = 0x59_49_50_49_4E_47  # "YIPING": the advisory lock that makes writers serial


def store_url(path_or_url: str | Path) -> URL:
    """A file's path, `sqlite:///path` or `postgresql://...` as a URL. Raises StoreClosed for anything else."""
    text = str(path_or_url)
    if isinstance(path_or_url, Path) or "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser().resolve()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreClosed("the store's URL cannot be read; write a file's path or postgresql://host/name") from None
    backend = url.get_backend_name()
    if backend in {"postgresql", "postgres"}:
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return URL.create("sqlite", database=str(Path(url.database).expanduser().resolve()))
    raise StoreClosed(f"no store of kind {backend!r}; write a file's path or postgresql://host/name")


def writing_engine(url: URL) -> Engine:
    """An engine with one connection, whose every transaction begins by waiting for the writers' lock."""
    return _engine(url, begin=_turn_of(url), pool_size=1, max_overflow=0, read_only=False)


def reading_engine(url: URL) -> Engine:
    """An engine for read-only snapshots, which never wait for a writer."""
    begin = "BEGIN" if url.get_backend_name() == "sqlite" else None
    return _engine(url, begin=begin, pool_size=4, max_overflow=60, read_only=True)


def _turn_of(url: URL) -> str:
    return "BEGIN IMMEDIATE" if url.get_backend_name() == "sqlite" else f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"


def _engine(url: URL, *, begin: str | None, pool_size: int, max_overflow: int, read_only: bool) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    more: dict[str, Any] = {}
    if sqlite:
        more["connect_args"] = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    else:
        options = "-c default_transaction_read_only=on" if read_only else "-c synchronous_commit=on"
        more["connect_args"] = {"connect_timeout": 5, "application_name": "yiping", "options": options}
        more["pool_pre_ping"] = True
        more["isolation_level"] = "REPEATABLE READ" if read_only else "READ COMMITTED"
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        hide_parameters=True,  # an error must not print the values being stored
        json_serializer=to_json,
        **more,
    )
    if sqlite:
        event.listen(engine, "connect", _prepare_reading if read_only else _prepare_writing)
    if begin is not None:
        event.listen(engine, "begin", _Begin(begin))
    if sqlite and not read_only:
        event.listen(engine, "begin", _follow_schema)
    return engine


@contextmanager
def time_limit(connection: Connection, within_s: float) -> Iterator[None]:
    """A context in which statements are interrupted `within_s` after its beginning. Raises TookTooLong."""
    ends = time.monotonic() + within_s
    raw = connection.connection.dbapi_connection
    if isinstance(raw, sqlite3.Connection):
        raw.set_progress_handler(lambda: time.monotonic() > ends, _STEPS_BETWEEN_LOOKS)
    else:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(within_s * 1000))}")
    try:
        yield
    except DBAPIError as error:
        interrupted = getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
        if interrupted or getattr(error.orig, "sqlstate", "") == _QUERY_CANCELED:
            raise TookTooLong(f"given up after {within_s:g} s: ask for a shorter span or fewer things") from None
        raise
    finally:
        if isinstance(raw, sqlite3.Connection):
            raw.set_progress_handler(None, 0)


def to_json(value: Any) -> str:
    """Compact JSON; ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _Begin:
    """The statement that begins a transaction; sqlite3 itself would begin too late and without the lock."""

    def __init__(self, statement: str) -> None:
        self._statement = statement

    def __call__(self, connection: Connection) -> None:
        connection.exec_driver_sql(self._statement)


def _prepare_reading(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the engine begins transactions itself
    connection.execute("PRAGMA query_only = ON")
    register(connection)


def _prepare_writing(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _follow_schema(connection: Connection) -> None:
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    follow_schema(raw)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, retrying, since SQLite does not wait while another process switches at the same moment."""
    give_up = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
            continue
        if mode != "wal":
            raise StoreClosed(f"the store's disk does not allow WAL (journal mode stayed {mode}); use a local disk")
        return


def is_busy(error: BaseException | None) -> bool:
    """True if another connection holds the lock: nothing was changed and a retry may succeed."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }
