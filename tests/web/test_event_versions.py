"""Lost updates over REST: 428 without a version, 412 with an old one; and who may edit the organisation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.city import Running

UNIT = {"kind": "department", "name": "城管", "people": ["wang"]}


@pytest.fixture
def event(running: Running) -> Any:
    with running.client("li") as operator:
        body = {"kind": "noise", "location": {"lon": 106.8, "lat": 29.8}, "description": "夜间施工"}
        return operator.post("/api/v1/events", json=body).json()["event"]


def test_a_step_needs_the_version_that_was_seen(running: Running, event: Any) -> None:
    path = f"/api/v1/events/{event['id']}/receive"
    with running.client("li") as operator, running.client("zhao") as officer:
        assert operator.post(path, json={}).status_code == 428
        seen = operator.get(f"/api/v1/events/{event['id']}").headers["ETag"]
        assert officer.post(path, json={}, headers={"If-Match": seen}).status_code == 200
        stale = operator.post(path.replace("receive", "refuse"), json={"reason": "重复"}, headers={"If-Match": seen})
        assert (stale.status_code, stale.json()["type"]) == (412, "urn:yiping:problem:precondition-failed")
        now = operator.get(f"/api/v1/events/{event['id']}").json()
        assert [step["by"] for step in now["steps"]] == ["zhao"]
        again = operator.post(path, json={}, headers={"If-Match": "*"})
        assert again.status_code == 409
        assert "receive is possible only when received" in again.json()["detail"]
        assert operator.post(path.replace("receive", "explode"), json={}, headers={"If-Match": "*"}).status_code == 404


def test_the_steps_offered_are_those_the_role_may_take(running: Running, event: Any) -> None:
    def offered(name: str) -> dict[str, str]:
        with running.client(name) as client:
            possible = client.get(f"/api/v1/events/{event['id']}").json()["possible"]
        return {one["step"]: one["why"] for one in possible}

    assert offered("li") == {"receive": "", "file": "", "refuse": "", "link": ""}
    assert set(offered("zhao")) == {"receive", "file", "refuse", "link", "void", "escalate"}
    assert offered("zhou") == {}


def test_administrators_alone_edit_units_and_against_the_version_they_saw(running: Running) -> None:
    with running.client("admin") as admin, running.client("li") as operator:
        assert operator.put("/api/v1/units/urban-x", json=UNIT).status_code == 403
        made = admin.put("/api/v1/units/urban-x", json=UNIT)
        assert (made.status_code, made.json()["unit"]["version"]) == (200, 1)
        assert admin.put("/api/v1/units/urban-x", json=UNIT).status_code == 428
        more = admin.put("/api/v1/units/urban-x", json=UNIT | {"posts": 2}, headers={"If-Match": '"1"'})
        assert more.json()["unit"]["version"] == 2
        assert admin.put("/api/v1/units/urban-x", json=UNIT, headers={"If-Match": '"1"'}).status_code == 412
        bad = admin.put("/api/v1/units/g-77", json={"kind": "grid", "name": "网格", "code": "77"})
        assert (bad.status_code, "15 digits" in bad.json()["detail"]) == (422, True)
        names = {one["name"]: one for one in operator.get("/api/v1/organisation/coverage").json()["items"]}
        assert names["posts_filled"]["of"] == 2
        assert admin.delete("/api/v1/units/urban-x", headers={"If-Match": '"2"'}).status_code == 200
