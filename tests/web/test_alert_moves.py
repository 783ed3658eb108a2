"""What people decide about an alert, over HTTP: four axes, and refusals that say why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from alerts.decisions import verify_alert
from alerts.lifecycle import note_condition
from data.model.alert import AlertKey, Priority, Standing
from data.model.alert_life import Condition, Proof, Verification
from data.model.people import SYSTEM
from tests.web.city import Running


def take(client: httpx.Client, alert: int, move: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = client.post(f"/api/v1/alerts/{alert}/{move}", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found["alert"] if status == 200 else found


def test_the_four_axes_of_an_alert_move_apart_and_its_steps_tell_how(running: Running) -> None:
    alert = running.alert()
    gauge = Proof("gauge", "site:gate-3/gauge", datetime.now(UTC), "26 cm")
    running.store.write(lambda w: verify_alert(w, alert, Verification.PROBABLE, (gauge,), SYSTEM, datetime.now(UTC)))
    with running.client("li") as operator, running.client("zhao") as officer:
        assert take(operator, alert, "acknowledge", {"reason": "看到了"})["state"] == "acknowledged"
        assert take(officer, alert, "shelve", {"minutes": 30, "reason": "在施工"})["shelved_by"] == "zhao"
        seen = operator.get(f"/api/v1/alerts/{alert}").json()
        assert (seen["condition"], seen["state"], seen["verification"]) == ("active", "acknowledged", "probable")
        assert [(proof["kind"], proof["text"]) for proof in seen["proofs"]] == [("gauge", "26 cm")]
        confirmed = take(operator, alert, "confirm", {})
        assert confirmed["verification"] == "confirmed"
        assert take(officer, alert, "unshelve", {})["shelved_until"] is None
        assert (
            take(officer, alert, "out_of_service", {"work_order": "WX-7", "reason": "换探头"})["work_order"] == "WX-7"
        )
        assert take(officer, alert, "return_to_service", {})["work_order"] == ""
        assert take(operator, alert, "dismiss", {"reason": "演练"})["verification"] == "dismissed"
        steps = operator.get(f"/api/v1/alerts/{alert}").json()["steps"]
    assert [(step["step"], step["by"], step["reason"]) for step in steps] == [
        ("raise", "system", ""),
        ("suspect", "system", ""),
        ("acknowledge", "li", "看到了"),
        ("shelve", "zhao", "在施工"),
        ("confirm", "li", ""),
        ("unshelve", "zhao", ""),
        ("out_of_service", "zhao", "换探头"),
        ("return_to_service", "zhao", ""),
        ("dismiss", "li", "演练"),
    ]
    assert steps[4]["evidence"][0]["source"] == "user:li"


def test_what_is_not_possible_now_is_refused_with_the_reason(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as operator, running.client("zhao") as officer:
        take(operator, alert, "shelve", {"minutes": 5, "reason": "x"}, 403)
        assert "8h at most" in take(officer, alert, "shelve", {"minutes": 481, "reason": "x"}, 403)["detail"]
        take(officer, alert, "shelve", {"minutes": 5}, 422)
        take(officer, alert, "shelve", {"reason": "x"}, 422)
        take(operator, alert, "dismiss", {"reason": " "}, 422)
        assert take(officer, alert, "unshelve", {}, 409)["detail"] == f"alert {alert} is not shelved"
        assert take(officer, alert, "return_to_service", {}, 409)["detail"] == f"alert {alert} is in service"
        take(operator, alert, "confirm", {})
        refused = take(officer, alert, "confirm", {}, 409)
        assert refused["detail"] == f"alert {alert} is confirmed already"
        assert refused["words"] == {"key": "alert.confirmed", "values": {"alert": alert}}
        take(officer, alert, "shelve", {"minutes": 5, "reason": "x"})
        refused = take(officer, alert, "shelve", {"minutes": 6, "reason": "x"}, 409)
        assert "is shelved by zhao until" in refused["detail"]
        old = officer.post(f"/api/v1/alerts/{alert}/unshelve", json={}, headers={"If-Match": '"1"'})
        assert old.status_code == 412


def test_a_move_sent_twice_with_one_key_is_made_once(running: Running) -> None:
    alert = running.alert()
    with running.client("zhao") as officer:
        sent = [
            officer.post(
                f"/api/v1/alerts/{alert}/shelve",
                json={"minutes": 5, "reason": "x"},
                headers={"Idempotency-Key": "shelve-1"},
            )
            for _ in range(2)
        ]
        assert [answer.status_code for answer in sent] == [200, 200]
        assert sent[0].json() == sent[1].json()


def test_what_is_pending_is_told_before_it_is_an_alert(running: Running) -> None:
    since = datetime.now(UTC) - timedelta(seconds=20)
    key = AlertKey("quay", "deep", "", "")
    pending = Standing(key, Condition.PENDING, since, "threshold", Priority.P2)
    running.store.write(lambda writer: note_condition(writer, pending, datetime.now(UTC)))
    with running.client("li") as operator:
        (item,) = operator.get("/api/v1/conditions?site=quay").json()["items"]
    assert (item["rule"], item["condition"], item["priority"]) == ("deep", "pending", "P2")
    normal = Standing(key, Condition.NORMAL, since)
    running.store.write(lambda writer: note_condition(writer, normal, datetime.now(UTC)))
