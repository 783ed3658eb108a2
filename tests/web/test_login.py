"""Who gets in, how long they stay, and what another site's page cannot do."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest

from data.model.people import Role
from tests.web.city import PASSWORD, Running, until
from web.accounts import add_user, disable, revoke, set_password
from web.auth import content_policy


def user(running: Running, role: Role = Role.OPERATOR) -> str:
    """Somebody new, so that tests do not get into each other's way."""
    running.raised += 1
    name = f"user-{running.raised}"
    add_user(running.store, name, role, PASSWORD)
    return name


def test_a_stranger_gets_the_login_page_and_nothing_of_dash(running: Running) -> None:
    with running.client() as stranger:
        assert stranger.get("/").headers["location"] == "/login"
        assert stranger.get("/duty?x=1").headers["location"] == "/login?next=/duty%3Fx%3D1"
        for path in (
            "/_dash-layout",
            "/_dash-dependencies",
            "/assets/00_base.js",
            "/api/v1/alerts",
            "/media/live/x.jpg",
        ):
            assert stranger.get(path).status_code == 401, path
        assert stranger.post("/_dash-update-component", json={}).status_code == 401
        page = stranger.get("/login")
        assert page.status_code == 200
        assert 'lang="zh"' in page.text
        assert "http" not in page.text.replace("http-equiv", ""), "the page asks another host for something"


def test_the_login_page_speaks_english_and_remembers_it(running: Running) -> None:
    with running.client() as stranger:
        assert "User name" in stranger.get("/login?lang=en").text
        assert "User name" in stranger.get("/login").text
        assert "User name" not in stranger.get("/login?lang=zh").text


def test_a_login_sets_a_cookie_that_scripts_cannot_read_and_only_its_hash_is_stored(running: Running) -> None:
    name = user(running)
    with running.client() as client:
        answer = client.post("/login", data={"name": name, "password": PASSWORD})
        cookies = {c.split("=", 1)[0]: c for c in answer.headers.get_list("set-cookie")}
        assert "HttpOnly" in cookies["yiping_session"]
        assert "SameSite=strict" in cookies["yiping_session"]
        assert "HttpOnly" not in cookies["yiping_csrf"]
        secret = client.cookies["yiping_session"]
        assert len(secret) == 43
        database = (running.deps.var_dir / "yiping.db").read_bytes() + (
            running.deps.var_dir / "yiping.db-wal"
        ).read_bytes()
        assert secret.encode() not in database
        assert PASSWORD.encode() not in database
        me = client.get("/api/v1/me").json()
        assert (me["name"], me["role"], me["csrf"]) == (name, "operator", client.cookies["yiping_csrf"])


def test_everybody_lands_on_their_own_page(running: Running) -> None:
    operator, responder = user(running), user(running, Role.RESPONDER)
    with running.client() as client:

        def landing(name: str, aim: str = "") -> str:
            answer = client.post("/login", data={"name": name, "password": PASSWORD, "next": aim})
            return str(answer.headers["location"])

        assert landing(operator) == "/"
        assert landing(operator, "/duty") == "/duty"
        assert landing(responder) == "/r"
        for foreign in ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "evil"):
            assert landing(operator, foreign) == "/", foreign
    with running.browser(responder) as phone:
        for path in ("/", "/duty", "/review"):
            assert phone.get(path).headers["location"] == "/r", path
        assert phone.get("/_dash-layout").status_code == 403


def test_a_wrong_password_and_an_unknown_name_look_and_last_the_same(running: Running) -> None:
    name = user(running)

    def attempt(who: str) -> tuple[int, str, float]:
        with running.client() as client:
            begun = time.perf_counter()
            answer = client.post("/login", data={"name": who, "password": "wrong password"})
            text = answer.text.replace(who, "").split("</style>")[1]
            return answer.status_code, text, time.perf_counter() - begun

    known, unknown = attempt(name), attempt("nobody-of-this-name")
    assert known[:2] == unknown[:2]
    assert known[0] == 401
    assert 0.2 < known[2] / unknown[2] < 5


