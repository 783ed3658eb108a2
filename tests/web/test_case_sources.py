"""Cases of other systems over REST: who may send what, once; and personal data that come out of one door only."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from bench.security_canary import find_leaks
from data.config.case_sources import CaseSource
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from data.model.token_scope import asked_scope, scope_of
from dispatch import personal_data
from tests.web.city import PASSWORD, ROLES, Clock, Running, city, open_deps, start
from web.access_table import SCREENS, TABLE
from web.accounts import add_user, issue_token

pytestmark = pytest.mark.server
CANARIES = {"name": "欧阳canary-1-秀英", "phone": "13912345678", "address": "canary-3-滨江路七号"}
MAPPING: dict[str, Any] = {
    "id": "fraud", "zh": "反诈预警", "en": "Fraud warning", "kind": "fraud_warning", "external_id": "$.id",
    "location": {"lon": 106.512, "lat": 29.583}, "lon": "$.lon", "lat": "$.lat",
    "description": [{"zh": "类型", "en": "Kind", "path": "$.kind"}],
    "personal": [
        {"id": name, "zh": name, "en": name, "path": f"$.victim.{name}", "roles": ["duty_officer", "responder"]}
        for name in CANARIES
    ],
    "call_out": [{"zh": "上门", "en": "Visit", "within": "30min", "until": "on_scene", "to": [{"unit": "police"}]}],
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": f"FZ-{CANARIES['phone']}-1", "lon": 106.513579, "lat": 29.581357, "victim": CANARIES,
    "kind": f"冒充客服，{CANARIES['name']}，{CANARIES['address']}，电话 139 1234 5678",
}  # fmt: skip
PATH = "/api/v1/case-sources/fraud/cases"
SEEN_BY = ("li", "zhao", "qian", "sun", "wu", "zhou", "admin", "zhang")


@contextmanager
def running_desk(var: Path) -> Iterator[Running]:
    sources = tuple(CaseSource.model_validate(MAPPING | {"id": one}) for one in ("fraud", "other"))
    deps = open_deps(var, Settings(**{**dict(city()), "case_sources": sources}))
    for name, role in (*ROLES.items(), ("platform", Role.SOURCE)):
        add_user(deps.store, name, role, PASSWORD)
    deps.store.write(lambda w: w.put_unit(Unit("police", UnitKind.JOINT_DUTY, "派出所", people=("zhang",))))
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Running]:
    with running_desk(tmp_path / "var") as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for tests that make no event."""
    with running_desk(tmp_path_factory.mktemp("shared") / "var") as running:
        yield running


