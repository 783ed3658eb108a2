"""Queries of official warnings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, or_, select, tuple_

from data.errors import NotFound, UnusableRow
from data.model.warning import HOLDS_WITHOUT_END, HazardWarning, MessageType, WarningId, WarningStatus
from data.sql.base_queries import BaseQueries
from data.sql.warning_rows import WarningReferenceRow, WarningRow, warning_of

log = logging.getLogger(__name__)

WARNINGS = WarningRow.table()
REFERENCES = WarningReferenceRow.table()


def named(table: Table, key: WarningId) -> ColumnElement[bool]:
    """The rows of this message."""
    return and_(table.c.sender == key.sender, table.c.identifier == key.identifier, table.c.sent == key.sent)


def among(table: Table, keys: Sequence[WarningId]) -> ColumnElement[bool]:
    """The rows of these messages."""
    return tuple_(table.c.sender, table.c.identifier, table.c.sent).in_([tuple(key) for key in keys])


_NAMED_BY = (
    select(REFERENCES.c.sender, REFERENCES.c.identifier, REFERENCES.c.sent)
    .join(WARNINGS, WARNINGS.c.id == REFERENCES.c.warning_id)
    .distinct()
)
_NAMING = (
    select(WARNINGS.c.sender, WARNINGS.c.identifier, WARNINGS.c.sent)
    .join(REFERENCES, WARNINGS.c.id == REFERENCES.c.warning_id)
    .distinct()
)


def _of_one(table: Table) -> ColumnElement[bool]:
    """The rows of the message whose key is given when the statement is run."""
    return and_(*(table.c[name] == bindparam(name, type_=table.c[name].type) for name in WarningId._fields))


_NAMED_BY_ONE = _NAMED_BY.where(_of_one(WARNINGS)).limit(bindparam("most"))
_NAMING_ONE = _NAMING.where(_of_one(REFERENCES)).limit(bindparam("most"))


class WarningQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about warnings."""

    def warning(self, warning_id: int) -> HazardWarning:
        try:
            row = self._connection.execute(select(WARNINGS).where(WARNINGS.c.id == warning_id)).mappings().first()
        except ValueError as error:  # a column without valid JSON or a valid time
            raise UnusableRow(f"warning {warning_id} cannot be read: {error}"[:300]) from error
        if row is None:
            raise NotFound(f"no warning {warning_id}")
        return warning_of(row, self._references([warning_id]).get(warning_id, ()))

    def warning_by_key(self, key: WarningId) -> HazardWarning | None:
        number = self._connection.execute(select(WARNINGS.c.id).where(named(WARNINGS, key))).scalar()
        return None if number is None else self.warning(int(number))

    def warnings_about(self, key: WarningId) -> Sequence[HazardWarning]:
        found = select(REFERENCES.c.warning_id).where(named(REFERENCES, key)).order_by(REFERENCES.c.warning_id)
        return self._usable(found)

    def warning_chain(self, key: WarningId, limit: int) -> Sequence[WarningId]:
        """Two statements for each step away from the first message, whatever the number of messages."""
        known: dict[WarningId, None] = {key: None}
        edge: list[WarningId] = [key]
        while edge and len(known) < limit:
            rows: list[Any] = []
            if len(edge) == 1:  # the usual chain: these two statements are built once
                one = edge[0]._asdict()
                rows += self._connection.execute(_NAMED_BY_ONE, one | {"most": limit})
                rows += self._connection.execute(_NAMING_ONE, one | {"most": limit})
            else:
                rows += self._connection.execute(_NAMED_BY.where(among(WARNINGS, edge)).limit(limit))
                rows += self._connection.execute(_NAMING.where(among(REFERENCES, edge)).limit(limit))
            edge = [one for one in dict.fromkeys(WarningId(*row) for row in rows) if one not in known]
            known |= dict.fromkeys(edge)
        return sorted(known, key=lambda one: (one.sent, one.sender, one.identifier))

    def warnings_holding(
        self, keys: Sequence[WarningId], now: datetime, status: Sequence[WarningStatus], limit: int
    ) -> Sequence[HazardWarning]:
        found = select(WARNINGS.c.id).where(
            among(WARNINGS, keys), WARNINGS.c.status.in_([one.value for one in status]), *_in_force(now)
        )
        return self._usable(found.order_by(WARNINGS.c.id.desc()).limit(limit))

    def warning_states(self, keys: Sequence[WarningId]) -> Sequence[tuple[WarningStatus, bool]]:
        """Status of each stored message among these, and whether it was cancelled."""
        found = select(WARNINGS.c.status, WARNINGS.c.cancelled_at.is_not(None)).where(among(WARNINGS, keys))
        known = {status.value: status for status in WarningStatus}
        return [
            (known[status], bool(cancelled)) for status, cancelled in self._connection.execute(found) if status in known
        ]

    def warnings(
        self, *, in_force_at: datetime | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[HazardWarning]:
        found = select(WARNINGS.c.id).order_by(WARNINGS.c.id.desc()).limit(limit)
        if before_id is not None:
            found = found.where(WARNINGS.c.id < before_id)
        if in_force_at is None:
            return self._usable(found)
        held = self._usable(found.where(*_in_force(in_force_at)))
        return [warning for warning in held if warning.is_in_force(in_force_at)]

    def warning_numbers(self, now: datetime, limit: int) -> Sequence[int]:
        found = select(WARNINGS.c.id).where(*_in_force(now)).order_by(WARNINGS.c.id.desc()).limit(limit)
        return [int(one) for one in self._connection.execute(found).scalars()]

    def warnings_numbered(self, numbers: Sequence[int]) -> Sequence[HazardWarning]:
        return self._usable(select(WARNINGS.c.id).where(WARNINGS.c.id.in_(list(numbers))))

    def warnings_of_old(self, limit: int) -> Sequence[int]:
        """Ids of warnings stored before areas were limited, that are neither limited nor quarantined since."""
        found = select(WARNINGS.c.id).where(WARNINGS.c.infos.is_(None), WARNINGS.c.quarantined_at.is_(None))
        return [int(one) for one in self._connection.execute(found.order_by(WARNINGS.c.id).limit(limit)).scalars()]

    def _usable(self, found: Select[Any]) -> list[HazardWarning]:
        """The readable warnings, in three statements; an unreadable one is left out and named in the log."""
        numbers = [int(number) for number in self._connection.execute(found).scalars()]
        if not numbers:
            return []
        rows = select(WARNINGS).where(WARNINGS.c.id.in_(numbers))
        try:
            by_number = {row["id"]: row for row in self._connection.execute(rows).mappings()}
        except ValueError:  # one of them has a column without valid JSON or time: read them one by one
            return self._usable_of(numbers, self.warning)
        references = self._references(numbers)
        return self._usable_of(
            [number for number in numbers if number in by_number],
            lambda number: warning_of(by_number[number], references.get(number, ())),
        )

    @staticmethod
    def _usable_of(numbers: Sequence[int], warning: Callable[[int], HazardWarning]) -> list[HazardWarning]:
        usable = []
        for number in numbers:
            try:
                usable.append(warning(number))
            except UnusableRow as error:
                log.error("%s", error)
        return usable

    def _references(self, numbers: Sequence[int]) -> dict[int, tuple[WarningId, ...]]:
        """The references of each of these warnings that has any."""
        columns = (REFERENCES.c.sender, REFERENCES.c.identifier, REFERENCES.c.sent)
        found = select(REFERENCES.c.warning_id, *columns).where(REFERENCES.c.warning_id.in_(numbers)).order_by(*columns)
        references: dict[int, tuple[WarningId, ...]] = {}
        for number, *key in self._connection.execute(found):
            references[number] = (*references.get(number, ()), WarningId(*key))
        return references


def _in_force(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Condition: not ended by another message, nor by the row's time. All blocks may have ended nevertheless."""
    return (
        WARNINGS.c.message_type != MessageType.CANCEL.value,
        WARNINGS.c.superseded_at.is_(None),
        WARNINGS.c.cancelled_at.is_(None),
        WARNINGS.c.quarantined_at.is_(None),
        or_(WARNINGS.c.expires > now, and_(WARNINGS.c.expires.is_(None), WARNINGS.c.onset > now - HOLDS_WITHOUT_END)),
    )
