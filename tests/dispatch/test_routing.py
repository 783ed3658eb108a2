"""Routing over the road graph, against slow and obviously right answers."""

from __future__ import annotations

import heapq
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import InputRejected
from data.model.geo import Location, distance_m
from dispatch.routing import DETOUR, Roads, load_roads, straight_line

WALK_M_S, E_BIKE_M_S = 1.3, 15 / 3.6
LON, LAT = 106.50, 29.58
M_LAT = 1 / 111_195.08  # degrees of one metre
M_LON = M_LAT / math.cos(math.radians(LAT))


def at(east_m: float, north_m: float) -> Location:
    return Location(lon=LON + east_m * M_LON, lat=LAT + north_m * M_LAT)


def line(*points: tuple[float, float], **properties: Any) -> dict[str, Any]:
    places = [at(*point) for point in points]
    coordinates = [[place.lon, place.lat] for place in places]
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "LineString", "coordinates": coordinates},
    }


def network(tmp_path: Path, *features: dict[str, Any]) -> Roads:
    file = tmp_path / "roads.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return load_roads(file)


def test_the_way_over_the_bridge_is_taken_and_not_the_straight_line_over_the_river(tmp_path: Path) -> None:
    roads = network(
        tmp_path,
        line((0, 0), (1000, 0)),  # this bank
        line((0, 200), (1000, 200)),  # the other bank
        line((1000, 0), (1000, 200)),  # the only bridge
    )
    across, along = roads.routes(at(0, 0), [(at(0, 200), "walk"), (at(900, 0), "walk")])
    assert across.method == along.method == "road"
    assert across.distance_m == pytest.approx(2200, rel=1e-3)
    assert across.travel_s == pytest.approx(2200 / WALK_M_S, rel=1e-3)
    assert along.travel_s == pytest.approx(900 / WALK_M_S, rel=1e-3)
    assert along.travel_s < across.travel_s  # though the other unit is 200 m away as the crow flies


def test_positions_are_snapped_to_the_middle_of_an_edge_with_the_way_to_it_counted(tmp_path: Path) -> None:
    roads = network(tmp_path, line((0, 0), (1000, 0)))
    (route,) = roads.routes(at(300, 0), [(at(700, 40), "walk")])
    assert route.distance_m == pytest.approx(440, rel=1e-3)
    assert route.travel_s == pytest.approx(440 / WALK_M_S, rel=1e-3)


def test_a_one_way_street_holds_for_vehicles_and_not_for_walkers(tmp_path: Path) -> None:
    roads = network(
        tmp_path,
        line((0, 0), (500, 0), oneway="yes"),
        line((500, 0), (500, 300), (0, 300), (0, 0), oneway="yes"),
    )
    walking, riding, with_it = roads.routes(
        at(100, 0), [(at(400, 0), "walk"), (at(400, 0), "e-bike"), (at(50, 0), "e-bike")]
    )
    assert walking.distance_m == pytest.approx(300, rel=1e-3)
    assert riding.distance_m == pytest.approx(100 + 300 + 500 + 300 + 100, rel=1e-3)
    assert with_it.distance_m == pytest.approx(50, rel=1e-3)


def test_cars_keep_off_stairs_and_walkers_climb_them_slowly(tmp_path: Path) -> None:
    roads = network(
        tmp_path,
        line((0, 0), (100, 0), highway="steps"),
        line((0, 0), (0, 400), (100, 400), (100, 0), highway="residential"),
    )
    walking, driving = roads.routes(at(0, 0), [(at(100, 0), "walk"), (at(100, 0), "car")])
    assert walking.travel_s == pytest.approx(100 / 0.6, rel=1e-3)
    assert driving.distance_m == pytest.approx(900, rel=1e-3)
    assert driving.travel_s == pytest.approx(900 / (25 / 3.6), rel=1e-3)


def test_where_the_roads_give_no_answer_a_straight_line_is_used_and_says_so(tmp_path: Path) -> None:
    roads = network(tmp_path, line((0, 0), (100, 0)), line((5000, 0), (5200, 0), (5300, 50)))
    island, lost = roads.routes(at(0, 0), [(at(5000, 0), "walk"), (at(0, 3000), "walk")])
    assert (island.method, lost.method) == ("straight line", "straight line")
    assert island.distance_m == pytest.approx(5000, rel=1e-3)
    assert island.travel_s == pytest.approx(5000 * DETOUR / WALK_M_S, rel=1e-3)
    assert roads.components == (3, 2)
    (none,) = load_roads(None).routes(at(0, 0), [(at(300, 400), "walk")])
    assert (round(none.distance_m), none.method) == (500, "straight line")
    assert load_roads(None).path(at(0, 0), at(300, 400), "walk") == (at(0, 0), at(300, 400))


