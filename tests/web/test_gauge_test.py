"""A gauge is tried out by an administrator before it is saved: real gauges, a real engine's answers, over REST."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from data.model.people import Role
from monitors.gauges._gauge_test import trial_of
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from tests.monitors.test_mqtt_gauge import publish
from tests.servers.http_answers import AnsweringServer, http_answers
from tests.servers.mosquitto import Mosquitto, mosquitto
from tests.web.city import Running
from tests.web.test_camera_test import answered_town
from web.accounts import add_user

PATH = "/api/v1/settings/gauge-test"
KEY = "kettleharbour42gauge"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with answered_town(tmp_path_factory.mktemp("var")) as running:
        yield running


@pytest.fixture(scope="module")
def house() -> Iterator[AnsweringServer]:
    with http_answers() as server:
        server.answer("/level", json.dumps({"data": {"level": 312.4}}).encode())
        yield server


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as running:
        publish(running, {"depth": 31.5, "at": datetime.now(UTC).isoformat()}, retain=True)
        yield running


def ask(town: Running, gauge: Mapping[str, Any]) -> dict[str, Any]:
    """By an administrator of its own: one may test only so often."""
    name = f"admin-{len(town.tokens)}"
    add_user(town.store, name, Role.ADMINISTRATOR, None)
    with town.client(name) as admin:
        answer = admin.post(PATH, json={"gauge": gauge}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert KEY not in answer.text
    found: dict[str, Any] = answer.json()
    return found


def polled(house: AnsweringServer, path: str, **more: Any) -> dict[str, Any]:
    return {"kind": "http_poll", "url": house.url(path), "quantity": "water_level", "unit": "cm", **more}


def test_the_first_readings_of_a_polled_gauge_come_in_the_quantitys_own_unit(
    town: Running, house: AnsweringServer
) -> None:
    found = ask(town, polled(house, "/level", value="data.level", every="10min"))
    assert (found["ok"], found["cause"]) == (True, "")
    assert (found["readings"][0]["quantity"], found["readings"][0]["unit"]) == ("water_level", "m")
    assert found["readings"][0]["value"] == pytest.approx(3.124)


def test_what_came_is_shown_where_the_value_is_looked_for_in_the_wrong_place(
    town: Running, house: AnsweringServer
) -> None:
    found = ask(town, polled(house, "/level", value="data.depth"))
    assert (found["ok"], found["cause"], found["readings"]) == (False, "unreadable", []), found
    assert '"level": 312.4' in found["excerpt"]
    assert "depth" in found["reason"]


@pytest.mark.parametrize(
    ("url", "more", "cause"),
    [
        ("http://127.0.0.1:9/level", {}, "refused"),
        ("http://169.254.169.254/latest", {}, "address_refused"),
        (f"/nowhere?token={KEY}", {}, "not_found"),
        ("/level", {"credentials": "nobody"}, "no_credentials"),
    ],
)
def test_why_a_gauge_cannot_be_read_is_told_as_a_cause(
    town: Running, house: AnsweringServer, url: str, more: dict[str, Any], cause: str
) -> None:
    found = ask(town, polled(house, "/level") | {"url": url if "://" in url else house.url(url)} | more)
    assert (found["ok"], found["cause"]) == (False, cause), found


def test_that_a_gauge_was_tried_is_in_the_audit_trail(town: Running, house: AnsweringServer) -> None:
    ask(town, polled(house, "/level") | {"url": "http://169.254.169.253/latest"})
    (entry,) = [
        one
        for one in town.store.read(lambda reader: reader.audit(limit=500))
        if one.action == "gauge_test" and one.detail["host"] == "169.254.169.253"
    ]
    assert entry.detail["kind"] == "http_poll"


@pytest.mark.server
def test_a_gauge_at_a_broker_tells_its_kept_message_and_a_silent_topic_is_no_lost_broker(
    town: Running, broker: Mosquitto
) -> None:
    gauge = {
        "kind": "mqtt_gauge",
        "host": "127.0.0.1",
        "port": broker.port,
        "quantity": "water_depth",
        "value": "depth",
        "time": "at",
    }
    kept = ask(town, gauge | {"topic": "gauges/3"})
    assert [one["value"] for one in kept["readings"]] == [31.5], kept
    silent = ask(town, gauge | {"topic": "gauges/4"})
    assert (silent["ok"], silent["cause"]) == (False, "no_message"), silent


def test_a_gauge_is_tried_under_a_name_of_its_own_and_the_broker_keeps_nothing_for_it() -> None:
    recipe = MqttGauge(host="127.0.0.1", topic="gauges/3", quantity="water_depth", client_id="yiping-quay-depth")
    tried = trial_of(recipe)
    assert isinstance(tried, MqttGauge)
    assert tried.client_id.startswith("yiping-test-")
    assert tried.session.total_seconds() == 0


def test_gauges_that_call_us_cameras_and_people_without_the_right_are_refused(town: Running) -> None:
    body = {"gauge": {"kind": "http_push", "quantity": "water_depth", "unit": "cm"}}
    with town.client("zhao") as officer:
        assert officer.post(PATH, json=body).status_code == 403
    with town.client("admin") as admin:
        calls_us = admin.post(PATH, json=body)
        assert (calls_us.status_code, calls_us.json()["words"]["key"]) == (422, "gauge_test.calls_us")
        camera = admin.post(PATH, json={"gauge": {"kind": "rtsp_camera", "url": "rtsp://10.0.0.9/x"}})
        assert (camera.status_code, camera.json()["words"]["key"]) == (422, "gauge_test.kind")
        wrong = admin.post(PATH, json={"gauge": {"kind": "mqtt_gauge", "host": "127.0.0.1", "quantity": "water_depth"}})
        assert [one["field"] for one in wrong.json()["errors"]] == ["gauge.topic"]
