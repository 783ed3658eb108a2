"""Passes over all rows of a SQLite store that verify checksums and write missing ones, in batches.

Each writing batch is a transaction of its own, so that other writers wait only for milliseconds and an interrupted pass
continues where it stopped. Connections for these functions must not begin transactions by themselves
(`isolation_level=None`).
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from data.sql.checksums import (
    COLUMN,
    DAMAGED,
    UNCHECKED,
    ChecksummedTable,
    ChecksumState,
    checksum_state,
    checksummed_tables,
    make_triggers,
    quoted,
    register,
    set_state,
    user_version,
    write_checksums,
)

log = logging.getLogger(__name__)

ROWS_OF_A_BATCH = 2_000
ROWS_AT_ONCE = 20_000  # rows of all tables done within the migration's own transaction; more are done later
PROGRESS_EVERY_S = 5.0
_MOST_NAMED = 10
_FIRST = -(1 << 63)
_WAL_BYTES = 128 * 1024**2
_BYTES_OF_A_ROW = 24  # added by a checksum, including page splits


class _SchemaMoved(Exception):
    """Another process has migrated meanwhile, so this pass's knowledge of the tables is outdated."""


def damaged_rows(connection: sqlite3.Connection, tables: Iterable[ChecksummedTable]) -> dict[str, list[int]]:
    """Numbers of rows whose checksum does not fit, at most ten of each table. Raises sqlite3.DatabaseError."""
    register(connection)
    pending = checksum_state(connection) is ChecksumState.PENDING
    found: dict[str, list[int]] = {}
    for table in tables:
        if table.has_column and (rows := list(islice(_wrong(connection, table, pending=pending), _MOST_NAMED))):
            found[table.name] = rows
    return found


def is_row_damaged(connection: sqlite3.Connection, table: str, key: int) -> bool:
    """True if the row with this number does not fit its checksum, by the present schema and state."""
    state = checksum_state(connection)
    found = next((one for one in checksummed_tables(connection) if one.name == table and one.has_column), None)
    if state is ChecksumState.NONE or found is None:
        return False
    register(connection)
    return key in _wrong(connection, found, pending=state is ChecksumState.PENDING, between=(key - 1, key))


