"""The demo city as configured and drawn."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alerts.intrusion import Recipe as Intrusion
from data.cap.message import parse_cap
from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.geo import Location, distance_m
from data.model.warning_reach import Reach
from dispatch.geojson import read_lines
from dispatch.plan_places import Ground, levels_at
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
    gauges = [m for site in city.sites for m in site.sensors if m.gives == "readings"]
    series = [getattr(m, "path", Path()).as_posix() for m in gauges]
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
    shifts = ["operator", "duty_officer", "duty_officer", "operator"]  # by day and by night, so that two can hand over
    assert roles == [*shifts, "section_head", "analyst", "administrator", "responder", "responder"]
    ids = {responder.id: responder.name for responder in city.responders}
    for login in DEMO_LOGINS:
        if login.role.value == "responder":
            assert ids[login.name] == login.display_name


def test_the_warnings_that_can_be_dropped_into_the_demo_begin_raise_and_end_its_storm_plan(
    root: Path, city: Settings
) -> None:
    files = sorted((root / "data/demo/warnings").glob("*.cap"))
    messages = [parse_cap(file.read_bytes()) for file in files]
    storm = city.plans.plan("storm")
    assert storm is not None
    assert [storm.warnings[0].fits_block(message.blocks[0]) for message in messages] == [True] * 4
    assert messages[0].is_in_force(datetime(2027, 1, 1, tzinfo=UTC))
    assert [message.level.value for message in messages] == ["blue", "orange", "orange", "red"]
    assert [message.status.value for message in messages][-1] == "Exercise"
    assert messages[1].references == (messages[0].key,)
    assert messages[2].references == (messages[1].key,)
    ground = Ground(city, ())
    points = [spot.id for spot in ground.spots if "waterlogging_point" in spot.marks]
    assert points == ["underpass-5", "tunnel-6", "old-drain"]
    assert ground.district.meets(messages[0].areas) is Reach.YES
    held = levels_at(ground.spots, [(messages[0].level, messages[0].areas)], ground.district, everywhere=False)
    assert set(held) == {spot.id for spot in ground.spots}


def test_every_place_and_call_of_the_demo_plans_lies_in_a_grid_that_somebody_works_in(
    root: Path, city: Settings
) -> None:
    crewed = {f["properties"]["code"] for f in features(root, "cases/grids") if f["properties"].get("people")}
    assert {place.grid for place in city.plans.places} <= crewed
    calls = [call for calls in city.plans.call_lists.values() for call in calls.calls]
    assert len(calls) == 8
    assert {call.grid for call in calls} <= crewed
    crest = city.plans.of_mode("flood-crest")
    assert crest is not None
    rules = {rule.name: rule for site in city.sites for rule in site.rules}
    river = rules["person-in-river"]
    assert isinstance(river, Intrusion)
    assert set(river.in_mode) == {crest.mode}
