"""Small distances on the ground as a plane: points, areas and streets in metres around a place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from data.model.geo import EARTH_RADIUS_M

Metres = tuple[float, float]
"""East and north of the place."""
_LARGEST_DEGREES = 1.0  # an area wider than that is a mistake, and no plane


def _of_earth(place: tuple[float, float]) -> tuple[float, float]:
    lon, lat = place
    if abs(lat) > 90 >= abs(lon):
        raise ValueError(f"lon and lat seem to be swapped: write [{lat:g}, {lon:g}]")
    if abs(lon) > 180 or abs(lat) > 85:
        raise ValueError(f"[{lon:g}, {lat:g}] is no place of a city: write [longitude, latitude], WGS-84 degrees")
    return place


LonLat = Annotated[tuple[float, float], AfterValidator(_of_earth), Field(description="Longitude, latitude, WGS-84.")]


def require_small(places: Sequence[tuple[float, float]]) -> None:
    """Raises ValueError for places that lie further apart than a city."""
    for axis in zip(*places, strict=True):
        if max(axis) - min(axis) > _LARGEST_DEGREES:
            raise ValueError("the corners lie more than a degree (about 100 km) apart: is one of them mistyped?")


@dataclass(frozen=True, slots=True)
class Plane:
    """The ground around a place. Within a degree its distances are right to 1 %."""

    lon: float
    lat: float

    def metres(self, lon: float, lat: float) -> Metres:
        east = (lon - self.lon + 540.0) % 360.0 - 180.0
        shrink = math.cos(math.radians(self.lat))
        return math.radians(east) * EARTH_RADIUS_M * shrink, math.radians(lat - self.lat) * EARTH_RADIUS_M


def inside(point: Metres, corners: Sequence[Metres]) -> bool:
    """Does the point lie in the polygon (even-odd rule)?"""
    x, y = point
    odd = False
    for (ax, ay), (bx, by) in _sides(corners):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            odd = not odd
    return odd


def cuts(a: Metres, b: Metres, corners: Sequence[Metres]) -> bool:
    """Does the way from a to b cross the outline of the polygon?"""
    return any(meet(a, b, c, d) for c, d in _sides(corners))


def meet(a: Metres, b: Metres, c: Metres, d: Metres) -> bool:
    """Have the ways from a to b and from c to d a point in common?"""
    first, second = side_of(a, b, c), side_of(a, b, d)
    third, fourth = side_of(c, d, a), side_of(c, d, b)
    if first * second < 0 and third * fourth < 0:
        return True
    return any(
        turn == 0 and _within(point, start, end)
        for turn, point, start, end in ((first, c, a, b), (second, d, a, b), (third, a, c, d), (fourth, b, c, d))
    )


def side_of(a: Metres, b: Metres, point: Metres) -> float:
    """Above 0 left of the way from a to b, below 0 right of it; twice the triangle's area."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def distance_to_way(point: Metres, a: Metres, b: Metres) -> float:
    """From the point to the nearest point of the way from a to b."""
    along = (b[0] - a[0], b[1] - a[1])
    length_2 = along[0] ** 2 + along[1] ** 2
    share = 0.0
    if length_2 > 0:
        share = ((point[0] - a[0]) * along[0] + (point[1] - a[1]) * along[1]) / length_2
        share = min(1.0, max(0.0, share))
    return math.hypot(point[0] - a[0] - share * along[0], point[1] - a[1] - share * along[1])


def distance_of_ways(a: Metres, b: Metres, c: Metres, d: Metres) -> float:
    """From the way a to b to the way c to d, at their nearest."""
    if meet(a, b, c, d):
        return 0.0
    return min(distance_to_way(a, c, d), distance_to_way(b, c, d), distance_to_way(c, a, b), distance_to_way(d, a, b))


def _sides(corners: Sequence[Metres]) -> list[tuple[Metres, Metres]]:
    return [(corners[number - 1], corner) for number, corner in enumerate(corners)]


def _within(point: Metres, a: Metres, b: Metres) -> bool:
    """Does a point of the line through a and b lie between them?"""
    return min(a[0], b[0]) <= point[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= point[1] <= max(a[1], b[1])
