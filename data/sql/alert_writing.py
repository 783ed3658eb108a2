"""Writes of alerts, their steps and pending conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, insert, text

from data.errors import IllegalMove
from data.model.alert import Alert, AlertKey, Standing
from data.model.alert_life import TakenStep
from data.sql import rows
from data.sql.alerts import ALERTS, PENDING, STEPS, step_values
from data.sql.writing import SqlWriting

_ROUND = ("acknowledged_at", "ended_at")
_APPEND = insert(STEPS).returning(STEPS.c.id)
_REMOVE = delete(PENDING).where(*(PENDING.c[name] == bindparam(name) for name in AlertKey._fields))


class AlertWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about alerts."""

    def add_alert(self, alert: Alert, *steps: TakenStep) -> Alert:
        stored = replace(alert, committed_at=self._now(), version=1)
        statement = self._inserting(ALERTS).on_conflict_do_nothing(
            index_elements=list(alert.key._fields), index_where=text("ended_at IS NULL")
        )
        what = f"alert {'/'.join(alert.key)}"
        result = self._execute(statement.returning(ALERTS.c.id), rows.alert_values(stored), what)
        alert_id = result.scalar()
        if alert_id is None:
            raise IllegalMove(f"{what}: one is open already")
        stored = replace(stored, id=int(alert_id))
        self._append(stored, steps)
        return stored

    def save_alert(self, alert: Alert, *steps: TakenStep) -> Alert:
        """Save an alert; a step that begins an occurrence may clear or reset `ended_at`, `acknowledged_at`."""
        free = _ROUND if steps else ()
        alert = replace(alert, version=self._save(ALERTS, alert, rows.alert_values(alert), "alert", free=free))
        self._append(alert, steps)
        return alert

    def _append(self, alert: Alert, steps: Sequence[TakenStep]) -> None:
        for step in steps:
            self._execute(_APPEND, step_values(replace(step, alert_id=alert.id)), f"step of alert {alert.id}")

    def put_pending(self, standing: Standing) -> None:
        known = {"since": standing.since, "kind": standing.kind, "priority": standing.priority.value}
        statement = self._inserting(PENDING)
        changed = {name: statement.excluded[name] for name in known}
        put = statement.on_conflict_do_update(index_elements=list(AlertKey._fields), set_=changed)
        self._execute(put, known | standing.key._asdict(), "pending condition")

    def remove_pending(self, key: AlertKey) -> bool:
        return self._connection.execute(_REMOVE, key._asdict()).rowcount == 1
