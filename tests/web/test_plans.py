"""Plans and modes over REST: who may order what, what is refused and why, and once however often it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from data.model.people import PERMITTED, Action, Role
from dispatch.plan_works import Maker, settle
from dispatch.routing import Roads
from tests.dispatch.plan_city import UNITS, plan_settings
from tests.web.city import open_deps, start
from web.accounts import add_user, issue_token
from web.deps import ServerDeps

pytestmark = pytest.mark.server


class Street:
    """A real server of the plans' street."""

    def __init__(self, deps: ServerDeps, port: int) -> None:
        self.deps, self.base = deps, f"http://127.0.0.1:{port}/api/v1"

    def by(self, role: Role) -> httpx.Client:
        token = issue_token(self.deps.store, f"a-{role.value}")
        return httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def settle(self) -> None:
        maker = Maker(self.deps.settings, Roads())
        for run in self.deps.store.read(lambda reader: reader.plan_runs(unsettled_only=True)):
            self.deps.store.write(lambda writer, run=run: settle(writer, run.id, datetime.now(UTC), maker))  # type: ignore[misc]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder: Path = tmp_path_factory.mktemp("plans") / "var"
    deps = open_deps(folder, plan_settings())
    for role in Role:
        add_user(deps.store, f"a-{role.value}", role, None)
    for unit in UNITS:
        deps.store.write(lambda writer, unit=unit: writer.put_unit(unit))  # type: ignore[misc]
    server, thread, port = start(deps)
    yield Street(deps, port)
    server.should_exit = True
    thread.join(20)
    deps.store.close()


def test_only_who_may_order_plans_begins_and_ends_a_mode(street: Street) -> None:
    for role in Role:
        answer = street.by(role).post("/modes/nobody-knows/begin", json={})
        if Action.ORDER_PLAN in PERMITTED[role]:
            assert answer.status_code == 404
            continue
        assert answer.status_code == 403, "who may not order learns nothing, not even what there is"
        for path in ("/modes/flood-crest/begin", "/plans/storm/begin", "/plans/storm/end", "/plans/storm/dismiss"):
            assert street.by(role).post(path, json={"reason": "x"}).status_code == 403, f"{role} {path}"
    assert {role for role in Role if Action.ORDER_PLAN in PERMITTED[role]} == {Role.COMMANDER, Role.DUTY_OFFICER}


def test_a_mode_begins_once_is_shown_and_ends_with_a_reason(street: Street) -> None:
    officer = street.by(Role.DUTY_OFFICER)
    begun = officer.post("/modes/flood-crest/begin", json={"reason": "市防指命令"}, headers={"Idempotency-Key": "one"})
    again = officer.post("/modes/flood-crest/begin", json={"reason": "市防指命令"}, headers={"Idempotency-Key": "one"})
    assert (begun.status_code, again.json()) == (200, begun.json())
    twice = street.by(Role.COMMANDER).post("/modes/flood-crest/begin", json={})
    assert twice.status_code == 409
    assert "plan crest is in force since" in twice.json()["detail"]
    assert "begun by a-duty_officer" in twice.json()["detail"]
    assert officer.post("/plans/crest/dismiss", json={"reason": "x"}).json()["detail"] == "plan crest is not proposed"
    street.settle()
    shown = street.by(Role.ANALYST).get("/modes").json()
    (item,) = shown["items"]
    assert (item["mode"], item["level"], item["reason"], item["begun_by"]) == (
        "flood-crest", "red", "市防指命令", "a-duty_officer",
    )  # fmt: skip
    assert shown["modes"] == ["flood-crest"]
    plan = officer.get("/plans/crest").json()
    assert plan["runs"][0]["counts"] == {"done": 0, "open": 0, "unstarted": 4, "withdrawn": 0}
    assert {work["name"] for work in plan["runs"][0]["works"]} == {"下河梯坎", "第11网格", "第12网格", "江滩"}
    refused = officer.post("/modes/flood-crest/end", json={})
    assert (refused.status_code, refused.json()["detail"]) == (422, "ending a plan needs a reason")
    assert officer.post("/modes/flood-crest/end", json={"reason": "洪峰已过"}).status_code == 200
    assert officer.get("/modes").json()["items"] == []
    over = officer.post("/modes/flood-crest/end", json={"reason": "洪峰已过"})
    assert (over.status_code, over.json()["detail"]) == (409, "plan crest is not in force")
    trail = street.deps.store.read(lambda reader: reader.audit(subject=f"plan:{plan['runs'][0]['id']}"))
    assert [(entry.action, entry.actor) for entry in trail] == [
        ("plan_begin", "a-duty_officer"), ("plan_end", "a-duty_officer"),
    ]  # fmt: skip


def test_an_order_names_its_level_and_may_change_it(street: Street) -> None:
    officer = street.by(Role.DUTY_OFFICER)
    assert officer.post("/plans/storm/begin", json={"level": "purple"}).status_code == 422
    assert officer.post("/plans/none/begin", json={}).json()["detail"] == "there is no plan 'none'"
    run = officer.post("/plans/storm/begin", json={"level": "blue"}).json()["run"]
    street.settle()
    raised = officer.post("/plans/storm/begin", json={"level": "orange", "reason": "雨势加大"}).json()["run"]
    assert (raised["id"], raised["level"]) == (run["id"], "orange")
    street.settle()
    works = officer.get("/plans/storm").json()["runs"][0]["works"]
    assert sorted(work["step"] for work in works if not work["withdrawn_at"]) == ["check"] * 3 + ["pump"] * 3
    assert [work["step"] for work in works if work["withdrawn_at"]] == ["early"]
    assert officer.post("/plans/storm/begin", json={"level": "orange"}).status_code == 409


def test_the_roster_names_who_is_on_shift(street: Street) -> None:
    roster = street.by(Role.OPERATOR).get("/roster").json()
    assert {one["id"] for one in roster["responders"]} == {"near", "middle", "far", "wu", "wang"}
    assert street.by(Role.RESPONDER).get("/roster").status_code == 403
