"""The organisation from YAML, CSV and GeoJSON; which grid a place lies in; coverage against 100 %."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import shapely
from shapely.geometry import Polygon

from data.errors import InputRejected
from data.model.geo import Location
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import SYSTEM
from dispatch.grids import coverage, grid_at, outline_of
from dispatch.organisation_import import read_categories, read_file, read_text, sync_cases
from tests.dispatch.case_walk import MORNING
from tests.stores import new_store

DEMO = Path(__file__).parents[2] / "data" / "demo" / "cases"
CSV = """id,kind,name,parent,code,posts,people,platform,lon,lat
g-9,grid,第9网格,,500998001001009,2,wang;li,是,106.5,29.5
urban,department,城管,,,3,,,,
"""


def test_a_csv_row_becomes_a_unit_and_a_bad_one_is_named_by_its_line() -> None:
    grid, urban = read_text(CSV, "csv").units
    assert (grid.kind, grid.code, grid.people, grid.platform) == (
        UnitKind.GRID,
        "500998001001009",
        ("wang", "li"),
        True,
    )
    assert (grid.location, urban.posts, urban.location) == (Location(lon=106.5, lat=29.5), 3, None)
    with pytest.raises(InputRejected, match=r"units.csv, line 2: grid 'g-9': the code '5009' must have 15 digits"):
        read_text(CSV.replace("500998001001009", "5009"), "csv", "units.csv")
    with pytest.raises(InputRejected, match="unit urban stands there twice"):
        read_text(CSV + "urban,department,城管,,,3,,,,\n", "csv")


def test_a_geojson_outline_tells_the_grid_of_a_place() -> None:
    square = [[106.5, 29.5], [106.51, 29.5], [106.51, 29.51], [106.5, 29.51], [106.5, 29.5]]
    feature = {
        "properties": {"id": "g-1", "kind": "grid", "name": "第1网格", "code": "500998001001001"},
        "geometry": {"type": "Polygon", "coordinates": [square]},
    }
    units = read_text(json.dumps({"features": [feature]}), "geojson").units
    found = grid_at(units, Location(lon=106.505, lat=29.505))
    assert found is not None
    assert (found.id, grid_at(units, Location(lon=106.52, lat=29.505))) == ("g-1", None)
    bow_tie = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
    feature["geometry"] = {"type": "Polygon", "coordinates": [bow_tie]}
    with pytest.raises(InputRejected, match="no valid GeoJSON polygon"):
        read_text(json.dumps({"features": [feature]}), "geojson")


def test_the_demo_city_s_organisation_and_categories_are_taken_in_once(tmp_path: Path) -> None:
    store = new_store(tmp_path / "city.db")
    files = [DEMO / "organisation.yaml", DEMO / "grids.geojson"]
    for _ in range(2):
        store.write(lambda w: sync_cases(w, files, DEMO / "categories.yaml", SYSTEM, MORNING, "Asia/Shanghai"))
    units = {unit.id: unit for unit in store.read(lambda reader: reader.units())}
    assert len([unit for unit in units.values() if unit.kind is UnitKind.SECTION]) == 4
    assert {unit.version for unit in units.values()} == {1}
    kinds = store.read(lambda reader: reader.categories())
    assert not any(one.category.normative for one in kinds), "the table is an example"
    named = {name for one in kinds for name in (one.category.section, one.category.lead, *one.category.cooperating)}
    assert named - {""} <= units.keys()
    shifts = store.read(lambda reader: reader.shifts(at=MORNING))
    assert {"duty", "operator", "section", "traffic-1"} <= {one.person for one in shifts}, "taken in once, for today"
    assert len(shifts) == len({(one.unit, one.person) for one in shifts})
    assert {one.unit for one in shifts} <= units.keys()
    store.close()


def test_a_daily_shift_is_entered_from_today_on_by_the_city_s_clock_and_with_the_night_that_still_lasts() -> None:
    text = """shifts:
  - {unit: post, person: night, begins: "20:00", ends: "08:00", days: 2, duty: 值班长}
  - {unit: post, person: day, begins: "08:00", ends: "20:00", days: 2}
