"""Queries of shift handovers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from data.model.handover import OPEN, Handover, HandoverState
from data.sql.base_queries import BaseQueries
from data.sql.handover_rows import HandoverRow, handover_of

HANDOVERS = HandoverRow.table()


class HandoverQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about shift handovers."""

    def handover(self, handover_id: int) -> Handover:
        return self._one(HANDOVERS, handover_id, handover_of, "handover")

    def open_handover(self) -> Handover | None:
        found = select(HANDOVERS).where(HANDOVERS.c.state.in_(sorted(OPEN))).order_by(HANDOVERS.c.id).limit(1)
        return self._first(found, handover_of)

    def last_taken_handover(self) -> Handover | None:
        found = select(HANDOVERS).where(HANDOVERS.c.state == HandoverState.TAKEN.value)
        return self._first(found.order_by(HANDOVERS.c.id.desc()).limit(1), handover_of)

    def handovers(self, *, words: str = "", before_id: int | None = None, limit: int = 100) -> Sequence[Handover]:
        found = select(HANDOVERS).order_by(HANDOVERS.c.id.desc()).limit(limit)
        for word in words.lower().split():
            found = found.where(HANDOVERS.c.words.contains(word, autoescape=True))
        return self._all(found if before_id is None else found.where(HANDOVERS.c.id < before_id), handover_of)
