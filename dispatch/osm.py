"""Roads read from an OpenStreetMap extract (`.osm`, `.osm.pbf`, also `.gz` and `.bz2`) through libosmium.

Who may use a way follows the usual reading of the tags `highway`, `access`, `foot`, `bicycle`, `motor_vehicle`,
`oneway`, `junction` and `maxspeed` (OpenStreetMap Wiki, "OSM tags for routing"). Lines meet where they share a node,
so that a bridge does not meet the street below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import osmium

from data.errors import InputRejected
from dispatch.geojson import E_BIKE_M_S, MODES, Point, RoadLine, directions_of, speeds_of

_READ = (
    "highway", "name", "area", "access", "foot", "bicycle", "motor_vehicle", "vehicle", "oneway", "junction",
    "maxspeed",
)  # fmt: skip
_NO_ROAD = frozenset({"construction", "proposed", "raceway", "elevator", "rest_area", "services", "razed", "abandoned"})
_CLOSED = frozenset({"no", "private", "agricultural", "forestry"})
_OPEN = frozenset({"yes", "designated", "permissive", "destination"})
_TAGS_OF = {
    "walk": ("access", "foot"),
    "e-bike": ("access", "vehicle", "bicycle"),
    "car": ("access", "vehicle", "motor_vehicle"),
}
_MPH = 1.609344


def read_extract(path: Path) -> list[RoadLine]:
    """Every way open to pedestrians, bicycles or cars. A way that leaves the extract is cut where its nodes end.

    Raises InputRejected, naming the file.
    """
    try:
        lines = [line for way in osmium.FileProcessor(path).with_locations() for line in _lines_of(way)]
    except (RuntimeError, OSError) as error:  # libosmium reports every error as RuntimeError
        raise InputRejected(f"{path}: cannot read the OpenStreetMap extract: {error}") from error
    if not lines:
        raise InputRejected(f"{path}: there is no road in it")
    return lines


def _lines_of(way: object) -> Iterator[RoadLine]:
    if not isinstance(way, osmium.osm.Way) or "highway" not in way.tags:
        return
    tags = {name: value for name in _READ if (value := way.tags.get(name)) is not None}
    if tags["highway"] in _NO_ROAD or tags.get("area") == "yes":
        return
    speeds = _speeds(tags)
    if not any(speeds.values()):
        return
    forward, backward = _directions(tags)
    points: list[Point] = []
    nodes: list[int] = []
    for node in [*((node.ref, node.location) for node in way.nodes), (0, None)]:
        reference, location = node
        if location is not None and location.valid():
            points.append((location.lon, location.lat))
            nodes.append(reference)
            continue
        if len(points) >= 2:
            yield RoadLine(tuple(points), speeds, forward, backward, tuple(nodes), tags.get("name", "").strip())
        points, nodes = [], []


def _speeds(tags: Mapping[str, str]) -> Mapping[str, float]:
    """Metres per second by travel mode, 0 where the tags forbid it; the most specific tag decides."""
    usual = speeds_of({**tags, **_in_kmh(tags)})
    speeds = dict.fromkeys(MODES, 0.0)
    for mode in MODES:
        found = [tags[name] for name in _TAGS_OF[mode] if name in tags]
        last = found[-1] if found else ""
        if last in _CLOSED:
            continue
        speeds[mode] = usual[mode]
        if mode == "e-bike" and not usual[mode] and tags.get("bicycle") in _OPEN and tags["highway"] != "steps":
            speeds[mode] = E_BIKE_M_S
    return speeds


def _in_kmh(tags: Mapping[str, str]) -> dict[str, str]:
    """`maxspeed` in km/h; None for words such as `CN:urban`."""
    number, _, unit = tags.get("maxspeed", "").strip().partition(" ")
    try:
        kmh = float(number) * (_MPH if unit == "mph" else 1.0)
    except ValueError:
        return {"maxspeed": ""}
    return {"maxspeed": f"{kmh:.1f}"}


def _directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Roundabouts and motorways are one-way unless they say otherwise."""
    one_way = tags.get("junction") in {"roundabout", "circular"} or tags["highway"] in {"motorway", "motorway_link"}
    return directions_of({"oneway": "yes", **tags} if one_way else tags)