"""
    found = read_text(text, "yaml")
    at_three = datetime(2026, 7, 11, 19, 0, tzinfo=UTC)  # 03:00 on the 12th in Shanghai
    told = [(s.person, f"{s.begins:%d %H}", f"{s.ends:%d %H}") for s in found.shifts_from(at_three, "Asia/Shanghai")]
    assert told == [
        ("night", "11 12", "12 00"), ("night", "12 12", "13 00"), ("night", "13 12", "14 00"),
        ("day", "12 00", "12 12"), ("day", "13 00", "13 12"),
    ]  # fmt: skip
    at_nine = at_three + timedelta(hours=6)
    assert [s.person for s in found.shifts_from(at_nine, "Asia/Shanghai") if s.begins <= at_nine] == ["day"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ('{unit: a, person: b, begins: "08:00", ends: "20:00", days: 0}', "from 1 to 31"),
        ('{unit: a, person: b, begins: "08:00", ends: "20:00", days: two}', "from 1 to 31"),
        ('{unit: a, person: b, begins: "08:00+08:00", ends: "20:00", days: 2}', "without an offset"),
        ('{unit: a, person: b, begins: "8 Uhr", ends: "20:00", days: 2}', "Invalid isoformat"),
        ('{unit: a, person: b, begins: "2026-07-12T08:00", ends: "2026-07-12T20:00"}', "need their offset"),
    ],
)
def test_a_shift_that_is_no_shift_is_refused_with_its_number(entry: str, why: str) -> None:
    with pytest.raises(InputRejected, match=f"the file, shift 1: .*{why}"):
        read_text(f"shifts:\n  - {entry}\n", "yaml")


@pytest.mark.parametrize("text", ["units: 3", "- a", "units: [{id: x}]", "units: [{id: a, kind: moon, name: b}]"])
def test_what_is_no_organisation_is_refused_whole(text: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(InputRejected, match=r"bad\.yaml"):
        read_file(file)
    with pytest.raises(InputRejected, match="category 1, en"):
        read_categories("categories: [{kind: x, zh: 甲}]")


def test_coverage_counts_grids_posts_platform_and_who_is_on_duty_now() -> None:
    units = (
        Unit("g-1", UnitKind.GRID, "一", code="500998001001001", posts=1, people=("a",), platform=True),
        Unit("g-2", UnitKind.GRID, "二", code="500998001001002", posts=1),
        Unit("police", UnitKind.JOINT_DUTY, "派出所", posts=2, people=("b",), platform=True),
        Unit("school", UnitKind.EXTERNAL, "小学"),
    )
    shift = Shift("police", "b", MORNING, MORNING + timedelta(hours=8))
    figures = {one.name: one for one in coverage(units, [shift], MORNING)}
    assert {name: (one.present, one.of) for name, one in figures.items()} == {
        "grids_staffed": (1, 2), "posts_filled": (2, 4), "platform_in_use": (2, 3), "posts_on_duty": (1, 1),
    }  # fmt: skip
    assert figures["grids_staffed"].missing == ("g-2",)
    assert figures["posts_filled"].percent == 50.0
    later = coverage(units, [shift], MORNING + timedelta(hours=9))
    assert [one.present for one in later if one.name == "posts_on_duty"] == [0]


def star(points: int, wobble: float = 0.0) -> list[list[float]]:
    around = [2 * math.pi * n / points for n in range(points)]
    ring = [
        [106.5 + (0.02 + wobble * (n % 2)) * math.cos(a), 29.5 + (0.02 + wobble * (n % 2)) * math.sin(a)]
        for n, a in enumerate(around)
    ]
    return [*ring, ring[0]]


def a_grid(ring: list[list[float]]) -> str:
    feature = {
        "type": "Feature",
        "properties": {"id": "g-1", "kind": "grid", "name": "一", "code": "500103001001001"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def test_an_outline_of_fifty_thousand_points_is_simplified_once_when_it_is_brought_in() -> None:
    (unit,) = read_text(a_grid(star(50_000)), "geojson").units
    kept = outline_of(unit)
    assert shapely.get_num_coordinates(kept) <= 1000
    assert kept.symmetric_difference(Polygon(star(50_000))).area < 1e-6
    found = grid_at([unit], Location(lon=106.51, lat=29.5))
    assert found is not None


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        (lambda: star(5_000, wobble=0.005), "simplify it before it is brought in"),
        (lambda: star(100_001), "more than 100000 points"),
        (lambda: [[Random(n).random(), Random(-n).random()] for n in range(1, 151)], "no valid GeoJSON polygon"),
    ],
    ids=["jagged", "long", "tangled"],
)
def test_an_outline_that_cannot_be_made_small_is_refused_with_words(
    ring: Callable[[], list[list[float]]], said: str
) -> None:
    with pytest.raises(InputRejected, match=said):
        read_text(a_grid(ring()), "geojson")


def test_geojson_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(InputRejected, match="no GeoJSON FeatureCollection"):
        read_text('{"features": ' + "[" * 100_000, "geojson")


def test_one_stored_outline_that_is_broken_hides_no_other_grid() -> None:
    (good,) = read_text(a_grid(star(8)), "geojson").units
    crossed = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    broken = replace(good, id="a-1", outline=crossed)
    found = grid_at([broken, good], Location(lon=106.5, lat=29.5))
    assert found is not None
    assert found.id == "g-1"
