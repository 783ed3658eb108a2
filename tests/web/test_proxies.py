"""Behind real reverse proxies, set up as docs/proxy says: names, paths, sockets, IPv6, addresses, figures."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from websockets.sync.client import connect

from data.model.category import Category
from data.model.people import Role
from tests.servers.proxies import caddy, example, nginx
from tests.web.city import PASSWORD, Clock, Running, city, free_port, open_deps, start
from web.accounts import add_user
from web.front_door import FrontDoor
from web.tls import init

pytestmark = pytest.mark.server

REPORT = {"service_code": "litter", "lat": "29.58", "long": "106.51", "description": "路边垃圾"}
OWN_NAME = FrontDoor(hosts=frozenset({"yiping.example.cn"}), trusted=("127.0.0.1", "::1"))
UNDER_PATH = FrontDoor(hosts=frozenset({"city.example.cn", "127.0.0.1"}), trusted=("127.0.0.1",), base="/yiping")


@contextmanager
def served(folder: Path, door: FrontDoor) -> Iterator[Running]:
    settings = city()
    settings = settings.model_copy(update={"cases": settings.cases.model_copy(update={"reports_per_hour": 5})})
    deps = open_deps(folder, settings, door=door)
    for name, role in (("li", Role.OPERATOR), ("admin", Role.ADMINISTRATOR)):
        add_user(deps.store, name, role, PASSWORD)
    deps.store.write(lambda writer: writer.put_category(Category(kind="litter", zh="垃圾", en="Litter", public=True)))
    server, thread, port = start(deps)
    try:
        yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    finally:
        server.should_exit = True
        thread.join(15)
        deps.store.close()


@dataclass
class Proxied:
    """A proxy in front of a server, and how its visitors reach it."""

    running: Running
    host: str
    port: int
    port6: int
    trusted: ssl.SSLContext | None
    base: str = ""

    @property
    def scheme(self) -> str:
        return "http" if self.trusted is None else "https"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    def visitor(self, address: str = "127.0.0.1", *, host: str | None = None, at: str = "127.0.0.1") -> httpx.Client:
        transport = httpx.HTTPTransport(
            verify=self.trusted or True, local_address=address if at == "127.0.0.1" else None
        )
        shown = f"[{at}]:{self.port6}" if ":" in at else f"{at}:{self.port}"
        headers = {"Host": host or self.host, "Accept": "text/html,application/json"}
        return httpx.Client(base_url=f"{self.scheme}://{shown}", transport=transport, headers=headers, timeout=20)

    def log_in(self, client: httpx.Client) -> httpx.Response:
        form = {"name": "li", "password": PASSWORD}
        return client.post(f"{self.base}/login", data=form, headers={"Origin": self.origin})

    def follow_events(self) -> str:
        """The first message of the events socket, through the proxy."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as plain:
            scheme = "ws" if self.trusted is None else "wss"
            address = f"{scheme}://{self.host}{self.base}/ws/events"
            who = {"Authorization": f"Bearer {self.running.token('li')}"}
            name = None if self.trusted is None else "127.0.0.1"
            with connect(address, sock=plain, ssl=self.trusted, server_hostname=name, additional_headers=who) as events:
                return str(events.recv(5))


def authority(folder: Path) -> tuple[str, str, ssl.SSLContext]:
    made = init(folder, ["yiping.example.cn"], ["::1"])
    return str(made.certificate), str(made.key), ssl.create_default_context(cafile=str(made.authority))


@pytest.fixture(scope="module")
def behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("nginx")
    certificate, key, trusted = authority(folder)
    port, port6 = free_port(), free_port()
    with served(folder / "var", OWN_NAME) as running:
        site = example(
            "nginx.conf",
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("listen [::]:443", f"listen [::1]:{port6}"),
            ("/etc/ssl/yiping/fullchain.pem", certificate),
            ("/etc/ssl/yiping/privkey.pem", key),
            ("http://127.0.0.1:8050", running.base),
        )
        with nginx(folder / "nginx", port, site):
            yield Proxied(running, "yiping.example.cn", port, port6, trusted)


