"""Open311 GeoReport v2: what citizens may send and see, and what keeps them from sending too much."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import httpx
import pytest
from limits import RateLimitItemPerHour

from data.model.case import Origin
from data.model.category import Category
from data.model.people import Role
from tests.web.city import Clock, Running, city, open_deps, start
from web.accounts import add_user
from web.rate_limit import RateLimit

GIVEN = {"service_code": "litter", "lat": "29.58", "long": "106.51", "description": "路边垃圾", "phone": "13900000000"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = city()
    settings = settings.model_copy(update={"cases": settings.cases.model_copy(update={"reports_per_hour": 12})})
    clock = Clock()
    deps = open_deps(tmp_path_factory.mktemp("var"), settings, now=clock)
    add_user(deps.store, "li", Role.OPERATOR, None)
    for kind, public in (("litter", True), ("intrusion", False)):
        category = Category(kind=kind, zh="垃圾", en="Litter", public=public)
        deps.store.write(lambda writer, category=category: writer.put_category(category))  # type: ignore[misc]
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def send(citizen: httpx.Client, form: str = "json", **changes: str) -> httpx.Response:
    return citizen.post(f"/open311/v2/requests.{form}", data=GIVEN | changes)


def test_a_citizen_sees_public_services_only_and_a_report_waits_to_be_received(served: Running) -> None:
    with served.client() as citizen, served.client("li") as operator:
        assert [one["service_code"] for one in citizen.get("/open311/v2/services.json").json()] == ["litter"]
        xml = ET.fromstring(citizen.get("/open311/v2/services.xml").content)
        assert [element.text for element in xml.findall("service/service_code")] == ["litter"]
        sent = send(citizen)
        assert sent.status_code == 201, sent.text
        number = sent.json()[0]["service_request_id"]
        event = operator.get(f"/api/v1/events/{number}").json()
        assert (event["state"], event["origin"]) == ("received", "citizen")
        shown = citizen.get(f"/open311/v2/requests/{number}.json")
        assert "13900000000" not in shown.text
        assert "垃圾" not in shown.json()[0].get("description", "")
        listed = citizen.get("/open311/v2/requests.json", params={"status": "open"}).json()
        assert number in {one["service_request_id"] for one in listed}
        again = send(citizen, "xml")
        assert again.status_code == 201
        assert ET.fromstring(again.content).find("request/service_request_id") is not None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"service_code": "intrusion"}, "none of the services"),
        ({"lat": "north"}, "lat and long"),
        ({"long": "nan"}, "lat and long"),
        ({"description": " "}, "description"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(served: Running, changes: dict[str, str], why: str) -> None:
    with served.client() as citizen:
        refused = send(citizen, **changes)
        assert (refused.status_code, refused.json()[0]["code"]) == (400, 400)
        assert why in refused.json()[0]["description"]


def test_what_our_own_people_brought_in_is_not_public(served: Running) -> None:
    with served.client("li") as operator, served.client() as citizen:
        body = {"kind": "litter", "location": {"lon": 106.7, "lat": 29.7}, "description": "内部"}
        number = operator.post("/api/v1/events", json=body).json()["event"]["id"]
        assert citizen.get(f"/open311/v2/requests/{number}.json").status_code == 404
        assert citizen.get("/open311/v2/../api/v1/events").status_code == 401
        assert citizen.get("/api/v1/events").status_code == 401


def test_too_many_reports_from_one_address_are_put_off(served: Running) -> None:
    with served.client() as citizen:
        statuses = [send(citizen).status_code for _ in range(14)]
        assert 429 in statuses
        refused = send(citizen)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
        origins = {event.origin for event in served.store.read(lambda reader: reader.events(limit=1000))}
        assert origins == {Origin.CITIZEN, Origin.OPERATOR}


def test_the_hour_of_the_limit_slides() -> None:
    moment = [0.0]
    limit = RateLimit(RateLimitItemPerHour(2), clock=lambda: moment[0])
    assert [limit.wait_s("a"), limit.wait_s("a"), limit.wait_s("b")] == [0.0, 0.0, 0.0]
    assert limit.wait_s("a") == 3600.0
    moment[0] = 3601.0
    assert limit.wait_s("a") == 0.0
