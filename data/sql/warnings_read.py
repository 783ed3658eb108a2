"""Looking up official warnings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, or_, select

from data.errors import NotFound
from data.sql.looking import Looking
from data.sql.warning_rows import WarningReferenceRow, WarningRow, warning_of
from data.warning import HazardWarning, MessageType, WarningId

WARNINGS = WarningRow.table()
REFERENCES = WarningReferenceRow.table()


def named(table: Table, key: WarningId) -> ColumnElement[bool]:
    """The rows of this message."""
    return and_(table.c.sender == key.sender, table.c.identifier == key.identifier, table.c.sent == key.sent)


class WarningLooking(Looking):
    """The part of `data.store.Reader` about warnings."""

    def warning(self, warning_id: int) -> HazardWarning:
        row = self._connection.execute(select(WARNINGS).where(WARNINGS.c.id == warning_id)).mappings().first()
        if row is None:
            raise NotFound(f"no warning {warning_id}")
        return warning_of(row, self._references(warning_id))

    def warning_by_key(self, key: WarningId) -> HazardWarning | None:
        number = self._connection.execute(select(WARNINGS.c.id).where(named(WARNINGS, key))).scalar()
        return None if number is None else self.warning(int(number))

    def warnings_about(self, key: WarningId) -> Sequence[HazardWarning]:
        found = select(REFERENCES.c.warning_id).where(named(REFERENCES, key)).order_by(REFERENCES.c.warning_id)
        return [self.warning(int(number)) for number in self._connection.execute(found).scalars()]

    def warnings(
        self, *, in_force_at: datetime | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[HazardWarning]:
        found = select(WARNINGS.c.id).order_by(WARNINGS.c.id.desc()).limit(limit)
        if before_id is not None:
            found = found.where(WARNINGS.c.id < before_id)
        if in_force_at is not None:
            found = found.where(
                WARNINGS.c.message_type != MessageType.CANCEL.value,
                WARNINGS.c.superseded_at.is_(None),
                WARNINGS.c.cancelled_at.is_(None),
                or_(WARNINGS.c.expires.is_(None), WARNINGS.c.expires > in_force_at),
            )
        return [self.warning(int(number)) for number in self._connection.execute(found).scalars()]

    def _references(self, warning_id: int) -> tuple[WarningId, ...]:
        columns = (REFERENCES.c.sender, REFERENCES.c.identifier, REFERENCES.c.sent)
        found = select(*columns).where(REFERENCES.c.warning_id == warning_id).order_by(*columns)
        return tuple(WarningId(*row) for row in self._connection.execute(found))
