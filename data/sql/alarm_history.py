"""Looking back over alerts as alarms that came to people: in the order they came, without their whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Select, Text, func, or_, select, type_coerce, union

from data.alarm import AlarmColumns, AlarmRecord
from data.alert import Priority
from data.sql.alert_rows import AlertRow
from data.sql.looking import Looking
from data.sql.models import TaskRow

ALERTS = AlertRow.table()
TASKS = TaskRow.table()

_came_at = func.coalesce(ALERTS.c.committed_at, ALERTS.c.raised_at)
_RECORD = select(ALERTS.c.id, ALERTS.c.site, ALERTS.c.priority, _came_at)
# Times as the driver gives them: turning a hundred thousand into datetimes one by one takes a second.
_COLUMNS = select(
    ALERTS.c.id,
    ALERTS.c.site,
    ALERTS.c.rule,
    ALERTS.c.zone,
    ALERTS.c.priority,
    type_coerce(_came_at, Text),
    type_coerce(ALERTS.c.acknowledged_at, Text),
    type_coerce(ALERTS.c.ended_at, Text),
)
_OPEN_TASK = (TASKS.c.closed_at.is_(None), TASKS.c.cancelled_at.is_(None))
_IN_HAND = union(
    select(ALERTS.c.id).where(ALERTS.c.ended_at.is_(None)),
    select(ALERTS.c.id).where(ALERTS.c.acknowledged_at.is_(None)),
    select(ALERTS.c.id).join(TASKS, TASKS.c.alert_id == ALERTS.c.id).where(*_OPEN_TASK),
    select(ALERTS.c.id).join(TASKS, TASKS.c.event_id == ALERTS.c.event_id).where(*_OPEN_TASK),
)


class AlarmLooking(Looking):
    """The part of `data.store.Reader` about alerts as alarms."""

    def alarms_after(self, alert_id: int, limit: int = 10_000) -> Sequence[AlarmRecord]:
        return self._records(_RECORD.where(ALERTS.c.id > alert_id).order_by(ALERTS.c.id).limit(limit))

    def alarms_before(self, alert_id: int, limit: int = 1000) -> Sequence[AlarmRecord]:
        return self._records(_RECORD.where(ALERTS.c.id < alert_id).order_by(ALERTS.c.id.desc()).limit(limit))

    def alarm_columns(self, since: datetime, until: datetime) -> AlarmColumns:
        held = or_(_came_at >= since, ALERTS.c.ended_at.is_(None), ALERTS.c.ended_at >= since)
        found = self._connection.execute(_COLUMNS.where(_came_at < until, held).order_by(_came_at, ALERTS.c.id))
        rows = found.all()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(_COLUMNS.selected_columns)
        return AlarmColumns(*columns[:5], *(_moments(column) for column in columns[5:]))

    def alarms_in_hand(self) -> frozenset[int]:
        return frozenset(self._connection.execute(_IN_HAND).scalars())

    def _records(self, statement: Select[Any]) -> Sequence[AlarmRecord]:
        rows = self._connection.execute(statement)
        return [AlarmRecord(row[0], row[1], Priority(row[2]), row[3]) for row in rows]


def _moments(given: Sequence[Any]) -> np.ndarray:
    """datetime64[us] in UTC, from SQLite's text or a driver's datetimes; NaT for NULL."""
    if not any(isinstance(value, datetime) for value in given):
        return np.array([value or "NaT" for value in given], dtype="datetime64[us]")
    moments = [None if value is None else value.astimezone(UTC).replace(tzinfo=None) for value in given]
    return np.array(moments, dtype="datetime64[us]")
