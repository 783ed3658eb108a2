"""Writes of cases from other systems and of their personal values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, update

from data.model.received_case import PersonalValue, ReceivedCase
from data.sql import rows
from data.sql.received_case_rows import personal_value_values
from data.sql.received_cases_read import PERSONAL, RECEIVED
from data.sql.writing import SqlWriting


class ReceivedCaseWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about cases from other systems."""

    def add_received_case(self, case: ReceivedCase, personal: Sequence[PersonalValue]) -> ReceivedCase:
        """Raises IllegalMove when there is one of this source and key."""
        number = self._number(RECEIVED, rows.plain(case, "id"), f"case of {case.source}")
        for one in personal:
            self._number(PERSONAL, personal_value_values(one), f"personal value of event {case.event_id}")
        return replace(case, id=number)

    def delete_personal_values(self, event_id: int, at: datetime) -> int:
        """Delete them, and overwrite them in SQLite's file; how many there were."""
        if self._sqlite:
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON")
        removed = self._connection.execute(delete(PERSONAL).where(PERSONAL.c.event_id == event_id)).rowcount
        if self._sqlite:
            self._connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        done = update(RECEIVED).where(RECEIVED.c.event_id == event_id, RECEIVED.c.deleted_at.is_(None))
        self._connection.execute(done.values(deleted_at=at))
        return removed
