"""Writes of roll-calls. A person is called once in each; further calls to them count up."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from data.errors import IllegalMove
from data.model.roll_call import Called, RollCall
from data.sql import rows
from data.sql.roll_call_rows import roll_call_values
from data.sql.roll_calls_read import PEOPLE, ROLL_CALLS
from data.sql.writing import SqlWriting


class RollCallWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about roll-calls."""

    def add_roll_call(self, roll_call: RollCall) -> RollCall:
        stored = replace(roll_call, version=1)
        return replace(stored, id=self._number(ROLL_CALLS, roll_call_values(stored), "roll-call"))

    def save_roll_call(self, roll_call: RollCall) -> RollCall:
        before = self.roll_call(roll_call.id)
        if before.version == roll_call.version and roll_call.steps[: len(before.steps)] != before.steps:
            raise IllegalMove(f"roll-call {roll_call.id}: recorded steps stay as they are")
        values = roll_call_values(roll_call)
        return replace(roll_call, version=self._save(ROLL_CALLS, roll_call, values, "roll-call"))

    def add_called(self, called: Called) -> Called | None:
        statement = self._inserting(PEOPLE).on_conflict_do_nothing(index_elements=["roll_call_id", "person"])
        what = f"{called.person} of roll-call {called.roll_call_id}"
        number = self._execute(statement.returning(PEOPLE.c.id), rows.plain(called, "id"), what).scalar()
        return None if number is None else replace(called, id=int(number))

    def save_called(self, called: Called) -> None:
        values = rows.plain(called, "id")
        self._check_times(PEOPLE, called.id, values, "person of a roll-call")
        self._connection.execute(update(PEOPLE).where(PEOPLE.c.id == called.id).values(values))
