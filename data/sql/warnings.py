"""Writes of official warnings: each message once, and the ends caused by an Update or a Cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from data.model.warning import UNKNOWN_SENT, HazardWarning, MessageType, WarningId
from data.sql.warning_rows import warning_values
from data.sql.warnings_read import REFERENCES, WARNINGS, named
from data.sql.writing import SqlWriting

_ENDS = {MessageType.UPDATE: "superseded_at", MessageType.CANCEL: "cancelled_at"}
_MOST_MEANT = 20  # messages that one partial reference may match


class WarningWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about warnings. Messages are limited at intake, which limits the cost."""

    def add_warning(self, warning: HazardWarning) -> HazardWarning | None:
        """Add a message; None when it is known. The messages that it refers to end now, even if they arrive later."""
        ended = dict(self._already_ended(warning))
        references = self._resolved(warning)
        stored = replace(
            warning,
            references=references,
            superseded_at=ended.get(MessageType.UPDATE),
            cancelled_at=ended.get(MessageType.CANCEL),
        )
        statement = self._inserting(WARNINGS).on_conflict_do_nothing().returning(WARNINGS.c.id)
        number = self._execute(statement, warning_values(stored), f"warning {warning.key}").scalar()
        if number is None:
            return None
        for key in references:
            values = {"warning_id": number, **key._asdict()}
            self._execute(insert(REFERENCES), values, f"reference of warning {number}")
            self._end(stored, key)
        self._name_what_was_meant(warning.key)
        return replace(stored, id=int(number))

    def quarantine_warning(self, warning_id: int, at: datetime) -> bool:
        """Quarantine a warning, so that it triggers nothing. False when it is quarantined already."""
        still = and_(WARNINGS.c.id == warning_id, WARNINGS.c.quarantined_at.is_(None))
        return bool(self._connection.execute(update(WARNINGS).where(still).values(quarantined_at=at)).rowcount)

    def bound_warning(self, warning: HazardWarning) -> None:
        """Replace areas, blocks and notes of a message stored before areas were limited."""
        values = warning_values(warning)
        changed = {name: values[name] for name in ("areas", "infos", "notes")}
        self._connection.execute(update(WARNINGS).where(WARNINGS.c.id == warning.id).values(changed))

    def _resolved(self, warning: HazardWarning) -> tuple[WarningId, ...]:
        """Resolve references without a time to all stored messages of that sender and identifier."""
        found: list[WarningId] = []
        for key in warning.references:
            meant = self._meant_by(key) if key.sent == UNKNOWN_SENT else ()
            found += meant or (key,)
        return tuple(key for key in dict.fromkeys(found) if key != warning.key)

    def _name_what_was_meant(self, key: WarningId) -> None:
        """Complete earlier partial references that match this message."""
        loosely, twin = _meant_loosely(key), REFERENCES.alias()
        exact = select(twin.c.warning_id).where(
            twin.c.sender == key.sender, twin.c.identifier == key.identifier, twin.c.sent == key.sent
        )
        self._connection.execute(delete(REFERENCES).where(loosely, REFERENCES.c.warning_id.in_(exact)))
        self._connection.execute(update(REFERENCES).where(loosely).values(sent=key.sent))

    def _meant_by(self, key: WarningId) -> Sequence[WarningId]:
        columns = (WARNINGS.c.sender, WARNINGS.c.identifier, WARNINGS.c.sent)
        same = (WARNINGS.c.identifier == key.identifier, WARNINGS.c.sender == key.sender)
        return [
            WarningId(*row)
            for row in self._connection.execute(
                select(*columns).where(*same).order_by(WARNINGS.c.id.desc()).limit(_MOST_MEANT)
            )
        ]

    def _end(self, warning: HazardWarning, key: WarningId) -> None:
        column = _ENDS.get(warning.message_type)
        if column is not None and key != warning.key:
            alike = WARNINGS.c.status == warning.status.value  # an exercise ends no real warning
            still = and_(named(WARNINGS, key), alike, WARNINGS.c[column].is_(None))
            at = warning.received_at or self._now()
            self._connection.execute(update(WARNINGS).where(still).values({column: at}))

    def _already_ended(self, warning: HazardWarning) -> list[tuple[MessageType, datetime]]:
        """The end of this message by messages that arrived before it."""
        later = (
            select(WARNINGS.c.message_type, WARNINGS.c.received_at)
            .join(REFERENCES, REFERENCES.c.warning_id == WARNINGS.c.id)
            .where(or_(named(REFERENCES, warning.key), _meant_loosely(warning.key)))
            .where(WARNINGS.c.status == warning.status.value)
            .where(WARNINGS.c.message_type.in_([kind.value for kind in _ENDS]))
            .order_by(WARNINGS.c.id.desc())
            .limit(100)
        )
        return [(MessageType(kind), at or self._now()) for kind, at in self._connection.execute(later)]


def _meant_loosely(key: WarningId) -> ColumnElement[bool]:
    """Reference rows that match this message without its time."""
    return named(REFERENCES, key._replace(sent=UNKNOWN_SENT))
