"""Writing official warnings: each message once, and what an Update or a Cancel ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, insert, select, update

from data.sql.warning_rows import warning_values
from data.sql.warnings_read import REFERENCES, WARNINGS, named
from data.sql.writing import SqlWriting
from data.warning import HazardWarning, MessageType, WarningId

_ENDS = {MessageType.UPDATE: "superseded_at", MessageType.CANCEL: "cancelled_at"}


class WarningWriting(SqlWriting):
    """The part of `data.store.Writer` about warnings."""

    def add_warning(self, warning: HazardWarning) -> HazardWarning | None:
        """None when this message is known. What it refers to ends now, also when that arrives later."""
        ended = dict(self._already_ended(warning))
        stored = replace(
            warning, superseded_at=ended.get(MessageType.UPDATE), cancelled_at=ended.get(MessageType.CANCEL)
        )
        statement = self._inserting(WARNINGS).on_conflict_do_nothing().returning(WARNINGS.c.id)
        number = self._execute(statement, warning_values(stored), f"warning {warning.key}").scalar()
        if number is None:
            return None
        for key in dict.fromkeys(warning.references):
            values = {"warning_id": number, **key._asdict()}
            self._execute(insert(REFERENCES), values, f"reference of warning {number}")
            self._end(warning, key)
        return replace(stored, id=int(number))

    def _end(self, warning: HazardWarning, key: WarningId) -> None:
        column = _ENDS.get(warning.message_type)
        if column is not None and key != warning.key:
            alike = WARNINGS.c.status == warning.status.value  # an exercise ends no real warning
            still = and_(named(WARNINGS, key), alike, WARNINGS.c[column].is_(None))
            at = warning.received_at or self._now()
            self._connection.execute(update(WARNINGS).where(still).values({column: at}))

    def _already_ended(self, warning: HazardWarning) -> list[tuple[MessageType, datetime]]:
        """By messages that came before the one they refer to."""
        later = (
            select(WARNINGS.c.message_type, WARNINGS.c.received_at)
            .join(REFERENCES, REFERENCES.c.warning_id == WARNINGS.c.id)
            .where(named(REFERENCES, warning.key), WARNINGS.c.status == warning.status.value)
            .where(WARNINGS.c.message_type.in_([kind.value for kind in _ENDS]))
            .order_by(WARNINGS.c.id.desc())
        )
        return [(MessageType(kind), at or self._now()) for kind, at in self._connection.execute(later)]
