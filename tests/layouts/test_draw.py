"""Drawing is pure: components from what is given, nothing read, nothing kept."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI

from alerts.threshold import Recipe as Threshold
from data.errors import InputRejected
from data.model.geo import Location
from data.model.people import Role, User
from data.ports.store import EvidenceVault, Store
from layouts import (
    alarm_figures,
    applications,
    case_sources,
    drill,
    duty,
    events,
    handover,
    inspections,
    load,
    notices,
    organisation,
    plans,
    reports,
    review,
    roll_call,
    setup,
    wall,
)
from layouts.context import ScreenContext
from layouts.frame import draw_frame
from layouts.ground import ground_of, middle_of
from layouts.limits import limits_of
from layouts.page_data import page_data
from layouts.shell import build_dash
from layouts.words import Words
from tests.layouts.street import street_settings

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
ROAD = {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}
BLOCK = {
    "type": "Feature",
    "properties": {},
    "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
}


class Nothing:
    """Stands where the store would be: whoever touches it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"drawing read the store: {name}")


def screens(base_map: Path | None = None, *, demo: bool = True) -> ScreenContext:
    nothing = Nothing()
    settings = street_settings()
    return ScreenContext(
        settings,
        cast(Store, nothing),
        cast(EvidenceVault, nothing),
        "https://example.org/src",
        "0.1.0",
        demo,
        base_map,
        visitor=lambda: User("li", Role.OPERATOR),
    )


def everything(component: Any) -> Iterator[dict[str, Any]]:
    """Every component of a tree as JSON."""
    yield from _walk(json.loads(json.dumps(component.to_plotly_json(), default=lambda c: c.to_plotly_json())))


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "props" in node:
            yield node
        for child in node.values():
            yield from _walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child)


def ids(component: Any) -> set[str]:
    return {node["props"]["id"] for node in everything(component) if "id" in node["props"]}


def texts(component: Any) -> str:
    return json.dumps([node["props"] for node in everything(component)], ensure_ascii=False)


PAGES = (
    "wall",
    "duty",
    "handover",
    "roll-call",
    "notices",
    "review",
    "reports",
    "events",
    "organisation",
    "load",
    "kpi",
    "plans",
    "applications",
    "case-sources",
    "inspections",
    "drill",
    "setup",
)


def draw_page(name: str, language: str = "zh") -> Any:
    words = Words("zh" if language == "zh" else "en")
    context = screens()
    if name == "review":
        return review.draw(context, words, NOON)
    pages = {
        "wall": wall,
        "duty": duty,
        "notices": notices,
        "events": events,
        "reports": reports,
        "handover": handover,
        "roll-call": roll_call,
        "organisation": organisation,
        "load": load,
        "setup": setup,
        "kpi": alarm_figures,
        "plans": plans,
        "applications": applications,
        "case-sources": case_sources,
        "inspections": inspections,
        "drill": drill,
    }
    return pages[name].draw(context, words)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_without_the_store_and_twice_the_same(name: str) -> None:
    assert texts(draw_page(name)) == texts(draw_page(name))


@pytest.mark.parametrize("name", PAGES)
def test_an_english_page_has_no_chinese_text(name: str) -> None:
    assert re.findall(r"[\u4e00-\u9fff]+", texts(draw_page(name, "en"))) == []


def test_every_place_that_a_script_fills_is_drawn_by_some_page(root: Path) -> None:
    frame = draw_frame(screens(), Words("zh"), "/", [])
    drawn = set().union(ids(frame), *(ids(draw_page(name)) for name in PAGES))
    filled = set()
    for file in (root / "layouts" / "assets").glob("*.js"):
        filled |= set(re.findall(r'\bmount\("([\w-]+)"', file.read_text("utf-8")))
    assert {"alert-list", "camera-wall", "duty-alerts", "review-axis"} <= filled
    assert filled - drawn == set()


def test_the_frame_shows_district_demo_mark_and_the_source() -> None:
    frame = texts(draw_frame(screens(), Words("zh"), "/duty", []))
    assert "河街街道治理中心" in frame
    assert "演示" in frame
    assert "https://example.org/src" in frame
    assert "演示" not in texts(draw_frame(screens(demo=False), Words("zh"), "/duty", []))


def test_a_page_tells_where_things_are_but_never_a_device_address() -> None:
    given = page_data(screens(), User("li", Role.OPERATOR))
    data = json.dumps(given, ensure_ascii=False)
    assert "滨江一号码头" in data
    assert "rtsp" not in data
    assert "127.0.0.1" not in data
    assert "phone" not in data


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.SOURCE])
def test_a_page_tells_a_role_that_may_not_look_no_site_and_nobody_s_name(role: Role) -> None:
    given = screens()
    data = page_data(given, User("somebody", role))
    assert data["sites"] == data["responders"] == []
    text = json.dumps(data, ensure_ascii=False)
    for secret in (*(site.id for site in given.settings.sites), *(one.name for one in given.settings.responders)):
        assert secret not in text


def test_the_span_proposed_ends_now_in_local_time() -> None:
    assert '"value": "2026-07-12T12:01"' in texts(draw_page("review"))
    assert '"value": "2026-07-12T11:31"' in texts(draw_page("review"))


def test_a_limit_is_shown_in_the_unit_of_its_quantity() -> None:
    (limit,) = limits_of(street_settings().site("underpass"))
    assert (limit.quantity, limit.value, limit.priority.value) == ("water_depth", 25.0, "P2")


def test_each_band_of_a_rule_is_a_limit_of_its_own() -> None:
    site = street_settings().site("underpass").model_copy(update={"rules": (Threshold(quantity="water_depth"),)})
    assert [(one.value, one.priority.value) for one in limits_of(site)] == [
        (5, "P4"),
        (15, "P3"),
        (25, "P2"),
        (50, "P1"),
    ]


def test_areas_are_drawn_below_roads(tmp_path: Path) -> None:
    for name, feature in (("a-roads", ROAD), ("b-blocks", BLOCK)):
        (tmp_path / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    kinds = [part["features"][0]["geometry"]["type"] for part in ground_of(tmp_path)]
    assert kinds == ["Polygon", "LineString"]
    assert ground_of(None) == []
    assert ground_of(tmp_path / "absent") == []


def test_a_file_that_is_no_geojson_is_named(tmp_path: Path) -> None:
    (tmp_path / "roads.geojson").write_text("[1, 2]")
    with pytest.raises(InputRejected, match=r"roads\.geojson: expected a GeoJSON FeatureCollection"):
        ground_of(tmp_path)


def test_the_middle_of_places() -> None:
    assert middle_of([Location(lon=106.0, lat=29.0), Location(lon=107.0, lat=30.0)]) == [29.5, 106.5]
    assert middle_of([]) == [0.0, 0.0]


def test_every_callback_is_a_coroutine_so_that_none_blocks_another() -> None:
    app = build_dash(FastAPI(), screens())
    callbacks = {name: entry.get("callback") for name, entry in app.callback_map.items()}
    served = {name: function for name, function in callbacks.items() if function is not None}
    assert len(served) >= 3
    assert [name for name, function in served.items() if not inspect.iscoroutinefunction(function)] == []
