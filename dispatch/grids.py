"""The grid of a place, and the units above it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shapely import STRtree, get_num_coordinates
from shapely.errors import ShapelyError
from shapely.geometry import Point, mapping, shape

from data.errors import InputRejected
from data.model.geo import Location
from data.model.organisation import Shift, Unit, UnitKind, above
from data.ports.store import Reader

log = logging.getLogger(__name__)

LARGEST_OUTLINE = 100_000  # points; larger outlines are refused
MOST_OUTLINE_POINTS = 1000  # points that are kept after simplification
_TOLERANCES_DEG = (0.000_01, 0.000_03, 0.000_1)  # 1 m to 11 m
_MANNED = frozenset({UnitKind.POST, UnitKind.JOINT_DUTY, UnitKind.SECTION})


class GridMap:
    """The outlines of all grids, read once for any number of places."""

    def __init__(self, units: Iterable[Unit]) -> None:
        grids = (unit for unit in units if unit.kind is UnitKind.GRID and unit.outline is not None)
        self._grids: list[Unit] = []
        shapes = []
        for grid in sorted(grids, key=lambda one: one.id):
            try:
                shapes.append(outline_of(grid))
            except InputRejected as error:  # a broken outline does not hide the other grids
                log.error("%s", error)
            else:
                self._grids.append(grid)
        self._tree = STRtree(shapes)

    def at(self, place: Location) -> Unit | None:
        """The grid whose outline covers this place; the first by id where outlines overlap."""
        found = self._tree.query(Point(place.lon, place.lat), predicate="covered_by")
        return self._grids[int(min(found))] if len(found) else None


def grid_at(units: Iterable[Unit], place: Location) -> Unit | None:
    """The grid whose outline covers this place; the first by id where outlines overlap."""
    return GridMap(units).at(place)


def outline_of(unit: Unit) -> Any:
    """The outline as a polygon. Raises InputRejected for an outline that is not a valid polygon."""
    try:
        polygon = shape(dict(unit.outline or {}))
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise InputRejected(f"the outline of {unit.id} is no GeoJSON polygon: {error}") from error
    if get_num_coordinates(polygon) > LARGEST_OUTLINE:
        raise InputRejected(f"the outline of {unit.id} has more than {LARGEST_OUTLINE} points")
    if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty or not polygon.is_valid:
        raise InputRejected(f"the outline of {unit.id} is no valid GeoJSON polygon")
    return polygon


def place_in(unit: Unit) -> Location | None:
    """A place inside the unit's outline; None without a valid one."""
    if unit.outline is None:
        return None
    try:
        inside = outline_of(unit).representative_point()
    except InputRejected as error:  # a broken outline does not hide the other units
        log.error("%s", error)
        return None
    return Location(lon=inside.x, lat=inside.y)


def bounded_outline(unit: Unit) -> Unit:
    """The unit with an outline of at most MOST_OUTLINE_POINTS, simplified by up to 11 m where it had more.

    Done once, at import, since every event and plan looks up its grid. Raises InputRejected, also for an outline that
    is no polygon.
    """
    if unit.outline is None:
        return unit
    outline = outline_of(unit)
    if get_num_coordinates(outline) <= MOST_OUTLINE_POINTS:
        return unit
    for tolerance in _TOLERANCES_DEG:
        simple = outline.simplify(tolerance)  # keeps the topology: a valid outline stays valid
        if get_num_coordinates(simple) <= MOST_OUTLINE_POINTS and simple.is_valid and not simple.is_empty:
            return replace(unit, outline=mapping(simple))
    raise InputRejected(
        f"the outline of {unit.id} has {get_num_coordinates(outline)} points, and more than {MOST_OUTLINE_POINTS} are "
        "left when it is simplified by 11 m; simplify it before it is brought in"
    )


def district_of(reader: Reader, grid_code: str) -> str:
    """The id of the district of a grid; empty when unknown."""
    units = {unit.id: unit for unit in reader.units()}
    chain = [one for unit in units.values() if grid_code and unit.code == grid_code for one in above(units, unit.id)]
    return next((unit.id for unit in chain if unit.kind is UnitKind.DISTRICT), "")


@dataclass(frozen=True, slots=True)
class Coverage:
    """One figure of coverage: `present` out of `of`, and what is missing."""

    name: str
    present: int
    of: int
    missing: tuple[str, ...]

    @property
    def percent(self) -> float:
        return 100.0 if self.of == 0 else 100.0 * self.present / self.of


def coverage(units: Sequence[Unit], shifts: Sequence[Shift], now: datetime) -> tuple[Coverage, ...]:
    """Grids with people, posts filled, units that work with the platform, units on duty now; each against 100 %."""
    grids = [unit for unit in units if unit.kind is UnitKind.GRID]
    on_duty = {shift.unit for shift in shifts if shift.begins <= now < shift.ends}
    staffed = [grid for grid in grids if grid.people]
    posts = sum(unit.posts for unit in units)
    filled = sum(min(unit.posts, len(unit.people)) for unit in units)
    short = [f"{unit.id} ({len(unit.people)}/{unit.posts})" for unit in units if len(unit.people) < unit.posts]
    working = [unit for unit in units if unit.kind not in (UnitKind.DISTRICT, UnitKind.EXTERNAL)]
    using = [unit for unit in working if unit.platform]
    manned = [unit for unit in units if unit.kind in _MANNED]
    return (
        Coverage("grids_staffed", len(staffed), len(grids), _without(grids, staffed)),
        Coverage("posts_filled", filled, posts, tuple(short)),
        Coverage("platform_in_use", len(using), len(working), _without(working, using)),
        Coverage(
            "posts_on_duty",
            sum(unit.id in on_duty for unit in manned),
            len(manned),
            tuple(unit.id for unit in manned if unit.id not in on_duty),
        ),
    )


def coverage_view(figures: Iterable[Coverage]) -> list[Mapping[str, Any]]:
    """The figures as JSON."""
    return [
        {
            "name": one.name,
            "present": one.present,
            "of": one.of,
            "percent": round(one.percent, 1),
            "missing": list(one.missing),
        }
        for one in figures
    ]


def _without(everything: Sequence[Unit], present: Sequence[Unit]) -> tuple[str, ...]:
    there = {unit.id for unit in present}
    return tuple(unit.id for unit in everything if unit.id not in there)
