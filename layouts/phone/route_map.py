"""A small map of the way: the streets around, the route, where I am and where it is. Inline SVG, no tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from data.model.geo import EARTH_RADIUS_M, Location
from dispatch.routing import Closure, Roads

WIDTH, HEIGHT = 360.0, 200.0  # units of the drawing
_MARGIN = 26.0
_LEAST_EXTENT_M = 120.0
_MOST_STREETS = 700  # pieces; more would weigh too much on a slow network
_SCALES_M = (20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class RouteMap:
    """The drawing as path data and points, for the template. Units are those of WIDTH × HEIGHT."""

    streets: str
    route: str
    start: tuple[float, float] | None
    goal: tuple[float, float]
    scale_m: int
    scale_length: float


def draw_route(
    roads: Roads, start: Location | None, goal: Location, travel: str, closed: Sequence[Closure] = ()
) -> RouteMap:
    """The way from `start` (None: unknown) to `goal` round closed roads, fitted into the drawing, north up."""
    way = (goal,) if start is None else roads.paths(goal, [(start, travel)], closed)[0]
    view = _View.around(way)
    west, south, east, north = view.box()
    streets = view.draw(roads.near(west, south, east, north)[:_MOST_STREETS])
    points = view.place([(place.lon, place.lat) for place in way])
    scale_m = max((m for m in _SCALES_M if m * view.per_metre <= WIDTH / 3), default=_SCALES_M[0])
    return RouteMap(
        streets=_pieces(streets),
        route="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if start is not None else "",
        start=_pair(points[0]) if start is not None else None,
        goal=_pair(points[-1]),
        scale_m=scale_m,
        scale_length=round(scale_m * view.per_metre, 1),
    )


def draw_tour(roads: Roads, stops: Sequence[Location], travel: str) -> dict[str, Any]:
    """The way through these stops as path data and points for an SVG of WIDTH × HEIGHT, north up."""
    legs = [roads.path(here, there, travel) for here, there in pairwise(stops)]
    view = _View.around([place for leg in legs for place in leg] or list(stops))
    streets = view.draw(roads.near(*view.box())[:_MOST_STREETS])
    points = [place for leg in legs for place in leg]
    way = view.place([(place.lon, place.lat) for place in points])
    marks = view.place([(place.lon, place.lat) for place in stops])
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "streets": _pieces(streets),
        "route": "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in way) if len(way) else "",
        "stops": [_pair(point) for point in marks],
    }


@dataclass(frozen=True, slots=True)
class _View:
    """From degrees to units of the drawing: a local plane around the middle."""

    lon: float
    lat: float
    per_metre: float

    @classmethod
    def around(cls, places: Sequence[Location]) -> _View:
        lons, lats = [place.lon for place in places], [place.lat for place in places]
        lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
        one = cls(lon, lat, 1.0)
        east, north = one._metres((max(lons) - lon, max(lats) - lat))
        per_metre = min(
            (WIDTH / 2 - _MARGIN) / max(east, _LEAST_EXTENT_M / 2),
            (HEIGHT / 2 - _MARGIN) / max(north, _LEAST_EXTENT_M / 2),
        )
        return cls(lon, lat, per_metre)

    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north of what is seen, degrees."""
        d_lat = math.degrees(HEIGHT / 2 / self.per_metre / EARTH_RADIUS_M)
        d_lon = math.degrees(WIDTH / 2 / self.per_metre / EARTH_RADIUS_M / math.cos(math.radians(self.lat)))
        return self.lon - d_lon, self.lat - d_lat, self.lon + d_lon, self.lat + d_lat

    def place(self, lonlat: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
        return self.draw(np.array(lonlat, dtype=np.float64).reshape(-1, 2))

    def draw(self, lonlat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Degrees (..., 2) to units of the drawing (..., 2), y downwards."""
        metres = np.radians(lonlat - np.array([self.lon, self.lat])) * EARTH_RADIUS_M
        metres[..., 0] *= math.cos(math.radians(self.lat))
        units = metres * self.per_metre * np.array([1.0, -1.0])
        return np.asarray(units + np.array([WIDTH / 2, HEIGHT / 2]))

    def _metres(self, degrees: tuple[float, float]) -> tuple[float, float]:
        east = math.radians(degrees[0]) * EARTH_RADIUS_M * math.cos(math.radians(self.lat))
        return east, math.radians(degrees[1]) * EARTH_RADIUS_M


def _pieces(streets: npt.NDArray[np.float64]) -> str:
    """(n, 2, 2) as path data; whole units are enough for a background."""
    return "".join(f"M{a[0]:.0f} {a[1]:.0f}L{b[0]:.0f} {b[1]:.0f}" for a, b in streets)


def _pair(point: npt.NDArray[np.float64]) -> tuple[float, float]:
    return round(float(point[0]), 1), round(float(point[1]), 1)
