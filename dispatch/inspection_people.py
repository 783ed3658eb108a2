"""Who inspects a grid's places: its people; where it has none, those of the nearest unit above that has some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data.config.settings import Settings
from data.model.organisation import Staffing
from data.ports.store import Reader


@dataclass(frozen=True)
class InCharge:
    """`units`: by id. `coded`: ids by grid code. `responders`: by home grid, for codes that are no unit's."""

    units: Mapping[str, Staffing]
    coded: Mapping[str, str]
    responders: Mapping[str, tuple[str, ...]]

    def unit(self, grid: str) -> str:
        """The id of the unit whose people inspect there; empty when there is none."""
        seen: set[str] = set()
        here = self.coded.get(grid, "")
        while here in self.units and here not in seen:
            if self.units[here].people:
                return here
            seen.add(here)
            here = self.units[here].parent
        return ""

    def people(self, grid: str) -> tuple[str, ...]:
        """Who inspects in this grid."""
        unit = self.unit(grid)
        if unit:
            return self.units[unit].people
        return () if grid in self.coded else self.responders.get(grid, ())

    def name(self, grid: str) -> str:
        """What the grid is called; its code where it is no unit's."""
        return self.units[self.coded[grid]].name if grid in self.coded else grid

    def grids_of(self, person: str, grids: Iterable[str] | None = None) -> frozenset[str]:
        """The grids, of these or of all, in which this person inspects."""
        asked = {*self.coded, *self.responders} if grids is None else grids
        return frozenset(grid for grid in asked if person in self.people(grid))


def in_charge(reader: Reader, settings: Settings) -> InCharge:
    """By the organisation and the responders' home grids. Outlines are not read: every phone asks for this."""
    responders: dict[str, tuple[str, ...]] = {}
    for one in settings.responders:
        if one.grid:
            responders[one.grid] = (*responders.get(one.grid, ()), one.id)
    units = reader.staffing()
    return InCharge({unit.id: unit for unit in units}, {unit.code: unit.id for unit in units if unit.code}, responders)
