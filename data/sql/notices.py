"""Queries of escalations and notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, and_, select

from data.errors import NotFound
from data.model.alert import Priority
from data.model.notice import Notice, ScheduledEscalation
from data.sql.base_queries import BaseQueries
from data.sql.notice_rows import EscalationRow, NoticeRow

ESCALATIONS = EscalationRow.table()
NOTICES = NoticeRow.table()

WAITING = and_(ESCALATIONS.c.fired_at.is_(None), ESCALATIONS.c.stopped_at.is_(None))
_UNSENT = and_(
    NOTICES.c.delivered_at.is_(None),
    NOTICES.c.stopped_at.is_(None),
    NOTICES.c.failed_at.is_(None),
    NOTICES.c.answered_at.is_(None),
)


def _escalation(row: RowMapping) -> ScheduledEscalation:
    return ScheduledEscalation(**row)


def notice_of(row: RowMapping) -> Notice:
    values = dict(row)
    recipients, priority = tuple(values.pop("recipients")), Priority(values.pop("priority"))
    return Notice(recipients=recipients, priority=priority, **values)


class NoticeQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about escalations and notices."""

    def escalations(self, subject: str) -> Sequence[ScheduledEscalation]:
        found = select(ESCALATIONS).where(ESCALATIONS.c.subject == subject)
        return self._all(found.order_by(ESCALATIONS.c.id), _escalation)

    def escalations_due(self, now: datetime, limit: int = 100) -> Sequence[ScheduledEscalation]:
        due = select(ESCALATIONS).where(WAITING, ESCALATIONS.c.due_at <= now)
        return self._all(due.order_by(ESCALATIONS.c.due_at, ESCALATIONS.c.id).limit(limit), _escalation)

    def notice(self, notice_id: int) -> Notice:
        found = self._first(select(NOTICES).where(NOTICES.c.id == notice_id), notice_of)
        if found is None:
            raise NotFound(f"no notice {notice_id}")
        return found

    def notice_delivered_as(self, delivery_id: str) -> Notice | None:
        return self._first(select(NOTICES).where(NOTICES.c.delivery_id == delivery_id), notice_of)

    def notices(
        self, *, subject: str | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[Notice]:
        found = select(NOTICES).order_by(NOTICES.c.id.desc()).limit(limit)
        if subject is not None:
            found = found.where(NOTICES.c.subject == subject)
        if before_id is not None:
            found = found.where(NOTICES.c.id < before_id)
        return self._all(found, notice_of)

    def notices_due(self, now: datetime, limit: int = 100) -> Sequence[Notice]:
        due = select(NOTICES).where(_UNSENT, NOTICES.c.next_try <= now)
        return self._all(due.order_by(NOTICES.c.next_try, NOTICES.c.id).limit(limit), notice_of)