@pytest.fixture(scope="module")
def behind_caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("caddy")
    certificate, key, trusted = authority(folder)
    port = free_port()
    with served(folder / "var", OWN_NAME) as running:
        local = f"https://127.0.0.1:{port}"
        site = example(
            "Caddyfile",
            (
                "yiping.example.cn {",
                f"https://yiping.example.cn:{port}, {local} {{\n\ttls {certificate} {key}",
            ),
            ("127.0.0.1:8050", running.base.removeprefix("http://")),
        )
        with caddy(folder / "caddy", port, site):
            yield Proxied(running, "yiping.example.cn", port, port, trusted)


@pytest.fixture(scope="module", params=["nginx", "nginx that keeps the path", "caddy"])
def under_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("path")
    port = free_port()
    with served(folder / "var", UNDER_PATH) as running:
        if request.param == "caddy":
            upstream = ("127.0.0.1:8050", running.base.removeprefix("http://"))
            site = example("Caddyfile-path", ("city.example.cn {", f"http://127.0.0.1:{port} {{"), upstream)
            proxy = caddy(folder / "proxy", port, site)
        else:
            slash = "" if "keeps" in request.param else "/"
            site = example(
                "nginx-path.conf",
                ("listen 443 ssl http2", f"listen 127.0.0.1:{port}"),
                ("listen [::]:443 ssl http2;", ""),
                ("ssl_certificate     /etc/ssl/city/fullchain.pem;", ""),
                ("ssl_certificate_key /etc/ssl/city/privkey.pem;", ""),
                ("http://127.0.0.1:8050/;", f"{running.base}{slash};"),
            )
            proxy = nginx(folder / "proxy", port, site)
        with proxy:
            yield Proxied(running, f"127.0.0.1:{port}", port, port, None, "/yiping")


@pytest.mark.parametrize("which", ["behind_nginx", "behind_caddy"])
def test_people_log_in_follow_events_and_their_cookies_are_for_https_only(
    which: str, request: pytest.FixtureRequest
) -> None:
    proxied: Proxied = request.getfixturevalue(which)
    with proxied.visitor() as visitor:
        answer = proxied.log_in(visitor)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookies = answer.headers.get_list("set-cookie")
        assert all("secure" in cookie.lower() for cookie in cookies)
        assert "Strict-Transport-Security" in answer.headers
        session = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        page = visitor.get("/", headers={"Cookie": session})
        assert page.status_code == 200
        assert "yiping-page-data" in page.text
    assert '"hello"' in proxied.follow_events()


@pytest.mark.parametrize("which", ["behind_nginx", "behind_caddy"])
def test_figures_are_closed_through_the_proxy_and_open_to_administrators(
    which: str, request: pytest.FixtureRequest
) -> None:
    proxied: Proxied = request.getfixturevalue(which)
    with proxied.visitor() as visitor:
        assert visitor.get("/metrics").status_code == 403
        token = {"Authorization": f"Bearer {proxied.running.token('admin')}"}
        assert visitor.get("/metrics", headers=token).status_code == 200
    with proxied.running.client() as direct:
        assert direct.get("/metrics").status_code == 403, "where a proxy is named, an address opens nothing"


@pytest.mark.parametrize("which", ["behind_nginx", "behind_caddy"])
def test_citizens_behind_the_proxy_have_a_limit_each_and_cannot_take_anothers(
    which: str, request: pytest.FixtureRequest
) -> None:
    proxied: Proxied = request.getfixturevalue(which)
    statuses: dict[str, list[int]] = {}
    for address in ("127.0.0.11", "127.0.0.12"):
        with proxied.visitor(address) as citizen:
            statuses[address] = [
                citizen.post(
                    "/open311/v2/requests.json", data=REPORT, headers={"X-Forwarded-For": f"203.0.113.{n}"}
                ).status_code
                for n in range(6)
            ]
    assert statuses == {address: [201] * 5 + [429] for address in statuses}, (
        "what they say of themselves is not believed"
    )


def test_a_foreign_host_is_refused_in_words(behind_nginx: Proxied) -> None:
    with behind_nginx.visitor(host="evil.example.com") as visitor:
        answer = visitor.get("/login")
        assert answer.status_code == 421
        assert "这里不是 evil.example.com" in answer.text
        assert "This server is not evil.example.com" in answer.text
    with behind_nginx.visitor(host="127.0.0.1") as visitor:
        assert "does not hand on the host name" in visitor.get("/login").text


