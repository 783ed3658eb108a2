"""By REST alone: from an alert to a closed task, and who may do what on the way."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from data.model.record import broken_link
from tests.web.city import ROLES, Running

pytestmark = pytest.mark.usefixtures("nobody_busy")


def step(client: httpx.Client, path: str, body: Any = None, status: int = 200) -> Any:
    answer = client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_an_alert_is_worked_on_to_its_end_and_every_step_is_in_the_trail(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as operator, running.client("zhao") as officer:
        items = operator.get("/api/v1/alerts", params={"open": "true", "site": "gate-3"}).json()["items"]
        assert (items[0]["id"], items[0]["state"], items[0]["kind"]) == (alert, "firing", "dwell")
        acknowledged = step(operator, f"alerts/{alert}/acknowledge", {})["alert"]
        assert (acknowledged["state"], acknowledged["acknowledged_by"]) == ("acknowledged", "li")
        task = step(operator, f"alerts/{alert}/dispatch", {})["task"]
        assert (task["offered_to"], task["state"]) == ("zhang", "offered"), "zhang is the nearest"
        with running.client(task["offered_to"]) as zhang:
            path = f"tasks/{task['id']}"
            states = [step(zhang, f"{path}/{move}", {})["task"]["state"] for move in ("accept", "en-route", "on-scene")]
            assert states == ["accepted", "en_route", "on_scene"]
            report = zhang.post(f"/api/v1/{path}/report", data={"text": "车已开走"})
            assert report.json()["task"]["state"] == "reported"
        closed = step(officer, f"{path}/verify", {})["task"]
        assert (closed["state"], closed["verified_by"]) == ("closed", "zhao")
        event = operator.get(f"/api/v1/events/{closed['event']}").json()
        assert event["state"] == "closed"
        trail = officer.get("/api/v1/audit", params={"subject": f"task:{task['id']}"}).json()["items"]
        done = [(entry["actor"], entry["action"]) for entry in trail]
        assert done == [
            ("li", "dispatch"),
            ("li", "offer"),
            ("zhang", "accept"),
            ("zhang", "en_route"),
            ("zhang", "on_scene"),
            ("zhang", "report"),
            ("zhao", "verify"),
            ("system", "close"),
        ]
    assert broken_link(running.store.read(lambda reader: reader.audit(limit=100_000))) is None


@pytest.mark.parametrize(
    ("move", "allowed"),
    [
        ("acknowledge", {"li", "zhao", "qian", "sun"}),
        ("dispatch", {"li", "zhao", "qian", "sun"}),
    ],
)
def test_only_the_shift_acknowledges_and_dispatches(running: Running, move: str, allowed: set[str]) -> None:
    for name in [*ROLES, "wang"]:
        alert = running.alert()
        with running.client(name) as client, running.client("zhao") as officer:
            answer = client.post(f"/api/v1/alerts/{alert}/{move}", json={})
            assert (answer.status_code == 200) == (name in allowed), f"{name}: {answer.text}"
            if name not in allowed:
                assert answer.status_code == 403
                assert answer.json()["type"] == "urn:yiping:problem:forbidden"
            elif move == "dispatch":
                step(officer, f"tasks/{answer.json()['task']['id']}/cancel", {})


def test_nobody_verifies_their_own_work_and_strangers_cannot_take_a_task(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as operator, running.client("zhang") as zhang, running.client("wang") as wang:
        task = step(operator, f"alerts/{alert}/dispatch", {})["task"]
        path = f"tasks/{task['id']}"
        step(wang, f"{path}/accept", {}, 403)
        step(operator, f"{path}/accept", {}, 403)
        step(zhang, f"{path}/on-scene", {}, 409)
        for move in ("accept", "en-route", "on-scene"):
            step(zhang, f"{path}/{move}")
        assert wang.post(f"/api/v1/{path}/report", data={"text": "I did it"}).status_code == 403
        assert zhang.post(f"/api/v1/{path}/report", data={"text": "done"}).status_code == 200
        step(zhang, f"{path}/verify", {}, 403)
        assert step(operator, f"{path}/verify", {})["task"]["state"] == "closed"


def test_a_declined_task_goes_to_the_next_nearest(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as operator, running.client("zhang") as zhang:
        task = step(operator, f"alerts/{alert}/dispatch", {})["task"]
        again = step(zhang, f"tasks/{task['id']}/decline", {"reason": "车坏了"})["task"]
        assert (task["offered_to"], again["offered_to"]) == ("zhang", "wang")
        offers = operator.get(f"/api/v1/tasks/{task['id']}").json()["offers"]
        assert [(offer["responder"], offer["reason"]) for offer in offers] == [("zhang", "车坏了"), ("wang", "")]


def test_the_one_whom_the_operator_names_is_sent(running: Running) -> None:
    with running.client("li") as operator:
        task = step(operator, f"alerts/{running.alert()}/dispatch", {"responder": "chen"})["task"]
        assert task["offered_to"] == "chen"
        step(operator, f"alerts/{running.alert()}/dispatch", {"responder": "chen"}, 409)
        step(operator, f"alerts/{running.alert()}/dispatch", {"responder": "nobody"}, 404)


def test_a_responder_sees_own_tasks_and_nothing_else(running: Running) -> None:
    with running.client("li") as operator, running.client("zhang") as zhang, running.client("wang") as wang:
        task = step(operator, f"alerts/{running.alert()}/dispatch", {})["task"]["id"]
        assert [item["id"] for item in zhang.get("/api/v1/tasks?open=true").json()["items"]] == [task]
        assert wang.get("/api/v1/tasks?open=true&responder=zhang").json()["items"] == []
        assert zhang.get(f"/api/v1/tasks/{task}").status_code == 200
        assert wang.get(f"/api/v1/tasks/{task}").status_code == 403
        for path in ("alerts", "sites", "responders", "events", "readings?site=quay", "audit", "evidence"):
            assert zhang.get(f"/api/v1/{path}").status_code == 403, path


def test_only_some_roles_read_the_audit_trail(running: Running) -> None:
    allowed = set()
    for name in ROLES:
        with running.client(name) as client:
            allowed |= {name} if client.get("/api/v1/audit").status_code == 200 else set()
    assert allowed == {"zhao", "qian", "sun", "zhou", "admin"}


def test_a_responder_says_where_they_are_but_not_where_others_are(running: Running) -> None:
    with running.client("wang") as wang, running.client("li") as operator:
        here = {"lon": 106.5, "lat": 29.57}
        assert step(wang, "responders/wang/position", here) == {"kept": True}
        step(wang, "responders/zhang/position", here, 403)
        step(operator, "responders/li/position", here, 403)
        step(wang, "responders/wang/position", {"lon": 181, "lat": 0}, 422)
        step(wang, "responders/wang/position", here | {"at": "2099-01-01T00:00:00Z"}, 422)
        assert step(wang, "responders/wang/position", here | {"at": "2020-01-01T00:00:00Z"}) == {"kept": False}
        assert operator.get("/api/v1/responders/wang").json()["position"] == here
        step(wang, "responders/wang/position", {"lon": 106.512, "lat": 29.58})


def test_lists_go_on_where_the_page_before_ended(running: Running) -> None:
    for _ in range(5):
        running.alert()
    with running.client("li") as operator:
        whole = [item["id"] for item in operator.get("/api/v1/alerts?limit=1000").json()["items"]]
        found: list[int] = []
        cursor = None
        while True:
            page = operator.get("/api/v1/alerts", params={"limit": 2, **({"next": cursor} if cursor else {})}).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == whole
        assert len(set(found)) == len(found) >= 5
