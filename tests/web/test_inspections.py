"""Inspections over REST: who may look and inspect, what is refused in words, sent twice is done once, printed codes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser

from data.config.inspections import InspectionSettings
from data.config.settings import Settings
from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from dispatch.inspections import bring_in_line, inspections_due, out_of_line
from tests.dispatch.inspected_street import BOOK, EAST, OUTLINE
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from web.accounts import add_user

pytestmark = pytest.mark.server


def inspected_city() -> Settings:
    book = InspectionSettings.model_validate(BOOK)
    return city().model_copy(update={"inspections": book, "district_codes": ("500105",)})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    """An operator, two people of the grid, one of another unit; all three places are due."""
    clock = Clock()
    deps = open_deps(tmp_path / "var", inspected_city(), now=clock)
    add_user(deps.store, "li", Role.OPERATOR, PASSWORD)
    unit = Unit("g-12", UnitKind.GRID, "第12网格", code=EAST, people=("zhang", "wang"), outline=OUTLINE)
    deps.store.write(lambda writer: writer.put_unit(unit))
    work = deps.store.read(lambda reader: out_of_line(reader, deps.settings, deps.now()))
    deps.store.write(lambda writer: bring_in_line(writer, work, deps.settings, deps.now()))
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def filled(desk: Running, place: str = "shop-1", **changes: Any) -> dict[str, Any]:
    here = desk.deps.settings.inspections.by_id[place].location
    return {
        "place": place, "lon": here.lon, "lat": here.lat, "accuracy_m": 8, "seen_at": desk.deps.now().isoformat(),
        "found": ["exit=ok", "gas=ok", "sign=none"], **changes,
    }  # fmt: skip


def test_an_inspection_is_taken_once_and_read_by_those_who_may_look(desk: Running) -> None:
    with desk.client("zhang") as zhang, desk.client("li") as li, desk.client() as stranger:
        assert stranger.post("/api/v1/inspections", data=filled(desk)).status_code == 401
        assert li.post("/api/v1/inspections", data=filled(desk)).status_code == 403
        form, key = filled(desk, text="都好"), {"Idempotency-Key": "one-inspection"}
        first = zhang.post("/api/v1/inspections", data=form, headers=key)
        assert first.status_code == 200, first.text
        again = zhang.post("/api/v1/inspections", data=form, headers=key)
        assert again.headers["Idempotency-Replayed"] == "true"
        (done,) = first.json()["inspections"]
        assert (done["state"], done["done_by"], done["note"], done["distance_m"]) == ("done", "zhang", "都好", 0.0)
        assert zhang.get("/api/v1/inspections").status_code == 403, "responders see their own places only"
        listed = li.get("/api/v1/inspections?place=shop-1").json()["items"]
        assert [one["state"] for one in listed] == ["waiting", "done"]
        assert li.get("/api/v1/inspections?open=true&limit=1").json()["next"]
        whole = li.get("/api/v1/inspections/standing").json()["whole"]
        assert (whole["places"], whole["inspected"], whole["overdue"]) == (3, 1, 0)


@pytest.mark.parametrize(
    ("changes", "status", "key"),
    [
        ({"lat": 29.5845}, 422, "inspection.far"),
        ({"accuracy_m": 500}, 422, "inspection.inaccurate"),
        ({"found": ["exit=ok"]}, 422, "inspection.missing"),
        ({"found": ["exit=hazard", "gas=hazard", "sign=ok"]}, 422, "inspection.photo"),
        ({"place": "nowhere"}, 404, ""),
        ({"found": ["exit=ok", "exit=ok"]}, 422, ""),
        ({"found": ["exit=perhaps"]}, 422, ""),
        ({"recheck": ["no=ok"]}, 422, ""),
        ({"recheck": ["99=ok"]}, 404, ""),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(desk: Running, changes: dict[str, Any], status: int, key: str) -> None:
    with desk.client("zhang") as zhang:
        answer = zhang.post("/api/v1/inspections", data=filled(desk) | changes)
        assert answer.status_code == status, answer.text
        assert answer.json().get("words", {}).get("key", "") == key
    assert desk.store.read(lambda reader: reader.last_inspected()) == {}


def test_the_phone_gets_its_grids_due_places_with_their_checklists_and_a_scanned_one_of_another_grid(
    desk: Running,
) -> None:
    with desk.client("zhang") as zhang, desk.client("chen") as chen:
        assert zhang.get("/r/places").json()["places"] == [], "they wait: none is due yet"
        desk.clock.ahead = timedelta(days=29)
        rows = desk.store.read(lambda reader: reader.open_inspections())
        desk.store.write(lambda writer: inspections_due(writer, desk.deps.now(), settings=desk.deps.settings))
        assert len(rows) == 3
        found = zhang.get("/r/places").json()
        assert {one["id"] for one in found["places"]} == {"shop-1", "shop-2", "gate-1"}
        assert found["types"]["shop"]["items"][0] == ["exit", "安全出口畅通", True, False]
        assert found["within_m"] == 100
        page = zhang.get("/r")
        assert 'data-places="3"' in page.text
        assert "inspect.js" in page.text
        tag = zhang.get("/r/places").headers["ETag"]
        assert zhang.get("/r/places", headers={"If-None-Match": tag}).status_code == 304
        assert chen.get("/r/places").json()["places"] == []
        scanned = chen.get("/r/places?place=gate-1").json()
        assert [one["id"] for one in scanned["places"]] == ["gate-1"]
        assert chen.get("/r/places?place=nowhere").json()["unknown"] == "nowhere"


def test_the_route_is_seen_by_its_own_person_and_by_those_who_may_look(desk: Running) -> None:
    with desk.client("zhang") as zhang, desk.client("li") as li:
        assert zhang.get("/api/v1/inspections/route?person=wang").status_code == 403
        assert zhang.get("/api/v1/inspections/route").json()["stops"] == []
        desk.clock.ahead = timedelta(days=40)
        for _ in range(2):
            desk.store.write(lambda writer: inspections_due(writer, desk.deps.now(), settings=desk.deps.settings))
        found = li.get("/api/v1/inspections/route?person=zhang&most=2").json()
        assert (len(found["stops"]), found["left_out"]) == (2, 1)
        assert found["stops"][0]["inspections"][0]["state"] == "overdue"
        late = li.get("/api/v1/inspections/standing").json()["overdue"]
        assert {one["name"] for one in late} == {"一号面馆", "二号旅馆", "一号闸"}
        assert [one["name"] for one in late[0]["people"]] == ["Zhang", "Wang"]


@pytest.mark.browser
def test_the_printed_codes_hold_the_address_that_opens_the_form(desk: Running, browser: Browser) -> None:
    with desk.client("li") as li, desk.client("zhang") as zhang:
        assert zhang.get("/inspections/codes", follow_redirects=False).status_code == 303
        sheet = li.get("/inspections/codes?type=gate")
        assert sheet.text.count("<svg") == 1
        assert "一号闸" in sheet.text
    page = browser.new_page()
    page.set_content(sheet.text)
    picture = page.locator("svg").screenshot()
    page.close()
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    image = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(image)
    assert text == f"{desk.base}/r?place=gate-1"