def test_it_is_reached_over_ipv6(behind_nginx: Proxied) -> None:
    with behind_nginx.visitor(at="::1") as visitor:
        assert visitor.get("/login").status_code == 200
        assert behind_nginx.log_in(visitor).status_code == 303


def test_under_a_path_nothing_leads_out_of_it(under_path: Proxied) -> None:
    with under_path.visitor() as visitor:
        first = visitor.get("/yiping")
        assert (first.status_code, httpx.URL(first.headers["location"]).path) == (308, "/yiping/")
        login = visitor.get("/yiping/")
        assert (login.status_code, login.headers["location"]) == (303, "/yiping/login")
        assert visitor.get("/yiping/duty").headers["location"] == "/yiping/login?next=/duty"
        page = visitor.get("/yiping/login")
        assert 'action="/yiping/login"' in page.text
        answer = under_path.log_in(visitor)
        assert (answer.status_code, answer.headers["location"]) == (303, "/yiping/")
        assert all("Path=/yiping/" in cookie for cookie in answer.headers.get_list("set-cookie"))
        assert visitor.get("/yiping/api/v1/me").json()["name"] == "li"
        assert visitor.get("/yiping/metrics").status_code == 403
    assert '"hello"' in under_path.follow_events()


@pytest.mark.browser
def test_the_screens_work_in_a_browser_under_a_path(under_path: Proxied, browser: Browser) -> None:
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{under_path.port}", viewport={"width": 1400, "height": 900}
    )
    page, lost = context.new_page(), []
    page.on("response", lambda answer: lost.append(answer.url) if answer.status >= 400 else None)
    page.on(
        "request", lambda asked: lost.append(asked.url) if "/yiping" not in asked.url and "http" in asked.url else None
    )
    page.goto("/yiping/duty")
    page.fill("#name", "li")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    expect(page.locator("#duty-alerts")).to_be_visible(timeout=20_000)
    alert = under_path.running.alert()
    expect(page.locator(f"#duty-alerts [row-id='{alert}'], #duty-alerts .ag-row").first).to_be_visible(timeout=20_000)
    page.click("nav.pages a[href='/yiping/events']")
    expect(page.locator("[data-page=events]")).to_be_visible(timeout=20_000)
    page.goto("/yiping/")
    expect(page.locator("[data-page=wall]")).to_be_visible(timeout=20_000)
    assert [url for url in lost if "/media/live/" not in url] == []
    page.click("#logout")
    expect(page.locator("form[action='/yiping/login']")).to_be_visible(timeout=20_000)
    context.close()


def test_a_proxy_that_nobody_named_opens_nothing_and_its_login_page_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port, other = free_port(), free_port()
    with served(tmp_path / "var", FrontDoor()) as running:
        bare = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {running.base}; }} }}"
        away = (
            f"server {{ listen 127.0.0.1:{other}; location / {{ proxy_bind 127.0.0.2; proxy_pass {running.base}; "
            "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }"
        )
        with (
            nginx(tmp_path / "nginx", port, bare + away),
            caplog.at_level(logging.WARNING, "web.front_door_middleware"),
        ):
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as visitor:
                assert visitor.get("/metrics").status_code == 403
                refused = visitor.post(
                    "/login", data={"name": "li", "password": PASSWORD}, headers={"Origin": f"http://127.0.0.1:{port}"}
                )
                assert refused.status_code == 403
                assert refused.headers["content-type"].startswith("text/html")
                assert "nobody was logged in" in refused.text
                assert f"http://127.0.0.1:{port}" in refused.text
            with httpx.Client(base_url=f"http://127.0.0.1:{other}") as visitor:
                assert visitor.get("/metrics").status_code == 403
                sent = [visitor.post("/open311/v2/requests.json", data=REPORT).status_code for _ in range(6)]
        assert sent == [201] * 5 + [429]
        told = [record.message for record in caplog.records if record.name == "web.front_door_middleware"]
        assert len(told) == 1
        assert "127.0.0.2 hands on requests for others, but is not named in web.behind_proxy.trusted" in told[0]
        with running.client() as direct:
            assert direct.get("/metrics").status_code == 200, "who asks on this machine"
