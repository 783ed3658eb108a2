"""What other systems send, against the real server: behind tokens, stored, and what cannot be used named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.config.settings import Settings, SiteSettings
from data.local.inbox import Inbox
from data.model.people import Role
from data.model.token_scope import asked_scope
from data.ports.store import AlertQuery
from monitors.gauges.http_push import Recipe as HttpPush
from monitors.gauges.vehicle_push import Recipe as VehiclePush
from tests.data.test_cap import message
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from web.accounts import add_user, issue_token

PUSH = "/api/v1/datastreams/quay-2/stage/observations"


@pytest.fixture(scope="module")
def sent_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    gauge = HttpPush(id="stage", quantity="water_level", vertical_datum="yellow_sea")
    site = SiteSettings(id="quay-2", location={"lon": 106.5, "lat": 29.5}, monitor=gauge)
    gateway = VehiclePush.model_validate({"id": "gateway"})
    street = SiteSettings(id="street-3", location={"lon": 106.5, "lat": 29.5}, monitor=gateway)
    settings = Settings(**{**dict(city()), "sites": (*city().sites, site, street)})
    deps = open_deps(tmp_path_factory.mktemp("var"), settings)
    for name, role in {"mast": Role.SOURCE, "li": Role.OPERATOR}.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def rejects(running: Running) -> list[str]:
    return [rejected.reason for rejected in running.store.read(lambda reader: reader.rejects())]


def waiting(running: Running) -> list[Any]:
    inbox = Inbox(Path(running.deps.var_dir), "quay-2", "stage")
    return [reading for path in inbox.waiting() for reading in inbox.read(path)]


def test_nobody_sends_without_the_token_of_a_source(sent_to: Running) -> None:
    for path in (PUSH, "/api/v1/alertmanager", "/api/v1/warnings"):
        with sent_to.client() as stranger, sent_to.client("li") as operator:
            assert stranger.post(path, json={}).status_code == 401
            refused = operator.post(path, json={})
            assert (refused.status_code, refused.json()["detail"]) == (403, "role operator may not send_observations")
        with sent_to.browser("mast") as browser:
            csrf = {"X-CSRF-Token": browser.cookies["yiping_csrf"]}
            assert browser.post(path, json={}, headers=csrf).json()["detail"].endswith("not with a browser's session")
    with sent_to.client("mast") as source:
        assert source.get("/api/v1/alerts").status_code == 403


def test_observations_are_on_the_disk_when_they_are_answered(sent_to: Running) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    span = f"{(now - timedelta(minutes=5)).isoformat()}/{now.isoformat()}"
    one = {"phenomenonTime": span, "result": 182.64, "resultQuality": ["good", "uncertain"],
           "parameters": {"verticalDatum": "wusong"}}  # fmt: skip
    two = {"resultTime": now.isoformat(), "result": "18124", "parameters": {"unit": "cm"}}
    with sent_to.client("mast") as source:
        answer = source.post(PUSH, json={"value": [one, two]})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2})
    first, second = waiting(sent_to)
    assert (first.site, first.monitor, first.value, first.at) == ("quay-2", "stage", 182.64, now)
    assert (first.vertical_datum, first.quality.value) == ("wusong", "uncertain")
    assert (second.value, second.vertical_datum) == (pytest.approx(181.24), "yellow_sea")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "1 to 1000 observations are taken at once, these are 0"),
        (b"7", "an Observation is a JSON object"),
        (b"{}", "result is missing"),
        (b'{"result": true}', "result: True is not a number"),
        (b'{"result": 1e999}', "inf is not a number that can be measured"),
        (b'{"result": 1, "phenomenonTime": "soon"}', "phenomenonTime: 'soon' is not a time"),
        (b'[{"result": 1}, {"result": 2, "parameters": {"unit": "mm/h"}}]', "observation 2: water_level is kept in m"),
        (b'{"result": 1, "parameters": {"unit": 5}}', "parameters.unit is no short text"),
    ],
)
def test_an_observation_that_cannot_be_used_is_refused_counted_and_named(
    sent_to: Running, body: bytes, said: str
) -> None:
    before = len(waiting(sent_to))
    with sent_to.client("mast") as source:
        answer = source.post(PUSH, content=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert said in rejects(sent_to)[0]
    assert len(waiting(sent_to)) == before
    with sent_to.client("li") as operator:
        assert 'yiping_rejects_total{process="web",site="quay-2"}' in operator.get("/metrics").text


def test_a_gauge_that_nobody_sends_to_is_not_found(sent_to: Running) -> None:
    with sent_to.client("mast") as source:
        answer = source.post("/api/v1/datastreams/gate-3/camera/observations", json={"result": 1})
    assert answer.status_code == 404
    assert "these are: quay-2/stage" in answer.json()["detail"]


def test_positions_are_on_the_disk_when_they_are_answered_and_wrong_ones_are_named(sent_to: Running) -> None:
    path, now = "/api/v1/datastreams/street-3/gateway/positions", datetime.now(UTC).isoformat()
    truck = {"plate": "渝A12345", "lon": 106.57, "lat": 29.56, "speed": 36, "time": now}
    with sent_to.client("mast") as source:
        answer = source.post(path, json=[truck, truck | {"lat": 91}])
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        assert "position 2: lon 106.57, lat 91 is no place on earth" in answer.json()["rejected"][0]
        assert source.post(path, json=truck | {"speed": -1}).status_code == 422
        assert source.post(path.replace("street-3/gateway", "quay-2/stage"), json=truck).status_code == 404
        assert source.post(path.replace("positions", "observations"), json={"result": 1}).status_code == 404
    inbox = Inbox(Path(sent_to.deps.var_dir), "street-3", "gateway")
    assert [getattr(one, "vehicle", "") for file in inbox.waiting() for one in inbox.read(file)] == ["渝A12345"]
    assert "speed: -1 km/h cannot be" in rejects(sent_to)[0]


def test_a_token_for_observations_alone_sends_no_positions(sent_to: Running) -> None:
    token = issue_token(sent_to.store, "mast", scope=asked_scope(["observation"]))
    path = "/api/v1/datastreams/street-3/gateway/positions"
    with sent_to.client() as stranger:
        answer = stranger.post(path, json={}, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["detail"]) == (403, "this token may send observations, not positions")


def hook(client: httpx.Client, status: str, **labels: str) -> httpx.Response:
    alert = {
        "status": status,
        "labels": {"alertname": "PumpDown", "site": "gate-3", "severity": "critical", **labels},
        "annotations": {},
        "startsAt": "2024-07-12T04:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "c0ffee",
    }
    return client.post("/api/v1/alertmanager", json={"version": "4", "status": status, "alerts": [alert]})


def test_alertmanager_raises_one_alert_and_ends_it_and_strange_sites_are_named(sent_to: Running) -> None:
    with sent_to.client("mast") as source:
        assert hook(source, "firing").json() == {"raised": 1, "ended": 0, "rejected": []}
        assert hook(source, "firing").json() == {"raised": 0, "ended": 0, "rejected": []}
        (alert,) = sent_to.store.read(lambda reader: reader.alerts(AlertQuery(site="gate-3", open_only=True)))
        assert (alert.kind, alert.label, alert.priority, alert.key.subject) == (
            "alertmanager",
            "PumpDown",
            "P1",
            "c0ffee",
        )
        assert hook(source, "resolved").json()["ended"] == 1
        strange = hook(source, "firing", site="atlantis").json()
        assert strange["rejected"] == ["alert 1: the label `site` names no site of ours: 'atlantis'"]
        assert rejects(sent_to)[0] == strange["rejected"][0]
        assert source.post("/api/v1/alertmanager", json={"alerts": "none"}).status_code == 422


def test_a_warning_that_is_sent_twice_is_one_and_can_be_looked_at(sent_to: Running) -> None:
    with sent_to.client("mast") as source, sent_to.client("li") as operator:
        first = source.post("/api/v1/warnings", content=message())
        assert first.status_code == 201
        again = source.post("/api/v1/warnings", content=message())
        assert again.json() == {"known": True, "warning": None, "warnings": []}
        bad = source.post("/api/v1/warnings", content=b"<rss/>")
        assert (bad.status_code, "no CAP alert" in bad.json()["detail"]) == (422, True)
        assert "no CAP alert" in rejects(sent_to)[0]
        (listed,) = operator.get("/api/v1/warnings").json()["items"]
        assert (listed["event"], listed["level"], listed["origin"]) == ("暴雨", "orange", "user:mast")
        assert operator.get("/api/v1/warnings?in_force=true").json()["items"] == []
        whole = operator.get(f"/api/v1/warnings/{listed['id']}").json()
        assert whole["areas"][0]["polygons"][0][0] == [106.5, 29.5]
        assert operator.get("/api/v1/warnings/999").status_code == 404
    (entry,) = sent_to.store.read(lambda reader: reader.audit(subject=f"warning:{listed['id']}"))
    assert (entry.actor, entry.action) == ("mast", "send_warning")