def platform(desk: Running, *sources: str) -> httpx.Client:
    """The other system, with a token for these sources alone."""
    token = issue_token(desk.store, "platform", scope=asked_scope(sources=sources))
    return httpx.Client(base_url=desk.base, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_a_token_sends_cases_of_the_sources_that_it_names_and_each_case_once(desk: Running) -> None:
    with platform(desk, "fraud") as theirs:
        first = theirs.post(PATH, json=MESSAGE)
        assert (first.status_code, first.json()["new"], first.json()["missing"]) == (201, True, [])
        again = theirs.post(PATH, json=MESSAGE | {"kind": "改过"})
        assert (again.status_code, again.json()) == (200, first.json() | {"new": False})
        assert theirs.post("/api/v1/case-sources/other/cases", json=MESSAGE).status_code == 403
        assert theirs.post("/api/v1/case-sources/none/cases", json=MESSAGE).status_code == 403, "nor is it told what is"
        now = {"phenomenonTime": desk.clock().isoformat(), "result": 1}
        assert theirs.post("/api/v1/datastreams/gate-3/g/observations", json=now).status_code == 403
    for token in (issue_token(desk.store, "platform"), issue_token(desk.store, "platform", scope=asked_scope())):
        with httpx.Client(base_url=desk.base, headers={"Authorization": f"Bearer {token}"}) as other:
            assert other.post(PATH, json=MESSAGE).status_code == 403, "a token without sources sends no case"
    with desk.client("zhao") as zhao:
        assert zhao.post(PATH, json=MESSAGE).status_code == 403
        (event,) = zhao.get("/api/v1/events").json()["items"]
        assert (event["state"], event["origin"]) == ("dispatched", "external")
        (listed, _) = zhao.get("/api/v1/case-sources").json()["items"]
        assert (listed["count"], "mapping" in listed) == (1, False)


def test_the_scope_of_a_token_for_cases_names_its_sources(desk: Running) -> None:
    assert scope_of({"kinds": ["case"], "sites": None, "quantities": None, "highest": "P2"}).sources == frozenset()
    with pytest.raises(InputRejected):
        asked_scope(["case"])
    with desk.client("admin") as admin:
        issued = admin.post("/api/v1/users/platform/tokens", json={"label": "反诈平台", "sources": ["fraud"]})
        assert issued.status_code == 200, issued.text
        assert admin.post("/api/v1/users/platform/tokens", json={"label": "x", "sources": ["no"]}).status_code == 422
    with httpx.Client(base_url=desk.base, headers={"Authorization": f"Bearer {issued.json()['token']}"}) as theirs:
        assert theirs.post(PATH, json=MESSAGE).status_code == 201


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (json.dumps(MESSAGE | {"id": None}).encode(), 422),
        (json.dumps([MESSAGE]).encode(), 422),
        (json.dumps(MESSAGE)[:-2].encode(), 422),
        (json.dumps(MESSAGE | {"more": "x" * 70_000}).encode(), 413),
        (json.dumps(MESSAGE)[:-1].encode() + b', "deep": ' + b"[" * 60 + b"]" * 60 + b"}", 422),
        (json.dumps(MESSAGE)[:-1].encode() + b', "n": NaN}', 422),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_what_cannot_be_used_is_refused_without_a_word_of_what_was_sent(
    shared: Running, content: bytes, status: int, kind: str
) -> None:
    with platform(shared, "fraud") as theirs:
        refused = theirs.post(PATH, content=content, headers={"Content-Type": kind})
    assert refused.status_code == status, refused.text
    with shared.client("zhao") as zhao:
        rejects = zhao.get("/api/v1/rejects").text
        assert zhao.get("/api/v1/events").json()["items"] == []
    assert list(find_leaks([("answer", refused.content), ("rejects", rejects.encode())], CANARIES)) == []


def _everything_said(desk: Running, event: int) -> Iterator[tuple[str, bytes]]:
    """Every GET of the API and every page, as each role gets it, and all that the events socket sends."""
    gets = [path for path, row in TABLE.items() if "GET" in row and path.startswith("/api/")]
    tasks = {"event_id": event, "task_id": 1, "notice_id": 1, "alert_id": 1}
    for who in SEEN_BY:
        with desk.client(who) as somebody:
            for path in gets:
                filled = path
                for name, value in tasks.items():
                    filled = filled.replace(f"{{{name}}}", str(value))
                if "{" not in filled:
                    yield f"{who} GET {filled}", somebody.get(filled).content
            for words in ("欧阳", CANARIES["phone"], "滨江路"):
                found = somebody.get("/api/v1/search", params={"q": words}).json()
                yield f"{who} search", json.dumps(found.get("items", found), ensure_ascii=False).encode()
        with desk.browser(who) if who != "zhang" else desk.client(who) as browser:
            for page in (*SCREENS, "/r", "/r/live"):
                yield f"{who} page {page}", browser.get(page).content
        header = {"Authorization": f"Bearer {desk.token(who)}"}
        with connect(desk.ws("/ws/events?since=0"), additional_headers=header) as socket:
            for _ in range(200):
                try:
                    yield f"{who} socket", str(socket.recv(timeout=0.3)).encode()
                except TimeoutError:
                    break


def test_a_personal_value_is_nowhere_but_in_its_own_table_until_it_is_asked_for(
    desk: Running, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with platform(desk, "fraud") as theirs:
        event = theirs.post(PATH, json=MESSAGE).json()["event"]
    with desk.client("zhang") as zhang:
        assert zhang.post("/api/v1/tasks/1/accept").status_code == 200
    with desk.client("admin") as admin:
        tried = admin.post("/api/v1/case-sources/try", json={"source": "fraud", "sample": MESSAGE})
        assert tried.status_code == 200, tried.text
        assert tried.json()["personal"][1] == {"field": "phone", "zh": "phone", "en": "phone", "characters": 11}
    said = [("trial", tried.content), ("log", caplog.text.encode()), *_everything_said(desk, event)]
    assert len(said) > 200
    assert list(find_leaks(said, CANARIES)) == []
    with desk.client("zhao") as zhao:
        view = zhao.get(f"/api/v1/events/{event}").json()
        assert [(one["field"], one["mine"]) for one in view["personal"]["fields"]] == [(one, True) for one in CANARIES]
        assert (view["location"]["lon"], view["location"]["lat"]) == (106.514, 29.581)
        export = zhao.get(f"/api/v1/events/{event}/export")
        assert export.status_code == 200
    assert list(find_leaks([("export", export.content)], CANARIES)) == []
    with closing(sqlite3.connect(tmp_path / "var" / "yiping.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = repr(database.execute(f'SELECT * FROM "{table}"').fetchall())
            leaks = {leak.name for leak in find_leaks([(table, rows.encode())], CANARIES)}
            assert leaks == (set(CANARIES) if table == "personal_values" else set()), table


def test_the_data_are_shown_with_a_reason_to_who_may_and_the_audit_trail_names_who_looked_at_what(
    desk: Running,
) -> None:
    with platform(desk, "fraud") as theirs:
        event = theirs.post(PATH, json=MESSAGE).json()["event"]
    path, why = f"/api/v1/events/{event}/personal-data", {"reason": "电话联系本人"}
    with desk.client("li") as li, desk.client("zhang") as zhang, desk.client("zhao") as zhao:
        refused = li.post(path, json=why)
        assert (refused.status_code, refused.json()["words"]["key"]) == (403, "personal.role")
        assert zhang.post(path, json=why).status_code == 403, "no task of the event yet"
        assert zhao.post(path, json={"reason": " "}).status_code == 422
        for key in ("k1", "k1"):  # a look is a look: no answer with personal data is kept to be given again
            shown = zhao.post(path, json=why, headers={"Idempotency-Key": key})
            assert shown.headers["cache-control"] == "no-store"
            assert {one["field"]: one["value"] for one in shown.json()["values"]} == CANARIES
        assert zhang.post("/api/v1/tasks/1/accept").status_code == 200
        assert f'data-event="{event}"' in zhang.get("/r").text
        assert zhang.post(path, json=why).status_code == 200
        looks = [one for one in zhao.get("/api/v1/audit?limit=200").json()["items"] if one["action"] == "show_personal"]
    assert sorted(one["actor"] for one in looks) == ["zhang", "zhao", "zhao"]
    assert {one["subject"] for one in looks} == {f"event:{event}"}
    assert looks[0]["detail"] == {"fields": list(CANARIES), "reason": "电话联系本人"}


def test_after_the_limit_the_data_are_gone_from_the_answers_and_from_the_files(desk: Running, tmp_path: Path) -> None:
    with platform(desk, "fraud") as theirs:
        event = theirs.post(PATH, json=MESSAGE).json()["event"]
    due = desk.store.read(lambda reader: reader.received_case_of_event(event))
    assert due is not None
    desk.store.write(lambda writer: personal_data.limits_due(writer, due.delete_at))
    with desk.client("zhao") as zhao:
        late = zhao.post(f"/api/v1/events/{event}/personal-data", json={"reason": "再看"})
        assert (late.status_code, late.json()["words"]["key"]) == (409, "personal.deleted")
        assert zhao.get(f"/api/v1/events/{event}").json()["personal"]["fields"] == []
    desk.server.should_exit = True
    desk.store.close()  # what the write-ahead log held is in the file, and the log is gone
    files = [(one.name, one.read_bytes()) for one in (tmp_path / "var").rglob("*") if one.is_file()]
    assert "yiping.db" in dict(files)
    assert list(find_leaks(files, CANARIES)) == []


def test_a_mapping_is_tried_before_it_is_saved_and_its_mistakes_have_their_place(shared: Running) -> None:
    with shared.client("admin") as admin, shared.client("zhao") as zhao:
        body = {"mapping": MAPPING | {"external_id": "$..id"}, "sample": MESSAGE}
        wrong = admin.post("/api/v1/case-sources/try", json=body)
        assert wrong.status_code == 422
        assert "external_id" in wrong.text
        assert "more than one value" in wrong.text
        assert "mapping" in admin.get("/api/v1/case-sources").json()["items"][0]
        right = admin.post("/api/v1/case-sources/try", json={"mapping": MAPPING, "sample": {"id": 7}}).json()
        assert (right["title"], right["place_found"]) == ("反诈预警 7", False)
        assert right["missing"] == [f"personal[{n}].path" for n in range(3)] + ["description[0].path", "lon", "lat"]
        assert zhao.post("/api/v1/case-sources/try", json=body).status_code == 403
        assert zhao.get("/api/v1/events").json()["items"] == [], "a trial makes nothing"
