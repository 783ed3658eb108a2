"""Places by their names, what a clicked place is called, and an event that is entered there with its photo."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from data.model.case import ClockName, TimeKind
from data.model.category import Category
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from data.ports.store import Writer
from dispatch.geojson import RoadLine
from dispatch.routing import Roads
from tests.web.city import Clock, Running, city, open_deps, start
from web.accounts import add_user

GATE = Location(lon=106.512, lat=29.583)
SQUARE = [[106.50, 29.57], [106.52, 29.57], [106.52, 29.59], [106.50, 29.59], [106.50, 29.57]]
GRID = "500105007003012"
SPEEDS = {"walk": 1.3, "e-bike": 4.0, "car": 8.0}


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two streets that cross inside one grid, some hundred metres from the gate."""
    deps = open_deps(tmp_path_factory.mktemp("corner") / "var", city())
    deps.roads = Roads(
        [
            RoadLine(((106.510, 29.5833), (106.514, 29.5833)), SPEEDS, name="滨江路"),
            RoadLine(((106.512, 29.582), (106.512, 29.585)), SPEEDS, name="码头巷"),
        ]
    )
    for name, role in {"li": Role.OPERATOR, "qian": Role.SECTION_HEAD, "zhou": Role.ANALYST}.items():
        add_user(deps.store, name, role, None)
    grid = Unit("g-12", UnitKind.GRID, "第12网格", code=GRID, outline={"type": "Polygon", "coordinates": [SQUARE]})
    lead = Unit("urban", UnitKind.DEPARTMENT, "城管执法大队", people=("qian",))
    kind = Category(kind="dirty_path", zh="背街脏乱", en="Dirty path", lead="urban", time=TimeKind.CALENDAR)

    def work(writer: Writer) -> None:
        for unit in (grid, lead):
            writer.put_unit(unit)
        writer.put_category(kind)

    deps.store.write(work)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)


def entry(**more: object) -> dict[str, object]:
    return {"kind": "dirty_path", "location": GATE.model_dump(), "description": "路面积泥"} | more


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "JPEG")
    return out.getvalue()


def post_entry(client: httpx.Client, body: str, picture: bytes) -> httpx.Response:
    return client.post("/api/v1/entries", data={"event": body}, files={"photo": ("mud.jpg", picture, "image/jpeg")})


def test_sites_grids_and_streets_are_places_by_name(corner: Running) -> None:
    with corner.client("zhou") as analyst:
        items = analyst.get("/api/v1/places").json()["items"]
    found = {(one["kind"], one["name"]): one for one in items}
    assert {("site", "小学门口"), ("grid", "第12网格"), ("street", "滨江路"), ("street", "码头巷")} <= found.keys()
    assert found["grid", "第12网格"]["grid"] == GRID
    assert 106.50 < found["grid", "第12网格"]["lon"] < 106.52
    assert found["street", "滨江路"]["lat"] == 29.5833


def test_a_clicked_place_is_told_by_its_corner_its_grid_and_the_nearest_site(corner: Running) -> None:
    with corner.client("li") as operator:
        here = operator.get("/api/v1/places/at", params={"lon": 106.5121, "lat": 29.5832}).json()
        assert (here["streets"], here["grid"], here["grid_name"]) == (["码头巷", "滨江路"], GRID, "第12网格")
        assert here["site"] == "gate-3"
        assert 405 < here["site_m"] < 415
        assert here["plausible"] is True
        away = operator.get("/api/v1/places/at", params={"lon": 100.0, "lat": 20.0}).json()
        assert (away["streets"], away["grid"], away["plausible"]) == ([], "", False)
        assert operator.get("/api/v1/places/at", params={"lon": 200, "lat": 0}).status_code == 422


def test_an_entry_with_photo_caller_priority_and_deadline_is_an_event_whose_clock_has_that_deadline(
    corner: Running,
) -> None:
    body = entry(reporter={"name": "张女士", "phone": "000-1234"}, priority="P2", limit="5h", grid=GRID)
    with corner.client("li") as operator:
        made = post_entry(operator, json.dumps(body), photo())
        assert made.status_code == 200, made.text
        event = made.json()["event"]
        assert (event["priority"], event["grid"], event["origin"]) == ("P2", GRID, "operator")
        whole = operator.get(f"/api/v1/events/{event['id']}").json()
        assert whole["reporter"] == {"name": "张女士", "phone": "000-1234"}
        assert [(one["step"], one["detail"]) for one in whole["steps"]] == [("open", {"limit_s": 18_000.0})]
        assert whole["state"] == "received"
        assert operator.get(f"/media/evidence/{whole['photo']}").headers["content-type"] == "image/jpeg"
        for step in ("file", "dispatch"):
            taken = operator.post(f"/api/v1/events/{event['id']}/{step}", json={}, headers={"If-Match": "*"})
            assert taken.status_code == 200, taken.text
    stored = corner.store.read(lambda reader: reader.event(event["id"]))
    clock = stored.clock(ClockName.HANDLING)
    assert clock is not None
    assert clock.limit_s == 5 * 3600, "not the three days of its kind"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{", "event"),
        ("[]", "event"),
        (json.dumps(entry(limit="soon")), "limit"),
        (json.dumps(entry(colour=1)), "colour"),
    ],
)
def test_an_entry_that_is_none_is_refused_by_the_field_that_is_wrong(corner: Running, body: str, field: str) -> None:
    with corner.client("li") as operator:
        before = len(operator.get("/api/v1/events").json()["items"])
        refused = post_entry(operator, body, photo())
        assert refused.status_code == 422
        assert field in refused.text
        assert post_entry(operator, json.dumps(entry()), b"no picture").status_code == 422
        assert len(operator.get("/api/v1/events").json()["items"]) == before


def test_who_may_not_take_in_events_enters_none(corner: Running) -> None:
    with corner.client("zhou") as analyst:
        assert post_entry(analyst, json.dumps(entry()), photo()).status_code == 403
