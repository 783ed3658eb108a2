"""Row checksums in SQLite: a flipped bit in a value that no index covers does not go unseen.

Every table of ours gets a column `row_seal`, a digest of the row's other values. The connections of the store write it
by temporary triggers, in the transaction of the row itself, so that no kill can part them. Triggers of the schema mark
rows that another program wrote (`UNSEALED`): those are not damaged, and are sealed by the next check of the database.
One flipped bit cannot make that mark, nor a missing value, out of a seal that fits. See docs/adr/0029-row-seals.md.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

COLUMN = "row_seal"
FUNCTION = "yiping_row_seal"
UNSEALED = 0  # stored without a byte (serial type 8), three bits away from the serial type of a seal

_LIFTED = 1 << 62  # always set: a seal always takes eight bytes in a record
_CHAINED = "audit"  # its rows are never changed, and a hash chain with signed checkpoints covers them
_STEPS = "alert_steps"  # its rows are never changed either: the trigger that refuses it must let the seal through
_REFUSAL = "steps of alerts are never changed"
_MOST_NAMED = 10
_AT_ONCE = 500  # rows of one write: other writers wait meanwhile

Value = None | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table and the columns that its seal covers, in their order; `sealed`: has it the column of seals?"""

    name: str
    columns: tuple[str, ...]
    sealed: bool

    @property
    def seal(self) -> str:
        """The SQL expression of the seal that a row should have."""
        return f"{FUNCTION}({', '.join(map(_quoted, self.columns))})"


def row_seal(*values: Value) -> int:
    """The seal of a row's values: CRC-32 and Adler-32 of their ASCII notation, which no Python version changes."""
    text = ascii(values).encode()
    return _LIFTED | (zlib.adler32(text) & 0x3FFF_FFFF) << 32 | zlib.crc32(text)


def register(connection: sqlite3.Connection) -> None:
    """Teach the connection the SQL function of seals."""
    connection.create_function(FUNCTION, -1, row_seal, deterministic=True)


def sealed_tables(connection: sqlite3.Connection) -> Sequence[SealedTable]:
    """The tables whose rows have, or are to get, seals."""
    names = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    found = []
    for (name,) in names:
        if name.startswith("sqlite_") or name in {_CHAINED, "alembic_version"}:
            continue
        columns = [str(row[1]) for row in connection.execute(f"PRAGMA main.table_info({_quoted(name)})")]
        covered = tuple(column for column in columns if column != COLUMN)
        found.append(SealedTable(str(name), covered, COLUMN in columns))
    return found


def seal_what_is_written(connection: sqlite3.Connection) -> None:
    """From now on every row that this connection writes gets its seal. Tables without the column are left alone."""
    register(connection)
    for table in sealed_tables(connection):
        if not table.sealed:
            continue
        for event in ("INSERT", "UPDATE"):
            name = _quoted(_temporary(table.name, event))
            of = f" OF {', '.join(map(_quoted, table.columns))}" if event == "UPDATE" else ""
            connection.execute(f"DROP TRIGGER IF EXISTS temp.{name}")
            connection.execute(
                f"CREATE TEMP TRIGGER {name} AFTER {event}{of} ON main.{_quoted(table.name)} BEGIN "  # nosec B608
                f"UPDATE {_quoted(table.name)} SET {COLUMN} = {table.seal} WHERE rowid = NEW.rowid; END"
            )


def make_seals(connection: sqlite3.Connection, damaged: Mapping[str, Sequence[int]]) -> None:
    """Give every table the column, the triggers of the schema, and every row its seal; after the schema was changed.

    Rows that were damaged before get none, and so stay damaged (`damaged_rows`). Inside a transaction.
    """
    register(connection)
    for table in sealed_tables(connection):
        if not table.sealed:
            connection.execute(f"ALTER TABLE {_quoted(table.name)} ADD COLUMN {COLUMN} INTEGER")
        _make_triggers(connection, table)
        connection.execute(
            f"UPDATE {_quoted(table.name)} SET {COLUMN} = {table.seal} WHERE {COLUMN} IS NOT {table.seal}"  # nosec B608
        )
        for row in damaged.get(table.name, ()):
            connection.execute(f"UPDATE {_quoted(table.name)} SET {COLUMN} = NULL WHERE rowid = ?", (row,))  # nosec B608
    seal_what_is_written(connection)
    connection.execute(f"PRAGMA main.user_version = {_schema_digest(connection)}")


def drop_triggers(connection: sqlite3.Connection) -> None:
    """Before the schema is changed: triggers that name a column or a table would be in the way."""
    for schema in ("temp", "main"):
        triggers = (
            f"SELECT name FROM {schema}.sqlite_master WHERE type = 'trigger' AND name LIKE 'row!_seal!_%' ESCAPE '!'"  # nosec B608
        )
        for (name,) in connection.execute(triggers).fetchall():
            connection.execute(f"DROP TRIGGER {schema}.{_quoted(name)}")
    guard = "SELECT 1 FROM main.sqlite_master WHERE name = 'alert_steps_refuse_update'"
    if connection.execute(guard).fetchone():
        connection.execute("DROP TRIGGER main.alert_steps_refuse_update")
        connection.execute(_guard_of_steps("UPDATE"))


