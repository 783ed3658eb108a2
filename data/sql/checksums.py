"""Row checksums in SQLite, which detect a flipped bit in a value that no index covers.

Each of our tables but the audit trail (a hash chain) has a column with a checksum of the row's other values. Writing
connections of the store write it by temporary triggers, in the row's own transaction: a crash cannot separate them.
Triggers of the schema mark rows written by another program as `UNCHECKED`: those are not damaged, and get their
checksum at the next check of the database. A row whose checksum does not fit never gets a new one: a change marks it as
`DAMAGED`. See docs/adr/0029-row-checksums.md; the passes over all rows are in `data.sql.checksum_pass`.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from data.sql.tables import APPEND_ONLY, AUDIT, OUR_INDEXES, OUR_TABLES

COLUMN = "row_seal"  # the original name is kept, since SQLite cannot rename a column while a broken view exists
FUNCTION = "yiping_row_checksum"
UNCHECKED = 0  # stored in no bytes (serial type 8), three bits from the serial type of a checksum
DAMAGED = -1

_LIFTED = 1 << 62  # always set, so that a checksum always takes eight bytes in a record
_MADE, _PENDING = 1 << 29, 1 << 28  # bits of user_version; the other bits are the digest of the schema
_FORMER = 1 << 30  # written by an earlier version of these checksums
_OUR_TRIGGERS = ("row_checksum_", "row_seal_", "audit_refuses_", *(f"{table}_refuse_" for table in APPEND_ONLY))

Value = None | int | float | str | bytes


class ChecksumState(Enum):
    """State of the row checksums, from `user_version` in the database's header."""

    NONE = "none"
    CURRENT = "current"
    PENDING = "pending"  # rows without a valid checksum may be intact: `finish_checksums` is not done yet
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class ChecksummedTable:
    """A table and the columns covered by its checksums, in order; `has_column`: whether it has the checksum column."""

    name: str
    columns: tuple[str, ...]
    has_column: bool

    @property
    def checksum(self) -> str:
        """The SQL expression of the checksum that a row should have."""
        return f"{FUNCTION}({', '.join(map(quoted, self.columns))})"

    @property
    def former_checksum(self) -> str:
        """The same in a trigger, for the row before the change."""
        return f"{FUNCTION}({', '.join(f'OLD.{quoted(column)}' for column in self.columns)})"


def row_checksum(*values: Value) -> int:
    """The checksum of a row's values: CRC-32 and Adler-32 of their ASCII notation, stable across Python versions."""
    text = ascii(values).encode()
    return _LIFTED | (zlib.adler32(text) & 0x3FFF_FFFF) << 32 | zlib.crc32(text)


def register(connection: sqlite3.Connection) -> None:
    """Register the SQL function of checksums on the connection."""
    connection.create_function(FUNCTION, -1, row_checksum, deterministic=True)


def user_version(connection: sqlite3.Connection) -> int:
    """The number in the database's header that encodes the state of schema and checksums."""
    return int(connection.execute("PRAGMA main.user_version").fetchone()[0])


def checksum_state(connection: sqlite3.Connection) -> ChecksumState:
    """The state of the checksums in this database."""
    kept = user_version(connection)
    if kept == 0:
        return ChecksumState.NONE
    if kept & _FORMER or not kept & _MADE:
        return ChecksumState.FORMER
    return ChecksumState.PENDING if kept & _PENDING else ChecksumState.CURRENT


def is_schema_changed(connection: sqlite3.Connection) -> bool:
    """True if our tables, triggers or indexes differ from the last upgrade's; False for a store without checksums."""
    kept = user_version(connection)
    return bool(kept) and not kept & _FORMER and kept & ~_PENDING != _MADE | _schema_digest(connection)


