"""Queries of alerts, their steps and pending conditions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, or_, select

from data.model.alert import Alert, AlertKey, Priority, Standing
from data.model.alert_life import AlertStep, Condition, Proof, TakenStep
from data.ports.store import AlertQuery
from data.sql import rows
from data.sql.alert_rows import AlertRow, AlertStepRow, PendingRow
from data.sql.whole_rows import WholeRowQueries

ALERTS = AlertRow.table()
STEPS = AlertStepRow.table()
PENDING = PendingRow.table()

SAME_KEY = tuple(ALERTS.c[name] == bindparam(name) for name in AlertKey._fields)

# Every signal of a rule runs these two statements, so they are built once, with parameters.
OPEN_OF_KEY = select(ALERTS).where(*SAME_KEY, ALERTS.c.ended_at.is_(None))
LAST_OF_KEY = select(ALERTS).where(*SAME_KEY).order_by(ALERTS.c.id.desc()).limit(1)
STEPS_OF_ALERT = select(STEPS).where(STEPS.c.alert_id == bindparam("alert")).order_by(STEPS.c.id)


CONDITIONS = MappingProxyType(
    {
        "site": ALERTS.c.site == bindparam("site"),
        "event_id": ALERTS.c.event_id == bindparam("event_id"),
        "inhibited_by": ALERTS.c.inhibited_by == bindparam("inhibited_by"),
        "of": or_(
            ALERTS.c.kind.in_(bindparam("of", expanding=True)), ALERTS.c.rule.in_(bindparam("of", expanding=True))
        ),
        "hidden": ALERTS.c.site.not_in(bindparam("hidden", expanding=True)),
        "since": or_(ALERTS.c.ended_at.is_(None), ALERTS.c.ended_at >= bindparam("since")),
        "until": ALERTS.c.raised_at < bindparam("until"),
        "before_id": ALERTS.c.id < bindparam("before_id"),
    }
)


@lru_cache(None)  # as many as there are combinations of conditions
def alert_search(given: tuple[str, ...], *, open_only: bool, unseen_only: bool) -> Select[Any]:
    """The statement for these fields of an AlertQuery. Every signal of a rule runs it: built once, with parameters."""
    found = select(ALERTS).order_by(ALERTS.c.id.desc()).limit(bindparam("up_to"))
    conditions = [CONDITIONS[name] for name in given]
    conditions += [ALERTS.c.ended_at.is_(None)] if open_only else []
    conditions += [ALERTS.c.acknowledged_at.is_(None)] if unseen_only else []
    return found.where(*conditions)


def step_of(row: RowMapping) -> TakenStep:
    values = dict(row)
    proofs = tuple(_proof(proof) for proof in values.pop("proofs"))
    return TakenStep(step=AlertStep(values.pop("step")), proofs=proofs, **values)


def _proof(values: dict[str, Any]) -> Proof:
    return Proof(**{**values, "at": datetime.fromisoformat(values["at"])})


def step_values(step: TakenStep) -> dict[str, Any]:
    proofs = [rows.plain(proof) | {"at": rows.utc(proof.at).isoformat()} for proof in step.proofs]
    return rows.plain(step, "id") | {"step": step.step.value, "proofs": proofs, "detail": dict(step.detail)}


def _standing(row: RowMapping) -> Standing:
    values = dict(row)
    key = AlertKey(*(values.pop(name) for name in AlertKey._fields))
    return Standing(key, Condition.PENDING, values["since"], values["kind"], Priority(values["priority"]))


class AlertQueries(WholeRowQueries):
    """The part of `data.ports.store.Reader` about alerts."""

    def alert(self, alert_id: int) -> Alert:
        return self._one_whole(ALERTS, alert_id, rows.alert_of, "alert")

    def alerts(self, query: AlertQuery) -> Sequence[Alert]:
        given = {
            name: getattr(query, name) for name in CONDITIONS if getattr(query, name) not in {None, (), frozenset()}
        }
        statement = alert_search(tuple(given), open_only=query.open_only, unseen_only=query.unacknowledged_only)
        found = self._connection.execute(statement, {**given, "up_to": query.limit}).mappings()
        return [rows.alert_of(row) for row in found]

    def open_alert(self, key: AlertKey) -> Alert | None:
        row = self._connection.execute(OPEN_OF_KEY, key._asdict()).mappings().first()
        return None if row is None else rows.alert_of(row)

    def last_alert(self, key: AlertKey) -> Alert | None:
        row = self._connection.execute(LAST_OF_KEY, key._asdict()).mappings().first()
        return None if row is None else rows.alert_of(row)

    def alert_steps(self, alert_id: int) -> Sequence[TakenStep]:
        return [step_of(row) for row in self._connection.execute(STEPS_OF_ALERT, {"alert": alert_id}).mappings()]

    def alert_steps_between(self, since: datetime, until: datetime, limit: int = 100_000) -> Sequence[TakenStep]:
        found = select(STEPS).where(STEPS.c.at >= since, STEPS.c.at < until).order_by(STEPS.c.id).limit(limit)
        return self._all(found, step_of)

    def pending_conditions(self, site: str | None = None) -> Sequence[Standing]:
        found = select(PENDING).order_by(*PENDING.primary_key.columns)
        return self._all(found if site is None else found.where(PENDING.c.site == site), _standing)
