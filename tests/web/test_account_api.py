"""One's own account and the administrators' users over REST."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from data.model.people import Role
from tests.web.city import PASSWORD, Running, until
from web.accounts import add_user, allow_reset, disable, issue_token

NEW = "the river rises at night"


def somebody(running: Running, role: Role = Role.OPERATOR) -> str:
    running.raised += 1
    name = f"person-{running.raised}"
    add_user(running.store, name, role, PASSWORD)
    return name


def post(browser: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
    token = browser.cookies.get("yiping_csrf") or ""
    return browser.post(f"/api/v1{path}", json=body, headers={"X-CSRF-Token": token})


def drain(socket: ClientConnection) -> None:
    """Read until the socket is closed."""
    while True:
        socket.recv(5)


def audit(running: Running, name: str) -> list[str]:
    entries = running.store.read(lambda reader: reader.audit(subject=f"user:{name}"))
    return [f"{entry.actor} {entry.action}" for entry in entries]


def test_changing_one_s_password_ends_the_others_and_keeps_this_session(running: Running) -> None:
    name = somebody(running)
    token = issue_token(running.store, name)
    with running.browser(name) as desk, running.browser(name) as other:
        wrong = post(desk, "/account/password", {"current": "no", "new": NEW})
        assert (wrong.status_code, wrong.json()["reason"]) == (403, "wrong_password")
        weak = post(desk, "/account/password", {"current": PASSWORD, "new": f"{name}2026!"})
        assert (weak.status_code, weak.json()["reason"]) == (422, "too_common")
        assert post(desk, "/account/password", {"current": PASSWORD, "new": NEW}).json() == {"ended": 2}
        assert desk.get("/api/v1/me").status_code == 200
        until(lambda: other.get("/api/v1/me").status_code == 401, 1)
        until(lambda: httpx.get(f"{running.base}/api/v1/me", headers={"Authorization": f"Bearer {token}"}).is_error, 1)
        assert other.post("/login", data={"name": name, "password": PASSWORD}).status_code == 401
        assert other.post("/login", data={"name": name, "password": NEW}).status_code == 303
    assert f"{name} set_password" in audit(running, name)


def test_guessing_the_present_password_in_a_found_session_is_limited(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk:
        statuses = [post(desk, "/account/password", {"current": f"no {n}", "new": NEW}).status_code for n in range(6)]
        assert statuses == [403] * 5 + [429]
        assert int(post(desk, "/account/password", {"current": "no", "new": NEW}).headers["retry-after"]) > 200


def test_a_token_cannot_change_the_account_it_is_for(running: Running) -> None:
    name = somebody(running)
    with running.client(name) as script:
        assert script.get("/api/v1/account").json()["name"] == name
        for path, body in (
            ("/account/password", {"current": PASSWORD, "new": NEW}),
            ("/account/end-session", {"id": "others"}),
        ):
            assert script.post(f"/api/v1{path}", json=body).status_code == 403, path


def test_one_s_sessions_are_listed_and_ended_one_by_one(running: Running) -> None:
    name = somebody(running)
    issue_token(running.store, name, label="script")
    with running.browser(name) as desk, running.browser(name) as other:
        listed = desk.get("/api/v1/account").json()["sessions"]
        assert [(one["kind"], one["current"], one["label"]) for one in listed] == [
            ("session", False, ""), ("session", True, ""), ("token", False, "script"),
        ]  # fmt: skip
        assert (listed[0]["address"], listed[0]["agent"].split("/")[0]) == ("127.0.0.1", "python-httpx")
        assert desk.cookies["yiping_session"] not in repr(listed)
        assert post(desk, "/account/end-session", {"id": listed[0]["id"]}).json() == {"ended": 1}
        assert other.get("/api/v1/me").status_code == 401
        assert post(desk, "/account/end-session", {"id": listed[0]["id"]}).status_code == 404
        foreign = running.store.read(lambda reader: reader.sessions(running.deps.now()))
        strange = next(one.id for one in foreign if one.user != name)
        assert post(desk, "/account/end-session", {"id": strange}).status_code == 404
        assert post(desk, "/account/end-session", {"id": "others"}).json() == {"ended": 1}
        assert len(desk.get("/api/v1/account").json()["sessions"]) == 1


def test_an_administrator_adds_a_user_who_sets_the_password_once(running: Running) -> None:
    running.raised += 1
    name = f"new-{running.raised}"
    with running.browser("admin") as admin, running.client() as stranger:
        added = post(admin, "/users", {"name": name, "role": "duty_officer", "display_name": "新来的"})
        assert added.status_code == 201
        code = added.json()["code"]
        assert post(admin, "/users", {"name": name, "role": "operator"}).status_code == 409
        assert post(admin, "/users", {"name": "a/b", "role": "operator"}).status_code == 422
        weak = stranger.post("/api/v1/password-reset", json={"code": code, "new": "123456789012"})
        assert (weak.status_code, weak.json()["reason"]) == (422, "too_common")
        assert stranger.post("/api/v1/password-reset", json={"code": code, "new": NEW}).json() == {"name": name}
        again = stranger.post("/api/v1/password-reset", json={"code": code, "new": NEW})
        assert (again.status_code, again.json()["reason"]) == (422, "code")
        assert stranger.post("/login", data={"name": name, "password": NEW}).status_code == 303
        listed = {one["name"]: one for one in admin.get("/api/v1/users").json()["items"]}
        assert (listed[name]["role"], listed[name]["sessions"], listed[name]["has_password"]) == (
            "duty_officer",
            1,
            True,
        )
        assert "argon2" not in repr(listed)
    assert audit(running, name)[:4] == [
        "admin add_user", "admin allow_password_reset", f"{name} set_password", f"{name} login",
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["another code", "expired", "disabled"])
def test_a_code_ends_by_another_by_time_and_by_disabling(running: Running, end: str) -> None:
    name = somebody(running)
    code = allow_reset(running.store, name)
    if end == "another code":
        allow_reset(running.store, name)
    elif end == "expired":
        running.clock.ahead = timedelta(hours=24, seconds=1)
    else:
        disable(running.store, name)
    with running.client() as stranger:
        answer = stranger.post("/api/v1/password-reset", json={"code": code, "new": NEW})
        assert (answer.status_code, answer.json()["reason"]) == (422, "code")
        assert stranger.post("/api/v1/password-reset", json={"code": "guessed", "new": NEW}).status_code == 422


def test_disabling_on_the_screen_closes_everything_of_the_user_within_a_second(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk, running.browser("admin") as admin:
        cookies = "; ".join(f"{key}={value}" for key, value in desk.cookies.items())
        with connect(
            running.ws("/ws/events"), additional_headers={"Cookie": cookies}, origin=Origin(running.base)
        ) as socket:
            socket.recv(5)
            begun = time.monotonic()
            assert post(admin, f"/users/{name}/disable", {}).json() == {"name": name, "ended": 1}
            assert desk.get("/api/v1/me").status_code == 401
            with pytest.raises(ConnectionClosed):
                drain(socket)
            assert time.monotonic() - begun < 1
        assert desk.post("/login", data={"name": name, "password": PASSWORD}).status_code == 401
        assert post(admin, f"/users/{name}/enable", {}).status_code == 200
        assert post(admin, f"/users/{name}/enable", {}).status_code == 409
        assert desk.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
    assert "admin disable_user" in audit(running, name)
    assert "admin enable_user" in audit(running, name)


def test_an_administrator_cannot_lock_himself_out(running: Running) -> None:
    with running.browser("admin") as admin:
        assert post(admin, "/users/admin/disable", {}).status_code == 409
        change = {"role": "operator", "display_name": ""}
        answer = admin.put("/api/v1/users/admin", json=change, headers={"X-CSRF-Token": admin.cookies["yiping_csrf"]})
        assert answer.status_code == 409


def test_another_role_ends_the_sessions_of_the_old_one(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk, running.browser("admin") as admin:
        header = {"X-CSRF-Token": admin.cookies["yiping_csrf"]}
        change = {"role": "operator", "display_name": "换了名字"}
        assert admin.put(f"/api/v1/users/{name}", json=change, headers=header).status_code == 200
        assert desk.get("/api/v1/me").json()["display_name"] == "换了名字", "a new name ends nothing"
        change["role"] = "commander"
        assert admin.put(f"/api/v1/users/{name}", json=change, headers=header).status_code == 200
        assert desk.get("/api/v1/me").status_code == 401


def test_a_token_is_issued_with_an_end_and_shown_once(running: Running) -> None:
    running.raised += 1
    name = f"mast-{running.raised}"
    with running.browser("admin") as admin:
        assert post(admin, "/users", {"name": name, "role": "source"}).json()["code"] is None
        issued = post(admin, f"/users/{name}/tokens", {"label": "gauge 4", "days": 30}).json()
        (listed,) = admin.get(f"/api/v1/users/{name}/sessions").json()["items"]
        assert (listed["id"], listed["label"], listed["expires_at"]) == (issued["id"], "gauge 4", issued["expires_at"])
        headers = {"Authorization": f"Bearer {issued['token']}"}
        assert httpx.get(f"{running.base}/api/v1/me", headers=headers).json()["role"] == "source"
        assert post(admin, f"/users/{name}/end-session", {"id": issued["id"]}).json() == {"ended": 1}
        assert httpx.get(f"{running.base}/api/v1/me", headers=headers).status_code == 401
        assert post(admin, f"/users/{name}/tokens", {"label": "", "days": 30}).status_code == 422
        assert post(admin, f"/users/{name}/tokens", {"label": "x", "days": None}).json()["expires_at"] is None
    database = (running.deps.var_dir / "yiping.db").read_bytes() + (running.deps.var_dir / "yiping.db-wal").read_bytes()
    assert issued["token"].encode() not in database


def test_nobody_but_an_administrator_sees_users(running: Running) -> None:
    for name in ("zhao", "sun", "zhou", "zhang"):
        with running.client(name) as client:
            assert client.get("/api/v1/users").status_code == 403
            assert client.post("/api/v1/users/li/disable", json={}).status_code == 403
            assert client.get("/accounts").status_code in {303, 403}