def mark_damaged_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Before a migration, mark every row whose checksum does not fit; returns the number of marked rows by table.

    Marks survive migrations, while checksums cannot be compared once the columns have changed.
    """
    register(connection)
    version = user_version(connection)
    pending = checksum_state(connection) is ChecksumState.PENDING
    found: dict[str, int] = {}
    progress = _Progress("rows verified before the upgrade")
    with contextlib.suppress(_SchemaMoved):
        for table in checksummed_tables(connection):
            if not table.has_column:
                continue
            for first, last in _batches(connection, table):
                rows = list(_wrong(connection, table, pending=pending, between=(first, last)))
                if rows:
                    found[table.name] = found.get(table.name, 0) + len(rows)
                    with _transaction(connection, version):
                        mark = f"UPDATE {quoted(table.name)} SET {COLUMN} = {DAMAGED} WHERE rowid = ?"  # nosec B608
                        connection.executemany(mark, [(row,) for row in rows])
                progress.count(ROWS_OF_A_BATCH, table.name)
    return found


def make_checksums(connection: sqlite3.Connection) -> None:
    """After a migration, inside its transaction: make the column, the triggers, and, for few rows, the checksums.

    With many rows the state becomes PENDING, and `finish_checksums` writes their checksums. Damage marks stay.
    """
    register(connection)
    tables = make_triggers(connection)
    room = ROWS_AT_ONCE
    for table in tables:
        counted = f"SELECT count(*) FROM (SELECT 1 FROM {quoted(table.name)} LIMIT {room + 1})"  # nosec B608
        room -= int(connection.execute(counted).fetchone()[0])
        if room < 0:
            break
    if room >= 0:
        for table in tables:
            _write_batch(connection, table, (_FIRST, -_FIRST - 1))
    set_state(connection, ChecksumState.CURRENT if room >= 0 else ChecksumState.PENDING)
    write_checksums(connection)


def finish_checksums(connection: sqlite3.Connection, path: Path, within_s: float | None = None) -> bool:
    """Write missing checksums if the state is PENDING; True when all rows have one.

    False if the time was over, the disk has too little room, or another process migrates; a later call continues.
    """
    if checksum_state(connection) is not ChecksumState.PENDING:
        return True
    register(connection)
    tables = [table for table in checksummed_tables(connection) if table.has_column]
    if not _has_room(connection, tables, path):
        return False
    version, began_s = user_version(connection), time.monotonic()
    progress = _Progress("rows have their checksum")
    try:
        for table in tables:
            for batch in _batches(connection, table):
                batch_s = time.monotonic()
                if within_s is not None and batch_s - began_s > within_s:
                    log.info("%s: checksums of rows are being written in the background", path.name)
                    return False
                if _needs_checksums(connection, table, batch):
                    with _transaction(connection, version):
                        _write_batch(connection, table, batch)
                    if within_s is None:
                        time.sleep(time.monotonic() - batch_s)  # lets others write
                progress.count(ROWS_OF_A_BATCH, table.name)
        with _transaction(connection, version):
            set_state(connection, ChecksumState.CURRENT)
    except _SchemaMoved:
        return False
    log.info("%s: every row has its checksum (%.0f s)", path.name, time.monotonic() - began_s)
    return True


def checksum_unchecked_rows(connection: sqlite3.Connection) -> int:
    """Write checksums of rows that another program wrote, a few at a time; returns how many."""
    register(connection)
    version, count = user_version(connection), 0
    with contextlib.suppress(_SchemaMoved):
        for table in checksummed_tables(connection):
            if not table.has_column:
                continue
            name, after = quoted(table.name), _FIRST
            page = (
                f"SELECT rowid FROM {name} WHERE rowid > ? AND {COLUMN} = {UNCHECKED} "  # nosec B608
                f"ORDER BY rowid LIMIT {ROWS_OF_A_BATCH // 4}"
            )
            while rows := connection.execute(page, (after,)).fetchall():
                with _transaction(connection, version):
                    connection.executemany(
                        f"UPDATE {name} SET {COLUMN} = {table.checksum} WHERE rowid = ? AND {COLUMN} = {UNCHECKED}",  # nosec B608
                        rows,
                    )
                count, after = count + len(rows), rows[-1][0]
    return count


def _wrong(
    connection: sqlite3.Connection,
    table: ChecksummedTable,
    *,
    pending: bool,
    between: tuple[int, int] = (_FIRST, -_FIRST - 1),
) -> Iterator[int]:
    """Numbers of damaged rows above the first and up to the last number of `between`."""
    wrong = f"{COLUMN} IS {DAMAGED}"
    if not pending:
        wrong = f"{COLUMN} IS NOT {table.checksum} AND {COLUMN} IS NOT {UNCHECKED}"
    question = f"SELECT rowid FROM {quoted(table.name)} WHERE rowid > ? AND rowid <= ? AND {wrong}"  # nosec B608
    reached = between[0]
    try:
        for (row,) in connection.execute(question, between):
            reached = int(row)
            yield reached
        return
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            raise
    yield from _wrong_one_by_one(connection, table, (reached, between[1]))


def _wrong_one_by_one(
    connection: sqlite3.Connection, table: ChecksummedTable, between: tuple[int, int]
) -> Iterator[int]:
    """Check row by row, since text that is no longer UTF-8 makes the checksum function fail."""
    name = quoted(table.name)
    fits = f"SELECT {COLUMN} IS {table.checksum} OR {COLUMN} IS {UNCHECKED} FROM {name} WHERE rowid = ?"  # nosec B608
    for first, last in _batches(connection, table, between):
        rows = connection.execute(f"SELECT rowid FROM {name} WHERE rowid > ? AND rowid <= ?", (first, last)).fetchall()  # nosec B608
        for (row,) in rows:
            try:
                found = connection.execute(fits, (row,)).fetchone()
            except sqlite3.OperationalError:
                found = (0,)
            if found == (0,):
                yield int(row)


def _batches(
    connection: sqlite3.Connection, table: ChecksummedTable, between: tuple[int, int] = (_FIRST, -_FIRST - 1)
) -> Iterator[tuple[int, int]]:
    """Spans of row numbers (above the first, up to the last) with one batch of rows each."""
    after, last = between
    numbers = (
        f"SELECT rowid FROM {quoted(table.name)} WHERE rowid > ? AND rowid <= ? "  # nosec B608
        f"ORDER BY rowid LIMIT {ROWS_OF_A_BATCH}"
    )
    question = f"SELECT max(rowid) FROM ({numbers})"  # nosec B608
    while (end := connection.execute(question, (after, last)).fetchone()[0]) is not None:
        yield after, end
        after = end


def _needs_checksums(connection: sqlite3.Connection, table: ChecksummedTable, batch: tuple[int, int]) -> bool:
    question = (
        f"SELECT 1 FROM {quoted(table.name)} WHERE rowid > ? AND rowid <= ? "  # nosec B608
        f"AND {COLUMN} IS NOT {DAMAGED} AND {COLUMN} IS NOT {table.checksum} LIMIT 1"
    )
    try:
        return connection.execute(question, batch).fetchone() is not None
    except sqlite3.OperationalError:
        return True


def _write_batch(connection: sqlite3.Connection, table: ChecksummedTable, batch: tuple[int, int]) -> None:
    """Inside a transaction: write the checksum of every row of the batch that is not marked as damaged."""
    change = (
        f"UPDATE {quoted(table.name)} SET {COLUMN} = {table.checksum} WHERE rowid > ? AND rowid <= ? "  # nosec B608
        f"AND {COLUMN} IS NOT {DAMAGED} AND {COLUMN} IS NOT {table.checksum}"
    )
    try:
        connection.execute(change, batch)
        return
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            raise
    for first, last in _batches(connection, table, batch):
        numbers = f"SELECT rowid FROM {quoted(table.name)} WHERE rowid > ? AND rowid <= ?"  # nosec B608
        for (row,) in connection.execute(numbers, (first, last)).fetchall():
            try:
                connection.execute(change, (row - 1, row))
            except sqlite3.OperationalError:  # its text is not UTF-8
                mark = f"UPDATE {quoted(table.name)} SET {COLUMN} = {DAMAGED} WHERE rowid = ?"  # nosec B608
                connection.execute(mark, (row,))


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, version: int) -> Iterator[None]:
    """A transaction. Raises _SchemaMoved if the schema is no longer that of `version`."""
    with connection:  # commits at the end, rolls back on an error
        connection.execute("BEGIN IMMEDIATE")
        if user_version(connection) != version:
            raise _SchemaMoved
        yield


def _has_room(connection: sqlite3.Connection, tables: Sequence[ChecksummedTable], path: Path) -> bool:
    """True if the disk has room for the checksums and their write-ahead log."""
    rows = 0
    for table in tables:
        highest = connection.execute(f"SELECT count(*) FROM {quoted(table.name)}").fetchone()  # nosec B608
        rows += int(highest[0])
    needed, free = _WAL_BYTES + rows * _BYTES_OF_A_ROW, shutil.disk_usage(path.parent).free
    if free >= needed:
        log.info("%s: checksums of %d rows are written", path.name, rows)
        return True
    log.error(
        "%s: %d rows get no checksums, for which the disk has too little room: %d MiB are needed, %d MiB are free. "
        "Make room; they are written after the next start, or tomorrow",
        path.name, rows, needed >> 20, free >> 20,
    )  # fmt: skip
    return False


class _Progress:
    """Logs a line every few seconds of a long pass."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rows = 0
        self._due_s = time.monotonic() + PROGRESS_EVERY_S

    def count(self, rows: int, table: str) -> None:
        self._rows += rows
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + PROGRESS_EVERY_S
            log.info("about %d %s (now: %s)", self._rows, self._what, table)
