"""Writes of escalations and notices. An escalation ends once; a delivery id is used once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update

from data.model.notice import Notice, ScheduledEscalation
from data.sql import rows
from data.sql.notices import ESCALATIONS, NOTICES, WAITING
from data.sql.writing import SqlWriting


def _notice_values(notice: Notice) -> dict[str, Any]:
    own = rows.plain(notice, "id", "recipients", "priority")
    return own | {"recipients": list(notice.recipients), "priority": notice.priority.value}


class NoticeWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about escalations and notices."""

    def add_escalation(self, escalation: ScheduledEscalation) -> bool:
        statement = self._inserting(ESCALATIONS).on_conflict_do_nothing().returning(ESCALATIONS.c.id)
        return self._connection.execute(statement, rows.plain(escalation, "id")).scalar() is not None

    def end_escalation(self, escalation_id: int, *, fired_at: datetime | None, stopped_at: datetime | None) -> bool:
        waiting = update(ESCALATIONS).where(ESCALATIONS.c.id == escalation_id, WAITING)
        return self._connection.execute(waiting.values(fired_at=fired_at, stopped_at=stopped_at)).rowcount == 1

    def add_notice(self, notice: Notice) -> Notice | None:
        statement = self._inserting(NOTICES).on_conflict_do_nothing().returning(NOTICES.c.id)
        number = self._connection.execute(statement, _notice_values(notice)).scalar()
        return None if number is None else replace(notice, id=int(number))

    def save_notice(self, notice: Notice) -> Notice:
        notice = replace(notice, error=self._mask(notice.error), result=self._mask(notice.result))
        values = _notice_values(notice)
        self._check_times(NOTICES, notice.id, values, "notice")
        self._connection.execute(update(NOTICES).where(NOTICES.c.id == notice.id).values(**values))
        return notice