def checksummed_tables(connection: sqlite3.Connection) -> Sequence[ChecksummedTable]:
    """Our tables whose rows have, or will get, checksums."""
    names = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    found = []
    for name in (str(row[0]) for row in names):
        if name in OUR_TABLES and name != AUDIT:
            columns = [str(row[1]) for row in connection.execute(f"PRAGMA main.table_info({quoted(name)})")]
            covered = tuple(column for column in columns if column != COLUMN)
            found.append(ChecksummedTable(name, covered, COLUMN in columns))
    return found


def follow_schema(connection: sqlite3.Connection) -> None:
    """Inside a transaction: make this connection's triggers for the present schema, if they are not up to date.

    Another process may have migrated since this connection was opened. The temporary database is rolled back with the
    transaction, including triggers and its own user_version.
    """
    if connection.execute("PRAGMA temp.user_version").fetchone()[0] != user_version(connection):
        write_checksums(connection)


def write_checksums(connection: sqlite3.Connection) -> None:
    """Make every row that this connection writes get its checksum. Tables without the column are not affected."""
    register(connection)
    pending = checksum_state(connection) is ChecksumState.PENDING
    for table in checksummed_tables(connection):
        for event in ("insert", "update"):
            connection.execute(f"DROP TRIGGER IF EXISTS temp.{quoted(_temporary(table.name, event))}")
        if not table.has_column:
            continue
        name, column = quoted(table.name), f"OLD.{COLUMN}"
        was_whole = f"{column} IS {UNCHECKED} OR {column} IS {table.former_checksum}"
        fresh = f"CASE WHEN {was_whole} THEN {table.checksum} ELSE {DAMAGED} END"
        if pending:
            fresh = f"CASE WHEN {column} IS {DAMAGED} THEN {DAMAGED} ELSE {table.checksum} END"
        for event, of, value in (
            ("insert", "", table.checksum),
            ("update", f" OF {', '.join(map(quoted, table.columns))}", fresh),
        ):
            connection.execute(
                f"CREATE TEMP TRIGGER {quoted(_temporary(table.name, event))} AFTER {event}{of} ON main.{name} BEGIN "  # nosec B608
                f"UPDATE {name} SET {COLUMN} = {value} WHERE rowid = NEW.rowid; END"
            )
    connection.execute(f"PRAGMA temp.user_version = {user_version(connection)}")


def drop_triggers(connection: sqlite3.Connection) -> None:
    """Drop the triggers before a migration, since they would block changes of the columns they name."""
    for schema in ("temp", "main"):
        names = connection.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'trigger'").fetchall()  # nosec B608
        for name in (str(row[0]) for row in names):
            if name.startswith(("row_checksum_", "row_seal_")) or name in _guard_names():
                connection.execute(f"DROP TRIGGER {schema}.{quoted(name)}")
    connection.execute("PRAGMA temp.user_version = 0")
    if connection.execute("SELECT 1 FROM main.sqlite_master WHERE name = 'alert_steps'").fetchone():
        refusal = APPEND_ONLY["alert_steps"]  # the migrations handle this one
        connection.execute(
            "CREATE TRIGGER alert_steps_refuse_update BEFORE UPDATE ON alert_steps "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )


def make_triggers(connection: sqlite3.Connection) -> Sequence[ChecksummedTable]:
    """Inside a transaction: give each of our tables the checksum column and the triggers of the schema.

    These mark rows that another program writes, and refuse changes of append-only rows.
    """
    tables = []
    for table in checksummed_tables(connection):
        if not table.has_column:
            connection.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {COLUMN} INTEGER")
        _make_marking_triggers(connection, table)
        if table.name in APPEND_ONLY:
            _make_guards(connection, table)
        tables.append(ChecksummedTable(table.name, table.columns, has_column=True))
    if connection.execute("SELECT 1 FROM main.sqlite_master WHERE name = ?", (AUDIT,)).fetchone():
        connection.execute("DROP TRIGGER IF EXISTS main.audit_refuses_replace")
        connection.execute(AUDIT_REPLACE_GUARD)
    return tables