def test_after_five_failures_even_the_right_password_waits(running: Running) -> None:
    name = user(running)
    with running.client() as client:
        for _ in range(5):
            assert client.post("/login", data={"name": name, "password": "no"}).status_code == 401
        answer = client.post("/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 300


def test_a_write_by_cookie_needs_the_csrf_token_and_our_own_origin(running: Running) -> None:
    alert = running.alert()
    path = f"/api/v1/alerts/{alert}/acknowledge"
    with running.browser(user(running)) as browser:
        right = {"X-CSRF-Token": browser.cookies["yiping_csrf"]}
        assert browser.post(path, json={}).status_code == 403
        assert browser.post(path, json={}, headers={"X-CSRF-Token": "x" * 43}).status_code == 403
        foreign = right | {"Origin": "https://evil.example"}
        assert browser.post(path, json={}, headers=foreign).status_code == 403
        assert browser.post(path, json={}, headers=right | {"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert browser.post("/logout", headers={"Origin": "https://evil.example"}).status_code == 403
        assert browser.post("/_dash-update-component", headers={"Origin": "https://evil.example"}).status_code == 403
        assert browser.post(path, json={}, headers=right | {"Origin": running.base}).status_code == 200
    with running.client() as stranger:
        answer = stranger.post(
            "/login", data={"name": "li", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
        )
        assert answer.status_code == 403


def test_logging_out_ends_the_session_for_good(running: Running) -> None:
    with running.browser(user(running)) as browser:
        cookie = browser.cookies["yiping_session"]
        assert browser.get("/api/v1/me").status_code == 200
        answer = browser.post("/logout", headers={"X-CSRF-Token": browser.cookies["yiping_csrf"]})
        assert answer.headers["location"] == "/login"
        kept = {"Cookie": f"yiping_session={cookie}"}
        assert httpx.get(f"{running.base}/api/v1/me", headers=kept).status_code == 401


@pytest.mark.parametrize("how", ["revoke", "disable", "password"])
def test_what_the_console_ends_is_ended_within_a_moment(running: Running, how: str) -> None:
    name = user(running)
    with running.browser(name) as browser, running.client(name) as script:
        assert browser.get("/api/v1/me").status_code == script.get("/api/v1/me").status_code == 200
        if how == "revoke":
            assert revoke(running.store, name) == 2
        elif how == "disable":
            disable(running.store, name)
        else:
            set_password(running.store, name, "another long password")
        until(lambda: browser.get("/api/v1/me").status_code == 401, 2)
        until(lambda: script.get("/api/v1/me").status_code == 401, 2)
        again = browser.post("/login", data={"name": name, "password": PASSWORD})
        assert again.status_code == 401


def test_a_session_ends_when_unused_and_at_last_in_any_case(running: Running) -> None:
    with running.browser(user(running)) as browser, running.client("li") as script:
        running.clock.ahead = timedelta(hours=11)
        assert browser.get("/api/v1/me").status_code == 200
        running.clock.ahead = timedelta(hours=22)
        assert browser.get("/api/v1/me").status_code == 200, "11 h after its last use"
        running.clock.ahead = timedelta(hours=35)
        assert browser.get("/api/v1/me").status_code == 401, "13 h after its last use"
        running.clock.ahead = timedelta(0)
        assert browser.get("/api/v1/me").status_code == 401, "it does not come back"
        running.clock.ahead = timedelta(days=364)
        assert script.get("/api/v1/me").status_code == 200, "a token lasts a year"
        running.clock.ahead = timedelta(0)


def test_a_session_that_is_always_used_ends_after_seven_days(running: Running) -> None:
    with running.browser(user(running)) as browser:
        for hours in range(0, 7 * 24, 8):
            running.clock.ahead = timedelta(hours=hours)
            assert browser.get("/api/v1/me").status_code == 200, f"after {hours} h"
        running.clock.ahead = timedelta(hours=7 * 24 + 1)
        assert browser.get("/api/v1/me").status_code == 401


def test_every_answer_has_the_security_headers(running: Running) -> None:
    with running.browser("li") as browser:
        for path in ("/", "/login", "/api/v1/me", "/healthz", "/api/v1/nothing", "/assets/00_base.js"):
            headers = browser.get(path, follow_redirects=False).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["x-frame-options"] == "DENY", path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        policy = browser.get("/").headers["content-security-policy"]
        script = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "'unsafe-inline'" not in script
        assert "'unsafe-eval'" not in script
        assert "http" not in policy


def test_an_answer_of_the_api_that_is_opened_as_an_address_is_no_page_and_says_its_encoding(running: Running) -> None:
    with running.browser("li") as browser:
        for path in ("/api/v1/me", "/api/v1/alerts", "/api/v1/nothing", "/api/v1/openapi.json"):
            headers = browser.get(path).headers
            assert headers["content-disposition"] == 'attachment; filename="api.json"', path
            assert "json" in headers["content-type"], path
    with running.client() as stranger:
        login = stranger.get("/login").headers
        assert "server" not in login
        assert login["content-type"] == "text/html; charset=utf-8"
        assert "content-disposition" not in login


def test_the_policy_names_our_own_host_only() -> None:
    assert "script-src 'self' 'sha256-abc'" in content_policy(("'sha256-abc'",))
    assert "*" not in content_policy()


def test_a_bad_bearer_token_is_refused_even_beside_a_good_cookie(running: Running) -> None:
    with running.browser("li") as browser:
        answer = browser.get("/api/v1/me", headers={"Authorization": "Bearer nonsense"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        cookie = browser.cookies["yiping_session"]
        assert httpx.get(f"{running.base}/api/v1/me", headers={"Authorization": f"Bearer {cookie}"}).status_code == 401
