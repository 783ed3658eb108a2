"""What the API refuses, in which form, and that a repeated POST does nothing twice."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from data.model.views import alert_view, event_view, task_view
from data.ports.store import TaskQuery
from tests.web.city import Running
from web.api.schemas import AlertView, EventView, TaskView

pytestmark = pytest.mark.usefixtures("nobody_busy")


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert {"type", "title", "detail"} <= document.keys()
    return document


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/alerts", "/api/v1/alerts/"])
def test_an_unknown_address_of_the_api_is_a_404_problem_not_a_page(running: Running, path: str) -> None:
    with running.client("li") as client:
        problem(client.get(path), 404)
        problem(client.post(path, json={}), 404)


def test_a_method_that_is_not_possible_is_405(running: Running) -> None:
    with running.client("li") as client:
        assert client.delete("/api/v1/alerts").headers["allow"] == "GET"
        problem(client.delete("/api/v1/alerts"), 405)
        problem(client.get("/api/v1/alerts/1/acknowledge"), 405)


def test_things_that_do_not_exist_are_404(running: Running) -> None:
    with running.client("zhao") as client:
        for path in ("alerts/999999", "events/999999", "tasks/999999", "sites/nowhere", "responders/nobody"):
            problem(client.get(f"/api/v1/{path}"), 404)
        problem(client.post("/api/v1/alerts/999999/acknowledge", json={}), 404)
        problem(client.post("/api/v1/tasks/999999/verify", json={}), 404)
        problem(client.get("/media/evidence/" + "0" * 64), 404)


def test_bad_input_is_422_and_says_where(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as client:
        found = problem(client.get("/api/v1/alerts?limit=0&since=yesterday"), 422)
        assert {(e["in"], e["field"]) for e in found["errors"]} == {("query", "limit"), ("query", "since")}
        found = problem(client.post(f"/api/v1/alerts/{alert}/dispatch", json={"respnder": "zhang"}), 422)
        assert found["errors"][0]["pointer"] == "#/respnder"
        problem(
            client.post(f"/api/v1/alerts/{alert}/dispatch", content=b"{", headers={"Content-Type": "application/json"}),
            422,
        )
        problem(client.get("/api/v1/alerts/seven"), 422)
        problem(client.get("/api/v1/alerts?next=abc"), 422)
        problem(client.get("/api/v1/readings?site=quay&next=abc"), 422)
        assert client.get("/api/v1/alerts?since=2024-07-12T12:00:00+08:00").status_code == 200
        problem(client.get("/api/v1/alerts?since=2024-07-12T12:00:00"), 422)


def test_a_step_that_is_not_possible_now_is_409_and_says_why(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as client:
        client.post(f"/api/v1/alerts/{alert}/acknowledge", json={})
        found = problem(client.post(f"/api/v1/alerts/{alert}/acknowledge", json={}), 409)
        assert "acknowledged by li" in found["detail"]
        for asked in (True, True, True, False):
            answer = client.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={})
            assert answer.status_code == 200
            assert (answer.json()["task"]["unaccepted_since"] is None) is asked, "there are three responders"
        busy = client.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={"responder": "zhang"})
        assert problem(busy, 409)["type"] == "urn:yiping:problem:nobody-available"


def test_a_body_that_is_too_large_is_413(running: Running) -> None:
    with running.client("li") as client:
        body = b'{"responder": "' + b"x" * 400_000 + b'"}'
        path = f"/api/v1/alerts/{running.alert()}/dispatch"
        problem(client.post(path, content=body, headers={"Content-Type": "application/json"}), 413)


def test_a_version_is_an_etag_and_if_match_is_obeyed(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as client:
        answer = client.get(f"/api/v1/alerts/{alert}")
        tag = answer.headers["etag"]
        assert tag == f'"{answer.json()["version"]}"'
        assert client.get(f"/api/v1/alerts/{alert}", headers={"If-None-Match": tag}).status_code == 304
        path = f"/api/v1/alerts/{alert}/acknowledge"
        problem(client.post(path, json={}, headers={"If-Match": '"99"'}), 412)
        acknowledged = client.post(path, json={}, headers={"If-Match": tag})
        assert acknowledged.status_code == 200
        assert acknowledged.headers["etag"] != tag
        assert client.get(f"/api/v1/alerts/{alert}", headers={"If-None-Match": tag}).status_code == 200


def test_sixteen_dispatches_with_one_key_make_one_task(running: Running) -> None:
    alert = running.alert()
    answers: list[httpx.Response] = []
    together = threading.Barrier(16)

    def send() -> None:
        with running.client("li") as client:
            together.wait()
            answers.append(
                client.post(f"/api/v1/alerts/{alert}/dispatch", json={}, headers={"Idempotency-Key": f"d-{alert}"})
            )

    running.token("li")
    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 15
    assert len(running.store.read(lambda reader: reader.tasks(TaskQuery(alert_id=alert)))) == 1


def test_a_key_belongs_to_one_request_of_one_person(running: Running) -> None:
    first, second = running.alert(), running.alert()
    headers = {"Idempotency-Key": "the same key"}
    with running.client("li") as li, running.client("zhao") as zhao:
        assert li.post(f"/api/v1/alerts/{first}/acknowledge", json={}, headers=headers).status_code == 200
        found = problem(li.post(f"/api/v1/alerts/{second}/acknowledge", json={}, headers=headers), 422)
        assert found["type"] == "urn:yiping:problem:idempotency-key-reused"
        assert zhao.post(f"/api/v1/alerts/{second}/acknowledge", json={}, headers=headers).status_code == 200
        problem(li.post(f"/api/v1/alerts/{second}/acknowledge", json={}, headers={"Idempotency-Key": "k" * 201}), 422)


def test_a_refused_request_is_not_remembered(running: Running) -> None:
    alert = running.alert()
    headers = {"Idempotency-Key": f"once-more-{alert}"}
    with running.client("li") as li, running.client("zhao") as zhao:
        for _ in range(3):
            li.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={})
        to_zhang = {"responder": "zhang"}
        problem(li.post(f"/api/v1/alerts/{alert}/dispatch", json=to_zhang, headers=headers), 409)
        for task in li.get("/api/v1/tasks?open=true").json()["items"]:
            zhao.post(f"/api/v1/tasks/{task['id']}/cancel", json={})
        assert li.post(f"/api/v1/alerts/{alert}/dispatch", json=to_zhang, headers=headers).status_code == 200


def test_the_description_names_every_operation_and_the_shapes_that_are_sent(running: Running) -> None:
    with running.client("li") as client:
        described = client.get("/api/v1/openapi.json").json()
        paths = described["paths"]
        for path in (
            "/api/v1/alerts",
            "/api/v1/alerts/{alert_id}/acknowledge",
            "/api/v1/alerts/{alert_id}/dispatch",
            *(
                f"/api/v1/tasks/{{task_id}}/{move}"
                for move in ("accept", "en-route", "on-scene", "report", "verify", "decline", "cancel")
            ),
            "/api/v1/sites",
            "/api/v1/responders",
            "/api/v1/audit",
        ):
            assert path in paths, path
        task = client.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={}).json()["task"]
    store = running.store
    shapes = (
        (AlertView, alert_view(store.read(lambda reader: reader.alert(task["alert"])))),
        (EventView, event_view(store.read(lambda reader: reader.event(task["event"])))),
        (TaskView, task_view(store.read(lambda reader: reader.task(task["id"])))),
    )
    for model, view in shapes:
        assert set(model.model_fields) == set(view)
        model.model_validate(view)
