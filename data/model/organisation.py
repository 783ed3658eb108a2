"""The organisation: districts, streets, communities, grids, sections, posts, departments and external units.

The "141" system: one centre, four sections with posts and one layer of grids, on the chain district — street —
community — grid, with departments beside each level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from data.errors import InputRejected
from data.model.geo import Location


class UnitKind(StrEnum):
    DISTRICT = "district"  # 区
    STREET = "street"  # 街道
    COMMUNITY = "community"  # 社区
    GRID = "grid"  # 网格
    SECTION = "section"  # 板块
    POST = "post"  # 岗位
    JOINT_DUTY = "joint_duty"  # 联勤岗: police, market supervision, justice, tax, traffic police, fire, health
    DEPARTMENT = "department"  # 部门
    EXTERNAL = "external"  # school, property company


GRID_CODE_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of the organisation. `people`: users who belong to it; `posts`: how many it should have.

    `code`: a grid's 15 digits. `outline`: a GeoJSON Polygon or MultiPolygon. `powers`: its legal powers. `platform`:
    whether it works with this platform. `contact`: ways to reach it, by name.
    """

    id: str
    kind: UnitKind
    name: str
    parent: str = ""
    code: str = ""
    section: str = ""
    posts: int = 0
    people: tuple[str, ...] = ()
    leader: str = ""
    powers: tuple[str, ...] = ()
    vehicles: tuple[str, ...] = ()
    contact: Mapping[str, str] = field(default_factory=dict)
    platform: bool = False
    location: Location | None = None
    outline: Mapping[str, Any] | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if not self.id or not self.name:
            raise InputRejected(f"a unit needs an id and a name, got {self.id!r} and {self.name!r}")
        digits = self.code.isascii() and self.code.isdigit() and len(self.code) == GRID_CODE_DIGITS
        if self.kind is UnitKind.GRID and not digits:
            raise InputRejected(f"grid {self.id!r}: the code {self.code!r} must have {GRID_CODE_DIGITS} digits")
        if self.posts < 0:
            raise InputRejected(f"unit {self.id!r}: posts is {self.posts}, it cannot be below 0")


@dataclass(frozen=True, slots=True)
class Staffing:
    """A unit with its people, without its outline and the rest: what is asked for often."""

    id: str
    name: str
    parent: str
    code: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """A person's duty for a unit from `begins` until `ends`."""

    unit: str
    person: str
    begins: datetime
    ends: datetime
    duty: str = ""
    id: int = 0

    def __post_init__(self) -> None:
        if self.ends <= self.begins:
            raise InputRejected(f"the shift of {self.person} for {self.unit} ends before it begins")


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Routine upkeep of a solved event: a task for `unit` every `every_s` seconds until ended."""

    event_id: int
    title: str
    unit: str
    every_s: float
    begins: datetime
    ends: datetime | None = None
    id: int = 0


def above(units: Mapping[str, Unit], unit_id: str) -> Sequence[Unit]:
    """The unit and those above it, nearest first. A unit that is its own ancestor ends the list."""
    chain: list[Unit] = []
    seen: set[str] = set()
    while unit_id in units and unit_id not in seen:
        seen.add(unit_id)
        chain.append(units[unit_id])
        unit_id = units[unit_id].parent
    return chain