def set_state(connection: sqlite3.Connection, state: ChecksumState) -> None:
    """Inside a transaction: write the digest of the schema and `state` (CURRENT or PENDING) into the header."""
    mark = _MADE | (_PENDING if state is ChecksumState.PENDING else 0)
    kept = mark | _schema_digest(connection) if checksummed_tables(connection) else 0
    connection.execute(f"PRAGMA main.user_version = {kept}")


def _make_marking_triggers(connection: sqlite3.Connection, table: ChecksummedTable) -> None:
    name, columns = quoted(table.name), [quoted(column) for column in table.columns]
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns)
    insert, update = (quoted(f"row_checksum_{table.name}_{event}") for event in ("insert", "update"))
    for former in ("row_checksum", "row_seal"):
        for event in ("insert", "update"):
            connection.execute(f"DROP TRIGGER IF EXISTS main.{quoted(f'{former}_{table.name}_{event}')}")
    connection.execute(
        f"CREATE TRIGGER {insert} AFTER INSERT ON {name} BEGIN "  # nosec B608
        f"UPDATE {name} SET {COLUMN} = {UNCHECKED} WHERE rowid = NEW.rowid AND {COLUMN} IS NULL; END"
    )
    connection.execute(
        f"CREATE TRIGGER {update} AFTER UPDATE OF {', '.join(columns)} ON {name} "  # nosec B608
        f"WHEN OLD.{COLUMN} IS NOT NULL AND OLD.{COLUMN} IS NOT {DAMAGED} AND ({changed}) "
        f"BEGIN UPDATE {name} SET {COLUMN} = {UNCHECKED} WHERE rowid = NEW.rowid AND {COLUMN} IS OLD.{COLUMN}; END"
    )


def _make_guards(connection: sqlite3.Connection, table: ChecksummedTable) -> None:
    """Refuse updates of any column, the row number included, and REPLACE, which fires no DELETE trigger."""
    name, refusal = quoted(table.name), APPEND_ONLY[table.name]
    for guard in ("update", "replace"):
        connection.execute(f"DROP TRIGGER IF EXISTS main.{table.name}_refuse_{guard}")
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in ("rowid", *map(quoted, table.columns)))
    connection.execute(
        f"CREATE TRIGGER {table.name}_refuse_update BEFORE UPDATE ON {name} WHEN {changed} "
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    )
    keys = [row for row in connection.execute(f"PRAGMA main.table_info({name})") if row[5]]
    if len(keys) == 1:  # a repeated position is ignored without an error
        key = quoted(str(keys[0][1]))
        connection.execute(
            f"CREATE TRIGGER {table.name}_refuse_replace BEFORE INSERT ON {name} "  # nosec B608
            f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {key} = NEW.{key}) BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )


AUDIT_REPLACE_GUARD = (
    "CREATE TRIGGER audit_refuses_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit "
    "WHERE seq = NEW.seq OR previous_hash = NEW.previous_hash) "
    "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END"
)


def _guard_names() -> Iterator[str]:
    yield "audit_refuses_replace"
    for table in APPEND_ONLY:
        yield from (f"{table}_refuse_update", f"{table}_refuse_replace")


def _schema_digest(connection: sqlite3.Connection) -> int:
    """A 28-bit digest of our tables, triggers and indexes; objects made by ANALYZE or by users are left out."""
    objects = connection.execute(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_master ORDER BY type, name"
    ).fetchall()
    ours = [one for one in objects if _is_ours(str(one[0]), str(one[1]), str(one[2]))]
    return zlib.crc32(ascii(ours).encode()) & _PENDING - 1


def _is_ours(kind: str, name: str, table: str) -> bool:
    if kind == "trigger":
        return table in OUR_TABLES and name.startswith(_OUR_TRIGGERS)
    return name in (OUR_INDEXES if kind == "index" else OUR_TABLES if kind == "table" else ())


def _temporary(table: str, event: str) -> str:
    return f"row_checksum_{table}_{event}_here"


def quoted(name: str) -> str:
    """A name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'
