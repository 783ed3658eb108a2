"""Queries of plan runs and their work."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from data.model.plan import OPEN, PlanRun, PlanWork
from data.model.task import Task
from data.sql import rows
from data.sql.base_queries import BaseQueries
from data.sql.models import TaskRow
from data.sql.plan_rows import PlanRunRow, PlanWorkRow, run_of, work_of

RUNS = PlanRunRow.table()
WORKS = PlanWorkRow.table()
TASKS = TaskRow.table()


class PlanQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about plans."""

    def plan_run(self, run_id: int) -> PlanRun:
        return self._one(RUNS, run_id, run_of, "run of a plan")

    def plan_run_of(self, plan: str, source: str) -> PlanRun | None:
        return self._first(select(RUNS).where(RUNS.c.plan == plan, RUNS.c.source == source), run_of)

    def plan_runs_of(self, sources: Sequence[str]) -> Sequence[PlanRun]:
        return self._all(select(RUNS).where(RUNS.c.source.in_(list(sources))).order_by(RUNS.c.id), run_of)

    def plan_runs(
        self, *, plan: str | None = None, open_only: bool = False, unsettled_only: bool = False, limit: int = 100
    ) -> Sequence[PlanRun]:
        found = select(RUNS).order_by(RUNS.c.id.desc()).limit(limit)
        if plan is not None:
            found = found.where(RUNS.c.plan == plan)
        if open_only:
            found = found.where(RUNS.c.state.in_(sorted(OPEN)))
        if unsettled_only:
            found = found.where(RUNS.c.unsettled)
        return self._all(found, run_of)

    def plan_works(self, run_id: int, *, live_only: bool = False) -> Sequence[PlanWork]:
        found = select(WORKS).where(WORKS.c.run_id == run_id).order_by(WORKS.c.id)
        if live_only:
            found = found.where(WORKS.c.withdrawn_at.is_(None))
        return self._all(found, work_of)

    def plan_tasks(self, run_id: int) -> Sequence[Task]:
        made = select(WORKS.c.task_id).where(WORKS.c.run_id == run_id)
        return self._all(select(TASKS).where(TASKS.c.id.in_(made)).order_by(TASKS.c.id), rows.task_of)

    def plan_works_alike(self, plan: str, place: str, step: str) -> Sequence[PlanWork]:
        same = (WORKS.c.plan == plan, WORKS.c.place == place, WORKS.c.step == step, WORKS.c.withdrawn_at.is_(None))
        return self._all(select(WORKS).where(*same).order_by(WORKS.c.id), work_of)

    def plan_work(self, work_id: int) -> PlanWork:
        return self._one(WORKS, work_id, work_of, "work of a plan")
