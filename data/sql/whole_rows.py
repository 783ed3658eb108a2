"""Reads of single rows that refuse a damaged one, so that a row opened by id is intact or reported as damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from sqlalchemy import RowMapping, Select, Table, bindparam, select, text
from sqlalchemy.exc import OperationalError

from data.errors import RowDamaged
from data.sql.base_queries import KEY, BaseQueries
from data.sql.checksum_pass import is_row_damaged
from data.sql.checksums import COLUMN, FUNCTION, UNCHECKED, quoted

T = TypeVar("T")

_COLUMNS = "checksummed_columns"  # key in the connection's info: columns by table, read once


@lru_cache(None)  # one for each table
def by_key_with_checksum(table: Table, columns: tuple[str, ...]) -> Select[Any]:
    """The row of one primary key, if it fits its checksum."""
    name = quoted(table.name)
    values = ", ".join(f"{name}.{quoted(column)}" for column in columns)
    fits = f"{name}.{COLUMN} IS {UNCHECKED} OR {name}.{COLUMN} IS {FUNCTION}({values})"
    key = table.primary_key.columns[0]
    return select(table).where(key == bindparam(KEY), text(f"({fits})"))


class WholeRowQueries(BaseQueries):
    """Checked reads of one row; on PostgreSQL, whose pages have checksums, plain reads."""

    _serves_damaged: ClassVar[bool] = False

    def _one_whole(self, table: Table, key: int, of: Callable[[RowMapping], T], what: str) -> T:
        """Read one row. Raises NotFound, and RowDamaged if the row's checksum does not fit."""
        raw = self._connection.connection.dbapi_connection
        if self._serves_damaged or not isinstance(raw, sqlite3.Connection):
            return self._one(table, key, of, what)
        columns = self._columns_of(raw, table.name)
        if not columns:
            return self._one(table, key, of, what)
        try:
            row = self._connection.execute(by_key_with_checksum(table, columns), {KEY: key}).mappings().first()
        except OperationalError as error:  # text that is no longer UTF-8, or columns that are gone
            if getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) != sqlite3.SQLITE_ERROR:
                raise
            row = None
        if row is None:
            self._refuse_damaged(raw, table, key, what)
            return self._one(table, key, of, what)
        return of(row)

    def _refuse_damaged(self, raw: sqlite3.Connection, table: Table, key: int, what: str) -> None:
        """Check the row again by the present schema, since a migration may have changed the columns meanwhile."""
        self._connection.info.pop(_COLUMNS, None)
        if is_row_damaged(raw, table.name, key):
            raise RowDamaged(
                f"{what} {key} is damaged in the database (its checksum does not fit) and is not shown; bring back the "
                "last backup: python app.py restore BACKUP --replace"
            )

    def _columns_of(self, raw: sqlite3.Connection, table: str) -> tuple[str, ...]:
        """The columns covered by the checksum; empty if rows have no checksums."""
        known = self._connection.info.setdefault(_COLUMNS, {})
        if table not in known:
            names = [str(row[1]) for row in raw.execute(f"PRAGMA main.table_info({quoted(table)})")]
            known[table] = tuple(name for name in names if name != COLUMN) if COLUMN in names else ()
        found: tuple[str, ...] = known[table]
        return found
