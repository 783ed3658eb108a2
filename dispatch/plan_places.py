"""Where the steps of a plan apply: which places, in which grids, inside the area of a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shapely import make_valid
from shapely.geometry import Point, Polygon

from data.geo import Location, distance_m
from data.organisation import Unit, UnitKind
from data.plan_settings import Call, TaskStep
from data.settings import Settings
from data.warning import WarningArea
from dispatch.grids import grid_at, outline_of

GRID = "grid:"
_COARSEST = 2  # digits of a province


@dataclass(frozen=True, slots=True)
class Spot:
    """A place where a step applies. `id`: of the site or place, or "grid:<code>". `unit`: of the grid that owns it."""

    id: str
    name: str
    location: Location
    grid: str = ""
    site: str = ""
    unit: str = ""
    marks: frozenset[str] = frozenset()
    calls: tuple[Call, ...] = field(default=(), compare=False)


class Ground:
    """The places of the configuration with the organisation's grids. Made anew for each unit of work."""

    def __init__(self, settings: Settings, units: Sequence[Unit]) -> None:
        self._settings = settings
        self._units = units
        self._grids: Mapping[str, Unit] = {unit.code: unit for unit in units if unit.kind is UnitKind.GRID}
        self.spots = tuple(self._all_spots())

    def of(self, step: TaskStep, areas: Collection[WarningArea] = ()) -> tuple[Spot, ...]:
        """The places of a step inside these areas; without areas, all of them."""
        if step.calls:
            found = self._calls(step.calls)
        else:
            found = [spot for spot in self.spots if spot.id in step.places or spot.marks & set(step.marks)]
        return tuple(spot for spot in found if inside(spot, areas))

    def unit_of(self, step: TaskStep, spot: Spot) -> str:
        """The unit that gets the task; empty, also for a unit in which nobody works: the nearest who can."""
        wanted = spot.unit if step.to == "grid" else step.to
        return next((unit.id for unit in self._units if unit.id == wanted and unit.people), "")

    def _all_spots(self) -> Iterable[Spot]:
        for site in self._settings.sites:
            marks = frozenset({site.profile} - {""})
            yield self._spot(site.id, site.name or site.id, site.location, site.grid, marks, site.id)
        for place in self._settings.plans.places:
            yield self._spot(place.id, place.name, place.location, place.grid, frozenset(place.marks), "")

    def _spot(  # noqa: PLR0917 - a place with everything that is known of it
        self, name: str, shown: str, location: Location, grid: str, marks: frozenset[str], site: str
    ) -> Spot:
        unit = self._grids.get(grid) if grid else grid_at(self._units, location)
        code = grid or (unit.code if unit is not None else "")
        return Spot(name, shown, location, code, site, "" if unit is None else unit.id, marks)

    def _calls(self, name: str) -> list[Spot]:
        """One spot for each grid of the list; its people call."""
        calls = self._settings.plans.call_lists[name].calls
        by_grid: dict[str, list[Call]] = {}
        for call in calls:
            by_grid.setdefault(call.grid, []).append(call)
        return [self._grid_spot(code, tuple(found)) for code, found in by_grid.items()]

    def _grid_spot(self, code: str, calls: tuple[Call, ...]) -> Spot:
        unit = self._grids.get(code)
        name = unit.name if unit is not None else code
        return Spot(
            f"{GRID}{code}", name, self._middle(code, unit), code, "", "" if unit is None else unit.id, calls=calls
        )

    def _middle(self, code: str, unit: Unit | None) -> Location:
        if unit is not None and unit.location is not None:
            return unit.location
        if unit is not None and unit.outline is not None:
            point = outline_of(unit).representative_point()
            return Location(lon=point.x, lat=point.y)
        known = [spot.location for spot in self.spots if spot.grid == code] or [spot.location for spot in self.spots]
        if not known:
            return Location(lon=0.0, lat=0.0)
        return Location(lon=sum(p.lon for p in known) / len(known), lat=sum(p.lat for p in known) / len(known))


def inside(spot: Spot, areas: Collection[WarningArea]) -> bool:
    """Does any of the areas hold the place? An area that says nothing we can judge holds everything."""
    return not areas or any(_holds(area, spot) for area in areas)


def _holds(area: WarningArea, spot: Spot) -> bool:
    point = Point(spot.location.lon, spot.location.lat)
    if any(make_valid(Polygon(ring)).covers(point) for ring in area.polygons):
        return True
    if any(
        distance_m(Location(lon=lon, lat=lat), spot.location) <= radius_km * 1000
        for lon, lat, radius_km in area.circles
    ):
        return True
    codes = [code for _, code in area.geocodes if code.isdigit() and len(code) >= _COARSEST]
    if spot.grid and any(_is_part(spot.grid, code) for code in codes):
        return True
    return not (area.polygons or area.circles or (codes and spot.grid))


def _is_part(grid: str, code: str) -> bool:
    """Is the grid in the province, city, district, street or community of this code (GB/T 2260, GB/T 10114)?"""
    significant = code.rstrip("0")
    steps = (2, 4, 6, 9, 12, 15)
    length = next((step for step in steps if step >= len(significant)), len(code))
    return grid.startswith(code.ljust(length, "0")[:length])
