"""What is around a chosen thing, and the search: over real roads, for each role what it may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.lifecycle import end_alert, raise_alert
from data.config.dispatch import ClosureSettings, CostSettings, DispatchSettings
from data.config.settings import ResponderSettings, SiteSettings
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.people import Role
from data.model.task import Event
from data.ports.store import Writer
from tests.dispatch.test_routing import at, line, network
from tests.web.city import PASSWORD, ROLES, Clock, Running, StillCamera, city, open_deps, start
from web.accounts import add_user

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """From west to east 1 km straight through an underpass, or round by the north; two people in the west."""
    free = CostSettings(load=timedelta(0), rest=timedelta(0), own_grid=timedelta(0))
    closures = (ClosureSettings(rules=("deep",), radius=60, travel=("car",)),)
    sites = (
        SiteSettings(id="market", name="东市场", location=at(1000, 0), monitor=StillCamera()),
        SiteSettings(id="underpass", name="铁路下穿道", location=at(500, 0), monitor=StillCamera()),
        SiteSettings(
            id="vault", name="保密库房", location=at(700, 400), monitor=StillCamera(), visible_to=(Role.COMMANDER,)
        ),
    )
    people = tuple(
        ResponderSettings(id=name, name=name, team="车队", location=at(0, 0), travel=travel)
        for name, travel in (("zhang", "car"), ("wang", "walk"))
    )
    settings = city().model_copy(
        update={"sites": sites, "responders": people, "dispatch": DispatchSettings(cost=free, closures=closures)}
    )
    folder = tmp_path_factory.mktemp("streets")
    deps = open_deps(folder / "var", settings)
    deps.roads = network(folder, line((0, 0), (500, 0), (1000, 0)), line((0, 0), (0, 500), (1000, 500), (1000, 0)))
    for name, role in ROLES.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def raised(running: Running, site: str, rule: str, label: str = "person") -> int:
    now = datetime.now(UTC)
    one = Raised(AlertKey(site, rule, "", str(now)), "intrusion", Priority.P2, now, now, label=label)
    stored = running.store.write(lambda writer: raise_alert(writer, one, None, now))
    assert stored is not None
    return stored.id


def test_the_ways_of_candidates_lead_round_what_is_closed_as_their_times_do(streets: Running) -> None:
    alert, water = raised(streets, "market", "intrusion"), raised(streets, "underpass", "deep")
    with streets.client("li") as li:
        around = li.get(f"/api/v1/alerts/{alert}/surroundings").json()
        told = {one["responder"]: one for one in li.get(f"/api/v1/alerts/{alert}/candidates").json()["items"]}
        site = li.get("/api/v1/sites/market/surroundings").json()
    ways = {way["responder"]: way for way in around["ways"]}
    assert {name: way["travel_s"] for name, way in ways.items()} == {name: told[name]["travel_s"] for name in told}
    assert [round(way["distance_m"], -1) for way in (ways["wang"], ways["zhang"])] == [1000, 2000]
    assert max(lat for _, lat in ways["zhang"]["path"]) == pytest.approx(at(0, 500).lat, abs=1e-5)
    assert max(lat for _, lat in ways["wang"]["path"]) == pytest.approx(at(0, 0).lat, abs=1e-5)
    (closed,) = around["closed"]
    assert (closed["alert"], closed["site"], closed["travel"], len(closed["lines"])) == (water, "underpass", ["car"], 2)
    assert (site["closed"], len(site["ways"])) == ([closed], 2)


def test_whose_task_it_is_comes_first_and_is_marked(streets: Running) -> None:
    alert = raised(streets, "market", "intrusion")
    with streets.client("li") as li:
        task = li.post(f"/api/v1/alerts/{alert}/dispatch", json={"responder": "zhang"}).json()["task"]
        ways = li.get(f"/api/v1/alerts/{alert}/surroundings").json()["ways"]
        of_event = li.get(f"/api/v1/events/{task['event']}/surroundings").json()["ways"]
    with streets.client("zhang") as driver:
        accepted = driver.post(f"/api/v1/tasks/{task['id']}/accept", json={})
        phone = driver.get("/r/live").text
    assert accepted.status_code == 200, accepted.text
    assert "2.0 公里" in phone, "the phone leads round what is closed too: 2 km"
    with streets.client("zhao") as zhao:
        zhao.post(f"/api/v1/tasks/{task['id']}/cancel", json={})
    assert [(way["responder"], way["going"]) for way in ways] == [("zhang", True), ("wang", False)]
    assert of_event == ways


def test_who_may_not_dispatch_sees_what_is_closed_and_nobodys_way(streets: Running) -> None:
    alert = raised(streets, "market", "intrusion")
    secret = raised(streets, "vault", "deep")
    with streets.client("zhou") as analyst:
        around = analyst.get(f"/api/v1/alerts/{alert}/surroundings").json()
        hidden = [analyst.get(path).status_code for path in
                  (f"/api/v1/alerts/{secret}/surroundings", "/api/v1/sites/vault/surroundings")]  # fmt: skip
    with streets.client("sun") as commander:
        seen = {one["site"] for one in commander.get(f"/api/v1/alerts/{alert}/surroundings").json()["closed"]}
    assert around["ways"] == []
    assert {one["site"] for one in around["closed"]} <= {"underpass"}
    assert hidden == [404, 404]
    assert "vault" in seen


def search(running: Running, who: str, text: str, **more: Any) -> dict[str, list[int]]:
    with running.client(who) as client:
        answer = client.get("/api/v1/search", params={"q": text, **more})
    assert answer.status_code == 200, answer.text
    return {kind: [one["id"] for one in found] for kind, found in answer.json().items()}


def test_alerts_and_events_are_found_by_number_by_place_and_by_what_they_are_called(streets: Running) -> None:
    alert = raised(streets, "market", "intrusion", label="bicycle")
    now = datetime.now(UTC)
    place = at(1000, 0)
    one = Event("东市场积水清理", "flood", "market", place, Priority.P3, now)
    event = streets.store.write(lambda writer: writer.add_event(one)).id
    assert alert in search(streets, "li", "东市场")["alerts"]
    assert search(streets, "li", "自行车 东市场")["alerts"] == [alert]
    assert search(streets, "li", "BICYCLE market")["alerts"] == [alert]
    assert search(streets, "li", f"#{alert}")["alerts"][0] == alert
    assert search(streets, "li", "积水清理") == {"alerts": [], "events": [event]}
    assert alert in search(streets, "li", "zzz", at=["market"])["alerts"]
    assert search(streets, "li", "nothing-like-this") == {"alerts": [], "events": []}


def test_the_search_tells_nobody_of_what_is_hidden_from_them(streets: Running) -> None:
    secret = raised(streets, "vault", "intrusion", label="truck")
    assert search(streets, "sun", "保密库房")["alerts"][0] == secret
    for asked in ("保密库房", str(secret), "vault"):
        assert secret not in search(streets, "zhou", asked)["alerts"]
    assert secret not in search(streets, "zhou", "zzz", at=["vault"])["alerts"]


def test_what_is_over_comes_after_what_is_open(streets: Running) -> None:
    first, second = raised(streets, "market", "loitering"), raised(streets, "market", "loitering")

    def over(writer: Writer) -> None:
        alert = writer.alert(second)
        now = datetime.now(UTC)
        end_alert(writer, Ended(alert.key, now, now), now)
        writer.save_alert(replace(writer.alert(second), acknowledged_at=now, acknowledged_by="li"))

    streets.store.write(over)
    assert search(streets, "li", "loitering")["alerts"] == [first, second]
