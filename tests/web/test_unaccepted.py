"""A task that nobody accepts, by REST: who may see and do what, and what the socket says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.city import ROLES, Running

pytestmark = pytest.mark.usefixtures("nobody_busy")


def unaccepted(running: Running) -> int:
    """The id of a task that all three have declined."""
    alert = running.alert()
    with running.client("li") as operator:
        task = operator.post(f"/api/v1/alerts/{alert}/dispatch", json={}).json()["task"]
    while task["offered_to"] is not None:
        with running.client(task["offered_to"]) as responder:
            task = responder.post(f"/api/v1/tasks/{task['id']}/decline", json={"reason": "太远"}).json()["task"]
    number: int = task["id"]
    return number


def test_the_state_and_its_time_are_in_the_task_until_somebody_accepts(running: Running) -> None:
    number = unaccepted(running)
    with running.client("li") as operator:
        task = operator.get(f"/api/v1/tasks/{number}").json()
        assert (task["state"], task["unaccepted_since"] is not None) == ("draft", True)
        listed = operator.get(f"/api/v1/tasks/{number}/people").json()["items"]
        assert {one["responder"]["id"]: one["ring"] for one in listed} == dict.fromkeys(
            ("zhang", "wang", "chen"), "everybody"
        )
        assert listed[0]["reasons"] == ["declined: 太远"]
        refused = operator.post(f"/api/v1/tasks/{number}/ask", json={"ring": "wider"})
        assert (refused.status_code, refused.json()["words"]["key"]) == (409, "nobody")
        asked = operator.post(f"/api/v1/tasks/{number}/ask", json={"ring": "everybody"}).json()["task"]
        assert asked["offered_to"] == "zhang"
        assert asked["unaccepted_since"] == task["unaccepted_since"]
        sent = operator.post(f"/api/v1/tasks/{number}/send", json={"responder": "wang", "anyway": True}).json()["task"]
        assert (sent["offered_to"], sent["also_offered"]) == ("zhang", ["wang"])
    with running.client("wang") as wang:
        assert wang.post(f"/api/v1/tasks/{number}/accept", json={}).json()["task"]["unaccepted_since"] is None


def test_only_who_dispatches_sees_the_list_and_takes_the_steps(running: Running) -> None:
    number = unaccepted(running)
    bodies: dict[str, Any] = {"ask": {"ring": "again"}, "send": {"responder": "zhang"}, "call": {"responder": "zhang"}}
    for name in [*ROLES, "wang"]:
        with running.client(name) as client:
            may = name in {"li", "zhao", "qian", "sun"}
            assert (client.get(f"/api/v1/tasks/{number}/people").status_code == 200) == may
            for step, body in bodies.items():
                answer = client.post(f"/api/v1/tasks/{number}/{step}", json=body)
                assert (answer.status_code != 403) == may, f"{name}: {step}: {answer.text}"


def test_a_dispatch_with_nobody_available_is_answered_with_the_unaccepted_task(running: Running) -> None:
    with running.client("li") as operator:
        tasks = [operator.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={}).json()["task"] for _ in range(4)]
    assert [task["state"] for task in tasks] == ["offered", "offered", "offered", "draft"]
    assert tasks[-1]["unaccepted_since"] is not None


def test_grid_leaders_do_not_learn_from_the_task_who_refused_and_why(running: Running) -> None:
    number = unaccepted(running)
    with running.client("wu") as leader:
        text = leader.get(f"/api/v1/tasks/{number}").text
    assert "太远" not in text
