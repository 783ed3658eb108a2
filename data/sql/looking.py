"""What every part of the reader does alike: rows turned into domain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Select, Table, select

from data.errors import NotFound

T = TypeVar("T")


class Looking:
    """On one connection inside one transaction: all it says is from one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _all(self, statement: Select[Any], of: Callable[[RowMapping], T]) -> list[T]:
        return [of(row) for row in self._connection.execute(statement).mappings()]

    def _first(self, statement: Select[Any], of: Callable[[RowMapping], T]) -> T | None:
        row = self._connection.execute(statement).mappings().first()
        return None if row is None else of(row)

    def _one(self, table: Table, key: int | str, of: Callable[[RowMapping], T], what: str) -> T:
        column = table.primary_key.columns[0]
        found = self._first(select(table).where(column == key), of)
        if found is None:
            raise NotFound(f"no {what} {key}")
        return found
