"""Draws the demo city's map: a river with a bend, streets along its slopes, stairs, two bridges, houses, grids.

The place is invented and drawn by this program alone; no map of a real place went into it. Run
`python -m engine.demo.city data/demo` to draw it again: the same program gives the same files.

Everything is laid out beside the river's middle line: `s` metres along it, `off` metres to the left bank (north,
positive) or the right bank (south, negative), and only then bent and put on the ground.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

Place = tuple[float, float]

ORIGIN = (107.3020, 29.9010)  # open hills; nothing there is called what we call it
LENGTH_M = 2400.0
GRID_PREFIX = "500998001"  # no such district: 500 is Chongqing, 998 is not in use
_M_PER_DEGREE = 111_194.9

# name, offset from the river's middle, class; the bank roads first
LONG_STREETS: tuple[tuple[str, float, str], ...] = (
    ("滨江路", 105, "primary"),
    ("望江正街", 195, "secondary"),
    ("老街", 280, "living_street"),
    ("半山路", 375, "residential"),
    ("云顶路", 500, "tertiary"),
    ("南滨路", -105, "primary"),
    ("渡口街", -200, "residential"),
    ("南坡路", -310, "tertiary"),
)
CROSS_NAMES = (
    "码头巷",
    "盐井巷",
    "书院路",
    "石桥街",
    "黄桷巷",
    "文庙路",
    "水井巷",
    "新桥路",
    "灯塔巷",
    "学堂路",
    "隧道路",
    "竹林巷",
)
BRIDGES = ((3, "望江大桥"), (9, "渡口大桥"))
STAIRS = frozenset({0, 2, 4, 6, 8, 11})
STEP_M = 40.0
CROSSINGS = 12


def bent(s: float, off: float) -> Place:
    """Metres east and north of the origin for a place `s` along the river and `off` beside it."""

    def middle(at: float) -> Place:
        return at * 0.93, 260 * math.sin(at / 2400 * math.pi * 1.5 - 0.4) + at * 0.16

    (x0, y0), (x1, y1) = middle(s - 1), middle(s + 1)
    x, y = middle(s)
    dx, dy = x1 - x0, y1 - y0
    long = math.hypot(dx, dy)
    wobble = 9 * math.sin(s / 71 + off / 60) + 6 * math.sin(s / 33 - off / 45)
    reach = off + (wobble if abs(off) > 90 else wobble * 0.4)
    return x - dy / long * reach, y + dx / long * reach


def lonlat(s: float, off: float) -> Place:
    """Longitude and latitude in degrees, to about a decimetre."""
    x, y = bent(s, off)
    lat = ORIGIN[1] + y / _M_PER_DEGREE
    return round(ORIGIN[0] + x / _M_PER_DEGREE / math.cos(math.radians(ORIGIN[1])), 6), round(lat, 6)


def crossing_s(number: int) -> float:
    """How far along the river the cross street of this number lies; on the steps of the long streets."""
    return STEP_M * round((60 + number * (LENGTH_M - 120) / (CROSSINGS - 1)) / STEP_M)


def roads() -> list[dict[str, Any]]:
    """Every street, cut at its crossings, as GeoJSON features with `name`, `highway` and `bridge`."""
    cuts = [crossing_s(number) for number in range(CROSSINGS)]
    features = []
    for name, off, highway in LONG_STREETS:
        for start, end in pairwise(cuts):
            steps = round((end - start) / STEP_M)
            features.append(_line([lonlat(start + i * STEP_M, off) for i in range(steps + 1)], name, highway))
    north = sorted(off for _, off, _ in LONG_STREETS if off > 0)
    south = sorted((off for _, off, _ in LONG_STREETS if off < 0), reverse=True)
    for number, s in enumerate(cuts):
        for bank in (north, south):
            for row, (near, far) in enumerate(pairwise(bank)):
                steep = number in STAIRS and (number + row) % 2 == 0
                highway = "steps" if steep else "residential"
                name = CROSS_NAMES[number] + ("梯坎" if steep else "")
                points = [lonlat(s, near + (far - near) * i / 3) for i in range(4)]
                features.append(_line(points, name, highway))
    for number, name in BRIDGES:
        points = [lonlat(cuts[number], off) for off in (105, 55, 0, -55, -105)]
        features.append(_line(points, name, "secondary", bridge="yes"))
    return features


def river() -> list[dict[str, Any]]:
    """The water as one area, wider in the bend."""
    along = [-120 + i * 30.0 for i in range(int((LENGTH_M + 240) / 30) + 1)]
    left = [lonlat(s, 62 + 14 * math.sin(s / 330)) for s in along]
    right = [lonlat(s, -64 - 12 * math.sin(s / 290 + 1)) for s in along]
    return [_area([*left, *reversed(right)], kind="river", name="青石江")]


def blocks() -> list[dict[str, Any]]:
    """Grids with their 15-digit codes, green, and houses between the streets."""
    chance = random.Random(20240712)  # noqa: S311 - a drawing, not a secret
    features = [*_grids()]
    for near, far in ((105, 195), (195, 280), (280, 375), (375, 500), (-105, -200), (-200, -310)):
        for number in range(CROSSINGS - 1):
            start, end = crossing_s(number) + 14, crossing_s(number + 1) - 14
            side = 1 if far > 0 else -1
            low, high = abs(near) + 13, abs(far) - 13
            if chance.random() < 0.12:
                features.append(_patch(start, end, side * low, side * high, kind="park", name="口袋公园"))
                continue
            features += _houses(chance, (start, end), (low, high), side)
    features += [
        _patch(crossing_s(i) + 8, crossing_s(i + 1) - 8, 74 + 6, 92, kind="park", name="江滩绿带")
        for i in range(CROSSINGS - 1)
    ]
    return features


def grid_code(part: int, bank: int) -> str:
    """The code of the grid: province, city, district, street (9 digits), community, grid."""
    return f"{GRID_PREFIX}{1 if bank > 0 else 2:03d}{part + 1:03d}"


def grid_of(s: float, off: float) -> str:
    """The code of the grid in which a place lies."""
    return grid_code(min(int(s / (LENGTH_M / 5)), 4), 1 if off >= 0 else -1)


def _grids() -> Iterable[dict[str, Any]]:
    long = LENGTH_M / 5
    for bank, name, far in ((1, "望江社区", 560), (-1, "渡口社区", -370)):
        for part in range(5):
            code = grid_code(part, bank)
            yield _patch(part * long, (part + 1) * long, 0, far, kind="grid", name=f"{name}第{part + 1}网格", code=code)


def _houses(
    chance: random.Random, along: tuple[float, float], across: tuple[float, float], side: int
) -> list[dict[str, Any]]:
    """A row or two of houses in one block, of different width and depth."""
    rows = 2 if across[1] - across[0] > 62 else 1
    deep = (across[1] - across[0]) / rows
    houses = []
    for row in range(rows):
        at = along[0]
        while at < along[1] - 16:
            wide = min(chance.uniform(16, 42), along[1] - at)
            low = across[0] + row * deep + chance.uniform(0, 5)
            high = across[0] + (row + 1) * deep - chance.uniform(3, 9)
            if chance.random() > 0.1:
                storeys = chance.choice((3, 4, 5, 6, 7, 9, 12, 18))
                houses.append(_patch(at, at + wide - 5, side * low, side * high, kind="building", storeys=storeys))
            at += wide + chance.uniform(0, 5)
    return houses


def _patch(start: float, end: float, near: float, far: float, **words: Any) -> dict[str, Any]:
    """A four-sided area that follows the river's bend."""
    steps = max(1, round((end - start) / 60))
    along = [start + (end - start) * i / steps for i in range(steps + 1)]
    return _area([*(lonlat(s, near) for s in along), *(lonlat(s, far) for s in reversed(along))], **words)


def _line(points: Sequence[Place], name: str, highway: str, **words: Any) -> dict[str, Any]:
    geometry = {"type": "LineString", "coordinates": [list(p) for p in points]}
    return {"type": "Feature", "properties": {"name": name, "highway": highway, **words}, "geometry": geometry}


def _area(points: Sequence[Place], **words: Any) -> dict[str, Any]:
    ring = [list(p) for p in (*points, points[0])]
    return {"type": "Feature", "properties": words, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def write(folder: Path) -> None:
    """Draw the three files into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, features in (("roads", roads()), ("river", river()), ("blocks", blocks())):
        lines = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
        text = f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "data/demo"))
