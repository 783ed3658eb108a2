"""Queries of roll-calls and the people they call."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, select

from data.model.roll_call import Called, RollCall
from data.sql.base_queries import BaseQueries
from data.sql.roll_call_rows import CalledRow, RollCallRow, roll_call_of

ROLL_CALLS = RollCallRow.table()
PEOPLE = CalledRow.table()


def called_of(row: RowMapping) -> Called:
    return Called(**row)


class RollCallQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about roll-calls."""

    def roll_call(self, roll_call_id: int) -> RollCall:
        return self._one(ROLL_CALLS, roll_call_id, roll_call_of, "roll-call")

    def roll_calls(
        self, *, open_only: bool = False, before_id: int | None = None, limit: int = 100
    ) -> Sequence[RollCall]:
        found = select(ROLL_CALLS).order_by(ROLL_CALLS.c.id.desc()).limit(limit)
        if open_only:
            found = found.where(ROLL_CALLS.c.closed_at.is_(None))
        return self._all(found if before_id is None else found.where(ROLL_CALLS.c.id < before_id), roll_call_of)

    def called(self, roll_call_id: int, person: str | None = None) -> Sequence[Called]:
        found = select(PEOPLE).where(PEOPLE.c.roll_call_id == roll_call_id).order_by(PEOPLE.c.id)
        return self._all(found if person is None else found.where(PEOPLE.c.person == person), called_of)

    def roll_calls_to(self, person: str) -> Sequence[Called]:
        open_ones = select(ROLL_CALLS.c.id).where(ROLL_CALLS.c.closed_at.is_(None))
        found = select(PEOPLE).where(PEOPLE.c.person == person, PEOPLE.c.roll_call_id.in_(open_ones))
        return self._all(found.order_by(PEOPLE.c.id.desc()), called_of)
