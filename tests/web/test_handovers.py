"""Shift handover over REST: what the server gathers, signatures in browsers' own sessions, and a hash that tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from alerts.decisions import shelve_alert
from alerts.lifecycle import acknowledge, raise_alert
from data.model.alert import AlertKey, Priority, Raised
from data.model.notice import Notice
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import Actor, Role
from data.model.record import broken_link
from data.ports.store import Writer
from notices.deliveries import failed
from tests.web.city import PASSWORD, Running, open_deps, start
from web.accounts import add_user
from web.audit_check import full_check
from web.diagnosis import diagnose

pytestmark = pytest.mark.server
LI = Actor("li", Role.OPERATOR)


@pytest.fixture
def desk(tmp_path: Any) -> Iterator[Running]:
    """A city of its own, with an operator, a duty officer and an analyst."""
    deps = open_deps(tmp_path / "var")
    for name, role in (("li", Role.OPERATOR), ("zhao", Role.DUTY_OFFICER), ("zhou", Role.ANALYST)):
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, lambda: datetime.now(UTC), server)  # type: ignore[arg-type]
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def post(browser: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return browser.post(f"/api/v1/handovers{path}", json=body, headers={"X-CSRF-Token": browser.cookies["yiping_csrf"]})


def audited(desk: Running) -> tuple[str, ...]:
    """What `app.py audit verify` finds."""
    return full_check(desk.store, desk.deps.var_dir, desk.deps.vault).findings


def night(desk: Running) -> dict[str, int]:
    """A P3 that is acknowledged, a P1 that is not, a shelved one, and a notice that reached nobody."""
    now, ids = datetime.now(UTC), {}

    def happen(writer: Writer) -> None:
        for name, priority in (("seen", Priority.P2), ("loud", Priority.P1), ("shelved", Priority.P3)):
            raised = Raised(AlertKey("gate-3", "dwell", "lane", name), "dwell", priority, now, now, label="car")
            stored = raise_alert(writer, raised, None, now)
            assert stored is not None
            ids[name] = stored.id
        acknowledge(writer, ids["seen"], LI, now)
        chief = Actor("zhao", Role.DUTY_OFFICER)
        shelve_alert(writer, ids["shelved"], chief, now, until=now + timedelta(minutes=20), reason="施工")
        notice = Notice(
            "d-1", "alert:1", "p", 0, "sms", ("13800000001",), Priority.P1, "一级 小学门口", "text", now, now
        )  # fmt: skip
        added = writer.add_notice(notice)
        assert added is not None
        failed(writer, added.id, now, "no such number", permanent=True, settings=desk.deps.settings.notices)
        writer.put_value("health:quay", {"site": "quay", "health": "lost", "at": now.isoformat(), "cause": "silent"})

    desk.store.write(happen)
    return ids


def test_two_people_sign_with_their_passwords_and_the_trail_has_the_hash_of_what_they_signed(desk: Running) -> None:
    ids = night(desk)
    with desk.browser("li") as li, desk.browser("zhao") as zhao, desk.browser("zhou") as zhou:
        begun = post(li, "").json()["handover"]
        again = post(zhao, "")
        assert (again.status_code, again.json()["words"]["key"]) == (409, "handover.open")
        one = f"/{begun['id']}"
        whole = zhou.get(f"/api/v1/handovers{one}").json()
        groups = whole["items"]["groups"]
        assert [(item["alert"], item["calls"]) for item in groups["alerts"]] == [
            (ids["loud"], True),
            (ids["seen"], False),
        ]
        assert [(item["alert"], item["how"], item["shelved_by"]) for item in groups["suppressed"]] == [
            (ids["shelved"], ["shelved"], "zhao")
        ]
        assert groups["suppressed"][0]["due"] > whole["items"]["at"]
        assert [(item["site_name"], item["fault"]) for item in groups["devices"]] == [("滨江路", "lost")]
        assert [(item["title"], item["error"]) for item in groups["notices"]] == [("一级 小学门口", "no such number")]
        assert post(zhou, f"{one}/notes", text="我也写").status_code == 403
        assert post(li, f"{one}/notes", item=f"alert:{ids['loud']}", text="水泵 2 号已报修").status_code == 200
        version = post(li, f"{one}/notes", text="夜里有大雨").json()["handover"]["version"]

        wrong = post(li, f"{one}/sign", version=version, password="not the password")
        assert (wrong.status_code, wrong.json()["words"]["key"]) == (403, "password")
        with desk.client("li") as token:
            by_token = token.post(f"/api/v1/handovers{one}/sign", json={"version": version, "password": PASSWORD})
        assert (by_token.status_code, by_token.json()["words"]["key"]) == (403, "handover.session")
        signed = post(li, f"{one}/sign", version=version, password=PASSWORD)
        assert signed.status_code == 200, signed.text
        assert signed.json()["handover"]["outgoing"] | {"at": ""} == {
            "by": "li", "name": "li", "at": "", "how": "password",
        }  # fmt: skip

        # From now on the items stay, whatever happens; the incoming officer asks, and signs.
        loud = zhao.post(
            f"/api/v1/alerts/{ids['loud']}/acknowledge", headers={"X-CSRF-Token": zhao.cookies["yiping_csrf"]}
        )
        assert loud.status_code == 200
        later = desk.alert("after the signature")
        seen = zhao.get(f"/api/v1/handovers{one}").json()
        assert {name: [item["alert"] for item in items] for name, items in seen["fresh"].items()} == {"alerts": [later]}
        assert later not in [item["alert"] for item in seen["items"]["groups"]["alerts"]]
        asked = post(zhao, f"{one}/notes", text="水泵几点修好？").json()["handover"]
        own = post(li, f"{one}/take", version=asked["version"], password=PASSWORD)
        assert (own.status_code, own.json()["words"]["key"]) == (409, "handover.same_person")
        taken = post(zhao, f"{one}/take", version=asked["version"], password=PASSWORD)
        assert taken.status_code == 200, taken.text
        frozen = zhou.get(f"/api/v1/handovers{one}").json()
        assert [item["alert"] for item in frozen["items"]["groups"]["alerts"]] == [ids["loud"], ids["seen"]]
        assert frozen["items"]["groups"]["alerts"][0]["calls"] is True
        assert frozen["fresh"] is None
        assert (frozen["intact"], frozen["sha256"]) == (True, taken.json()["handover"]["digest"])
        assert post(zhao, f"{one}/drop", version=frozen["handover"]["version"], reason="x").status_code == 409
        found = zhou.get("/api/v1/handovers?q=大雨%20zhao").json()["items"]
        assert [item["id"] for item in found] == [begun["id"]]
        assert zhou.get("/api/v1/handovers?q=地震").json()["items"] == []

        trail = desk.store.read(lambda reader: reader.audit())
        assert broken_link(trail) is None
        told = [entry for entry in trail if entry.subject == f"handover:{begun['id']}" and entry.action == "take"]
        assert [(entry.actor, entry.detail["sha256"], entry.detail["outgoing"]) for entry in told] == [
            ("zhao", frozen["sha256"], "li")
        ]

        assert [one for one in audited(desk) if "handover" in one] == []

        # Somebody with the database's file changes a note and its document.
        engine = create_engine(f"sqlite:///{desk.deps.var_dir / 'yiping.db'}")
        with engine.begin() as connection:
            connection.execute(text("UPDATE handovers SET notes = replace(notes, '大雨', '小雨')"))
        engine.dispose()
        assert zhou.get(f"/api/v1/handovers{one}").json()["intact"] is False
        assert f"handover {begun['id']} is not what was signed" in audited(desk)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM handovers"))
        engine.dispose()
        assert f"handover {begun['id']} is not there any more" in audited(desk)


def test_an_overdue_signature_is_told_and_blocks_nothing(desk: Running) -> None:
    now = datetime.now(UTC)

    def plan(writer: Writer) -> None:
        writer.put_unit(Unit("post", UnitKind.POST, "值班岗"))
        writer.add_shift(Shift("post", "li", now - timedelta(hours=9), now - timedelta(hours=1), duty="夜班"))
        writer.add_shift(Shift("post", "zhao", now - timedelta(hours=1), now + timedelta(hours=7), duty="白班"))
        writer.add_shift(Shift("post", "li", now + timedelta(hours=7), now + timedelta(hours=15)))

    desk.store.write(plan)
    with desk.browser("zhou") as zhou, desk.browser("li") as li:
        standing = zhou.get("/api/v1/handovers/standing").json()
        assert standing["overdue"]["missing"] == "outgoing"
        assert [(one["name"], one["duty"]) for one in standing["on_duty"]] == [("zhao", "白班")]
        assert [one["name"] for one in standing["next"]] == ["li"]
        assert standing["next_change"][:16] == (now + timedelta(hours=7)).isoformat()[:16]
        found = {one.key for one in diagnose(desk.deps.settings, desk.store, desk.deps.var_dir, now)}
        assert "handover_outgoing" in found
        begun = post(li, "").json()["handover"]
        assert post(li, f"/{begun['id']}/sign", version=1, password=PASSWORD).status_code == 200
        assert zhou.get("/api/v1/handovers/standing").json()["overdue"]["missing"] == "incoming"
        alert = desk.alert()
        answer = li.post(f"/api/v1/alerts/{alert}/acknowledge", headers={"X-CSRF-Token": li.cookies["yiping_csrf"]})
        assert answer.status_code == 200
