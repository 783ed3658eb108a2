"""Places on the ground: WGS-84 longitude/latitude in degrees, distances in metres."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG


class Location(BaseModel):
    """A point on the ground, WGS-84."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lon: Annotated[float, Field(ge=-180, le=180, description="Longitude in degrees, WGS-84.")]
    lat: Annotated[float, Field(ge=-90, le=90, description="Latitude in degrees, WGS-84.")]

    @model_validator(mode="before")
    @classmethod
    def _not_swapped(cls, given: Any) -> Any:
        """Refuse a latitude beyond 90: most cities' longitudes are, so it tells that the two were swapped."""
        if isinstance(given, dict):
            lon, lat = given.get("lon"), given.get("lat")
            if _degrees(lon, 90) and _degrees(lat, 180) and not _degrees(lat, 90):
                raise ValueError(f"lon and lat seem to be swapped: write lon: {lat:g}, lat: {lon:g}")
        return given


def _degrees(value: Any, limit: float) -> bool:
    return isinstance(value, int | float) and abs(value) <= limit


_NULL_ISLAND_DEGREES = 0.01  # about a kilometre around 0/0, in the Gulf of Guinea


def is_null_island(place: Location) -> bool:
    """True for 0/0, which devices without a position fix report."""
    return abs(place.lon) < _NULL_ISLAND_DEGREES and abs(place.lat) < _NULL_ISLAND_DEGREES


def _somewhere(place: Location) -> Location:
    if is_null_island(place):
        raise ValueError("lon 0, lat 0 is no place of a district: write its WGS-84 degrees")
    return place


ConfiguredLocation = Annotated[Location, AfterValidator(_somewhere)]
"""A configured location; 0/0 is refused as a forgotten one."""


def distance_m(here: Location, there: Location) -> float:
    """Great-circle distance in metres (haversine on the mean sphere; error below 0.6 %)."""
    lat_1, lat_2 = math.radians(here.lat), math.radians(there.lat)
    d_lat = lat_2 - lat_1
    d_lon = math.radians(there.lon - here.lon)
    a = math.sin(d_lat / 2) ** 2 + math.cos(lat_1) * math.cos(lat_2) * math.sin(d_lon / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


def box_around(place: Location, radius_m: float) -> Box:
    """A box that contains every point within `radius_m`; near a pole or the date line it is larger than necessary."""
    d_lat = math.degrees(radius_m / EARTH_RADIUS_M) * 1.01
    shrink = math.cos(math.radians(min(89.9, abs(place.lat) + d_lat)))
    d_lon = d_lat / max(shrink, 1e-3)
    if abs(place.lon) + d_lon > 180:
        return -180.0, place.lat - d_lat, 180.0, place.lat + d_lat
    return place.lon - d_lon, place.lat - d_lat, place.lon + d_lon, place.lat + d_lat
