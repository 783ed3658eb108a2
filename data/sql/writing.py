"""Base of every part of the writer: insert, save with a version check, and keep times that are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Executable, Table, Update, bindparam, insert, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.masking import SecretMask
from data.sql.base_queries import KEY, by_key
from data.sql.reader import SqlReader
from data.sql.step_log import LoggedStep

V = TypeVar("V", bound="Versioned")


class Versioned(Protocol):
    """A stored object that several people may change."""

    @property
    def id(self) -> int: ...
    @property
    def version(self) -> int: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


@lru_cache(None)  # one for each table
def _changed(table: Table) -> Update:
    return update(table).where(table.primary_key.columns[0] == bindparam(KEY))


class SqlWriting(SqlReader):
    """A reader that can change rows inside one unit of work. `now` gives the time of the commit.

    `mask` masks configured secrets in external texts before they are stored.
    """

    _serves_damaged = True  # escalations continue even with a damaged alert; a change keeps the damage mark

    def __init__(
        self, connection: Connection, now: Callable[[], datetime] = utc_now, mask: SecretMask | None = None
    ) -> None:
        super().__init__(connection)
        self._mask = mask or SecretMask()
        self._now = now
        self.steps: list[LoggedStep] = []  # steps of this unit of work, for the log
        self._sqlite = connection.dialect.name == "sqlite"

    def _inserting(self, table: Table) -> Any:
        """An INSERT with ON CONFLICT: the same SQL on both databases, but two classes in SQLAlchemy."""
        return sqlite_insert(table) if self._sqlite else postgresql_insert(table)

    def _execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]], what: str
    ) -> Any:
        """Execute a statement. Raises IllegalMove for a row that the schema refuses; the unit of work must then end."""
        try:
            return self._connection.execute(statement, values)
        except IntegrityError as error:
            raise IllegalMove(f"{what}: refers to a row that is not stored, or breaks a rule of the store") from error

    def _number(self, table: Table, values: Mapping[str, Any], what: str) -> int:
        """Insert one row; its id."""
        column = next(iter(table.primary_key.columns))
        statement: ReturningInsert[Any] = insert(table).returning(column)
        return int(self._execute(statement, values, what).scalar_one())

    def _save(self, table: Table, thing: V, values: Mapping[str, Any], what: str, *, free: Sequence[str] = ()) -> int:
        """Update a versioned row; the new version. `free`: times that may change this once.

        Raises NotFound, StaleVersion, IllegalMove.
        """
        held = {name: value for name, value in values.items() if name not in free}
        self._check_times(table, thing.id, held, what, version=thing.version)
        version = thing.version + 1
        self._execute(_changed(table), {**values, "version": version, KEY: thing.id}, f"{what} {thing.id}")
        return version

    def _check_times(
        self, table: Table, key: int | str, values: Mapping[str, Any], what: str, *, version: int | None = None
    ) -> None:
        """Check that times are set only once. Writers are serial, so the row read here is the one that is updated."""
        row = self._connection.execute(by_key(table), {KEY: key}).mappings().first()
        if row is None:
            raise NotFound(f"no {what} {key}")
        if version is not None and row["version"] != version:
            raise StaleVersion(f"{what} {key} was changed by somebody else: version {version} is now {row['version']}")
        for column, stored in row.items():
            if column.endswith("_at") and stored is not None and column in values and values[column] != stored:
                raise IllegalMove(f"{what} {key}: {column} is set already ({stored.isoformat()}) and stays")


def newest_first_by(values: Sequence[Mapping[str, Any]], *names: str) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """The newest row (by `at`) of each group with equal `names`."""
    newest: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in values:
        key = tuple(row[name] for name in names)
        if key not in newest or row["at"] > newest[key]["at"]:
            newest[key] = row
    return newest
