"""The tables of plans, and their rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, RowMapping, UniqueConstraint
from sqlalchemy import text as where
from sqlalchemy.orm import Mapped, mapped_column

from data.model.plan import PlanRun, PlanWork
from data.model.warning import WarningLevel
from data.sql.case_rows import step_of, step_values
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row

_LIVE = "withdrawn_at IS NULL"


class PlanRunRow(Numbered, Row):
    __tablename__ = "plan_runs"

    plan: Mapped[str]
    source: Mapped[str] = mapped_column(ForeignText)
    level: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    opened_at: Mapped[datetime]
    steps: Mapped[Any] = mapped_column(JSON)
    unsettled: Mapped[bool]
    version: Mapped[int]

    __table_args__ = (
        UniqueConstraint("plan", "source", name="uq_plan_runs_source"),
        {"sqlite_autoincrement": True},
    )


class PlanWorkRow(Numbered, Row):
    __tablename__ = "plan_works"

    run_id: Mapped[int] = mapped_column(ForeignKey("plan_runs.id"), index=True)
    source: Mapped[str] = mapped_column(ForeignText)
    plan: Mapped[str]
    place: Mapped[str]
    step: Mapped[str]
    round: Mapped[int]
    made_at: Mapped[datetime]
    task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"), index=True)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"))
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_plan_works_key",
            *("source", "plan", "place", "step", "round"),
            unique=True,
            sqlite_where=where(_LIVE),
            postgresql_where=where(_LIVE),
        ),
        {"sqlite_autoincrement": True},
    )


def run_of(row: RowMapping) -> PlanRun:
    values = {name: value for name, value in row.items() if name != "state"}
    steps = tuple(step_of(step) for step in values.pop("steps"))
    return PlanRun(steps=steps, level=WarningLevel(values.pop("level")), **values)


def run_values(run: PlanRun) -> dict[str, Any]:
    names = ("plan", "source", "opened_at", "unsettled", "version")
    own = {name: getattr(run, name) for name in names}
    steps = [step_values(step) for step in run.steps]
    return own | {"level": run.level.value, "state": run.state.value, "steps": steps}


def work_of(row: RowMapping) -> PlanWork:
    return PlanWork(**row)
