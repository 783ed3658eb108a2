"""Where a CAP message holds: its polygons, circles and codes, read leniently and bounded once, at intake.

What follows (plans, fusion, the store) never meets more points than are kept here, and only rings that do not cross
themselves. A shape that cannot be read leaves its area `unknown`, which asks a human; no mending makes an area wider.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from data.model.warning import WarningArea, WarningNote

Ring = tuple[tuple[float, float], ...]
Circle = tuple[float, float, float]

MOST_AREAS = 500
MOST_RINGS = 400  # in a message
MOST_CIRCLES = 500
MOST_CODES = 3000
MOST_RING_POINTS = 500
MOST_POINTS = 4000  # in a message, after simplification
MOST_CROSSINGS = 20  # making a ring valid takes time with the cube of its crossings: 3,700 of them take 2.5 s
_TOLERANCES_DEG = (0.0001, 0.0003, 0.001, 0.003)  # 11 m to 330 m
_SMALLEST_RING = 3  # corners
_NORTHERNMOST, _SOUTHERNMOST = 84.0, -60.0  # nobody lives beyond
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
_COMMAS = ",;，；、"
_BETWEEN = re.compile(rf"[\s{_COMMAS}]*")
_STRAY_COMMA = re.compile(r",(?:\s|$)")
_PLAIN_PAIR = 2
_WITH_HEIGHT = 3  # lat,lon,height
_CIRCLE_NUMBERS = 3
_LONGEST_CIRCLE = 200  # characters


@dataclass
class AreaReader:
    """Reads the areas of one message; `notes` gathers what was odd in them."""

    notes: set[WarningNote] = field(default_factory=set)
    _points: int = 0
    _rings: int = 0
    _circles: int = 0
    _codes: int = 0

    def area(
        self, description: str, polygons: Iterable[str], circles: Iterable[str], codes: Iterable[tuple[str, str]]
    ) -> WarningArea:
        """One <area>. Texts are as CAP has them: `lat,lon lat,lon ...` and `lat,lon radius`."""
        rings: list[Ring] = []
        unknown = False
        outlines: list[Ring] = []
        for text in polygons:
            found = self._polygon(text)
            if found is None:
                unknown = True
            elif isinstance(found, _Outline):
                outlines.append(found.ring)
            else:
                rings += found
        rounds: list[Circle] = []
        for text in circles:
            circle = self._circle(text)
            if circle is None:
                unknown = True
            else:
                rounds.append(circle)
        kept: list[tuple[str, str]] = []
        for pair in codes:
            self._codes += 1
            if self._codes > MOST_CODES:
                self.notes.add(WarningNote.SHORTENED)
                unknown = True
                break
            kept.append(pair)
        return WarningArea(description, tuple(rings), tuple(rounds), tuple(kept), unknown, tuple(outlines))

    def _polygon(self, text: str) -> list[Ring] | _Outline | None:
        """Its rings; only the hull of one that is too tangled or too long; None when it cannot be read."""
        points = self._pairs(text)
        if points is None or len(set(points)) < _SMALLEST_RING:
            return None
        if points[0] != points[-1]:
            self.notes.add(WarningNote.AREA_MENDED)
            points.append(points[0])
        self._rings += 1
        ring = self._simplified(points)
        if ring is None or self._rings > MOST_RINGS:
            return self._hull(points)
        polygon = Polygon(ring)
        if polygon.is_valid and polygon.area > 0:
            return [self._counted(ring)]
        if _crossings(ring) > MOST_CROSSINGS:
            return self._hull(points)
        self.notes.add(WarningNote.AREA_MENDED)
        mended = shapely.make_valid(polygon)
        # A hole that a crossing leaves lies within the line that was drawn: it belongs to the area.
        parts = [part for part in shapely.get_parts(mended) if isinstance(part, Polygon) and part.area > 0]
        return [self._counted(list(part.exterior.coords)) for part in parts] or None

    def _pairs(self, text: str) -> list[tuple[float, float]] | None:
        """(lon, lat) of each point; None where the text is no list of points on the earth."""
        numbers = [piece.strip(",").split(",") for piece in text.split()]
        counts = {len(pair) for pair in numbers}
        if counts in ({_PLAIN_PAIR}, {_WITH_HEIGHT}):
            if counts == {_WITH_HEIGHT} or _STRAY_COMMA.search(text):
                self.notes.add(WarningNote.AREA_MENDED)
            try:
                pairs = [(float(pair[0]), float(pair[1])) for pair in numbers]
            except ValueError:
                return None
        else:
            found = _pairs_of_numbers(text)
            if found is None:
                return None
            self.notes.add(WarningNote.AREA_MENDED)
            pairs = found
        return self._on_earth(pairs)

    def _on_earth(self, pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float]] | None:
        """(lat, lon) as (lon, lat). A pair that can only be lon, lat is turned round, if all can be turned."""
        if all(_is_place(lat, lon) for lat, lon in pairs) and not all(_is_empty_land(lat) for lat, _ in pairs):
            return [(lon, lat) for lat, lon in pairs]
        if all(_is_place(lat, lon) and not _is_empty_land(lat) for lon, lat in pairs):
            self.notes.add(WarningNote.AREA_SWAPPED)
            return list(pairs)
        if all(_is_place(lat, lon) for lat, lon in pairs):
            return [(lon, lat) for lat, lon in pairs]
        return None

    def _circle(self, text: str) -> Circle | None:
        read = _numbers(text[:_LONGEST_CIRCLE].replace("km", " "))
        if read is None or len(read[0]) != _CIRCLE_NUMBERS or len(text) > _LONGEST_CIRCLE:
            return None
        found = read[0]
        if len(text.split()) != _PLAIN_PAIR or text.count(",") != 1:
            self.notes.add(WarningNote.AREA_MENDED)
        centre = self._on_earth([(found[0], found[1])])
        self._circles += 1
        if centre is None or found[2] < 0 or self._circles > MOST_CIRCLES:
            return None
        return (*centre[0], found[2])

    def _simplified(self, points: list[tuple[float, float]]) -> list[tuple[float, float]] | None:
        """The ring with few enough points; None when that takes more than the coarsest tolerance."""
        room = min(MOST_RING_POINTS, max(0, MOST_POINTS - self._points))
        if len(points) <= room:
            return points
        # as a line: simplifying a polygon mends its crossings first, which is what must be bounded
        line = shapely.linestrings(np.asarray(points, dtype=np.float64))
        for tolerance in _TOLERANCES_DEG:
            simple = shapely.simplify(line, tolerance, preserve_topology=False)
            if shapely.get_num_coordinates(simple) > room:
                continue
            ring = [(float(x), float(y)) for x, y in shapely.get_coordinates(simple)]
            if len(set(ring)) >= _SMALLEST_RING:
                self.notes.add(WarningNote.AREA_SIMPLIFIED)
                return ring
        return None

    def _hull(self, points: Sequence[tuple[float, float]]) -> _Outline | None:
        """The line around it, with few points: the most that the area can be."""
        hull = shapely.convex_hull(shapely.linestrings(np.asarray(points, dtype=np.float64)))
        if not isinstance(hull, Polygon):
            return None
        ring = list(hull.exterior.coords)
        if len(ring) > MOST_RING_POINTS or self._points > 2 * MOST_POINTS:
            west, south, east, north = hull.bounds
            ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
        if self._rings > 2 * MOST_RINGS:
            self.notes.add(WarningNote.SHORTENED)
            return None
        self.notes.add(WarningNote.AREA_SIMPLIFIED)
        return _Outline(self._counted(ring))

    def _counted(self, ring: Sequence[tuple[float, ...]]) -> Ring:
        self._points += len(ring)
        return tuple((float(point[0]), float(point[1])) for point in ring)


@dataclass(frozen=True)
class _Outline:
    """What an area lies within, where its own shape is not known."""

    ring: Ring


def bounded(area: WarningArea, reader: AreaReader) -> WarningArea:
    """An area that was stored before areas were bounded, read again."""
    texts = [" ".join(f"{lat!r},{lon!r}" for lon, lat in ring) for ring in area.polygons]
    circles = [f"{lat!r},{lon!r} {radius_km!r}" for lon, lat, radius_km in area.circles]
    again = reader.area(area.description, texts, circles, area.geocodes)
    return replace(again, unknown=again.unknown or area.unknown)


def _numbers(text: str) -> tuple[list[float], list[str]] | None:
    """All numbers of a text that holds nothing else but blanks and commas, and what stands between them."""
    found: list[float] = []
    between: list[str] = []
    at = _after(text, 0)
    while at < len(text):
        number = _NUMBER.match(text, at)
        if number is None:
            return None
        found.append(float(number[0]))
        at = _after(text, number.end())
        if at == number.end() and at < len(text):
            return None
        between.append(text[number.end() : at])
    return found, between[:-1]


def _pairs_of_numbers(text: str) -> list[tuple[float, float]] | None:
    """Numbers taken in pairs; None where what stands between them tells that one is missing."""
    read = _numbers(text)
    if read is None or not read[0] or len(read[0]) % 2:
        return None
    found, between = read
    commas = [any(sign in _COMMAS for sign in gap) for gap in between]
    blanks = [any(sign.isspace() for sign in gap) for gap in between]
    inside, outside = set(commas[::2]), set(commas[1::2])
    if len(inside) > 1 or len(outside) > 1 or (outside == {True} and inside == {False}):
        return None  # `lon lat,lon lat,lon` is a list that has lost its first number
    if inside == outside and (len(set(blanks[::2])) > 1 or len(set(blanks[1::2])) > 1):
        return None
    return list(zip(found[::2], found[1::2], strict=True))


def _after(text: str, at: int) -> int:
    blank = _BETWEEN.match(text, at)
    return at if blank is None else blank.end()


def _is_place(lat: float, lon: float) -> bool:
    return math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180


def _is_empty_land(lat: float) -> bool:
    return lat > _NORTHERNMOST or lat < _SOUTHERNMOST


def _crossings(ring: Sequence[tuple[float, float]]) -> int:
    """How many pairs of its sides cross; at most MOST_RING_POINTS² pairs are looked at."""
    points = np.asarray(ring, dtype=np.float64)
    a, b = points[:-1], points[1:]

    def side(start: np.ndarray, end: np.ndarray, of: np.ndarray) -> np.ndarray:
        """Sign of the turn start → end → of, for every pair of a side and a point."""
        way = (end - start)[:, None, :]
        to = of[None, :, :] - start[:, None, :]
        turn: np.ndarray = np.sign(way[..., 0] * to[..., 1] - way[..., 1] * to[..., 0])
        return turn

    split = side(a, b, a) * side(a, b, b) < 0
    return int(np.count_nonzero(split & split.T)) // 2
