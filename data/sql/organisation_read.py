"""Queries of the organisation, its shifts, the category table and routine upkeep."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Text, cast, select

from data.model.category import CategoryVersion
from data.model.organisation import Staffing, Unit, Upkeep
from data.sql.base_queries import BaseQueries
from data.sql.organisation_rows import (
    CategoryRow,
    UnitRow,
    UpkeepRow,
    category_of_row,
    unit_of,
    upkeep_of,
)

UNITS = UnitRow.table()
CATEGORIES = CategoryRow.table()
UPKEEPS = UpkeepRow.table()


class OrganisationQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about the organisation."""

    def units(self) -> Sequence[Unit]:
        return self._all(select(UNITS).order_by(UNITS.c.id), unit_of)

    def units_of(self, person: str) -> Sequence[Unit]:
        named = cast(UNITS.c.people, Text).contains(json.dumps(person, ensure_ascii=False), autoescape=True)
        found = self._all(select(UNITS).where(named).order_by(UNITS.c.id), unit_of)
        return [unit for unit in found if person in unit.people]

    def staffing(self) -> Sequence[Staffing]:
        columns = UNITS.c
        found = select(columns.id, columns.name, columns.parent, columns.code, columns.people).order_by(columns.id)
        return self._all(found, lambda row: Staffing(**{**row, "people": tuple(row["people"])}))

    def unit(self, unit_id: str) -> Unit:
        return self._one(UNITS, unit_id, unit_of, "unit")

    def categories(self) -> Sequence[CategoryVersion]:
        return self._all(select(CATEGORIES).order_by(CATEGORIES.c.kind), category_of_row)

    def category(self, kind: str) -> CategoryVersion:
        return self._one(CATEGORIES, kind, category_of_row, "category")

    def upkeeps(self, event_id: int | None = None) -> Sequence[Upkeep]:
        found = select(UPKEEPS).order_by(UPKEEPS.c.id)
        if event_id is not None:
            found = found.where(UPKEEPS.c.event_id == event_id)
        return self._all(found, upkeep_of)

    def upkeep(self, upkeep_id: int) -> Upkeep:
        return self._one(UPKEEPS, upkeep_id, upkeep_of, "upkeep")
