"""Writes of plan runs and their work. Work that is not withdrawn exists once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import text, update

from data.errors import IllegalMove
from data.model.plan import PlanRun, PlanWork
from data.sql import rows
from data.sql.plan_rows import run_values
from data.sql.plans_read import RUNS, WORKS
from data.sql.writing import SqlWriting


class PlanWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about plans."""

    def add_plan_run(self, run: PlanRun) -> PlanRun:
        stored = replace(run, version=1)
        return replace(stored, id=self._number(RUNS, run_values(stored), f"plan {run.plan} by {run.source}"))

    def save_plan_run(self, run: PlanRun) -> PlanRun:
        before = self.plan_run(run.id)
        if before.version == run.version and run.steps[: len(before.steps)] != before.steps:
            raise IllegalMove(f"run {run.id} of plan {run.plan}: recorded steps stay as they are")
        return replace(run, version=self._save(RUNS, run, run_values(run), "run of a plan"))

    def add_plan_work(self, work: PlanWork) -> PlanWork | None:
        statement = self._inserting(WORKS).on_conflict_do_nothing(
            index_elements=["source", "plan", "place", "step", "round"], index_where=text("withdrawn_at IS NULL")
        )
        what = f"work {work.step} of plan {work.plan}"
        number = self._execute(statement.returning(WORKS.c.id), rows.plain(work, "id"), what).scalar()
        return None if number is None else replace(work, id=int(number))

    def withdraw_plan_works(self, ids: Sequence[int], at: datetime) -> None:
        still = update(WORKS).where(WORKS.c.id.in_(ids), WORKS.c.withdrawn_at.is_(None))
        self._connection.execute(still.values(withdrawn_at=at))
