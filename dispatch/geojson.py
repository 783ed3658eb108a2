"""Roads read from GeoJSON lines: their course, who may use them, at which speed and in which direction.

Read properties (all optional): `name`, `highway` and `maxspeed` and `oneway` as in OpenStreetMap, `ROADLEVEL` with the
Chinese classes of urban roads (快速路, 主干路, 次干路, 支路; CJJ 37), `speed_kmh` for a car speed of one's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from data.errors import InputRejected

Point = tuple[float, float]  # longitude, latitude in degrees

MODES = ("walk", "e-bike", "car")
WALK_M_S = 1.3
E_BIKE_M_S = 15 / 3.6  # the national limit for electric bicycles is 25 km/h (GB 17761); streets allow less
CAR_KMH = 30.0
STAIRS_M_S = 0.6

_CAR_KMH_BY_CLASS = MappingProxyType(
    {
        "motorway": 80.0,
        "trunk": 60.0,
        "primary": 45.0,
        "secondary": 40.0,
        "tertiary": 35.0,
        "residential": 25.0,
        "living_street": 15.0,
        "service": 15.0,
        "快速路": 60.0,
        "主干路": 45.0,
        "次干路": 35.0,
        "支路": 25.0,
    }
)
_WALK_ONLY = frozenset({"footway", "steps", "pedestrian", "corridor", "platform"})
_NO_CAR = frozenset({"cycleway", "path", "track", "bridleway"})
_CAR_ONLY = frozenset({"motorway", "motorway_link", "trunk", "trunk_link"})


@dataclass(frozen=True, slots=True)
class RoadLine:
    """One line of the network. `speeds`: metres per second by travel mode, 0 where the mode is not allowed.

    `forward`, `backward`: whether vehicles may go along, and against, the line's direction; pedestrians always may.
    `nodes`: the node of each point where the source gives it; else points close together are one node. `name`: what
    the street is called, empty where the source does not say.
    """

    points: tuple[Point, ...]
    speeds: Mapping[str, float]
    forward: bool = True
    backward: bool = True
    nodes: tuple[int, ...] = ()
    name: str = ""


def read_lines(path: Path) -> list[RoadLine]:
    """Every LineString and MultiLineString of a GeoJSON FeatureCollection; other geometries are left out.

    Raises InputRejected, naming the file and the feature.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(f"{path}: cannot read the roads: {error}") from error
    except json.JSONDecodeError as error:
        raise InputRejected(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except RecursionError:
        raise InputRejected(f"{path}: not GeoJSON: nested too deeply") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise InputRejected(f"{path}: not a GeoJSON FeatureCollection: no list of features")
    lines: list[RoadLine] = []
    for number, feature in enumerate(features):
        try:
            lines.extend(_lines_of(feature))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise InputRejected(f"{path}: feature {number}: {error}") from error
    if not lines:
        raise InputRejected(f"{path}: there is no LineString in it")
    return lines


def _lines_of(feature: Mapping[str, Any]) -> Iterator[RoadLine]:
    geometry = feature.get("geometry") or {}
    parts: Sequence[Any] = ()
    if geometry.get("type") == "LineString":
        parts = [geometry["coordinates"]]
    elif geometry.get("type") == "MultiLineString":
        parts = geometry["coordinates"]
    properties = feature.get("properties") or {}
    forward, backward = directions_of(properties)
    speeds = speeds_of(properties)
    name = str(properties.get("name") or "").strip()
    for part in parts:
        points = tuple(_point(position) for position in part)
        if len(points) >= 2:
            yield RoadLine(points, speeds, forward, backward, name=name)


def _point(position: Sequence[Any]) -> Point:
    lon, lat = float(position[0]), float(position[1])
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"[{lon}, {lat}] is not longitude, latitude in degrees (WGS-84)")
    return lon, lat


def directions_of(properties: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether vehicles may go along, and against, the line."""
    oneway = str(properties.get("oneway", "")).lower()
    if oneway in {"yes", "true", "1"}:
        return True, False
    if oneway in {"-1", "reverse"}:
        return False, True
    return True, True


def speeds_of(properties: Mapping[str, Any]) -> Mapping[str, float]:
    """Metres per second by travel mode, 0 where the road's class excludes it."""
    road_class = str(properties.get("highway") or properties.get("ROADLEVEL") or "")
    walk = STAIRS_M_S if road_class == "steps" else WALK_M_S
    return {
        "walk": 0.0 if road_class in _CAR_ONLY else walk,
        "e-bike": 0.0 if road_class in _CAR_ONLY | _WALK_ONLY else E_BIKE_M_S,
        "car": 0.0 if road_class in _WALK_ONLY | _NO_CAR else _car_kmh(road_class, properties) / 3.6,
    }


def _car_kmh(road_class: str, properties: Mapping[str, Any]) -> float:
    for name in ("speed_kmh", "maxspeed"):
        try:
            speed = float(str(properties.get(name, "")).removesuffix("km/h"))
        except ValueError:
            continue
        if math.isfinite(speed) and speed > 0:
            return speed
    return _CAR_KMH_BY_CLASS.get(road_class.removesuffix("_link"), CAR_KMH)
