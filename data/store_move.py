"""Moving a store from SQLite to PostgreSQL: every row copied, read back and compared, all of it or nothing.

The rows go over in one transaction, which is committed only when each row of each table has been read from both
databases and is the same, and the audit chain holds as far as it held before. JSON is copied as the text it is, so that
hashes over it stay what they are. The SQLite file is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import JSON, URL, Column, Connection, String, Table, Text, cast, delete, func, select, text
from sqlalchemy.exc import DBAPIError

from data.errors import YipingError
from data.model.record import GENESIS, broken_link
from data.model.secrets import redact
from data.sql.columns import ForeignText
from data.sql.engine import reading_engine, store_url, writing_engine
from data.sql.reader import VALUES, SqlReader
from data.sql.schema import newest_revision, revision
from data.sql.server_check import place
from data.sql.soundness import check_database
from data.sql.store import open_store
from data.sql.tables import DECLARED

_AT_ONCE = 5_000  # rows in memory
_OF_A_NEW_STORE = "epoch"  # the one row that the first migration makes
_NUMBERS_USED = text(
    "SELECT name, seq FROM sqlite_sequence"
)  # the highest number that was ever given, also to what is gone


class MoveFailed(YipingError):
    """The store was not moved: the target is as empty as before, the source is untouched."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was copied and compared. `broken_at`: the audit entry at which the chain was broken before, too."""

    rows: Mapping[str, int]
    audit_entries: int
    broken_at: int | None

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def move_store(source: str | Path, target: str, report: Callable[[str], None] = lambda _: None) -> Moved:
    """Copy the SQLite store `source` into the empty PostgreSQL database `target`. Nobody may use either meanwhile.

    `report` is given a line for each table. Raises MoveFailed, StoreClosed.
    """
    from_url, to_url = source_url(source), store_url(target)
    if to_url.get_backend_name() == "sqlite":
        raise MoveFailed("a store is moved to PostgreSQL: --to postgresql://host/name")
    _check_source(Path(str(from_url.database)), from_url)
    open_store(to_url.render_as_string(hide_password=False)).close()  # which makes the schema
    reading, writing = reading_engine(from_url), writing_engine(to_url)
    try:
        with reading.connect() as old, writing.begin() as new:
            return _move(old, new, report)
    except DBAPIError as error:
        raise MoveFailed(f"nothing was moved: {_in_one_line(error.orig)}") from None
    finally:
        reading.dispose()
        writing.dispose()


def source_url(source: str | Path) -> URL:
    """The URL of the SQLite store; `sqlite:var/yiping.db` is taken as well as a path. Raises MoveFailed."""
    plain = str(source)
    if plain.startswith("sqlite:") and not plain.startswith("sqlite://"):
        plain = plain.removeprefix("sqlite:")
    url = store_url(plain)
    if url.get_backend_name() != "sqlite":
        raise MoveFailed("a store is moved from SQLite: --from sqlite:var/yiping.db")
    return url


def _check_source(path: Path, url: URL) -> None:
    """Raises MoveFailed for a database that is missing, damaged, or of another version."""
    if not path.is_file():
        raise MoveFailed(f"there is no store {path}")
    found = check_database(path, thorough=True)
    wrong = (*found.problems, *found.parts)
    if wrong:
        raise MoveFailed(f"{path} is damaged ({', '.join(wrong[:3])}): bring back the last backup, then move that")
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            present = revision(connection)
    finally:
        engine.dispose()
    if present != newest_revision():
        raise MoveFailed(
            f"{path} has the schema {present!r}, this version {newest_revision()!r}: start once with it, "
            "which brings it up to date"
        )


def _move(old: Connection, new: Connection, report: Callable[[str], None]) -> Moved:
    tables = DECLARED.sorted_tables
    new.execute(delete(VALUES).where(VALUES.c.name == _OF_A_NEW_STORE))
    for table in tables:
        if new.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise MoveFailed(f"{place(new.engine.url)} is not empty: its table {table.name} holds rows")
    counts: dict[str, int] = {}
    for table in tables:
        counts[table.name] = _copy(old, new, table)
        _compare(old, new, table)
        report(f"{table.name}: {counts[table.name]} rows, each the same in both")
    _continue_numbers(old, new, tables)
    entries, broken_at = _chain(new)
    if (entries, broken_at) != _chain(old):
        raise MoveFailed("nothing was moved: the audit chain is another one after copying")
    return Moved(counts, entries, broken_at)


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """All rows in the order of their keys, which is the same in both databases; JSON as the text that is stored."""
    columns = [cast(one, Text) if isinstance(one.type, JSON) else one for one in table.columns]
    keys = [_by_bytes(column, connection) for column in table.primary_key.columns]
    asked = select(*columns).order_by(*keys)
    found = connection.execute(asked, execution_options={"stream_results": True, "yield_per": _AT_ONCE})
    yield from (tuple(row) for row in found)


def _by_bytes(column: Column[Any], connection: Connection) -> Any:
    """SQLite orders texts by their bytes; PostgreSQL does so in the collation "C"."""
    is_text = isinstance(column.type, String | ForeignText)
    return column.collate("C") if is_text and connection.dialect.name != "sqlite" else column


def _copy(old: Connection, new: Connection, table: Table) -> int:
    """COPY of all rows; how many."""
    raw: Any = new.connection.dbapi_connection
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    count = 0
    try:
        with raw.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in _rows(old, table):
                copy.write_row(row)
                count += 1
    except (psycopg.Error, UnicodeEncodeError) as error:
        said = f"table {table.name}, after {count} rows: {_in_one_line(error)}"
        raise MoveFailed(f"nothing was moved: {said}") from None
    return count


def _compare(old: Connection, new: Connection, table: Table) -> None:
    """Read every row of both. Raises MoveFailed with the first that differs."""
    keys = [column.name for column in table.primary_key.columns]
    for before, after in zip_longest(_rows(old, table), _rows(new, table)):
        if before != after:
            row = dict(zip(table.columns.keys(), before or after or (), strict=True))
            which = ", ".join(f"{key}={row[key]}" for key in keys)
            raise MoveFailed(f"nothing was moved: the row of {table.name} with {which} differs after copying")


def _continue_numbers(old: Connection, new: Connection, tables: Sequence[Table]) -> None:
    """Let PostgreSQL go on numbering where SQLite was: a number is never given twice, also of a row that is gone."""
    used = {str(name): int(number) for name, number in old.execute(_NUMBERS_USED)}
    for table in tables:
        column = table.autoincrement_column
        if column is None or table.name not in used:
            continue
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', column.name)
        if new.execute(select(sequence)).scalar() is not None:
            new.execute(select(func.setval(sequence, used[table.name])))


def _chain(connection: Connection) -> tuple[int, int | None]:
    """How many audit entries there are, and the first that breaks the chain."""
    reader, after, previous, count = SqlReader(connection), 0, GENESIS, 0
    while page := reader.audit(after=after, limit=_AT_ONCE):
        count += len(page)
        broken = broken_link(page, previous)
        if broken is not None:
            return count, broken.seq
        after, previous = page[-1].seq, page[-1].hash
    return count, None


def _in_one_line(error: BaseException | None) -> str:
    return redact(" ".join(str(error).split()))
