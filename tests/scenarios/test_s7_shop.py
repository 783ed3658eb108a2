"""S7: a citizen complains about a shop; two units must agree; the citizen's satisfaction closes it."""

from __future__ import annotations

import pytest

from tests.scenarios.town import MONDAY, Town

pytestmark = pytest.mark.scenario


def test_S7_a_citizen_s_complaint_is_closed_when_both_units_agree_and_the_citizen_is_satisfied(town: Town) -> None:  # noqa: N802
    number = complained(town)
    operator, head, officer = town.by("li"), town.by("qian"), town.by("zhao")
    event = operator.event(number)
    assert (event["origin"], event["state"], event["lead"], event["co_handlers"]) == (
        "citizen", "received", "market", ["community"],
    )  # fmt: skip
    assert event["reporter"]["phone"] == "13900000000"
    town.wait(hours=1)
    operator.step(number, "receive")
    operator.step(number, "file")
    sent_out = head.step(number, "dispatch")
    assert [clock["name"] for clock in sent_out["clocks"]] == ["intake", "handling"]
    assert sent_out["clocks"][0]["stopped"] is not None
    assert sent_out["clocks"][1]["due"] == "2026-07-15T02:00:00.000+00:00", "two working days of seven hours"
    lead, other = sorted(operator.event(number)["tasks"], key=lambda task: task["role"], reverse=True)
    assert [(one["role"], one["unit"]) for one in (lead, other)] == [("lead", "market"), ("co_handler", "community")]

    town.wait(hours=6)
    town.by("shi").work(lead["id"], "店家已装净化器")
    officer.post(f"tasks/{lead['id']}/verify")
    assert operator.event(number)["state"] == "handling", "the co-handler has not agreed yet"
    assert "is handling; close is possible only when to_check" in head.step(number, "close", status=409)
    town.wait(hours=18)
    town.by("she").post(f"tasks/{other['id']}/accept")
    town.by("she").report(other["id"], "社区回访邻居")
    assert town.by("she").post(f"tasks/{other['id']}/verify", status=403)["status"] == 403
    officer.post(f"tasks/{other['id']}/verify")
    assert operator.event(number)["state"] == "to_check"

    assert "was not called back" in head.step(number, "close", status=409)
    operator.step(number, "call_back", satisfied=False, score=2, reason="晚上仍有油烟")
    assert "is not satisfied" in head.step(number, "close", status=409)
    officer.post(f"tasks/{lead['id']}/rework", {"reason": "晚间仍有油烟，须延长净化时间"})
    again = operator.event(number)
    assert (again["state"], again["clocks"][1]["stopped"]) == ("handling", None)
    town.wait(hours=20)
    town.by("shi").report(lead["id"], "已加装并调整营业时间")
    officer.post(f"tasks/{lead['id']}/verify")
    assert "was not called back" in head.step(number, "close", status=409), "the call before the rework does not count"
    operator.step(number, "call_back", satisfied=True, score=5, reason="油烟没了，满意")
    closed = head.step(number, "close")
    assert (closed["state"], closed["closed_by"]) == ("closed", "qian")
    assert (town.now - MONDAY).total_seconds() <= 2 * 86_400
    calls = [one["detail"]["score"] for one in head.event(number)["steps"] if one["step"] == "call_back"]
    assert calls == [2, 5]
    with town.stranger() as citizen:
        assert citizen.get(f"/open311/v2/requests/{number}.json").json()[0]["status"] == "closed"


def complained(town: Town) -> int:
    """By Open311, without a login; what comes back names nobody."""
    with town.stranger() as citizen:
        services = citizen.get("/open311/v2/services.json").json()
        assert "shop_complaint" in {one["service_code"] for one in services}
        sent = citizen.post(
            "/open311/v2/requests.json",
            data={
                "service_code": "shop_complaint", "lat": "29.5831", "long": "106.5121", "first_name": "陈",
                "description": "烧烤店油烟扰民", "phone": "13900000000",
            },
        )  # fmt: skip
        assert sent.status_code == 201, sent.text
        number = int(sent.json()[0]["service_request_id"])
        public = citizen.get(f"/open311/v2/requests/{number}.json").json()[0]
        assert (public["status"], public["status_notes"]) == ("open", "received")
        assert "13900000000" not in citizen.get(f"/open311/v2/requests/{number}.json").text
    return number
