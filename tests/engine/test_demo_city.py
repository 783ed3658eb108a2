"""The demo city as configured and drawn."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data.config import load_settings
from data.geo import Location, distance_m
from data.settings import Settings
from dispatch.geojson import read_lines
from dispatch.routing import load_roads
from engine.catalogue import load_catalogue
from engine.demo.city import write
from engine.demo.compose import SCENES
from engine.demo.logins import DEMO_LOGINS
from engine.demo.series import SERIES


@pytest.fixture(scope="module")
def city() -> Settings:
    return load_settings(Path(__file__).resolve().parents[2] / "config.yaml", load_catalogue())[0]


def features(root: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / "data/demo" / f"{name}.geojson").read_text("utf-8"))["features"]
    return found


def test_the_city_has_what_a_newcomer_wants_to_see(city: Settings) -> None:
    profiles = [site.profile for site in city.sites]
    assert len(city.sites) == 9
    assert profiles.count("riverbank") == 3
    assert profiles.count("waterlogging_point") == 2
    assert profiles.count("no_parking") == 2
    assert {"rain_gauge", "river_gauge"} < set(profiles)
    assert len(city.responders) == 24
    assert {r.team for r in city.responders} == {"网格员", "城管", "排水抢险队", "应急分队", "交巡警", "联勤岗"}
    assert city.demo
    assert city.timezone == "Asia/Shanghai"


def test_every_camera_of_the_config_is_composed_and_every_gauge_has_its_series(city: Settings) -> None:
    videos = [getattr(s.camera, "path", Path()).as_posix() for s in city.sites if s.camera is not None]
    assert sorted(videos) == sorted(f"var:demo/{scene.id}.mp4" for scene in SCENES)
    series = [getattr(m, "path", Path()).as_posix() for site in city.sites for m in site.sensors]
    assert sorted(series) == sorted(f"var:demo/{name}.csv" for name in SERIES)


@pytest.mark.parametrize("scene", [s for s in SCENES if s.zones], ids=lambda s: s.id)
def test_the_zones_of_the_config_lie_where_the_scene_is_drawn(city: Settings, scene: Any) -> None:
    configured = {zone.id: zone.polygon for zone in city.site(scene.id).zones}
    assert set(configured) == set(scene.zones)
    for zone_id, corners in scene.zones.items():
        drawn = scene.view.fractions(corners)
        assert [x for point in configured[zone_id] for x in point] == pytest.approx(
            [x for point in drawn for x in point], abs=0.002
        )


def test_every_rule_watches_a_zone_of_its_site(city: Settings) -> None:
    for site in city.sites:
        for rule in site.rules:
            site.place.zone(rule.zone)  # raises KeyError


def test_the_river_gauge_says_which_datum_its_levels_have(city: Settings) -> None:
    (gauge,) = city.site("river-9").sensors
    assert getattr(gauge, "vertical_datum", None) == "黄海 1956"


def test_the_streets_are_one_network_with_two_bridges_and_stairs(root: Path) -> None:
    roads = load_roads(root / "data/demo/roads.geojson")
    assert roads.nodes >= 300
    assert len(roads.components) == 1
    lines = features(root, "roads")
    assert {f["properties"]["name"] for f in lines if f["properties"].get("bridge")} == {"望江大桥", "渡口大桥"}
    assert sum(f["properties"]["highway"] == "steps" for f in lines) >= 5
    assert all(f["properties"]["name"] for f in lines)


def test_from_bank_to_bank_one_walks_over_a_bridge(root: Path, city: Settings) -> None:
    roads = load_roads(root / "data/demo/roads.geojson")
    here, there = Location(lon=107.310159, lat=29.90548), Location(lon=107.310845, lat=29.903525)
    way = roads.path(here, there, "walk")
    assert distance_m(here, there) < 250
    assert sum(distance_m(a, b) for a, b in pairwise(way)) > 500


def test_the_committed_map_is_the_one_our_program_draws(root: Path, tmp_path: Path) -> None:
    write(tmp_path)
    names = sorted(p.name for p in (root / "data/demo").glob("*.geojson"))
    assert names == ["blocks.geojson", "river.geojson", "roads.geojson"]
    for name in names:
        assert (tmp_path / name).read_text("utf-8") == (root / "data/demo" / name).read_text("utf-8")


def test_every_grid_has_a_code_of_fifteen_digits_and_everybody_lives_in_one(root: Path, city: Settings) -> None:
    codes = {f["properties"]["code"] for f in features(root, "blocks") if f["properties"]["kind"] == "grid"}
    assert len(codes) == 10
    assert all(len(code) == 15 and code.isdigit() for code in codes)
    assert {site.grid for site in city.sites} <= codes
    assert {responder.grid for responder in city.responders} <= codes


def test_everybody_starts_on_a_street_that_they_may_use(root: Path, city: Settings) -> None:
    lines = read_lines(root / "data/demo/roads.geojson")
    for responder in city.responders:
        assert responder.location is not None
        usable = [p for line in lines if line.speeds[responder.travel] > 0 for p in line.points]
        near = min(distance_m(responder.location, Location(lon=lon, lat=lat)) for lon, lat in usable)
        assert near < 5, responder.id


def test_a_demo_login_for_each_part_and_every_responder_among_them_exists(city: Settings) -> None:
    roles = [login.role.value for login in DEMO_LOGINS]
    assert roles == ["operator", "duty_officer", "section_head", "analyst", "administrator", "responder", "responder"]
    ids = {responder.id: responder.name for responder in city.responders}
    for login in DEMO_LOGINS:
        if login.role.value == "responder":
            assert ids[login.name] == login.display_name