def test_the_path_runs_along_the_road_from_one_to_the_other(tmp_path: Path) -> None:
    roads = network(tmp_path, line((0, 0), (500, 0), (500, 300)), line((0, 0), (0, 900)))
    path = roads.path(at(100, 20), at(500, 200), "walk")
    corners = [(100, 20), (100, 0), (500, 0), (500, 200), (500, 200)]
    assert len(path) == len(corners)
    for place, corner in zip(path, corners, strict=True):
        assert distance_m(place, at(*corner)) < 0.5


Weights = dict[int, dict[int, float]]


def random_network(seed: int, nodes: int) -> tuple[list[dict[str, Any]], Weights, list[tuple[float, float]]]:
    """Random streets, some one-way, and the same turned round as seconds by bicycle: head, tail, weight."""
    random = np.random.default_rng(seed)
    places = [(float(x), float(y)) for x, y in random.uniform(0, 4000, size=(nodes, 2)).round(0)]
    features: list[dict[str, Any]] = []
    into: Weights = {}
    for _ in range(nodes * 2):
        a, b = (int(i) for i in random.choice(nodes, 2, replace=False))
        oneway = bool(random.random() < 0.4)
        features.append(line(places[a], places[b], oneway="yes" if oneway else "no"))
        seconds = distance_m(at(*places[a]), at(*places[b])) / E_BIKE_M_S
        for tail, head in [(a, b)] if oneway else [(a, b), (b, a)]:
            into.setdefault(tail, {})
            tails = into.setdefault(head, {})
            tails[tail] = min(tails.get(tail, math.inf), seconds)
    return features, into, places


def plain_dijkstra(into: Weights, goal: int) -> dict[int, float]:
    """Seconds from each node to the goal, by a heap and nothing else."""
    reached: dict[int, float] = {}
    waiting = [(0.0, goal)]
    while waiting:
        seconds, node = heapq.heappop(waiting)
        if node not in reached:
            reached[node] = seconds
            for tail, weight in into[node].items():
                heapq.heappush(waiting, (seconds + weight, tail))
    return reached


@pytest.mark.parametrize("seed", range(10))
def test_times_equal_a_plain_dijkstra_on_random_one_way_networks(tmp_path: Path, seed: int) -> None:
    features, into, places = random_network(seed, 60)
    roads = network(tmp_path, *features)
    used = sorted(into)
    compared = 0
    for goal in used[:10]:
        expected = plain_dijkstra(into, goal)
        units = [(at(*places[node]), "e-bike") for node in used]
        for node, route in zip(used, roads.routes(at(*places[goal]), units), strict=True):
            if node in expected:
                assert route.method == "road"
                assert route.travel_s == pytest.approx(expected[node], rel=1e-3, abs=0.5)
                assert route.distance_m == pytest.approx(expected[node] * E_BIKE_M_S, rel=1e-3, abs=2)
                compared += 1
            else:
                assert route.method == "straight line"
    assert compared > 300


def test_lines_meet_where_their_ends_are_a_metre_apart_and_not_where_they_are_three(tmp_path: Path) -> None:
    assert network(tmp_path, line((0, 0), (100, 0)), line((100.6, 0), (200, 0))).components == (3,)
    assert network(tmp_path, line((0, 0), (100, 0)), line((103, 0), (200, 0))).components == (2, 2)


def test_a_finely_drawn_curve_keeps_its_length(tmp_path: Path) -> None:
    curve = [(100 * math.cos(i / 200), 100 * math.sin(i / 200)) for i in range(400)]  # a point every 0.5 m
    roads = network(tmp_path, line(*curve))
    (route,) = roads.routes(at(*curve[-1]), [(at(*curve[0]), "walk")])
    assert route.distance_m == pytest.approx(199.5, rel=0.01)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"roads.geojson:1: not JSON"),
        ("[]", r"not a GeoJSON FeatureCollection"),
        ('{"features": []}', r"there is no LineString"),
        (
            '{"features": [{"geometry": {"type": "LineString", "coordinates": [[1, 2], [300, 4]]}}]}',
            r"feature 0: .*300",
        ),
        (
            '{"features": [{"geometry": {"type": "LineString", "coordinates": [[1, 2], ["x", 4]]}}]}',
            r"feature 0: .*'x'",
        ),
        ('{"features": [{"geometry": {"type": "LineString"}}]}', r"feature 0: 'coordinates'"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "roads.geojson"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputRejected, match=message):
        load_roads(file)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match=r"none\.geojson: cannot read"):
        load_roads(tmp_path / "none.geojson")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "nodes", "parts"), [("chongqing_links", 4030, 5), ("chongqing_road_centrelines", 6724, 164)]
)
def test_real_road_data_loads_and_its_disconnected_parts_are_reported(
    shared: Path, name: str, nodes: int, parts: int
) -> None:
    roads = load_roads(shared / "geo" / f"{name}.geojson")
    assert roads.nodes == nodes
    assert len(roads.components) == parts
    assert sum(roads.components) == nodes
    assert roads.components == tuple(sorted(roads.components, reverse=True))


