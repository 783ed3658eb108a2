"""Roads from an OpenStreetMap extract: who may go where, where ways meet, and what a broken file says."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import osmium
import pytest
from osmium.osm.mutable import Node, Way

from data.errors import InputRejected
from dispatch.osm import read_extract
from dispatch.routing import Roads, load_roads
from tests.dispatch.test_routing import at

Ways = Mapping[tuple[int, ...], Mapping[str, str]]
# A square of streets of 100 m, its corners numbered 1 to 4 against the clock, and what lies beside it.
NODES: Mapping[int, tuple[float, float]] = {
    1: (0, 0), 2: (100, 0), 3: (100, 100), 4: (0, 100), 5: (200, 0), 6: (50, -50), 7: (50, 50), 8: (500, 500),
    9: (600, 500),
}  # fmt: skip


def extract(file: Path, ways: Ways, *, without: Sequence[int] = ()) -> Path:
    with osmium.SimpleWriter(file) as writer:
        for number, place in NODES.items():
            if number not in without:
                here = at(*place)
                writer.add_node(Node(id=number, location=(here.lon, here.lat), version=1))
        for number, (nodes, tags) in enumerate(ways.items(), start=1):
            writer.add_way(Way(id=number, nodes=list(nodes), tags=dict(tags), version=1))
    return file


def metres(roads: Roads, start: int, end: int) -> dict[str, int | None]:
    """The way by each mode, None where the roads give no answer."""
    modes = ("walk", "e-bike", "car")
    found = roads.routes(at(*NODES[end]), [(at(*NODES[start]), mode) for mode in modes])
    return {
        mode: round(one.distance_m, -1).__int__() if one.method == "road" else None
        for mode, one in zip(modes, found, strict=True)
    }


@pytest.mark.parametrize("suffix", ["osm", "osm.pbf"])
def test_stairs_are_for_walkers_a_cycleway_for_bicycles_and_a_motorway_for_cars(tmp_path: Path, suffix: str) -> None:
    roads = load_roads(
        extract(
            tmp_path / f"town.{suffix}",
            {
                (1, 2): {"highway": "residential"},
                (2, 3): {"highway": "steps"},
                (3, 4): {"highway": "residential"},
                (1, 4): {"highway": "cycleway"},
                (2, 5, 3): {"highway": "motorway"},
            },
        )
    )
    # Down to corner 2 by stairs and by the motorway; by bicycle round the other side.
    assert metres(roads, 3, 2) == {"walk": 100, "e-bike": 300, "car": None}  # the motorway is one-way
    assert metres(roads, 2, 3) == {"walk": 100, "e-bike": 300, "car": 240}
    (slow,) = roads.routes(at(*NODES[2]), [(at(*NODES[3]), "walk")])
    assert slow.travel_s == pytest.approx(100 / 0.6, rel=0.01), "stairs are climbed slowly"


def test_access_tags_have_the_last_word(tmp_path: Path) -> None:
    ways: Ways = {
        (1, 2): {"highway": "service", "access": "private"},  # nobody
        (2, 3): {"highway": "footway", "bicycle": "designated"},
        (3, 4): {"highway": "residential", "motor_vehicle": "no"},
        (4, 1): {"highway": "service", "access": "no", "foot": "yes"},
        (2, 5): {"highway": "residential", "oneway": "-1"},
        (8, 9): {"highway": "construction"},
        (6, 7): {"highway": "pedestrian", "area": "yes"},
        (1, 6): {"building": "yes"},
    }
    lines = read_extract(extract(tmp_path / "town.osm", ways))
    assert {line.nodes: {mode for mode, speed in line.speeds.items() if speed} for line in lines} == {
        (2, 3): {"walk", "e-bike"},
        (3, 4): {"walk", "e-bike"},
        (4, 1): {"walk"},
        (2, 5): {"walk", "e-bike", "car"},
    }
    assert [(line.forward, line.backward) for line in lines] == [(True, True)] * 3 + [(False, True)]


def test_ways_meet_at_the_nodes_they_share_and_a_bridge_does_not_meet_the_street_below(tmp_path: Path) -> None:
    # The bridge 6-7 crosses the street 1-2 in the middle, without a node in common.
    ways: Ways = {(1, 2): {"highway": "residential"}, (6, 7): {"highway": "residential", "bridge": "yes"}}
    roads = load_roads(extract(tmp_path / "bridge.osm", ways))
    assert roads.components == (2, 2)
    assert metres(roads, 1, 7)["walk"] is None


def test_roundabouts_are_one_way_and_miles_an_hour_are_read(tmp_path: Path) -> None:
    circle = {"highway": "primary", "junction": "roundabout", "maxspeed": "30 mph"}
    roads = load_roads(extract(tmp_path / "round.osm", {(1, 2, 3, 4, 1): circle}))
    assert metres(roads, 1, 2)["car"] == 100
    assert metres(roads, 2, 1)["car"] == 300
    (quick,) = roads.routes(at(*NODES[2]), [(at(*NODES[1]), "car")])
    assert quick.travel_s == pytest.approx(100 / (30 * 1.609344 / 3.6), rel=0.01)


def test_parts_that_cannot_reach_each_other_are_told_of_and_a_way_is_cut_where_the_extract_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = extract(
        tmp_path / "cut.osm",
        {(1, 2, 5): {"highway": "residential"}, (8, 9): {"highway": "path"}, (4, 3, 7, 6): {"highway": "tertiary"}},
        without=[3],
    )
    with caplog.at_level(logging.WARNING):
        roads = load_roads(file)
    assert roads.components == (3, 2, 2)
    assert "7 nodes in 3 parts that cannot reach each other; 4 are not in the largest" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.osm", b"<osm><way>", "a.osm: cannot read"), ("b.osm.pbf", b"no pbf at all", "b.osm.pbf: cannot read")],
)
def test_a_broken_extract_is_refused_by_name(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputRejected, match=said):
        read_extract(tmp_path / name)


def test_an_extract_without_roads_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="there is no road in it"):
        read_extract(extract(tmp_path / "empty.osm", {}))
    with pytest.raises(InputRejected, match=r"none\.osm: cannot read"):
        load_roads(tmp_path / "none.osm")
