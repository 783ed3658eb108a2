"""Row checksums in SQLite: a flipped bit in a value that no index covers does not go unseen.

Every table of ours but the audit trail (a hash chain) has a column with a checksum of the row's other values. The
writing connections of the store write it by temporary triggers, in the transaction of the row itself, so that no kill
can part them. Triggers of the schema mark rows that another program wrote as `UNCHECKED`: those are not damaged, and
get their checksum from the next check of the database. A row whose checksum does not fit is never given a new one: who
changes it marks it as `DAMAGED`. See docs/adr/0029-row-checksums.md; the passes over all rows are in
`data.sql.checksum_pass`.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from data.sql.tables import APPEND_ONLY, AUDIT, OUR_INDEXES, OUR_TABLES

COLUMN = "row_seal"  # its first name: SQLite renames no column beside somebody's broken view
FUNCTION = "yiping_row_checksum"
UNCHECKED = 0  # stored without a byte (serial type 8), three bits away from the serial type of a checksum
DAMAGED = -1

_LIFTED = 1 << 62  # always set: a checksum always takes eight bytes in a record
_MADE, _PENDING = 1 << 29, 1 << 28  # bits of user_version; the others are the digest of the schema
_FORMER = 1 << 30  # as an earlier version of these checksums wrote it
_OUR_TRIGGERS = ("row_checksum_", "row_seal_", "audit_refuses_", *(f"{table}_refuse_" for table in APPEND_ONLY))

Value = None | int | float | str | bytes


class ChecksumState(Enum):
    """What `user_version` in the header of the database says of the checksums of its rows."""

    NONE = "none"
    CURRENT = "current"
    PENDING = "pending"  # rows without a fitting checksum may be whole: `finish_checksums` has not been through yet
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class ChecksummedTable:
    """A table and the columns that its checksums cover, in their order; `has_column`: the one of the checksums?"""

    name: str
    columns: tuple[str, ...]
    has_column: bool

    @property
    def checksum(self) -> str:
        """The SQL expression of the checksum that a row should have."""
        return f"{FUNCTION}({', '.join(map(quoted, self.columns))})"

    @property
    def former_checksum(self) -> str:
        """The same in a trigger, of the row as it was before."""
        return f"{FUNCTION}({', '.join(f'OLD.{quoted(column)}' for column in self.columns)})"


def row_checksum(*values: Value) -> int:
    """The checksum of a row's values: CRC-32 and Adler-32 of their ASCII notation, which no Python version changes."""
    text = ascii(values).encode()
    return _LIFTED | (zlib.adler32(text) & 0x3FFF_FFFF) << 32 | zlib.crc32(text)


def register(connection: sqlite3.Connection) -> None:
    """Teach the connection the SQL function of checksums."""
    connection.create_function(FUNCTION, -1, row_checksum, deterministic=True)


def user_version(connection: sqlite3.Connection) -> int:
    """The number in the header of the database that tells the state of schema and checksums."""
    return int(connection.execute("PRAGMA main.user_version").fetchone()[0])


def checksum_state(connection: sqlite3.Connection) -> ChecksumState:
    """What may be expected of the checksums in this database."""
    kept = user_version(connection)
    if kept == 0:
        return ChecksumState.NONE
    if kept & _FORMER or not kept & _MADE:
        return ChecksumState.FORMER
    return ChecksumState.PENDING if kept & _PENDING else ChecksumState.CURRENT


def is_schema_changed(connection: sqlite3.Connection) -> bool:
    """Are our tables, triggers and indexes not what the last upgrade made? False before there were checksums."""
    kept = user_version(connection)
    return bool(kept) and not kept & _FORMER and kept & ~_PENDING != _MADE | _schema_digest(connection)


def checksummed_tables(connection: sqlite3.Connection) -> Sequence[ChecksummedTable]:
    """Our tables whose rows have, or are to get, checksums."""
    names = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    found = []
    for name in (str(row[0]) for row in names):
        if name in OUR_TABLES and name != AUDIT:
            columns = [str(row[1]) for row in connection.execute(f"PRAGMA main.table_info({quoted(name)})")]
            covered = tuple(column for column in columns if column != COLUMN)
            found.append(ChecksummedTable(name, covered, COLUMN in columns))
    return found


def follow_schema(connection: sqlite3.Connection) -> None:
    """Inside a transaction: make the triggers of this connection, unless they are made for the schema as it is.

    Another process may have migrated since this connection was opened. A temporary database is rolled back with the
    transaction, triggers and its own user_version alike.
    """
    if connection.execute("PRAGMA temp.user_version").fetchone()[0] != user_version(connection):
        write_checksums(connection)


def write_checksums(connection: sqlite3.Connection) -> None:
    """From now on every row that this connection writes gets its checksum. Tables without the column are left alone."""
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
    """Before the schema is changed: triggers that name a column or a table would be in the way."""
    for schema in ("temp", "main"):
        names = connection.execute(f"SELECT name FROM {schema}.sqlite_master WHERE type = 'trigger'").fetchall()  # nosec B608
        for name in (str(row[0]) for row in names):
            if name.startswith(("row_checksum_", "row_seal_")) or name in _guard_names():
                connection.execute(f"DROP TRIGGER {schema}.{quoted(name)}")
    connection.execute("PRAGMA temp.user_version = 0")
    if connection.execute("SELECT 1 FROM main.sqlite_master WHERE name = 'alert_steps'").fetchone():
        refusal = APPEND_ONLY["alert_steps"]  # the migrations know of this one
        connection.execute(
            "CREATE TRIGGER alert_steps_refuse_update BEFORE UPDATE ON alert_steps "
            f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        )


def make_triggers(connection: sqlite3.Connection) -> Sequence[ChecksummedTable]:
    """Give every table of ours the column and the triggers of the schema. Inside a transaction.

    Those that mark what another program writes, and those that refuse changes where rows are only ever added.
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
    """Write the digest of the schema and `state` (CURRENT or PENDING) into the header. Inside a transaction."""
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
    """Refuse changes by any name of a column, the row number's too, and REPLACE, which fires no DELETE trigger."""
    name, refusal = quoted(table.name), APPEND_ONLY[table.name]
    for guard in ("update", "replace"):
        connection.execute(f"DROP TRIGGER IF EXISTS main.{table.name}_refuse_{guard}")
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in ("rowid", *map(quoted, table.columns)))
    connection.execute(
        f"CREATE TRIGGER {table.name}_refuse_update BEFORE UPDATE ON {name} WHEN {changed} "
        f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
    )
    keys = [row for row in connection.execute(f"PRAGMA main.table_info({name})") if row[5]]
    if len(keys) == 1:  # positions come twice, and the second one is left out without an error
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
    """Of our tables, triggers and indexes, 28 bits: what ANALYZE or somebody for his own questions made is left out."""
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
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
