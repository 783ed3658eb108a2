"""Integrity check of a database file by SQLite's own check; PostgreSQL checks its pages (`initdb --data-checksums`)."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data.errors import StoreClosed
from data.sql.checksum_pass import damaged_rows
from data.sql.checksums import ChecksumState, checksum_state, checksummed_tables, is_schema_changed

_MOST_NAMED = 10
_STEPS = 100_000  # steps of SQLite's virtual machine between two checks of the clock: a few milliseconds


@dataclass(frozen=True, slots=True)
class Soundness:
    """The problems, in SQLite's words; `finished` is False if the time was over before everything was checked.

    `parts`: rows, and tables, indexes and triggers of the schema, that were changed. The rest is intact.
    """

    problems: tuple[str, ...]
    finished: bool
    parts: tuple[str, ...] = ()


def check_database(path: Path, *, within_s: float | None = None, thorough: bool = False) -> Soundness:
    """Read the whole file; with `thorough` also compare every index with its table, every row with its checksum.

    Never writes.

    A file that is missing or empty counts as sound: the store is not created yet.
    """
    if not path.exists() or path.stat().st_size == 0:
        return Soundness((), finished=True)
    try:
        with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=rw", uri=True, timeout=30)) as connection:
            connection.text_factory = _as_text
            connection.execute("PRAGMA query_only = ON")
            if within_s is not None:
                ends_s = time.monotonic() + within_s
                connection.set_progress_handler(lambda: time.monotonic() > ends_s, _STEPS)
            question = "PRAGMA integrity_check" if thorough else "PRAGMA quick_check"
            rows = [str(row[0]) for row in connection.execute(f"{question}({_MOST_NAMED})")]
            parts = _changed_parts(connection) if thorough else ()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return Soundness((), finished=False)
        return Soundness((str(error),), finished=True)
    except sqlite3.DatabaseError as error:
        return Soundness((str(error),), finished=True)
    except UnicodeDecodeError:  # of SQLite's own message, which quotes what is damaged
        return Soundness(("a name in its schema is no UTF-8 any more",), finished=True)
    problems = [line for row in rows for line in row.splitlines() if not line.startswith("***")]
    return Soundness(() if problems == ["ok"] else tuple(problems), finished=True, parts=parts)


def _as_text(stored: bytes) -> str:
    """Decode leniently: a flipped bit may break UTF-8 in names of the schema and in SQLite's messages about them."""
    return stored.decode("utf-8", "replace")


def _changed_parts(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The parts whose checksum, or schema digest, does not fit. Raises sqlite3.DatabaseError."""
    if checksum_state(connection) is ChecksumState.NONE:
        return ()
    damaged = damaged_rows(connection, checksummed_tables(connection))
    parts = ["schema (tables, indexes, triggers)"] if is_schema_changed(connection) else []
    parts += [f"{table} row {row}" for table, rows in damaged.items() for row in rows]
    return tuple(parts)


def refuse_damaged(path: Path, *, within_s: float) -> bool:
    """Raise StoreClosed, with instructions, for a damaged database. False when the time did not suffice."""
    found = check_database(path, within_s=within_s)
    if found.problems:
        raise StoreClosed(
            f"the database {path} is damaged ({found.problems[0]}); nothing of it is shown. Keep the file, and bring "
            "back the last backup: python app.py restore BACKUP --replace"
        )
    return found.finished
