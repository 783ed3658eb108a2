"""From a real camera and a real broker to a closed task, by REST alone."""

from __future__ import annotations

import io

import httpx
import pytest
from paho.mqtt import publish
from PIL import Image

from tests.e2e.city import City, first_alert, items, photo, until
from tests.servers.mosquitto import Mosquitto

pytestmark = [
    pytest.mark.paired,
    pytest.mark.e2e,
    pytest.mark.server,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


def test_a_person_at_the_river_is_handled_to_the_end(running: City) -> None:
    token = running.command("users", "token", "li", "--var", str(running.var)).strip().splitlines()[-1]
    operator, officer = running.holder(token), running.caller("zhao")
    alert = first_alert(operator, "quay", running)
    assert alert.items() >= {"rule": "intrusion", "kind": "intrusion", "zone": "water", "label": "person"}.items()
    assert (alert["priority"], alert["state"]) == ("P1", "firing")
    picture = operator.get(f"{running.url}/media/evidence/{alert['evidence']}")
    assert picture.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(picture.content)).size == (768, 576)

    assert officer.post(f"/alerts/{alert['id']}/acknowledge", json={}).status_code == 200
    assert officer.post(f"/alerts/{alert['id']}/acknowledge", json={}).status_code == 409
    sent = operator.post(f"/alerts/{alert['id']}/dispatch", json={})
    assert sent.status_code in {200, 201}, sent.text
    task = sent.json()["task"]
    assert (task["offered_to"], task["state"]) == ("near", "offered")

    responder, other = running.caller("near"), running.caller("next")
    assert other.post(f"/tasks/{task['id']}/accept", json={}).status_code in {403, 409}
    for step, state in (("accept", "accepted"), ("en-route", "en_route"), ("on-scene", "on_scene")):
        moved = responder.post(f"/tasks/{task['id']}/{step}", json={})
        assert moved.status_code == 200, moved.text
        assert moved.json()["task"]["state"] == state
    reported = responder.post(
        f"/tasks/{task['id']}/report", data={"text": "人已劝离"}, files={"photo": ("a.jpg", photo(), "image/jpeg")}
    )
    assert reported.status_code == 200, reported.text
    assert responder.post(f"/tasks/{task['id']}/verify", json={}).status_code in {403, 409}
    verified = operator.post(f"/tasks/{task['id']}/verify", json={})
    assert verified.json()["task"]["state"] == "closed"

    trail = items(officer.get("/audit", params={"limit": 1000}))
    steps = [(entry["action"], entry["actor"]) for entry in trail if entry["subject"] == f"task:{task['id']}"]
    assert {actor for _, actor in steps} >= {"li", "near"}
    assert [action for action, _ in sorted(steps)] != []
    assert "holds" in running.command("audit", "verify", "--var", str(running.var))


def test_a_flooding_underpass_raises_one_alert_and_returns_to_normal(running: City, broker: Mosquitto) -> None:
    operator = running.caller("li")

    def measured(depth_cm: float) -> None:
        publish.single("gauges/underpass", f"{depth_cm}", qos=1, hostname="127.0.0.1", port=broker.port)

    for depth in (3, 12, 26, 31, 40):
        measured(depth)
    alert = first_alert(operator, "underpass", running)
    assert (alert["rule"], alert["priority"], alert["subject"]) == ("deep", "P2", "")
    measured(30)
    assert len(items(operator.get("/alerts", params={"site": "underpass"}))) == 1
    measured(4)
    until(
        lambda: items(operator.get("/alerts", params={"site": "underpass"}))[0]["ended_at"],
        30,
        lambda: "the alert does not end",
    )


def test_roles_may_do_what_the_table_says_and_no_more(running: City) -> None:
    alert = first_alert(running.caller("li"), "quay", running)
    analyst, responder = running.caller("chen"), running.caller("next")
    assert analyst.get("/alerts").status_code == 200
    for caller in (analyst, responder):
        refused = caller.post(f"/alerts/{alert['id']}/dispatch", json={})
        assert refused.status_code == 403
        assert refused.headers["content-type"].startswith("application/problem+json")
    assert responder.get("/audit").status_code == 403
    assert httpx.get(f"{running.url}/api/v1/alerts", trust_env=False).status_code == 401


def test_no_secret_reaches_the_log(running: City) -> None:
    assert "f1ood-Gate" not in running.log()
    assert "viewer:" not in running.log()
