"""Queries of inspections."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, func, select

from data.model.inspection import Inspection
from data.sql.base_queries import BaseQueries
from data.sql.inspection_rows import InspectionRow, inspection_of

INSPECTIONS = InspectionRow.table()
_C = INSPECTIONS.c
_IS_OPEN = and_(_C.done_at.is_(None), _C.dropped_at.is_(None))


class InspectionQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about inspections."""

    def inspection(self, inspection_id: int) -> Inspection:
        return self._one(INSPECTIONS, inspection_id, inspection_of, "inspection")

    def open_inspections(
        self, place: str | None = None, *, grids: Collection[str] | None = None, listed_only: bool = False
    ) -> Sequence[Inspection]:
        found = select(INSPECTIONS).where(_IS_OPEN).order_by(_C.due, _C.id)
        if place is not None:
            found = found.where(_C.place == place)
        if grids is not None:
            found = found.where(_C.grid.in_(sorted(grids)))
        return self._all(found.where(_C.opened_at.is_not(None)) if listed_only else found, inspection_of)

    def last_inspected(self, place: str | None = None) -> Mapping[str, datetime]:
        found = select(_C.place, func.max(_C.done_at).label("at"))
        found = found.where(_C.done_at.is_not(None), _C.event_id.is_(None)).group_by(_C.place)
        if place is not None:
            found = found.where(_C.place == place)
        return {row.place: row.at for row in self._connection.execute(found)}

    def inspections_done(
        self, since: datetime, until: datetime, *, place: str | None = None, limit: int = 10_000
    ) -> Sequence[Inspection]:
        found = select(INSPECTIONS).where(_C.done_at >= since, _C.done_at < until)
        found = found.order_by(_C.done_at.desc(), _C.id.desc()).limit(limit)
        return self._all(found if place is None else found.where(_C.place == place), inspection_of)

    def inspections(
        self, *, place: str | None = None, open_only: bool = False, before_id: int | None = None, limit: int = 100
    ) -> Sequence[Inspection]:
        found = select(INSPECTIONS).order_by(_C.id.desc()).limit(limit)
        if place is not None:
            found = found.where(_C.place == place)
        if open_only:
            found = found.where(_IS_OPEN)
        return self._all(found if before_id is None else found.where(_C.id < before_id), inspection_of)
