"""What each role gets to see of tasks, notices and the source: their own part, and no more."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from data.model.alert import Priority
from data.model.notice import Notice, notice_view
from data.model.people import Actor, Role
from data.model.views import task_view
from tests.web.city import Running
from web.role_views import detail_seen, notice_seen, payload_seen, task_seen
from web.source import source_archive

pytestmark = pytest.mark.usefixtures("nobody_busy")

NUMBER, MAIL = "13812345678", "duty.officer@example.org"
WHOLE = {Role.OPERATOR, Role.DUTY_OFFICER, Role.SECTION_HEAD, Role.COMMANDER, Role.ANALYST, Role.ADMINISTRATOR}
CALLS = {Role.OPERATOR, Role.DUTY_OFFICER, Role.SECTION_HEAD, Role.COMMANDER, Role.ADMINISTRATOR}


def refused_then_offered_to_another(running: Running) -> tuple[int, str, str]:
    """A task that one responder has refused with a reason; its id, who refused, who has the offer now."""
    with running.client("li") as operator:
        task = operator.post(f"/api/v1/alerts/{running.alert()}/dispatch", json={}).json()["task"]
    first = task["offered_to"]
    with running.client(first) as responder:
        answer = responder.post(f"/api/v1/tasks/{task['id']}/decline", json={"reason": "my child is ill"})
        assert answer.status_code == 200
    with running.client("li") as operator:
        second = operator.get(f"/api/v1/tasks/{task['id']}").json()["offered_to"]
    return task["id"], first, second


def test_a_responder_sees_neither_colleagues_distances_nor_costs_nor_why_they_refused(running: Running) -> None:
    task, refuser, holder = refused_then_offered_to_another(running)
    with running.client(holder) as responder, running.client("li") as operator:
        mine = responder.get(f"/api/v1/tasks/{task}").json()
        listed = next(one for one in responder.get("/api/v1/tasks").json()["items"] if one["id"] == task)
        whole = operator.get(f"/api/v1/tasks/{task}").json()
        moved = responder.post(f"/api/v1/tasks/{task}/accept").json()["task"]
    assert {one["responder"] for one in whole["candidates"]} > {holder}
    assert "my child is ill" in json.dumps(whole)
    for seen in (mine, listed, moved):
        assert {one["responder"] for one in seen["candidates"]} <= {holder}
        text = json.dumps(seen)
        assert "my child is ill" not in text
        assert refuser not in text
    assert [offer["responder"] for offer in mine["offers"]] == [holder]


def test_the_socket_of_a_responder_tells_no_more_than_rest(running: Running) -> None:
    with running.client("li") as operator:
        number = running.alert()
        token = running.token("zhang")
        with connect(running.ws("/ws/events"), additional_headers={"Authorization": f"Bearer {token}"}) as ws:
            assert json.loads(ws.recv(5))["type"] == "hello"
            operator.post(f"/api/v1/alerts/{number}/dispatch", json={"responder": "zhang"})
            change = next(
                message for message in iter(lambda: json.loads(ws.recv(5)), None) if message["type"] == "change"
            )
    assert {one["responder"] for one in change["data"]["task"]["candidates"]} <= {"zhang"}


def notice(running: Running) -> int:
    now = datetime.now(UTC)
    stored = running.store.write(
        lambda writer: writer.add_notice(
            Notice(
                delivery_id=f"d-{now.timestamp()}",
                subject="alert:1",
                policy="p",
                step=0,
                channel="sms",
                title="水位",
                text="请看",
                recipients=(NUMBER, MAIL),
                priority=Priority.P1,
                created_at=now,
                next_try=now,
                error=f"the gateway refused {NUMBER}",
            )
        )
    )
    assert stored is not None
    return stored.id


@pytest.mark.parametrize("name", ["li", "zhao", "qian", "sun", "admin", "zhou", "wu"])
def test_numbers_by_which_people_are_called_are_shown_to_who_calls(running: Running, name: str) -> None:
    known = notice(running)
    with running.client(name) as client:
        seen = next(one for one in client.get("/api/v1/notices").json()["items"] if one["id"] == known)
    text = json.dumps(seen, ensure_ascii=False)
    if name in {"zhou", "wu"}:
        assert NUMBER not in text
        assert MAIL not in text
        assert seen["recipients"] == ["···78", "d···@···"]
        assert seen["created_at"].startswith("20")
    else:
        assert seen["recipients"] == [NUMBER, MAIL]


@pytest.mark.parametrize("role", list(Role))
def test_each_cell_of_role_and_view_is_as_promised(role: Role) -> None:
    actor = Actor("zhang", role)
    candidates = [{"responder": "zhang", "cost_s": 1.0}, {"responder": "wang", "cost_s": 2.0, "reason": "too far"}]
    steps = [
        {"step": "decline", "by": "wang", "role": "responder", "reason": "ill"},
        {"step": "rework", "by": "zhao", "role": "duty_officer", "reason": "the photo is dark"},
        {"step": "accept", "by": "zhang", "role": "responder", "reason": ""},
    ]
    task: dict[str, Any] = {
        "candidates": candidates,
        "steps": steps,
        "also_offered": ["wang", "zhang"],
        "offered_to": "zhang",
        "offers": [{"responder": "wang", "reason": "ill"}, {"responder": "zhang", "reason": ""}],
    }
    seen = task_seen(task, actor)
    if role in WHOLE:
        assert seen == task
        assert payload_seen("task", {"task": task}, actor) == {"task": task}
    else:
        assert "wang" not in json.dumps(seen)
        assert "wang" not in json.dumps(payload_seen("task", {"task": task}, actor))
        assert [step["step"] for step in seen["steps"]] == ["rework", "accept"]
    told = {
        "recipients": [NUMBER],
        "error": f"{NUMBER} is busy",
        "created_at": "2026-07-12T08:00:00.000+00:00",
        "id": 7,
    }
    shortened = notice_seen(told, actor)
    assert (shortened == told) is (role in CALLS)
    assert (NUMBER in json.dumps(shortened)) is (role in CALLS)
    assert shortened["created_at"] == told["created_at"]
    assert (NUMBER in json.dumps(detail_seen({"to": [{"phone": NUMBER}]}, actor))) is (role in CALLS)
    assert (NUMBER in json.dumps(payload_seen("notice", {"notice": told}, actor))) is (role in CALLS)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("quay/20240712T153000123456Z/3", "quay/20240712T153000123456Z/3"),
        ("5f70bf18a086007016e948b04aed3b82103a36be", "5f70bf18a086007016e948b04aed3b82103a36be"),
        ("at 2024-07-12T15:30:00+08:00", "at 2024-07-12T15:30:00+08:00"),
        ("call 138 1234 5678 at once", "call ···78 at once"),
        ("电话13812345678", "电话···78"),
        ("20240712", "···12"),
    ],
)
def test_the_trail_shows_analysts_times_and_hashes_whole_and_numbers_shortened(text: str, seen: str) -> None:
    assert detail_seen({"what": [text]}, Actor("zhou", Role.ANALYST)) == {"what": [seen]}


def test_what_is_narrowed_keeps_the_shape_of_the_whole(running: Running) -> None:
    task, _, holder = refused_then_offered_to_another(running)
    whole = task_view(running.store.read(lambda reader: reader.task(task)))
    assert task_seen(whole, Actor(holder, Role.RESPONDER)).keys() == whole.keys()
    known = notice(running)
    view = notice_view(running.store.read(lambda reader: reader.notice(known)))
    assert notice_seen(view, Actor("zhou", Role.ANALYST)).keys() == dict(view).keys()


def names_in(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as found:
        return {one.name: found.extractfile(one).read() for one in found.getmembers() if one.isfile()}  # type: ignore[union-attr]


def laid_out(root: Path) -> None:
    for name in ("web/server.py", "layouts/words.py", "LICENSE", "app.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("committed", "utf-8")
    (root / "config.yaml").write_text("name: the demo city", "utf-8")


def add_local_files(root: Path) -> None:
    (root / "config.yaml").write_text("name: our own city, camera at 10.1.2.3", "utf-8")
    (root / "secrets.yaml").write_text("token: hush", "utf-8")
    (root / "web" / "local_notes.md").write_text("hush", "utf-8")
    (root / "web" / ".env").write_text("hush", "utf-8")
    (root / "docs").mkdir(exist_ok=True)
    (root / "docs" / "passwords.json").write_text('"hush"', "utf-8")
    (root / "outside.md").write_text("hush", "utf-8")
    (root / "docs" / "link.md").symlink_to(root / "outside.md")


def test_the_source_offered_is_what_is_committed_not_what_lies_beside_it(tmp_path: Path) -> None:
    laid_out(tmp_path)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    add_local_files(tmp_path)
    (tmp_path / "web" / "server.py").write_text("changed, not committed", "utf-8")
    found = names_in(source_archive(tmp_path))
    assert found["yiping/web/server.py"] == b"committed"
    assert found["yiping/config.yaml"] == b"name: the demo city"
    assert set(found) == {
        f"yiping/{name}" for name in ("web/server.py", "layouts/words.py", "LICENSE", "app.py", "config.yaml")
    }


def test_without_a_checkout_no_settings_nor_links_nor_hidden_files_are_packed(tmp_path: Path) -> None:
    laid_out(tmp_path)
    add_local_files(tmp_path)
    (tmp_path / "web" / "local_notes.md").unlink()
    found = names_in(source_archive(tmp_path))
    assert set(found) == {f"yiping/{name}" for name in ("web/server.py", "layouts/words.py", "LICENSE", "app.py")}
    assert b"hush" not in b"".join(found.values())
