"""Queries of past alerts as alarms that came to people, in order, without loading whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import ScalarSelect, Select, Text, and_, case, exists, func, or_, select, type_coerce, union

from data.model.alarm import AlarmColumns, AlarmRecord
from data.model.alert import Alert, AlertKey, Priority
from data.model.alert_life import AlertStep
from data.sql import rows
from data.sql.alert_rows import AlertRow, AlertStepRow
from data.sql.base_queries import BaseQueries
from data.sql.models import TaskRow

ALERTS = AlertRow.table()
STEPS = AlertStepRow.table()
TASKS = TaskRow.table()
_OTHER = STEPS.alias()
_LATER = ALERTS.alias()

_FIRES = (AlertStep.RAISE.value, AlertStep.REOPEN.value)
_QUIETENS = (AlertStep.SHELVE.value, AlertStep.INHIBIT.value, AlertStep.OUT_OF_SERVICE.value)
_came_at = func.coalesce(ALERTS.c.committed_at, ALERTS.c.raised_at)
_fired_at = case((STEPS.c.occurrence > 1, STEPS.c.at), else_=_came_at)
# Suppressed by the system when it fired: by lasting shelving, by a work order, or by design.
_at_once = and_(_OTHER.c.alert_id == STEPS.c.alert_id, _OTHER.c.at == STEPS.c.at, _OTHER.c.role == "")
_quiet = exists().where(_at_once, _OTHER.c.step.in_(_QUIETENS))
_RECORD = (
    select(STEPS.c.id, ALERTS.c.id, ALERTS.c.site, ALERTS.c.priority, _fired_at, _quiet)
    .join_from(STEPS, ALERTS, STEPS.c.alert_id == ALERTS.c.id)
    .where(STEPS.c.step.in_(_FIRES))
)


def _first(step: AlertStep) -> ScalarSelect[Any]:
    """The time at which this step was first taken in the same occurrence."""
    same = (_OTHER.c.alert_id == STEPS.c.alert_id, _OTHER.c.occurrence == STEPS.c.occurrence)
    return select(func.min(_OTHER.c.at)).where(*same, _OTHER.c.step == step.value).scalar_subquery()


def _columns(came_at: Any, acknowledged_at: Any, ended_at: Any) -> Select[Any]:
    """The columns, with times as the driver gives them: converting 100,000 of them to datetimes would take a second."""
    times = (type_coerce(time, Text) for time in (came_at, acknowledged_at, ended_at))
    return select(ALERTS.c.id, ALERTS.c.site, ALERTS.c.rule, ALERTS.c.zone, ALERTS.c.priority, *times)


# Nearly all alerts have fired once, and their row has the acknowledgement. For the others each occurrence has its own
# times, and an expired acknowledgement is only in the steps.
_simple = and_(ALERTS.c.occurrence == 1, ALERTS.c.acknowledged_at.is_not(None))
_SIMPLE = _columns(_came_at, ALERTS.c.acknowledged_at, ALERTS.c.ended_at).where(_simple)
_ended_at = case((ALERTS.c.occurrence == 1, ALERTS.c.ended_at), else_=_first(AlertStep.END))
_BY_STEPS = (
    _columns(_fired_at, _first(AlertStep.ACKNOWLEDGE), _ended_at)
    .outerjoin_from(ALERTS, STEPS, and_(STEPS.c.alert_id == ALERTS.c.id, STEPS.c.step.in_(_FIRES)))
    .where(~_simple)
)
_AT_ONCE = 1000  # rows held at a time: with all at once garbage collection takes as long as reading
_OPEN_TASK = (TASKS.c.closed_at.is_(None), TASKS.c.cancelled_at.is_(None))
_IN_HAND = union(
    select(ALERTS.c.id).where(ALERTS.c.ended_at.is_(None)),
    select(ALERTS.c.id).where(ALERTS.c.acknowledged_at.is_(None)),
    select(ALERTS.c.id).join(TASKS, TASKS.c.alert_id == ALERTS.c.id).where(*_OPEN_TASK),
    select(ALERTS.c.id).join(TASKS, TASKS.c.event_id == ALERTS.c.event_id).where(*_OPEN_TASK),
)


class AlarmQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about alerts as alarms."""

    def alarms_after(self, step: int, limit: int = 10_000) -> Sequence[AlarmRecord]:
        return self._records(_RECORD.where(STEPS.c.id > step).order_by(STEPS.c.id).limit(limit))

    def alarms_before(self, step: int, limit: int = 1000) -> Sequence[AlarmRecord]:
        return self._records(_RECORD.where(STEPS.c.id < step).order_by(STEPS.c.id.desc()).limit(limit))

    def first_alarm_step(self, alert_id: int) -> int | None:
        found = select(func.min(STEPS.c.id)).where(STEPS.c.alert_id == alert_id)
        step: int | None = self._connection.execute(found).scalar()
        return step

    def alarm_columns(self, since: datetime, until: datetime) -> AlarmColumns:
        held = or_(_came_at >= since, ALERTS.c.ended_at.is_(None), ALERTS.c.ended_at >= since)
        columns: list[list[Any]] = [[] for _ in AlarmColumns._fields]
        for statement in (_SIMPLE, _BY_STEPS):
            found = self._connection.execute(statement.where(_came_at < until, held))
            for part in found.partitions(_AT_ONCE):
                for column, values in zip(columns, zip(*part, strict=True), strict=True):
                    column.extend(values)
        return AlarmColumns(*columns[:5], *(_moments(column) for column in columns[5:]))

    def alarms_in_hand(self) -> frozenset[int]:
        return frozenset(self._connection.execute(_IN_HAND).scalars())

    def suppressed_alerts(self, now: datetime, *, before_id: int | None = None, limit: int = 10_000) -> Sequence[Alert]:
        newer = _LATER.c.id > ALERTS.c.id
        same = and_(*(_LATER.c[name] == ALERTS.c[name] for name in AlertKey._fields))
        inhibited = and_(ALERTS.c.inhibited_by != "", ALERTS.c.ended_at.is_(None))
        held = or_(ALERTS.c.shelved_until > now, ALERTS.c.work_order != "", inhibited)
        last = ~exists().where(same, newer)
        found = select(ALERTS).where(held, last).order_by(ALERTS.c.id.desc()).limit(limit)
        return self._all(found if before_id is None else found.where(ALERTS.c.id < before_id), rows.alert_of)

    def _records(self, statement: Select[Any]) -> Sequence[AlarmRecord]:
        return [
            AlarmRecord(step, alert_id, site, Priority(priority), at, bool(quiet))
            for step, alert_id, site, priority, at, quiet in self._connection.execute(statement)
        ]


def _moments(given: Sequence[Any]) -> np.ndarray:
    """datetime64[us] in UTC, from SQLite's text or a driver's datetimes; NaT for NULL."""
    if not isinstance(next((value for value in given if value is not None), None), datetime):
        return np.array([value or "NaT" for value in given], dtype="datetime64[us]")
    moments = [None if value is None else value.astimezone(UTC).replace(tzinfo=None) for value in given]
    return np.array(moments, dtype="datetime64[us]")
