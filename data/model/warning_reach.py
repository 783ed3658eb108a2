"""Whether a warning's areas include our district: certainly, certainly not, or unknown.

Codes are read by their scheme: GB/T 2260 (with GB/T 10114 and the grid's digits below it) against our own codes; FIPS,
SAME, UGC and any other scheme only against codes of the same scheme that the configuration names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from shapely import STRtree
from shapely.geometry import Polygon

from data.model.geo import EARTH_RADIUS_M, Location
from data.model.warning import WarningArea

Coordinates = npt.NDArray[np.float64]

Rings = tuple[tuple[tuple[float, float], ...], ...]

GB_LENGTHS = (6, 9, 12, 15)
_GB_STEPS = (2, 4, *GB_LENGTHS)  # province, city, district, street, community, grid
_PROVINCES = frozenset(  # GB/T 2260, first two digits
    str(number)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 82))
    for number in range(first, last + 1)
)
_GB_NAMES = ("2260", "10114", "行政区划", "区划代码", "adcode")
_NAMES_WITHOUT_MEANING = frozenset(
    ("", "code", "value", "geocode", "id", "area", "areacode", "region", "regioncode", "district", "county", "city")
)
_SMALLEST_RING = 4  # points
_OTHERS = ("same", "ugc")


class Reach(IntEnum):
    """Whether an area includes a place. UNKNOWN is decided by a human."""

    NO = 0
    UNKNOWN = 1
    YES = 2


class Scheme(StrEnum):
    """The scheme of an area code."""

    GB2260 = "GB2260"
    SAME = "SAME"
    FIPS = "FIPS"
    UGC = "UGC"
    OTHER = "other"


def scheme_of(name: str, code: str) -> Scheme:
    """The scheme by the code's value name; with an unknown name, GB/T 2260 only if the digits fit no other scheme."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    if any(word in plain for word in _GB_NAMES):
        return Scheme.GB2260
    if plain in _OTHERS:
        return Scheme(plain.upper())
    if plain.startswith("fips"):
        return Scheme.FIPS
    digits = code.isascii() and code.isdigit() and len(code) in GB_LENGTHS and code[:2] in _PROVINCES
    return Scheme.GB2260 if digits and (plain in _NAMES_WITHOUT_MEANING or len(plain) == 1) else Scheme.OTHER


def gb_stem(code: str) -> str:
    """The significant digits: `500000` is 50, `500105007000` is 500105007. Empty for anything that is no such code."""
    if not (code.isascii() and code.isdigit()) or not _GB_STEPS[0] <= len(code) <= _GB_STEPS[-1]:
        return ""
    significant = code.rstrip("0")
    length = next(step for step in _GB_STEPS if step >= len(significant))
    return code.ljust(length, "0")[:length]


@dataclass(frozen=True, slots=True)
class Place:
    """A place of our district with the code of its grid, if known."""

    location: Location
    grid: str = ""


@dataclass(frozen=True)
class District:
    """Our district: places, outlines as rings of (lon, lat), and codes of its parts.

    `codes`: GB/T 2260 or finer. `others`: "UGC:TXZ192", codes of other schemes.
    """

    places: tuple[Place, ...] = ()
    outlines: Rings = ()
    codes: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @cached_property
    def stems(self) -> frozenset[str]:
        """The significant digits of its codes."""
        return frozenset({gb_stem(code) for code in self.codes} - {""})

    @cached_property
    def foreign(self) -> frozenset[str]:
        """Its codes of other schemes in capitals, and those schemes."""
        return frozenset(code.upper() for code in self.others)

    def meets(self, areas: Sequence[WarningArea]) -> Reach:
        """Whether any of the areas includes any part of the district. Without areas: unknown."""
        return max((self._meets(area) for area in areas), default=Reach.UNKNOWN)

    def _meets(self, area: WarningArea) -> Reach:
        by_code = self.by_codes(area)
        if by_code is Reach.YES:
            return Reach.YES
        shape = max(_by_shape(area, *self._points), default=Reach.UNKNOWN)
        if shape is not Reach.YES and self.outlines:
            corners = [corner for ring in area.polygons for corner in ring] + [(x, y) for x, y, _ in area.circles]
            if corners and _covers(self.outlines, corners).any():
                shape = Reach.YES
        return _joined(area, by_code, shape)

    def by_codes(self, area: WarningArea) -> Reach | None:
        """Whether a code of the area is ours, contains ours or is part of ours. None if no code can be judged."""
        codes = _codes_of(area.geocodes)
        if codes.foreign & self.foreign:
            return Reach.YES
        if codes.gb and self.stems:
            above = {part for stem in self.stems for part in _parts(stem)}
            if codes.gb & above or any(part in self.stems for code in codes.gb for part in _parts(code)):
                return Reach.YES
            return Reach.NO
        schemes = {code.partition(":")[0] for code in self.foreign}
        return Reach.NO if any(code.partition(":")[0] in schemes for code in codes.foreign) else None

    def within(self, area: WarningArea) -> bool:
        """True if the area includes the whole district, by its codes."""
        codes = _codes_of(area.geocodes)
        if codes.foreign & self.foreign:
            return True
        return bool(self.stems) and all(not codes.gb.isdisjoint(_parts(stem)) for stem in self.stems)

    @cached_property
    def _points(self) -> tuple[Coordinates, Coordinates]:
        corners = [(place.location.lon, place.location.lat) for place in self.places]
        corners += [corner for ring in self.outlines for corner in ring]
        array = np.asarray(corners, dtype=np.float64).reshape(len(corners), 2)
        return array[:, 0], array[:, 1]


