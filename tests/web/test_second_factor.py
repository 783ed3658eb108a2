"""Authenticator apps, recovery codes and passkeys: setting up, logging in, and what does not let in."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from data.config.accounts import AccountSettings
from data.model.people import Role
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from tests.web.test_account_browser import picture
from web.account_key import AccountKey
from web.accounts import add_user, issue_token
from web.second_factor import Totp


def somebody(running: Running, role: Role = Role.OPERATOR) -> str:
    running.raised += 1
    name = f"twice-{running.raised}"
    add_user(running.store, name, role, PASSWORD)
    return name


def post(browser: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
    return browser.post(f"/api/v1{path}", json=body, headers={"X-CSRF-Token": browser.cookies.get("yiping_csrf") or ""})


def set_up(running: Running, browser: httpx.Client) -> tuple[pyotp.TOTP, list[str]]:
    """An authenticator app and its recovery codes; the clock goes on by a step, so that the next code is fresh."""
    begun = post(browser, "/account/totp", {"password": PASSWORD}).json()
    app = pyotp.TOTP(begun["secret"])
    assert begun["qr"].startswith("data:image/svg+xml")
    wrong = post(browser, "/account/totp/confirm", {"setup": begun["setup"], "code": "000000"})
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "factor")
    done = post(
        browser, "/account/totp/confirm", {"setup": begun["setup"], "code": code(running, app), "label": "手机"}
    )
    running.clock.ahead += timedelta(seconds=30)
    return app, done.json()["recovery_codes"]


def code(running: Running, app: pyotp.TOTP) -> str:
    return app.at(running.clock())


def begin(running: Running, name: str) -> httpx.Client:
    """The password is right; the second step is asked for and nothing is open yet."""
    client = httpx.Client(base_url=running.base, timeout=20)
    answer = client.post("/login", data={"name": name, "password": PASSWORD, "next": "/duty"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login/second?next=/duty")
    assert "yiping_session" not in client.cookies
    assert client.get("/api/v1/me").status_code == 401
    return client


def test_with_an_authenticator_app_the_password_alone_lets_nobody_in(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk, running.browser(name) as other:
        app, codes = set_up(running, desk)
        assert (len(codes), len(set(codes))) == (10, 10)
        assert desk.get("/api/v1/me").status_code == 200
        assert other.get("/api/v1/me").status_code == 401, "sessions without the factor end"
        shown = desk.get("/api/v1/account").json()["second_factor"]
        assert (shown["factors"][0]["label"], shown["recovery_left"]) == ("手机", 10)
        assert app.secret not in repr(shown)
    with closing(begin(running, name)) as client:
        assert "6 位数字" in client.get("/login/second").text
        assert client.post("/login/second", data={"code": "123456"}).status_code == 401
        now = code(running, app)
        answer = client.post("/login/second", data={"code": f"{now[:3]} {now[3:]}", "next": "/duty"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/duty")
        assert client.get("/api/v1/me").json()["name"] == name
    with closing(begin(running, name)) as client:
        assert client.post("/login/second", data={"code": now}).status_code == 401, "a code works once"
    actions = [e.action for e in running.store.read(lambda reader: reader.audit(subject=f"user:{name}"))]
    assert "add_second_factor" in actions
    assert actions.count("second_factor_failed") == 2
    database = (running.deps.var_dir / "yiping.db").read_bytes() + (running.deps.var_dir / "yiping.db-wal").read_bytes()
    assert app.secret.encode() not in database, "the secret is encrypted"
    assert codes[0].replace("-", "").encode() not in database


def test_a_recovery_code_works_once(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk:
        _, codes = set_up(running, desk)
    assert {len(base64.b32decode(one.replace("-", ""))) * 8 for one in codes} == {120}, "bits: no salt is needed"
    kept = running.store.read(lambda reader: repr(reader.factors(name)))
    assert not any(form in kept for one in codes for form in (one, one.replace("-", ""))), "hashes alone"
    with closing(begin(running, name)) as client:
        assert client.post("/login/second", data={"code": codes[3].lower()}).status_code == 303
        assert client.get("/api/v1/account").json()["second_factor"]["recovery_left"] == 9
        fresh = post(client, "/account/recovery-codes", {"password": PASSWORD}).json()["recovery_codes"]
    with closing(begin(running, name)) as client:
        assert client.post("/login/second", data={"code": codes[3]}).status_code == 401
        assert client.post("/login/second", data={"code": codes[4]}).status_code == 401, "void with the new ones"
        assert client.post("/login/second", data={"code": fresh[0]}).status_code == 303


def test_guessing_the_six_digits_is_limited_by_account(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk:
        app, _ = set_up(running, desk)
    with closing(begin(running, name)) as client:
        statuses = [client.post("/login/second", data={"code": f"{n:06}"}).status_code for n in range(6)]
        assert statuses == [401] * 5 + [429]
        assert client.post("/login/second", data={"code": code(running, app)}).status_code == 429


def test_the_second_step_cannot_be_had_without_the_first_or_later(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk:
        app, _ = set_up(running, desk)
    with running.client() as stranger:
        assert stranger.get("/login/second").headers["location"] == "/login"
        assert stranger.post("/login/second", data={"code": code(running, app)}).headers["location"] == "/login"
    with closing(begin(running, name)) as client:
        kept = client.cookies["yiping_second"]
        assert httpx.get(f"{running.base}/api/v1/me", headers={"Cookie": f"yiping_session={kept}"}).status_code == 401
        running.clock.ahead += timedelta(minutes=6)
        assert client.post("/login/second", data={"code": code(running, app)}).headers["location"] == "/login"


def test_factors_are_removed_with_the_password_and_by_an_administrator(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk, running.browser("admin") as admin:
        set_up(running, desk)
        (factor,) = desk.get("/api/v1/account").json()["second_factor"]["factors"]
        assert post(desk, "/account/remove-factor", {"id": factor["id"], "password": "no"}).status_code == 403
        assert post(desk, "/account/remove-factor", {"id": 999_999, "password": PASSWORD}).status_code == 404
        assert post(desk, "/account/remove-factor", {"id": factor["id"], "password": PASSWORD}).json() == {"left": 0}
        assert desk.get("/api/v1/account").json()["second_factor"]["recovery_left"] == 0
        set_up(running, desk)
        listed = {one["name"]: one for one in admin.get("/api/v1/users").json()["items"]}
        assert listed[name]["second_factor"] is True
        assert post(admin, f"/users/{name}/remove-second-factor", {}).status_code == 200
        assert desk.get("/api/v1/me").status_code == 401
        assert desk.post("/login", data={"name": name, "password": PASSWORD}).headers["location"] == "/"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose duty officers need a second factor."""
    clock = Clock()
    accounts = AccountSettings(second_factor=(Role.DUTY_OFFICER,))
    settings = city().model_copy(update={"accounts": accounts})
    deps = open_deps(tmp_path_factory.mktemp("strict") / "var", settings, now=clock)
    add_user(deps.store, "zhao", Role.DUTY_OFFICER, PASSWORD)
    add_user(deps.store, "li", Role.OPERATOR, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def test_a_role_that_needs_a_second_factor_gets_to_the_account_page_only_until_it_has_one(strict: Running) -> None:
    with strict.browser("li") as other:
        assert other.get("/api/v1/alerts").status_code == 200
    with strict.browser("zhao") as desk:
        for path in ("/", "/duty", "/review"):
            assert desk.get(path).headers["location"] == "/account", path
        for path in ("/api/v1/alerts", "/media/live/gate-3.jpg", "/_dash-layout"):
            assert desk.get(path).status_code == 403, path
        assert post(desk, "/modes/flood_crest/begin", {}).status_code == 403
        assert desk.get("/account").status_code == 200
        assert desk.get("/api/v1/account").json()["must_enrol"] is True
        set_up(strict, desk)
        assert desk.get("/api/v1/alerts").status_code == 200
        assert desk.get("/duty").status_code == 200
    token = issue_token(strict.store, "zhao")
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{strict.base}/api/v1/alerts", headers=headers).status_code == 200, "tokens have no second step"


# ---- passkeys, in Chromium with its virtual authenticator


def authenticator(page: Page, *, verified: bool = True) -> None:
    """A fingerprint reader that always says yes (or no)."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.fixture
def desk(running: Running, browser: Browser) -> Iterator[Page]:
    """A page at localhost: passkeys need a name."""
    base = running.base.replace("127.0.0.1", "localhost")
    context: BrowserContext = browser.new_context(base_url=base, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def log_in(page: Page, name: str) -> None:
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("form button[type=submit]")


@pytest.mark.browser
def test_a_passkey_is_made_and_logs_in_with_and_without_the_password(running: Running, desk: Page) -> None:
    name = somebody(running, Role.ADMINISTRATOR)
    authenticator(desk)
    desk.goto("/login?next=/account")
    picture(desk, "login-with-passkey")
    log_in(desk, name)
    desk.wait_for_url("**/account")
    desk.locator("[data-step=add_passkey]").click()
    desk.locator("dialog [name=password]").fill(PASSWORD)
    desk.locator("dialog").get_by_role("button", name="继续").click()
    expect(desk.locator(".codes li")).to_have_count(10)
    picture(desk, "recovery-codes")
    desk.get_by_role("button", name="关闭").click()
    expect(desk.locator("main")).to_contain_text("还剩 10 个恢复码")
    desk.click("#log-out")
    desk.wait_for_url("**/login")
    log_in(desk, name)
    desk.wait_for_url("**/login/second*")
    picture(desk, "second-step")
    desk.click("#passkey")
    desk.wait_for_url(re.compile(r"localhost:\d+/$"))
    desk.goto("/account")
    desk.click("#log-out")
    desk.wait_for_url("**/login")
    desk.click("#passkey")
    desk.wait_for_url(re.compile(r"localhost:\d+/$"))
    logins = [
        entry.detail["by"]
        for entry in running.store.read(lambda reader: reader.audit(subject=f"user:{name}"))
        if entry.action == "login"
    ]
    assert logins == ["password", "password and passkey", "passkey"]


@pytest.mark.browser
def test_a_passkey_of_somebody_disabled_or_without_the_finger_lets_nobody_in(running: Running, desk: Page) -> None:
    name = somebody(running)
    authenticator(desk)
    desk.goto("/login?next=/account")
    log_in(desk, name)
    desk.locator("[data-step=add_passkey]").click()
    desk.locator("dialog [name=password]").fill(PASSWORD)
    desk.locator("dialog").get_by_role("button", name="继续").click()
    expect(desk.locator(".codes li")).to_have_count(10)
    with running.browser("admin") as admin:
        assert post(admin, f"/users/{name}/disable", {}).status_code == 200
    desk.goto("/login")
    desk.click("#passkey")
    expect(desk.locator("#passkey-failed")).to_have_text("通行密钥未通过，请重试")
    assert "yiping_session" not in {cookie["name"] for cookie in desk.context.cookies() if cookie.get("value")} or (
        desk.context.request.get(desk.url.replace("/login", "/api/v1/me")).status == 401
    )


def test_answers_that_are_no_passkeys_are_refused(running: Running) -> None:
    name = somebody(running)
    with running.browser(name) as desk, running.client() as stranger:
        refused = post(desk, "/account/passkeys/options", {"password": PASSWORD})
        assert refused.status_code == 422
        assert "not an IP address" in refused.json()["detail"]
        for credential in ({}, {"id": "x", "response": {}}, {"id": 7, "response": {"clientDataJSON": "e30"}}):
            answer = stranger.post("/login/passkey", json={"credential": credential})
            assert (answer.status_code, answer.json()["reason"]) == (422, "factor")
            assert post(desk, "/account/passkeys", {"credential": credential}).status_code == 422


def test_the_key_of_another_server_opens_no_secret(running: Running, tmp_path: Path) -> None:
    name = somebody(running)
    with running.browser(name) as desk:
        app, _ = set_up(running, desk)
    (factor, *_) = running.store.read(lambda reader: reader.factors(name))
    assert Totp(AccountKey(tmp_path)).used(factor, code(running, app), running.clock()) is None
