"""Passkeys and the identity provider under a path of a shared host, behind the real proxies of docs/proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from data.config.accounts import AccountSettings, OidcSettings
from data.model.people import Role
from tests.servers.oidc_provider import identity_provider
from tests.servers.proxies import caddy, example, nginx
from tests.web.city import PASSWORD, Clock, Running, city, free_port, open_deps, start, until
from tests.web.test_oidc import PEOPLE, ROLES, SECRET, Joined, enter, forms
from tests.web.test_second_factor import authenticator, log_in
from web.accounts import add_user
from web.front_door import FrontDoor

pytestmark = pytest.mark.server
DOOR = FrontDoor(hosts=frozenset({"localhost", "127.0.0.1"}), trusted=("127.0.0.1",), base="/yiping")


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def joined(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    """Our server under http://localhost:PORT/yiping, as proxy and provider know it."""
    folder, port, theirs = tmp_path_factory.mktemp("under"), free_port(), free_port()
    public = f"http://localhost:{port}/yiping"
    client = {
        "client_id": "yiping",
        "client_secret": SECRET,
        "redirect_uris": [f"{public}/login/oidc/callback"],
        "post_logout_redirect_uris": [f"{public}/login"],
        "backchannel_logout_uri": f"{public}/login/oidc/back-channel",
        "backchannel_logout_session_required": True,
    }
    with ExitStack() as stack:
        issuer = stack.enter_context(identity_provider(theirs, client, PEOPLE))
        accounts = AccountSettings(oidc=OidcSettings(issuer=issuer, client_id="yiping", roles=ROLES))
        settings = city().model_copy(update={"accounts": accounts})
        deps = open_deps(folder / "var", settings, door=DOOR, oidc_secret=SecretStr(SECRET))
        add_user(deps.store, "root", Role.ADMINISTRATOR, PASSWORD)
        server, thread, own_port = start(deps)
        if request.param == "caddy":
            site = example(
                "Caddyfile-path", ("city.example.cn {", f"http://localhost:{port} {{"),
                ("127.0.0.1:8050", f"127.0.0.1:{own_port}"),
            )  # fmt: skip
            stack.enter_context(caddy(folder / "proxy", port, site))
        else:
            site = example(
                "nginx-path.conf",
                ("listen 443 ssl http2", f"listen 127.0.0.1:{port}"),
                ("listen [::]:443 ssl http2;", f"listen [::1]:{port};"),
                ("ssl_certificate     /etc/ssl/city/fullchain.pem;", ""),
                ("ssl_certificate_key /etc/ssl/city/privkey.pem;", ""),
                ("http://127.0.0.1:8050/;", f"http://127.0.0.1:{own_port}/;"),
            )
            stack.enter_context(nginx(folder / "proxy", port, site))
        yield Joined(Running(public, deps.store, deps, Clock(), server), issuer)
        server.should_exit = True
        thread.join(15)
        deps.store.close()


def person(joined: Joined) -> httpx.Client:
    return httpx.Client(base_url=joined.running.base, timeout=30)


def test_the_provider_leads_back_under_the_path_and_its_log_out_ends_the_session(joined: Joined) -> None:
    with person(joined) as client:
        asked = httpx.URL(client.get("/login/oidc").headers["location"])
        assert asked.params["redirect_uri"] == f"{joined.running.base}/login/oidc/callback"
        answer = enter(client, joined, "he")
        assert (answer.status_code, 'content="0;url=/yiping/duty"' in answer.text) == (200, True)
        assert all("Path=/yiping/" in cookie for cookie in answer.headers.get_list("set-cookie"))
        assert client.get("/api/v1/me").json()["role"] == "duty_officer"
        page = client.get(f"{joined.issuer}/session/end")
        action, hidden = forms(page.text)
        client.post(action, data=hidden | {"logout": "yes"})
        until(lambda: client.get("/api/v1/me").status_code == 401, 5)


def test_logging_out_here_leads_to_the_provider_and_back_under_the_path(joined: Joined) -> None:
    with person(joined) as client:
        enter(client, joined, "boss")
        token = client.get("/api/v1/me").json()["csrf"]
        assert client.post("/logout", headers={"X-CSRF-Token": token}).headers["location"] == "/yiping/login"
        way = client.get("/login", headers={"accept": "text/html"}).headers["location"]
        assert way.startswith(f"{joined.issuer}/session/end?")
        assert httpx.URL(way).params["post_logout_redirect_uri"] == f"{joined.running.base}/login"
        action, hidden = forms(client.get(way).text)
        back = client.post(action, data=hidden | {"logout": "yes"})
        assert back.headers["location"].startswith(f"{joined.running.base}/login")
        assert client.get("/api/v1/me").status_code == 401


def test_every_cookie_of_a_log_out_is_for_https_only_when_the_browser_came_by_https(joined: Joined) -> None:
    with person(joined) as client:
        enter(client, joined, "boss")
        own = f"http://127.0.0.1:{joined.running.server.config.port}"
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items()),
            "X-CSRF-Token": client.cookies["yiping_csrf"],
            "X-Forwarded-For": "192.0.2.7",
            "X-Forwarded-Proto": "https",
        }
        cookies = httpx.post(f"{own}/yiping/logout", headers=headers).headers.get_list("set-cookie")
    assert len(cookies) == 3
    assert [cookie for cookie in cookies if "; Secure" not in cookie] == []
    assert [cookie for cookie in cookies if "Path=/yiping/" not in cookie] == []


@pytest.mark.browser
def test_a_passkey_is_made_and_logs_in_under_the_path(joined: Joined, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    desk = context.new_page()
    desk.set_default_timeout(20_000)
    authenticator(desk)
    base = joined.running.base
    desk.goto(f"{base}/login?next=/account")
    log_in(desk, "root")
    desk.wait_for_url("**/yiping/account")
    desk.locator("[data-step=add_passkey]").click()
    desk.locator("dialog [name=password]").fill(PASSWORD)
    desk.locator("dialog").get_by_role("button", name="继续").click()
    expect(desk.locator(".codes li")).to_have_count(10)
    desk.get_by_role("button", name="关闭").click()
    desk.click("#log-out")
    desk.wait_for_url("**/yiping/login")
    desk.click("#passkey")
    desk.wait_for_url(re.compile(r"localhost:\d+/yiping/$"))
    desk.goto(f"{base}/account")
    desk.click("#log-out")
    desk.wait_for_url("**/yiping/login")
    log_in(desk, "root")
    desk.wait_for_url("**/yiping/login/second*")
    desk.click("#passkey")
    desk.wait_for_url(re.compile(r"localhost:\d+/yiping/$"))
    context.close()