NOWHERE = District()


def reach_at(areas: Sequence[WarningArea], places: Sequence[Place], district: District = NOWHERE) -> list[Reach]:
    """For each place, whether any of the areas includes it. Without areas: unknown everywhere.

    A place without a grid's code is known only to lie in the `district`.
    """
    if not areas or not places:
        return [Reach.UNKNOWN] * len(places)
    lons = np.array([place.location.lon for place in places])
    lats = np.array([place.location.lat for place in places])
    best = [Reach.NO] * len(places)
    for area in areas:
        codes, shapes = _codes_of(area.geocodes), _by_shape(area, lons, lats)
        somewhere = district.by_codes(area)
        if somewhere is Reach.YES:
            somewhere = Reach.YES if district.within(area) else Reach.UNKNOWN
        for index, place in enumerate(places):
            if best[index] is Reach.YES:
                continue
            by_code, stem = somewhere, gb_stem(place.grid)
            if codes.gb and stem:
                by_code = Reach.NO if codes.gb.isdisjoint(_parts(stem)) else Reach.YES
            best[index] = max(best[index], _joined(area, by_code, shapes[index]))
    return best


def _joined(area: WarningArea, by_code: Reach | None, by_shape: Reach) -> Reach:
    """An area is the union of its shapes and codes."""
    if by_code is Reach.YES or by_shape is Reach.YES:
        return Reach.YES
    if area.unknown:
        return Reach.UNKNOWN
    if area.polygons or area.circles or area.outlines:
        return max(by_shape, by_code or Reach.NO)
    return Reach.UNKNOWN if by_code is None else by_code


@dataclass(frozen=True, slots=True)
class _Codes:
    """An area's codes by scheme. `gb`: stems. `foreign`: "UGC:TXZ192", by scheme and by the name that stood there."""

    gb: frozenset[str]
    foreign: frozenset[str]


@lru_cache(maxsize=256)
def _codes_of(geocodes: tuple[tuple[str, str], ...]) -> _Codes:
    gb: set[str] = set()
    foreign: set[str] = set()
    for name, code in geocodes:
        scheme = scheme_of(name, code)
        if scheme is Scheme.GB2260:
            gb.add(gb_stem(code))
        else:
            foreign |= {f"{scheme}:{code}".upper(), f"{name}:{code}".upper()}
    return _Codes(frozenset(gb - {""}), frozenset(foreign))


def _parts(stem: str) -> tuple[str, ...]:
    """The code and the codes above it: province, city, district ..."""
    return tuple(stem[:length] for length in _GB_STEPS if length <= len(stem))


def _by_shape(area: WarningArea, lons: Coordinates, lats: Coordinates) -> list[Reach]:
    """For each point, by polygons and circles. NO for all if the area has neither."""
    held = np.zeros(len(lons), dtype=bool)
    corners = np.column_stack([lons, lats])
    held |= _covers(area.polygons, corners)
    for lon, lat, radius_km in area.circles:
        held |= _distance_m(lon, lat, lons, lats) <= 1000 * radius_km
    near = _covers(area.outlines, corners)
    return [Reach.YES if yes else Reach.UNKNOWN if maybe else Reach.NO for yes, maybe in zip(held, near, strict=True)]


def _covers(rings: Rings, points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which points (n, 2) lie within or on one of the rings."""
    array = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    inside = np.zeros(len(array), dtype=bool)
    if rings and len(array):
        found = _tree(rings).query(shapely.points(array), predicate="intersects")
        inside[found[0]] = True
    return inside


@lru_cache(maxsize=128)
def _tree(rings: Rings) -> STRtree:
    return STRtree([Polygon(ring) for ring in rings if len(ring) >= _SMALLEST_RING])


def _distance_m(lon: float, lat: float, lons: Coordinates, lats: Coordinates) -> Coordinates:
    """Great-circle distance in metres from one point to each of the others (haversine)."""
    lat_1, lat_2 = np.radians(lat), np.radians(lats)
    a = np.sin((lat_2 - lat_1) / 2) ** 2 + np.cos(lat_1) * np.cos(lat_2) * np.sin(np.radians(lons - lon) / 2) ** 2
    distance: Coordinates = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(a)))
    return distance
