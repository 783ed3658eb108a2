"""A screen on a wall: enrolled once, it shows for ever and does nothing; an officer's password acts at it, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from data.model.alert import AlertState
from data.model.people import Role
from tests.web.city import PASSWORD, Running, until
from web.accounts import add_user


def allowed(running: Running, name: str) -> str:
    """The administrator's one-time code for this screen."""
    with running.client("admin") as administrator:
        answer = administrator.post("/api/v1/screens", json={"name": name, "display_name": "指挥大厅东墙"})
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    assert len(code) == 14
    return code


@contextmanager
def screen(running: Running, name: str = "", *, local: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """A browser that has been enrolled."""
    running.raised += 1
    transport = httpx.HTTPTransport(local_address=local)
    with httpx.Client(base_url=running.base, timeout=20, transport=transport) as client:
        code = allowed(running, name or f"wall-{running.raised}")
        answer = client.post("/api/v1/screens/enrol", json={"code": code.lower()})
        assert answer.status_code == 200, answer.text
        yield client


def post(browser: httpx.Client, path: str, body: dict[str, Any], grant: str = "") -> httpx.Response:
    headers = {"X-CSRF-Token": browser.cookies.get("yiping_csrf") or ""}
    if grant:
        headers["X-Yiping-Officer"] = grant
    return browser.post(f"/api/v1{path}", json=body, headers=headers)


def grant_of(browser: httpx.Client, name: str) -> str:
    answer = post(browser, "/screens/hand", {"name": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    given: str = answer.json()["grant"]
    return given


def officer(running: Running, role: Role = Role.OPERATOR) -> str:
    running.raised += 1
    name = f"hand-{running.raised}"
    add_user(running.store, name, role, PASSWORD)
    return name


def test_a_screen_shows_the_wall_and_nothing_else_and_does_nothing(running: Running) -> None:
    alert = running.alert()
    with screen(running) as wall:
        assert "小学门口" in wall.get("/").text
        assert wall.get("/api/v1/alerts").status_code == 200
        for path in ("/duty", "/review", "/events", "/accounts", "/account", "/api/v1/audit", "/api/v1/search?q=a"):
            assert wall.get(path, follow_redirects=False).status_code == 403, path
        for path in (f"/alerts/{alert}/acknowledge", f"/alerts/{alert}/dispatch", "/reports", "/claims"):
            assert post(wall, path, {}).status_code == 403, path
        assert wall.post("/logout", headers={"X-CSRF-Token": wall.cookies["yiping_csrf"]}).status_code == 403
        numbers = wall.get("/api/v1/tasks").json()["items"]
        assert all(one["candidates"] == [] for one in numbers)
    stored = running.store.read(lambda reader: reader.alert(alert))
    assert stored.state is AlertState.FIRING


def test_what_callbacks_of_other_pages_give_is_not_given_to_a_screen(running: Running) -> None:
    page = {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "url", "property": "pathname", "value": "/review"}],
        "changedPropIds": ["url.pathname"],
    }
    with screen(running) as wall, running.client("li") as operator:
        assert "review-graph" in operator.post("/_dash-update-component", json=page).text
        assert "review-graph" not in wall.post("/_dash-update-component", json=page).text


def test_a_screen_stays_on_where_a_person_would_long_be_logged_off(running: Running) -> None:
    with screen(running) as wall:
        try:
            running.clock.ahead += timedelta(days=900)
            assert wall.get("/api/v1/me").json()["role"] == "wall"
        finally:
            running.clock.ahead = timedelta(0)
        kept = wall.get("/").headers.get_list("set-cookie")
        assert any("yiping_session" in one and "Max-Age=34560000" in one and "HttpOnly" in one for one in kept)


def test_a_code_works_once_for_a_quarter_of_an_hour_and_ends_the_former_browser(running: Running) -> None:
    with screen(running, "wall-once") as first, httpx.Client(base_url=running.base) as second:
        code = allowed(running, "wall-once")
        assert first.get("/api/v1/me").status_code == 200, "a code alone changes nothing"
        try:
            running.clock.ahead += timedelta(minutes=16)
            assert second.post("/api/v1/screens/enrol", json={"code": code}).status_code == 422
        finally:
            running.clock.ahead = timedelta(0)
        assert second.post("/api/v1/screens/enrol", json={"code": code}).status_code == 200
        assert second.post("/api/v1/screens/enrol", json={"code": code}).status_code in {403, 422}
        assert first.get("/api/v1/me").status_code == 401
        assert second.get("/api/v1/me").json()["name"] == "wall-once"


def test_an_ended_screen_is_dark_within_a_second(running: Running) -> None:
    with screen(running, "wall-dark") as wall, running.client("admin") as administrator:
        cookies = "; ".join(f"{one.name}={one.value}" for one in wall.cookies.jar)
        headers = {"Cookie": cookies, "Origin": running.base}
        with connect(running.ws("/ws/events"), additional_headers=headers) as socket:
            socket.recv(timeout=10)
            (listed,) = administrator.get("/api/v1/users/wall-dark/sessions").json()["items"]
            assert (listed["kind"], listed["expires_at"]) == ("screen", None)
            began = time.monotonic()
            ended = administrator.post("/api/v1/users/wall-dark/end-session", json={"id": listed["id"]})
            assert ended.json()["ended"] == 1
            assert wall.get("/api/v1/me").status_code == 401

            def is_closed() -> bool:
                try:
                    socket.recv(timeout=0.2)
                except TimeoutError:
                    return False
                except ConnectionClosed:
                    return True
                return False

            until(is_closed, 30)
            print(f"the socket was closed after {time.monotonic() - began:.2f} s")


def test_a_screens_cookie_shows_nothing_from_another_address(running: Running) -> None:
    with screen(running) as wall:
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(base_url=running.base, transport=elsewhere, cookies=dict(wall.cookies)) as copied:
            assert copied.get("/api/v1/me").status_code == 401
            assert copied.get("/").headers["location"].startswith("/login")
        assert wall.get("/api/v1/me").status_code == 200


def test_an_officers_password_acts_once_and_the_step_is_the_officers(running: Running) -> None:
    name, alert, other = officer(running), running.alert(), running.alert()
    with screen(running, "wall-east") as wall:
        grant = grant_of(wall, name)
        done = post(wall, f"/alerts/{alert}/acknowledge", {}, grant)
        assert (done.status_code, done.json()["alert"]["acknowledged_by"]) == (200, name)
        assert post(wall, f"/alerts/{other}/acknowledge", {}, grant).status_code == 403, "it was used"
    trail = running.store.read(lambda reader: reader.audit(newest_first=True, limit=50))
    lent = next(entry for entry in trail if entry.action == "lend_hand")
    assert (lent.actor, lent.detail["screen"]) == (name, "wall-east")
    step = next(entry for entry in trail if entry.action == "acknowledge" and entry.subject == f"alert:{alert}")
    assert (step.actor, step.role) == (name, "operator")


def test_the_hand_that_took_a_step_takes_it_back_and_no_other_step(running: Running) -> None:
    name, alert = officer(running), running.alert()
    with screen(running) as wall:
        grant = grant_of(wall, name)
        assert post(wall, f"/alerts/{alert}/undo", {}, grant).status_code == 403, "nothing was done yet"
        grant = grant_of(wall, name)
        assert post(wall, f"/alerts/{alert}/acknowledge", {}, grant).status_code == 200
        assert post(wall, f"/alerts/{alert}/undo", {}, grant).status_code == 200
        assert post(wall, f"/alerts/{alert}/undo", {}, grant).status_code == 403
    assert running.store.read(lambda reader: reader.alert(alert)).state is AlertState.FIRING


def test_a_grant_is_of_one_screen_for_half_a_minute_and_for_named_steps_only(running: Running) -> None:
    name, alert = officer(running, Role.DUTY_OFFICER), running.alert()
    with screen(running) as wall, screen(running) as another:
        assert post(another, f"/alerts/{alert}/acknowledge", {}, grant_of(wall, name)).status_code == 403
        for path in (f"/alerts/{alert}/shelve", f"/alerts/{alert}/dismiss", "/account/password", "/screens"):
            assert post(wall, path, {}, grant_of(wall, name)).status_code == 403, path
        grant = grant_of(wall, name)
        try:
            running.clock.ahead += timedelta(seconds=31)
            assert post(wall, f"/alerts/{alert}/acknowledge", {}, grant).status_code == 403
        finally:
            running.clock.ahead = timedelta(0)
        with running.browser(name) as own:
            headers = {"X-CSRF-Token": own.cookies["yiping_csrf"], "X-Yiping-Officer": grant_of(wall, name)}
            answer = own.post(f"/api/v1/alerts/{alert}/acknowledge", json={}, headers=headers)
            assert answer.status_code == 403, "a person's own session needs no hand"


@pytest.mark.parametrize(
    ("role", "password", "key"),
    [(Role.OPERATOR, "not this one", "hand.wrong"), (Role.ANALYST, PASSWORD, "role"), (None, PASSWORD, "hand.wrong")],
)
def test_who_may_not_act_is_refused_in_words(running: Running, role: Role | None, password: str, key: str) -> None:
    name = "nobody-at-all" if role is None else officer(running, role)
    with screen(running) as wall:
        answer = post(wall, "/screens/hand", {"name": name, "password": password})
        assert (answer.status_code, answer.json()["words"]["key"]) == (403, key)


def test_a_screen_is_no_person(running: Running) -> None:
    with screen(running, "wall-none"), running.client("admin") as administrator:
        body = {"name": "somebody", "role": "wall"}
        assert administrator.post("/api/v1/users", json=body).status_code == 422
        assert administrator.post("/api/v1/users/wall-none/reset", json={}).status_code == 409
        changed = {"role": "operator", "display_name": ""}
        assert administrator.put("/api/v1/users/wall-none", json=changed).status_code == 409
        assert administrator.post("/api/v1/screens", json={"name": "li"}).status_code == 409
