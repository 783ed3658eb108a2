"""Where the steps of a plan apply: the places, their grids, and those inside the area of a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from shapely import get_parts

from data.config.plans import Call, TaskStep
from data.config.settings import Settings, SiteSettings
from data.errors import InputRejected
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.warning import WarningArea, WarningLevel
from data.model.warning_reach import District, Place, Reach, reach_at
from dispatch.grids import GridMap, outline_of

GRID = "grid:"
_MOST_CORNERS = 5000
_FEWEST_CORNERS = 4
Where = Sequence[tuple[WarningLevel, Collection[WarningArea]]]
"""The levels of a warning with their areas; the higher level counts where they overlap."""


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
    """The configured places with the organisation's grids. Made anew for each unit of work."""

    def __init__(self, settings: Settings, units: Sequence[Unit]) -> None:
        self._settings = settings
        self._units = units
        self._map: GridMap | None = None
        self._grids: Mapping[str, Unit] = {unit.code: unit for unit in units if unit.kind is UnitKind.GRID}
        self.spots = tuple(self._all_spots())

    def of(self, step: TaskStep) -> tuple[Spot, ...]:
        """The places of a step."""
        if step.calls:
            return tuple(self._calls(step.calls))
        return tuple(spot for spot in self.spots if spot.id in step.places or spot.marks & set(step.marks))

    @cached_property
    def district(self) -> District:
        """Our district: every place that plans know, and the outlines and codes of the organisation."""
        codes = {unit.code for unit in self._units} | {spot.grid for spot in self.spots}
        own = {code for code in self._settings.district_codes if ":" not in code}
        # Weather offices may be in another city.
        offices = {site.id for site in self._settings.sites if _is_office(site)}
        spots = [spot for spot in self.spots if spot.site not in offices] or self.spots
        return District(
            places=tuple(Place(spot.location, spot.grid) for spot in spots),
            outlines=tuple(_outlines(self._units)),
            codes=frozenset(own or codes - {""}),
            others=frozenset(code for code in self._settings.district_codes if ":" in code),
        )

    def unit_of(self, step: TaskStep, spot: Spot) -> str:
        """The unit that gets the task; empty (also for a unit without people) for the nearest suitable responder."""
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
        unit = self._grids.get(grid) if grid else self._grid_at(location)
        code = grid or (unit.code if unit is not None else "")
        return Spot(name, shown, location, code, site, "" if unit is None else unit.id, marks)

    def _grid_at(self, location: Location) -> Unit | None:
        self._map = self._map or GridMap(self._units)
        return self._map.at(location)

    def _calls(self, name: str) -> list[Spot]:
        """One spot for each grid of the call list; the grid's people make the calls."""
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


def levels_at(spots: Sequence[Spot], where: Where, district: District, *, everywhere: bool) -> dict[str, WarningLevel]:
    """The level of a warning at each place, by the place's id; places where it does not apply are left out.

    `everywhere`: a human has decided that an area that cannot be located includes this district.
    """
    places = [Place(spot.location, spot.grid) for spot in spots]
    sure: dict[str, WarningLevel] = {}
    perhaps: dict[str, WarningLevel] = {}
    for level, areas in where:
        for spot, reach in zip(spots, reach_at(tuple(areas), places, district), strict=True):
            found = sure if reach is Reach.YES else perhaps
            if reach is not Reach.NO:
                found[spot.id] = max(level, found.get(spot.id, level), key=lambda one: one.rank)
    if not everywhere and sure:
        return sure
    return perhaps | {
        name: max(level, perhaps.get(name, level), key=lambda one: one.rank) for name, level in sure.items()
    }


def _is_office(site: SiteSettings) -> bool:
    """True for a site that only gives official warnings."""
    return bool(site.all_monitors) and all(monitor.gives == "warnings" for monitor in site.all_monitors)


def _outlines(units: Sequence[Unit]) -> list[tuple[tuple[float, float], ...]]:
    """The outlines of the district, else of the next smaller units that have any; of many units a few points each."""
    for kind in (UnitKind.DISTRICT, UnitKind.STREET, UnitKind.COMMUNITY, UnitKind.GRID):
        rings = [ring for unit in units if unit.kind is kind for ring in _rings(unit)]
        if rings:
            step = 1 + sum(len(ring) for ring in rings) // _MOST_CORNERS
            return [(*ring[:-1:step], ring[0]) if len(ring) // step >= _FEWEST_CORNERS else ring for ring in rings]
    return []


def _rings(unit: Unit) -> list[tuple[tuple[float, float], ...]]:
    """The outer rings of a unit's outline; empty if it has none or one that cannot be read."""
    if unit.outline is None:
        return []
    try:
        outline = outline_of(unit)
    except InputRejected:
        return []
    parts = get_parts(outline)
    return [tuple((float(x), float(y)) for x, y, *_ in part.exterior.coords) for part in parts]
