"""The nearest responder by road: travel times from all responders to one incident by one reversed search.

Method: every coordinate of every line is a node; coordinates within a metre of each other are one node (in an
OpenStreetMap extract, the extract's own nodes). The graph is a reversed SciPy sparse matrix of seconds for each travel
mode, and Dijkstra's algorithm (1959) runs once from the incident. Positions are snapped to the nearest edge, not node,
and the way along the edge counts. Distances are taken in a local equirectangular plane (error below 0.1 % within 30 km
of its centre).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from data.model.geo import EARTH_RADIUS_M, Location, distance_m
from dispatch.geojson import CAR_KMH, E_BIKE_M_S, WALK_M_S, RoadLine, read_lines
from dispatch.plane import Plane
from dispatch.streets import Streets

if TYPE_CHECKING:
    from dispatch.road_graph import RoadGraph

log = logging.getLogger(__name__)

ROAD, STRAIGHT_LINE = "road", "straight line"
_EXTRACTS = (".osm", ".pbf", ".osm.gz", ".osm.bz2")
DETOUR = 1.3  # streets are longer than straight lines; a usual ratio in towns is 1.2 to 1.4
_SPEED_M_S = {"walk": WALK_M_S, "e-bike": E_BIKE_M_S, "car": CAR_KMH / 3.6}


@dataclass(frozen=True, slots=True)
class Route:
    """Seconds and metres to the incident. `method`: "road", or "straight line" where roads give no answer."""

    travel_s: float
    distance_m: float
    method: str


@dataclass(frozen=True, slots=True)
class Closure:
    """Roads within `radius_m` of `centre` that these travel modes cannot use now."""

    centre: Location
    radius_m: float
    travel: frozenset[str]

    def stops(self, travel: str, incident: Location) -> bool:
        """True if it closes the road for this trip; not for a destination inside it, which somebody has to reach."""
        return travel in self.travel and distance_m(self.centre, incident) > self.radius_m


class Roads:
    """A road network for routing. Without lines every route is a straight line."""

    def __init__(self, lines: Sequence[RoadLine] = ()) -> None:
        self._graphs: dict[str, RoadGraph] = {}
        self.nodes: int = 0
        self.components: tuple[int, ...] = ()
        """Nodes of each connected part, largest first. Several parts cannot reach each other."""
        self._pieces: npt.NDArray[np.float64] = np.empty((0, 2, 2))
        self.streets = Streets(lines)
        if lines:
            from dispatch.road_network import build_network  # noqa: PLC0415 (loads SciPy: only where there are roads)

            self._graphs, self.nodes, self.components, self._pieces = build_network(lines)

    @property
    def described(self) -> str:
        """The size of the network and its number of unconnected parts, in a few words."""
        if not self.nodes:
            return "no roads: every distance is a straight line"
        parts = len(self.components)
        if parts == 1:
            return f"{self.nodes} nodes, all connected"
        apart = self.nodes - self.components[0]
        return f"{self.nodes} nodes in {parts} parts that cannot reach each other; {apart} are not in the largest"

    def routes(
        self, incident: Location, units: Sequence[tuple[Location, str]], closed: Sequence[Closure] = ()
    ) -> list[Route]:
        """The route of each (position, travel mode) to the incident, in the order given."""
        routes: list[Route | None] = [None] * len(units)
        for mode in {travel for _, travel in units}:
            graph = self._graphs.get(mode)
            if graph is None:
                continue
            wanted = [i for i, (_, travel) in enumerate(units) if travel == mode]
            found = graph.travel(incident, [units[i][0] for i in wanted], _shut(closed, mode, incident))
            for i, seconds, metres in zip(wanted, found.seconds, found.metres, strict=True):
                if math.isfinite(seconds):
                    routes[i] = Route(float(seconds), float(metres), ROAD)
        return [
            route if route is not None else straight_line(position, incident, travel)
            for route, (position, travel) in zip(routes, units, strict=True)
        ]

    def path(self, start: Location, end: Location, travel: str) -> tuple[Location, ...]:
        """The route to draw on a map, from start to end; just these two points where there is no route by road."""
        return self.paths(end, [(start, travel)])[0]

    def paths(
        self, incident: Location, units: Sequence[tuple[Location, str]], closed: Sequence[Closure] = ()
    ) -> list[tuple[Location, ...]]:
        """The routes whose times `routes` tells, to draw on a map: from each unit to the incident, both included."""
        ways: list[tuple[Location, ...]] = [(position, incident) for position, _ in units]
        for mode in {travel for _, travel in units}:
            graph = self._graphs.get(mode)
            if graph is None:
                continue
            wanted = [i for i, (_, travel) in enumerate(units) if travel == mode]
            found = graph.paths([units[i][0] for i in wanted], incident, _shut(closed, mode, incident))
            for i, between in zip(wanted, found, strict=True):
                if between is not None:
                    ways[i] = (units[i][0], *between, incident)
        return ways

    def within(self, centre: Location, radius_m: float) -> npt.NDArray[np.float64]:
        """Road pieces that come this close to the centre, to draw: (n, 2, 2) longitude, latitude of both ends."""
        d_lat = math.degrees(radius_m / EARTH_RADIUS_M)
        d_lon = d_lat / math.cos(math.radians(centre.lat))
        pieces = self.near(centre.lon - d_lon, centre.lat - d_lat, centre.lon + d_lon, centre.lat + d_lat)
        if not len(pieces):
            return pieces
        plane = Plane(centre.lon, centre.lat)
        a, b = (plane.project(pieces[:, end]) for end in (0, 1))
        along = b - a
        length2 = np.maximum(np.sum(along * along, axis=1), 1e-9)
        nearest = a + np.clip(-np.sum(a * along, axis=1) / length2, 0, 1)[:, None] * along
        return np.asarray(pieces[np.hypot(*nearest.T) <= radius_m])

    def near(self, west: float, south: float, east: float, north: float) -> npt.NDArray[np.float64]:
        """Road pieces that cross the box (degrees), to draw: (n, 2, 2) longitude, latitude of both ends."""
        crossing = np.all(self._pieces.min(axis=1) <= (east, north), axis=1)
        crossing &= np.all(self._pieces.max(axis=1) >= (west, south), axis=1)
        return np.asarray(self._pieces[crossing])


def load_roads(path: Path | None) -> Roads:
    """The road network of a file; for None a network in which every distance is a straight line.

    Parts that cannot reach each other are logged. Raises InputRejected, naming the file and the feature.
    """
    if path is None:
        return Roads()
    roads = Roads(read_roads(path))
    if len(roads.components) > 1:
        log.warning("%s: %s", path.name, roads.described)
    return roads


def read_roads(path: Path) -> list[RoadLine]:
    """The lines of a GeoJSON file or an OpenStreetMap extract, by the file's name."""
    if not path.name.lower().endswith(_EXTRACTS):
        return read_lines(path)
    from dispatch.osm import read_extract  # noqa: PLC0415 (loads libosmium: only where there is an extract)

    return read_extract(path)


def straight_line(start: Location, end: Location, travel: str) -> Route:
    """As the crow flies, at the mode's usual speed with a usual detour."""
    metres = distance_m(start, end)
    return Route(metres * DETOUR / _SPEED_M_S.get(travel, WALK_M_S), metres, STRAIGHT_LINE)


def _shut(closed: Sequence[Closure], travel: str, incident: Location) -> tuple[tuple[Location, float], ...]:
    return tuple((one.centre, one.radius_m) for one in closed if one.stops(travel, incident))
