"""A site that is hidden from a role does not exist for it: on no route, no page, no socket, in no push message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from alerts.lifecycle import raise_alert
from data.config.plans import PlansSettings
from data.config.settings import Settings, SiteSettings
from data.model.alert import AlertKey, Priority, Raised
from data.model.geo import Location
from data.model.notice import Notice
from data.model.observation import Reading, Rejected
from data.model.people import Action, Role, may
from data.model.record import Change
from data.model.task import Event
from data.model.views import reading_view
from data.model.zone import Zone
from data.stored.warnings_in import receive_warning
from dispatch.plan_runs import follow_alerts
from dispatch.plan_works import Maker, settle
from dispatch.routing import Roads
from tests.dispatch.plan_city import cap
from tests.web.city import PASSWORD, Clock, Running, StillCamera, city, open_deps, start, until
from web.access import CATCH_ALL, registered_routes
from web.access_table import SCREENS
from web.accounts import add_user

pytestmark = pytest.mark.server

SITE, NAME, LON = "canary-pier", "金丝雀码头", 106.987654
PLANS = {
    "plans": [
        {
            "id": "crest", "zh": "洪峰值守", "en": "Crest", "mode": "flood-crest",
            "alerts": [{"rules": ["stage"], "start": "at_once"}],
            "steps": [
                {"id": "pin", "do": "pin", "sites": [SITE, "quay"]},
                {"id": "lock", "zh": "锁门", "en": "Lock", "places": [SITE, "quay"]},
            ],
        },
    ],
}  # fmt: skip
PEOPLE = {
    "li": Role.OPERATOR,
    "zhao": Role.DUTY_OFFICER,
    "qian": Role.SECTION_HEAD,
    "wu": Role.GRID_LEADER,
    "zhou": Role.ANALYST,
    "sun": Role.COMMANDER,
    "admin": Role.ADMINISTRATOR,
}
HIDDEN_FROM, SHOWN_TO = ("zhao", "wu", "zhou"), ("sun", "admin")


def settings() -> Settings:
    pier = SiteSettings(
        id=SITE, name=NAME, location={"lon": LON, "lat": 29.5812345}, monitor=StillCamera(), grid="canary-grid",
        zones=(Zone(id="canary-zone", polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))),), visible_to=(Role.COMMANDER,),
    )  # fmt: skip
    whole = city()
    return Settings(**{**dict(whole), "sites": (*whole.sites, pier), "plans": PlansSettings.model_validate(PLANS)})


@dataclass
class Pier:
    """The running server, and what there is at the hidden site."""

    running: Running
    alert: int
    event: int
    task: int
    picture: str
    report: str
    photo: str

    @property
    def signs(self) -> tuple[str, ...]:
        """None of these may be heard by whom the site is hidden from."""
        return (SITE, NAME, "canary", str(LON), self.picture, self.report, self.photo)

    def names(self, text: str) -> list[str]:
        escaped = json.dumps(NAME).strip('"')
        return [sign for sign in (*self.signs, escaped) if sign in text]


def raised(running: Running, site: str, picture: Any, rule: str = "dwell") -> int:
    now = datetime.now(UTC)
    one = Raised(AlertKey(site, rule, "canary-zone" if site == SITE else "lane", "1"), rule, Priority.P3, now, now)
    stored = running.store.write(lambda writer: raise_alert(writer, one, picture, now))
    assert stored is not None
    return stored.id


def notice(subject: str) -> Notice:
    now = datetime.now(UTC)
    return Notice(
        delivery_id=f"{subject}-x", subject=subject, policy="p", step=0, channel="sms", title=f"{NAME} 水位", text=NAME,
        recipients=("li",), priority=Priority.P1, created_at=now, next_try=now,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pier]:
    deps = open_deps(tmp_path_factory.mktemp("var"), settings())
    for name, role in PEOPLE.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    now = datetime.now(UTC)
    picture = deps.vault.keep(b"picture of the pier", "image/jpeg", now, SITE)
    alert = raised(running, SITE, picture)
    raised(running, "quay", None)
    stage = raised(running, SITE, None, "stage")
    with running.client("sun") as commander:
        task = commander.post(f"/api/v1/alerts/{alert}/dispatch", json={"responder": "zhang"}).json()["task"]
        commander.post(f"/api/v1/alerts/{stage}/acknowledge", json={})
    report = deps.vault.keep(b"photo of the report", "image/jpeg", now, f"report:{task['id']}")

    photo = deps.vault.keep(b"photo of what was reported there", "image/jpeg", now, "report:123456789012")

    def fill(writer: Any) -> None:
        writer.add_evidence(report)
        writer.add_evidence(photo)
        there = Event(
            "a barrier is open", "other", SITE, Location(lon=LON, lat=29.58), Priority.P3, now, photo=photo.id
        )
        writer.add_event(there)
        readings = [Reading(site, "gauge", "water_level", 1.25, now) for site in (SITE, "quay")]
        writer.add_readings(readings)
        writer.add_reject(Rejected(SITE, "gauge", now, "no number", "canary"))
        writer.add_reject(Rejected("quay", "gauge", now, "no number", "7E7E"))
        for number in (alert, stage):
            writer.add_notice(notice(f"alert:{number}"))
        for run in follow_alerts(writer, now, deps.settings, "stage"):
            settle(writer, run.id, now, Maker(deps.settings, Roads()))

    deps.store.write(fill)
    yield Pier(running, alert, task["event"], task["id"], picture.id, report.id, photo.id)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def addresses(pier: Pier) -> list[str]:
    """Every GET route, with ids of what there is at the hidden site and at another."""
    gaps: dict[str, list[Any]] = {
        "alert_id": [pier.alert, pier.alert + 1], "event_id": [pier.event], "task_id": [pier.task],
        "site_id": [SITE, "quay"], "site": [SITE, "quay"], "evidence_id": [pier.picture, pier.report, pier.photo],
        "plan_id": ["crest"], "responder_id": ["zhang"], "name": ["li"],
    }  # fmt: skip
    found = []
    for route in registered_routes(pier.running.server.config.app):  # type: ignore[arg-type]
        if "GET" not in route.methods or route.path == CATCH_ALL:
            continue
        paths = [route.path]
        for gap in re.findall(r"{(\w+)(?::path)?}", route.path):
            values = gaps.get(gap, [1])
            paths = [re.sub(rf"{{{gap}(:path)?}}", str(value), path, count=1) for path in paths for value in values]
        found += paths
    long = "since=2020-01-01T00:00:00Z"
    return [
        *found,
        *(f"/api/v1/{what}?limit=1" for what in ("alerts", "events", "evidence", "tasks", "notices", "audit")),
        f"/api/v1/readings?site={SITE}",
        f"/api/v1/evidence?site={SITE}&{long}",
        f"/api/v1/alerts?site={SITE}",
        f"/api/v1/tasks?alert={pier.alert}",
        f"/api/v1/notices?subject=alert:{pier.alert}",
        f"/api/v1/audit?subject=alert:{pier.alert}",
    ]


def draw(client: httpx.Client, output: str, inputs: list[dict[str, Any]], state: list[dict[str, Any]]) -> str:
    outputs = [
        {"id": one.rpartition(".")[0], "property": one.rpartition(".")[2]} for one in output.strip(".").split("...")
    ]
    changed = [f"{one['id']}.{one['property']}" for one in inputs if one["value"]]
    body = {
        "output": output, "outputs": outputs if output.startswith("..") else outputs[0], "inputs": inputs,
        "state": state, "changedPropIds": changed,
    }  # fmt: skip
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code in {200, 204, 403}, answer.text
    return answer.text


def drawn(client: httpx.Client) -> list[str]:
    """What Dash gives this visitor: every page, the review of the last hour and its CSV files, the rejects."""
    now = datetime.now(UTC).astimezone(settings().zone_info)
    span = [
        {"id": "review-since", "property": "value", "value": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}"},
        {"id": "review-until", "property": "value", "value": f"{now + timedelta(minutes=2):%Y-%m-%dT%H:%M}"},
    ]
    texts = [
        draw(client, "page.children", [{"id": "url", "property": "pathname", "value": path}], []) for path in SCREENS
    ]
    table = next(one for one in client.get("/_dash-dependencies").json() if "review-file" in one["output"])
    read = "..review-graph.figure...review-data.data...review-message.children.."
    texts.append(draw(client, read, [{"id": "review-read", "property": "n_clicks", "value": 1}], span))
    for what in ("alerts", "tasks"):
        clicks = [
            {"id": f"review-{one}-csv", "property": "n_clicks", "value": int(one == what)}
            for one in ("alerts", "tasks")
        ]
        texts.append(draw(client, table["output"], clicks, span))
    again = [{"id": "rejects-again", "property": "n_intervals", "value": 1}]
    texts.append(draw(client, "..rejects.children...rejects-age.children..", again, []))
    return texts


@pytest.mark.parametrize("name", HIDDEN_FROM)
def test_no_route_and_no_page_tells_a_role_of_a_site_that_is_hidden_from_it(pier: Pier, name: str) -> None:
    leaks: list[str] = []
    with pier.running.client(name) as client:
        paths = addresses(pier)
        for path in paths:
            answer = client.get(path)
            assert answer.status_code < 500 or path.startswith("/media/live/quay"), f"{path}: {answer.text}"
            found = pier.names(answer.text + str(dict(answer.headers)))
            if answer.status_code == 404:
                found = [sign for sign in found if sign not in path]  # an echo of the question
            leaks += [f"{path}: {sign}" for sign in found]
        for number, text in enumerate(drawn(client)):
            leaks += [f"drawn {number}: {sign}" for sign in pier.names(text)]
        seen = client.get("/api/v1/alerts").json()["items"]
        plan = client.get("/api/v1/plans/crest").json()
        works = plan["runs"][0]["works"]
    assert leaks == [], "\n".join(leaks)
    assert len(paths) > 90
    assert [one["site"] for one in seen] == ["quay"], "what is elsewhere is there as ever"
    assert [work["place"] for work in works] == ["quay"], "the plan is in force for everybody, at the places they know"
    assert plan["runs"][0]["state"] == "in_force"


@pytest.mark.parametrize("name", SHOWN_TO)
def test_who_may_know_of_the_site_hears_of_it_on_the_same_routes(pier: Pier, name: str) -> None:
    with pier.running.client(name) as client:
        told = {path for path in addresses(pier) if pier.names(client.get(path).text.replace(path, ""))}
        texts = drawn(client)
    closed = set() if may(PEOPLE[name], Action.READ_AUDIT) else {"/api/v1/audit"}
    assert {
        "/", "/api/v1/sites", "/api/v1/alerts", "/api/v1/events", "/api/v1/tasks", "/api/v1/evidence", "/api/v1/audit",
        "/api/v1/readings", "/api/v1/notices", "/api/v1/rejects", "/api/v1/plans/crest", "/api/v1/modes",
        "/api/v1/alarm-kpi.csv", f"/api/v1/alerts/{pier.alert}", f"/api/v1/events/{pier.event}",
    } <= told | closed  # fmt: skip
    assert sum(bool(pier.names(text)) for text in texts) >= 4


@pytest.mark.parametrize("name", ["li", "zhao"])
def test_nothing_can_be_done_with_what_is_at_a_hidden_site(pier: Pier, name: str) -> None:
    with pier.running.client(name) as client:
        for path, body in (
            (f"/api/v1/alerts/{pier.alert}/acknowledge", {}),
            (f"/api/v1/alerts/{pier.alert}/dispatch", {}),
            ("/api/v1/dispatch", {"alerts": [pier.alert]}),
            ("/api/v1/alarm-cards/acknowledge", {"alerts": [pier.alert]}),
            (f"/api/v1/tasks/{pier.task}/cancel", {}),
            (f"/api/v1/events/{pier.event}/close", {}),
            ("/api/v1/events", {"kind": "other", "site": SITE, "location": {"lon": 106.5, "lat": 29.5}}),
        ):
            allowed = {404} if name == "zhao" else {404, 403}  # an operator may not take every one of these steps
            assert client.post(path, json=body).status_code in allowed, path
        cards = client.get("/api/v1/alarm-cards").json()
        assert client.get(f"/api/v1/alerts/{pier.alert}").json()["detail"] == f"no alert {pier.alert}"
        assert client.get("/api/v1/alerts/999999").json()["detail"] == "no alert 999999", "in the same words"
        for path in (
            f"/media/live/{SITE}.jpg",
            f"/media/evidence/{pier.picture}",
            f"/media/evidence/{pier.report}",
            f"/media/evidence/{pier.photo}",
        ):
            assert client.get(path).status_code == 404, path
    listed = {n for _, alerts in cards["groups"] for n in alerts} | {*cards["logged"], *cards["elsewhere"]}
    assert pier.alert not in listed


def test_who_is_sent_there_sees_their_own_task_all_the_same(pier: Pier) -> None:
    with pier.running.client("zhang") as responder:
        (task,) = responder.get("/api/v1/tasks").json()["items"]
        assert (task["id"], task["site"]) == (pier.task, SITE)
        assert NAME in responder.get("/r").text
        assert responder.get(f"/media/evidence/{pier.picture}").status_code == 200


@pytest.mark.parametrize(("name", "hears"), [("li", False), ("wu", False), ("zhou", False), ("sun", True)])
def test_the_sockets_tell_nothing_of_a_hidden_site(pier: Pier, name: str, *, hears: bool) -> None:
    running = pier.running
    bearer = {"Authorization": f"Bearer {running.token(name)}"}
    texts: list[str] = []
    before = running.store.read(lambda reader: reader.last_change())
    epoch = running.store.read(lambda reader: reader.value("epoch"))
    with (
        connect(running.ws(f"/ws/events?since=0&epoch={epoch}"), additional_headers=bearer) as events,
        connect(running.ws("/ws/wall"), additional_headers=bearer) as wall,
    ):
        wall.send(json.dumps({"look": [SITE, "quay"], "credits": 4}))
        now = datetime.now(UTC)
        running.store.write(lambda writer: _changes(writer, now))
        with running.client("sun") as commander:
            commander.post(f"/api/v1/tasks/{pier.task}/reassign", json={"reason": "shift", "responder": "wang"})
            commander.post(f"/api/v1/alerts/{pier.alert}/acknowledge", json={})
        last = raised(running, "quay", None, f"marker-{name}")
        while True:
            text = events.recv(10)
            assert isinstance(text, str)
            texts.append(text)
            message = json.loads(text)
            if message.get("subject") == f"alert:{last}":
                break
        looked = until(lambda: running.deps.hub, 5)
        assert looked is not None
    found = [sign for text in texts for sign in pier.names(text)]
    assert bool(found) is hears
    assert before > 0
    topics = {json.loads(text).get("topic") for text in texts}
    assert {"alert", "reading", "plan"} <= topics, "the rest is told as ever"
    assert (f'"alert:{pier.alert}"' in "".join(texts)) is hears


def _changes(writer: Any, now: datetime) -> None:
    for site in (SITE, "quay"):
        one = Reading(site, "gauge", "water_level", 2.5, now)
        writer.publish(Change("reading", f"{site}/gauge/water_level", now, reading_view(one)))
        writer.publish(
            Change("site", site, now, {"site": site, "health": "lost", "at": now.isoformat(), "cause": "lost"})
        )
    receive_warning(writer, cap(len(str(now))), now)


def test_a_camera_that_may_not_be_watched_gives_no_id_of_a_picture(tmp_path_factory: pytest.TempPathFactory) -> None:
    from data.model.watching import WatchSettings

    watched = Settings(**{**dict(city()), "watch": (WatchSettings(roles=(Role.ANALYST,), sites=("quay",)),)})
    deps = open_deps(tmp_path_factory.mktemp("var"), watched)
    for name, role in PEOPLE.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    picture = deps.vault.keep(b"picture of the gate", "image/jpeg", datetime.now(UTC), "gate-3")
    alert = raised(running, "gate-3", picture)
    try:
        with running.client("zhou") as analyst, running.client("li") as operator:
            for client, told in ((analyst, False), (operator, True)):
                texts = [client.get(path).text for path in ("/api/v1/alerts", "/api/v1/evidence")]
                texts += [client.get(f"/api/v1/alerts/{alert}").text, *(drawn(client) if client is analyst else ())]
                assert {picture.id in text for text in texts[:3]} == {told}
                assert (picture.id in "".join(texts)) is told
                assert '"gate-3"' in texts[0], "the alert itself is told"
    finally:
        server.should_exit = True
        thread.join(15)
        deps.store.close()
