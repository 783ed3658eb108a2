"""Queries of rejects, counted by source and reason in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from data.model.observation import Rejected
from data.model.rejects import RejectGroup
from data.sql import models, rows
from data.sql.base_queries import BaseQueries

REJECTS = models.RejectRow.table()
MOST_GROUPS = 2000  # reasons may contain numbers; only the newest groups are returned


class RejectQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about rejects."""

    def rejects(self, *, site: str | None = None, limit: int = 100) -> Sequence[Rejected]:
        found = select(REJECTS).order_by(REJECTS.c.id.desc()).limit(limit)
        if site is not None:
            found = found.where(REJECTS.c.site == site)
        return self._all(found, rows.rejected_of)

    def rejects_after(self, number: int, limit: int = 1000) -> Sequence[tuple[int, Rejected]]:
        found = select(REJECTS).where(REJECTS.c.id > number).order_by(REJECTS.c.id).limit(limit)
        return self._all(found, lambda row: (row["id"], rows.rejected_of(row)))

    def reject_groups(self, since: datetime) -> Sequence[RejectGroup]:
        columns = (REJECTS.c.site, REJECTS.c.monitor, REJECTS.c.reason)
        newest = func.max(REJECTS.c.id).label("newest")
        groups = (
            select(*columns, func.count().label("count"), newest)
            .where(REJECTS.c.received_at >= since)
            .group_by(*columns)
            .order_by(newest.desc())
            .limit(MOST_GROUPS)
            .subquery()
        )
        found = select(groups, REJECTS.c.received_at, REJECTS.c.excerpt).join(REJECTS, REJECTS.c.id == groups.c.newest)
        return [
            RejectGroup(row["site"], row["monitor"], row["reason"], row["count"], row["received_at"], row["excerpt"])
            for row in self._connection.execute(found).mappings()
        ]
