"""Base of every part of the reader: converts rows to domain values."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Select, Table, bindparam, select

from data.errors import NotFound

T = TypeVar("T")


KEY = "key_asked_for"


@lru_cache(None)  # one for each table
def by_key(table: Table) -> Select[Any]:
    """The statement for one primary key (`KEY`), cached since building it costs more than running it."""
    return select(table).where(table.primary_key.columns[0] == bindparam(KEY))


class BaseQueries:
    """Queries on one connection inside one transaction, so that all results are of one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _all(self, statement: Select[Any], of: Callable[[RowMapping], T]) -> list[T]:
        return [of(row) for row in self._connection.execute(statement).mappings()]

    def _first(self, statement: Select[Any], of: Callable[[RowMapping], T]) -> T | None:
        row = self._connection.execute(statement).mappings().first()
        return None if row is None else of(row)

    def _one(self, table: Table, key: int | str, of: Callable[[RowMapping], T], what: str) -> T:
        row = self._connection.execute(by_key(table), {KEY: key}).mappings().first()
        if row is None:
            raise NotFound(f"no {what} {key}")
        return of(row)
