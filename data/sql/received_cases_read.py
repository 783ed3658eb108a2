"""Queries of cases from other systems and of their personal values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from data.model.received_case import PersonalValue, ReceivedCase, ReceivedCount
from data.sql.base_queries import BaseQueries
from data.sql.received_case_rows import PersonalValueRow, ReceivedCaseRow, personal_value_of, received_case_of

RECEIVED = ReceivedCaseRow.table()
PERSONAL = PersonalValueRow.table()


class ReceivedCaseQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about cases from other systems."""

    def received_case(self, source: str, key: str) -> ReceivedCase | None:
        same = select(RECEIVED).where(RECEIVED.c.source == source, RECEIVED.c.key == key)
        return self._first(same, received_case_of)

    def received_case_of_event(self, event_id: int) -> ReceivedCase | None:
        return self._first(select(RECEIVED).where(RECEIVED.c.event_id == event_id), received_case_of)

    def received_counts(self, since: datetime) -> Sequence[ReceivedCount]:
        counted = select(
            RECEIVED.c.source, func.count().label("count"), func.max(RECEIVED.c.received_at).label("last_at")
        )
        recent = counted.where(RECEIVED.c.received_at >= since).group_by(RECEIVED.c.source).order_by(RECEIVED.c.source)
        return self._all(recent, lambda row: ReceivedCount(**row))

    def personal_values(self, event_id: int) -> Sequence[PersonalValue]:
        found = select(PERSONAL).where(PERSONAL.c.event_id == event_id).order_by(PERSONAL.c.id)
        return self._all(found, personal_value_of)
