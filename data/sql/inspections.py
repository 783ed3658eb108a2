"""Writes of inspections. The schema keeps it to one open inspection at a place, besides re-checks of hazards."""

from __future__ import annotations

from dataclasses import replace

from data.errors import IllegalMove
from data.model.inspection import Inspection
from data.sql.inspection_rows import inspection_values
from data.sql.inspections_read import INSPECTIONS
from data.sql.writing import SqlWriting


class InspectionWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about inspections."""

    def add_inspection(self, inspection: Inspection) -> Inspection:
        stored = replace(inspection, version=1)
        return replace(stored, id=self._number(INSPECTIONS, inspection_values(stored), "inspection"))

    def save_inspection(self, inspection: Inspection) -> Inspection:
        before = self.inspection(inspection.id)
        if before.version == inspection.version and not before.is_open:
            raise IllegalMove(f"inspection {inspection.id} is {before.state.value}, and stays so")
        values = inspection_values(inspection)
        return replace(inspection, version=self._save(INSPECTIONS, inspection, values, "inspection"))
