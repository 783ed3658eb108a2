"""Roll-calls over REST and on the phone: who may order, who answers for whom, and words for what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from tests.web.city import PASSWORD, Running, open_deps, start
from web.accounts import add_user

pytestmark = pytest.mark.server


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    """A duty officer, an operator, and two responders of the drainage team."""
    deps = open_deps(tmp_path / "var")
    for name, role in (("zhao", Role.DUTY_OFFICER), ("li", Role.OPERATOR)):
        add_user(deps.store, name, role, PASSWORD)
    deps.store.write(lambda w: w.put_unit(Unit("drains", UnitKind.POST, "排水队", people=("zhang", "wang"))))
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, deps.now, server)  # type: ignore[arg-type]
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def test_the_phone_shows_and_answers_a_roll_call_and_others_answer_only_with_the_right(desk: Running) -> None:
    with (
        desk.client("zhao") as zhao,
        desk.client("li") as li,
        desk.client("zhang") as zhang,
        desk.client("wang") as wang,
    ):
        order = {"title": "洪峰值守", "answer_within": "3min", "units": ["drains"], "roles": ["operator"]}
        assert li.post("/api/v1/roll-calls", json=order).status_code == 403
        nobody = zhao.post("/api/v1/roll-calls", json={"title": "空"})
        assert (nobody.status_code, nobody.json()["words"]["key"]) == (422, "roll_call.nobody")
        assert zhao.post("/api/v1/roll-calls", json=order | {"plans": ["none"]}).status_code == 422
        assert zhao.post("/api/v1/roll-calls", json=order | {"units": ["none"]}).status_code == 404
        made = zhao.post("/api/v1/roll-calls", json=order).json()["roll_call"]
        path = f"/api/v1/roll-calls/{made['id']}"

        page = zhang.get("/r").text
        assert "洪峰值守" in page
        assert len(page) < 20_000, "with the assets under 60 KB"
        states = {one["person"]: one["state"] for one in zhao.get(path).json()["people"]}
        assert states == {"zhang": "reached", "wang": "called", "li": "called"}
        said = zhang.post(f"{path}/answer", json={"answer": "present"})
        assert (said.status_code, said.json()["called"]["state"]) == (200, "present")
        twice = zhang.post(f"{path}/answer", json={"answer": "unable", "reason": "车坏了"})
        assert (twice.status_code, twice.json()["words"]["key"]) == (409, "roll_call.answered")
        assert wang.post(f"{path}/answer", json={"answer": "unable"}).json()["words"]["key"] == "reason"
        for_other = wang.post(f"{path}/answer", json={"answer": "present", "person": "li"})
        assert for_other.status_code == 403
        not_called = zhao.post(f"{path}/answer", json={"answer": "present"})
        assert (not_called.status_code, not_called.json()["words"]["key"]) == (403, "roll_call.not_called")
        by_phone = zhao.post(f"{path}/answer", json={"answer": "present", "person": "wang"}).json()["called"]
        assert (by_phone["state"], by_phone["told_by"]) == ("present", "zhao")
        assert [one["title"] for one in li.get("/api/v1/roll-calls/mine").json()["items"]] == ["洪峰值守"]
        assert zhao.post(f"{path}/recall").status_code == 200
        closed = zhao.post(f"{path}/close", json={"note": "齐"}).json()["roll_call"]
        assert closed["steps"][-1]["detail"]["counts"]["present"] == 2
        assert li.get("/api/v1/roll-calls/mine").json()["items"] == []
        assert zhang.get("/r").text.count("洪峰值守") == 0
        actions = [e.action for e in desk.store.read(lambda r: r.audit(subject=f"roll_call:{made['id']}"))]
        assert actions == ["order", "answer", "answer", "recall", "close"]
        choices = zhao.get("/api/v1/roll-calls/choices").json()
        assert [one["id"] for one in choices["templates"]] == ["red-rain", "flood-crest", "night-check"]
        assert choices["templates"][0]["answer_within"] == "3min"
