"""Writes of the organisation, its shifts, the category table and routine upkeep."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, select, update

from data.errors import NotFound, StaleVersion
from data.model.category import Category, CategoryVersion
from data.model.organisation import Shift, Unit, Upkeep
from data.sql.organisation_read import CATEGORIES, UNITS, UPKEEPS
from data.sql.organisation_rows import unit_values
from data.sql.rows import plain
from data.sql.spans import SHIFTS
from data.sql.writing import SqlWriting


class OrganisationWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about the organisation."""

    def put_unit(self, unit: Unit) -> Unit:
        """Insert (version 0) or change what was read. Raises StaleVersion."""
        values = unit_values(unit)
        present = self._connection.execute(select(UNITS.c.version).where(UNITS.c.id == unit.id)).scalar()
        values["version"] = _next_version(f"unit {unit.id}", present, unit.version)
        if present is None:
            self._execute(self._inserting(UNITS), values, f"unit {unit.id}")
        else:
            self._execute(update(UNITS).where(UNITS.c.id == unit.id).values(**values), {}, f"unit {unit.id}")
        return replace(unit, version=unit.version + 1)

    def remove_unit(self, unit_id: str) -> None:
        """Remove a unit. Raises NotFound, and IllegalMove while shifts refer to it."""
        if self._execute(delete(UNITS).where(UNITS.c.id == unit_id), {}, f"unit {unit_id}").rowcount == 0:
            raise NotFound(f"no unit {unit_id}")

    def add_shift(self, shift: Shift) -> Shift:
        number = self._number(SHIFTS, plain(shift, "id"), f"shift of {shift.person} for {shift.unit}")
        return replace(shift, id=number)

    def remove_shift(self, shift_id: int) -> None:
        """Raises NotFound."""
        if self._execute(delete(SHIFTS).where(SHIFTS.c.id == shift_id), {}, f"shift {shift_id}").rowcount == 0:
            raise NotFound(f"no shift {shift_id}")

    def put_category(self, category: Category, version: int = 0) -> CategoryVersion:
        """Insert (version 0) or change what was read. Raises StaleVersion."""
        kind = category.kind
        present = self._connection.execute(select(CATEGORIES.c.version).where(CATEGORIES.c.kind == kind)).scalar()
        stored = _next_version(f"category {kind}", present, version)
        values = {"kind": kind, "body": category.model_dump(mode="json"), "version": stored}
        if present is None:
            self._execute(self._inserting(CATEGORIES), values, f"category {kind}")
        else:
            self._execute(update(CATEGORIES).where(CATEGORIES.c.kind == kind).values(**values), {}, f"category {kind}")
        return CategoryVersion(category=category, version=stored)

    def add_upkeep(self, upkeep: Upkeep) -> Upkeep:
        number = self._number(UPKEEPS, plain(upkeep, "id"), f"upkeep after event {upkeep.event_id}")
        return replace(upkeep, id=number)

    def end_upkeep(self, upkeep_id: int, at: datetime) -> bool:
        """True for the one caller that ended it."""
        running = update(UPKEEPS).where(UPKEEPS.c.id == upkeep_id, UPKEEPS.c.ends.is_(None))
        return self._connection.execute(running.values(ends=at)).rowcount == 1


def _next_version(what: str, present: int | None, read: int) -> int:
    if (present or 0) != read:
        now = "does not exist" if present is None else f"is now {present}"
        raise StaleVersion(f"{what} was changed by somebody else: version {read} {now}")
    return read + 1