def has_seals(connection: sqlite3.Connection) -> bool:
    """Were seals made in this store? Only then the absence of one is a damage."""
    return bool(connection.execute("PRAGMA main.user_version").fetchone()[0])


def damaged_rows(connection: sqlite3.Connection, tables: Iterable[SealedTable]) -> dict[str, list[int]]:
    """Row numbers, at most ten of a table, whose seal does not fit. Raises sqlite3.DatabaseError."""
    register(connection)
    found: dict[str, list[int]] = {}
    for table in tables:
        if table.sealed and (rows := _damaged(connection, table)):
            found[table.name] = rows
    return found


def is_schema_changed(connection: sqlite3.Connection) -> bool:
    """Are the tables, triggers and our indexes not what the last upgrade made? False before there were seals."""
    kept = connection.execute("PRAGMA main.user_version").fetchone()[0]
    return bool(kept) and kept != _schema_digest(connection)


def seal_other_programs_rows(connection: sqlite3.Connection) -> int:
    """Seal the rows that another program wrote, a few at a time; how many they were."""
    register(connection)
    sealed = 0
    for table in sealed_tables(connection):
        if not table.sealed:
            continue
        name = _quoted(table.name)
        rows = connection.execute(f"SELECT rowid FROM {name} WHERE {COLUMN} = {UNSEALED}").fetchall()  # nosec B608
        for first in range(0, len(rows), _AT_ONCE):
            with connection:
                connection.executemany(
                    f"UPDATE {name} SET {COLUMN} = {table.seal} WHERE rowid = ? AND {COLUMN} = {UNSEALED}",  # nosec B608
                    rows[first : first + _AT_ONCE],
                )
        sealed += len(rows)
    return sealed


def _damaged(connection: sqlite3.Connection, table: SealedTable) -> list[int]:
    name = _quoted(table.name)
    wrong = f"{COLUMN} IS NOT {table.seal} AND {COLUMN} IS NOT {UNSEALED}"
    try:
        return [
            int(row[0])
            for row in connection.execute(f"SELECT rowid FROM {name} WHERE {wrong} LIMIT {_MOST_NAMED}")  # nosec B608
        ]
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
            raise
    return list(_unreadable(connection, table))[:_MOST_NAMED]


def _unreadable(connection: sqlite3.Connection, table: SealedTable) -> Iterable[int]:
    """One row after the other: a text that is no UTF-8 any more makes the function fail."""
    name = _quoted(table.name)
    for (row,) in connection.execute(f"SELECT rowid FROM {name}").fetchall():  # nosec B608
        try:
            question = f"SELECT {COLUMN} IS {table.seal} OR {COLUMN} IS {UNSEALED} FROM {name} WHERE rowid = ?"  # nosec B608
            fits = connection.execute(question, (row,)).fetchone()
        except sqlite3.OperationalError:
            fits = (0,)
        if fits == (0,):
            yield int(row)


def _make_triggers(connection: sqlite3.Connection, table: SealedTable) -> None:
    """Those of the schema, which mark what another program writes; and let seals into the steps of alerts."""
    name, columns = _quoted(table.name), [_quoted(column) for column in table.columns]
    listed = ", ".join(columns)
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns)
    insert, update = (_quoted(f"row_seal_{table.name}_{event}") for event in ("insert", "update"))
    connection.execute(f"DROP TRIGGER IF EXISTS main.{insert}")
    connection.execute(f"DROP TRIGGER IF EXISTS main.{update}")
    connection.execute(
        f"CREATE TRIGGER {insert} AFTER INSERT ON {name} BEGIN "  # nosec B608
        f"UPDATE {name} SET {COLUMN} = {UNSEALED} WHERE rowid = NEW.rowid AND {COLUMN} IS NULL; END"
    )
    connection.execute(
        f"CREATE TRIGGER {update} AFTER UPDATE OF {listed} ON {name} BEGIN UPDATE {name} SET {COLUMN} = {UNSEALED} "  # nosec B608
        f"WHERE rowid = NEW.rowid AND {COLUMN} IS OLD.{COLUMN} AND ({changed}); END"
    )
    if table.name == _STEPS:
        connection.execute("DROP TRIGGER IF EXISTS main.alert_steps_refuse_update")
        connection.execute(_guard_of_steps(f"UPDATE OF {listed}"))


def _guard_of_steps(change: str) -> str:
    return (
        f"CREATE TRIGGER alert_steps_refuse_update BEFORE {change} ON {_STEPS} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _schema_digest(connection: sqlite3.Connection) -> int:
    """Of every table, trigger and index of ours, 31 bits, never 0: it is kept as `user_version` in the header.

    An index that somebody added for his own questions changes no answer and is left out.
    """
    objects = connection.execute(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_master WHERE type != 'index' "
        "OR name LIKE 'ix!_%' ESCAPE '!' OR name LIKE 'uq!_%' ESCAPE '!' ORDER BY type, name"
    ).fetchall()
    return zlib.crc32(ascii(objects).encode()) & 0x3FFF_FFFF | 1 << 30


def _temporary(table: str, event: str) -> str:
    return f"row_seal_{table}_{event.lower()}_here"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