@pytest.mark.shared
def test_on_real_streets_ways_are_at_least_as_long_as_straight_lines(shared: Path) -> None:
    roads = load_roads(shared / "geo" / "chongqing_links.geojson")
    random = np.random.default_rng(7)
    units = [
        (Location(lon=float(lon), lat=float(lat)), "car")
        for lon, lat in random.uniform((106.45, 29.55), (106.56, 29.60), size=(60, 2))
    ]
    incident = Location(lon=106.497781, lat=29.585807)
    by_road = [
        (route, distance_m(position, incident))
        for route, (position, _) in zip(roads.routes(incident, units), units, strict=True)
        if route.method == "road"
    ]
    assert len(by_road) >= 10
    assert all(route.distance_m >= straight * 0.999 for route, straight in by_road)


def test_two_hundred_units_on_22500_nodes_are_ranked_in_a_tenth_of_a_second(tmp_path: Path) -> None:
    side, step = 150, 40.0
    streets = [line(*((i * step, j * step) for j in range(side))) for i in range(side)]
    avenues = [line(*((i * step, j * step) for i in range(side))) for j in range(side)]
    roads = network(tmp_path, *streets, *avenues)
    assert roads.nodes == 22_500
    assert roads.components == (22_500,)
    random = np.random.default_rng(3)
    units = [(at(float(x), float(y)), "walk") for x, y in random.uniform(0, step * (side - 1), size=(200, 2))]
    incident = at(2011, 3007)
    roads.routes(incident, units)
    took = []
    for _ in range(7):
        began = time.perf_counter()
        routes = roads.routes(incident, units)
        took.append(time.perf_counter() - began)
    print(f"200 units, 22,500 nodes: median {sorted(took)[3] * 1000:.1f} ms, best {min(took) * 1000:.1f} ms")
    east, north = (units[0][0].lon - LON) / M_LON, (units[0][0].lat - LAT) / M_LAT
    around = abs(east - 2011) + abs(north - 3007)  # a grid of streets is walked in Manhattan distance
    assert routes[0].distance_m == pytest.approx(around, abs=2 * step)
    assert min(took) < 0.1


def test_a_straight_line_is_slower_on_foot_than_by_car() -> None:
    assert straight_line(at(0, 0), at(1300, 0), "walk").travel_s == pytest.approx(1300, rel=1e-3)
    assert straight_line(at(0, 0), at(1300, 0), "car").travel_s == pytest.approx(1300 * 1.3 / (30 / 3.6), rel=1e-3)


def test_the_roads_around_a_place_can_be_drawn(tmp_path: Path) -> None:
    roads = network(tmp_path, line((0, 0), (500, 0), (500, 300)), line((5000, 0), (5200, 0)))
    low, high = at(-50, -50), at(600, 600)
    pieces = roads.near(low.lon, low.lat, high.lon, high.lat)
    assert pieces.shape == (2, 2, 2)
    ends = {(round((lon - LON) / M_LON), round((lat - LAT) / M_LAT)) for lon, lat in pieces.reshape(-1, 2)}
    assert ends == {(0, 0), (500, 0), (500, 300)}
    assert load_roads(None).near(low.lon, low.lat, high.lon, high.lat).shape == (0, 2, 2)


def test_a_street_is_found_by_its_name_and_a_corner_has_both_of_its_streets(tmp_path: Path) -> None:
    roads = network(
        tmp_path,
        line((0, 0), (400, 0), name="River Road"),
        line((400, 0), (1000, 0), name="River Road"),
        line((400, -200), (400, 0), (400, 200), name="Well Lane"),
        line((0, 90), (400, 90)),
    )
    assert roads.streets.names == ("River Road", "Well Lane")
    middles = dict(roads.streets.places())
    assert distance_m(middles["River Road"], at(700, 0)) < 1, "of its two pieces the one nearer to the middle"
    assert [name for name, _ in roads.streets.near(at(402, 15), 25)] == ["Well Lane", "River Road"]
    ((name, metres),) = roads.streets.near(at(100, 60), 80)
    assert (name, round(metres)) == ("River Road", 60)
    assert roads.streets.near(at(100, 160), 80) == []
    assert load_roads(None).streets.near(at(0, 0), 1000) == []
    assert load_roads(None).streets.places() == []
