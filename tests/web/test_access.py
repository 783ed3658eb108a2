"""The access table against the running server: every route × method × role × nobody, and every way around it."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from data.model.alert import Priority
from data.model.people import Role
from data.model.token_scope import Sends, TokenScope
from data.ports.store import Store
from tests.web.city import PASSWORD, ROLES, Running
from web.access import CATCH_ALL, AccessGate, Registered, registered_routes, unnamed_routes
from web.access_table import EVERYBODY, SCREENS, TABLE, WEBSOCKET
from web.accounts import add_user, issue_token

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NAME_OF: dict[Role | None, str | None] = {
    None: None,
    **{role: name for name, role in ROLES.items()},
    Role.RESPONDER: "zhang",
    Role.SOURCE: "gauge-gateway",
    Role.WALL: "wall-1",
}
FILLED = {
    "form": "json",
    "name": "phone.css",
    "package_name": "dash",
    "fingerprinted_path": "nothing.js",
    "path": "00_base.js",
    "evidence_id": "0" * 64,
}


def add_machines(store: Store) -> None:
    """The users of `NAME_OF` who never log in."""
    add_user(store, "gauge-gateway", Role.SOURCE, None)
    add_user(store, "wall-1", Role.WALL, None)


def app_of(running: Running) -> FastAPI:
    app = running.server.config.app
    assert isinstance(app, FastAPI)
    return app


def address(path: str) -> str:
    """The route with something in its gaps that exists nowhere."""
    return re.sub(
        r"{(\w+)(:path)?}",
        lambda gap: FILLED.get(gap[1], "999999999" if gap[1].endswith("_id") else "nowhere"),
        path,
    )


@pytest.fixture(scope="module")
def everybody(city_server: Running) -> Iterator[dict[Role | None, httpx.Client]]:
    """A client for each role, and one for nobody."""
    add_machines(city_server.store)
    # Cases come by a token that names their source, here the one that `address` writes.
    scope = TokenScope(frozenset(Sends), highest=Priority.P1, sources=frozenset({"nowhere"}))
    city_server.tokens["gauge-gateway"] = issue_token(city_server.store, "gauge-gateway", scope=scope)
    clients = {role: city_server.client(name) for role, name in NAME_OF.items()}
    assert set(clients) == {None, *Role}
    yield clients
    for client in clients.values():
        client.close()


def refused(answer: httpx.Response) -> bool:
    if answer.status_code == 303:
        return answer.headers["location"].split("?")[0] in {"/login", "/r"}
    return answer.status_code in {401, 403, 404, 405}


def test_the_table_names_every_route_of_the_running_server_and_no_other(running: Running) -> None:
    routes = list(registered_routes(app_of(running)))
    assert unnamed_routes(routes) == []
    there = {(method, route.path) for route in routes for method in route.methods}
    assert CATCH_ALL in {path for _, path in there}, "Dash has added its catch-all: the server runs"
    named = {(method, path) for path, row in TABLE.items() for method in row}
    assert named - there == set(), "rows of routes that are gone"


def test_a_route_that_the_table_does_not_name_stops_the_start() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    async def anything() -> None: ...

    app.add_api_route("/healthz", anything, methods=["GET", "POST"])
    app.add_api_route("/back-door", anything, methods=["GET"])
    with pytest.raises(LookupError, match=r"POST /healthz, GET /back-door"):
        AccessGate(app)


def test_these_and_no_other_routes_are_open_to_a_stranger() -> None:
    assert {(method, path) for path, row in TABLE.items() for method, who in row.items() if None in who} == {
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/login/second"),
        ("POST", "/login/second"),
        ("POST", "/login/passkey"),
        ("POST", "/login/passkey/options"),
        ("GET", "/login/oidc"),
        ("GET", "/login/oidc/callback"),
        ("POST", "/login/oidc/back-channel"),
        ("GET", "/reset"),
        ("GET", "/screen"),
        ("POST", "/api/v1/screens/enrol"),
        ("GET", "/account/assets/{file}"),
        ("POST", "/api/v1/password-reset"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/open311/v2/services.{form}"),
        ("GET", "/open311/v2/services/{code}.{form}"),
        ("GET", "/open311/v2/requests.{form}"),
        ("POST", "/open311/v2/requests.{form}"),
        ("GET", "/open311/v2/requests/{number}.{form}"),
    }


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_every_route_and_method_answers_this_role_as_the_table_says(
    running: Running, everybody: dict[Role | None, httpx.Client], role: Role | None
) -> None:
    wrong, cells = [], 0
    for route in registered_routes(app_of(running)):
        if WEBSOCKET in route.methods or route.path == CATCH_ALL:
            continue
        for method in METHODS:
            if (method, route.path) in {("POST", "/login"), ("POST", "/login/second"), ("POST", "/logout")}:
                continue  # these would lock the address out and end the token; tests/web/test_login.py has them
            who = TABLE[route.path].get(method)
            body: dict[str, str] | None = {} if method in {"POST", "PUT"} else None
            answer = everybody[role].request(method, address(route.path), json=body)
            cells += 1
            if who is None or role not in who:
                right = refused(answer)
            else:
                # What a handler itself refuses is about this one thing: another's task, another's position.
                own = route.path in {"/api/v1/responders/{responder_id}", "/api/v1/responders/{responder_id}/position"}
                right = answer.status_code not in {401, 500} and (own or answer.status_code != 403)
            if not right:
                wrong.append(f"{method} {route.path}: {answer.status_code}")
    assert wrong == []
    assert cells > 700


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_every_socket_opens_for_whom_the_table_names(
    running: Running, everybody: dict[Role | None, httpx.Client], role: Role | None
) -> None:
    for route in registered_routes(app_of(running)):
        if WEBSOCKET not in route.methods:
            continue
        allowed = role in TABLE[route.path][WEBSOCKET]
        assert opens(running, address(route.path), everybody[role]) is allowed, route.path


def opens(running: Running, path: str, client: httpx.Client) -> bool:
    headers = {name: value for name, value in client.headers.items() if name == "authorization"}
    try:
        with connect(running.ws(path), additional_headers=headers):
            return True
    except InvalidStatus as error:
        status = error.response.status_code
    assert status in {401, 403, 404}
    return False


@pytest.mark.parametrize("role", [None, Role.RESPONDER, Role.OPERATOR, Role.SOURCE], ids=str)
def test_no_http_route_can_be_had_by_a_socket(
    running: Running, everybody: dict[Role | None, httpx.Client], role: Role | None
) -> None:
    for path in ("/", "/duty", "/healthz", "/api/v1/alerts", "/open311/v2/services.json", "/r", "/nothing", "/ws/x"):
        assert not opens(running, path, everybody[role]), path


WAYS_AROUND = (
    "/open311/v2/anything",
    "/open311/v2/",
    "/open311/v2",
    "/open311/v2/requests",
    "/open311/v2/requests.json/",
    "/open311/v2/requests.json/x",
    "/open311/v2/../../duty",
    "/open311/v2/%2e%2e/%2e%2e/duty",
    "/open311/v2/..%2f..%2fduty",
    "/open311/v2//services.json",
    "//open311/v2/services.json",
    "/OPEN311/v2/services.json",
    "/healthz/",
    "/healthz//",
    "//healthz",
    "/healthz/x",
    "/healthz/../duty",
    "/healthz%2f..%2fduty",
    "/./healthz",
    "/HEALTHZ",
    "/healthz;x=1",
    "/healthz%00",
    "/healthz%20",
    "/login/",
    "/login/x",
    "/login/../",
    "/metrics/",
    "/readyz/duty",
    "/r/x",
    "/r/",
    "/r/live/",
    "/r//live",
    "/r/assets/",
    "/r/assets/x/y",
    "/r/..%2f",
    "/media/x/y/z",
    "/media/",
    "/media/live/",
    "/media/live/a/b.jpg",
    "/ws/x",
    "/ws/",
    "/ws/wall",
    "/ws/events",
    "/assets",
    "/assets/",
    "/assets/../layout",
    "/assets/%2e%2e/%2e%2e/web/auth.py",
    "/_dash-layout/",
    "/_dash-layout%2f",
    "/_DASH-LAYOUT",
    "//_dash-layout",
    "/_dash-anything",
    "/_dash-dependencies/x",
    "/_dash-component-suites/dash/../../secrets.yaml",
    "/_dash-component-suites/web/auth.py",
    "/_reload-hash/",
    "/api/v1/../../duty",
    "/api//v1/alerts",
    "/api/v1/alerts/",
    "/API/v1/alerts",
    "/duty/",
    "/DUTY",
    "/duty%2f",
    "/index.html",
    "/.env",
    "/%",
    "/%ff%fe",
    "/一屏",
)
SECRETS = ("小学门口", "滨江路", "gate-3", "Zhang", "zhang", "yiping-page-data")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("role", [None, Role.RESPONDER, Role.SOURCE], ids=str)
def test_no_way_of_writing_an_address_opens_what_is_closed(
    running: Running, everybody: dict[Role | None, httpx.Client], role: Role | None, method: str
) -> None:
    """Sent as it is written: httpx would tidy the path up first."""
    place = urlsplit(running.base)
    headers = {"Accept": "text/html"}
    if (token := everybody[role].headers.get("authorization")) is not None:
        headers["Authorization"] = token
    for path in WAYS_AROUND:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
        connection.request(method, quote(path, safe="%/;=.?"), headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", "replace")
        connection.close()
        assert answer.status in {400, 401, 403, 404, 405}, f"{method} {path}: {answer.status} {body[:200]}"
        assert not [secret for secret in SECRETS if secret in body], path


@pytest.mark.parametrize("path", ["/nothing", "/open311/v2/anything", "/media/x/y/z", "/r/x", "/duty/", "/index.html"])
def test_an_unknown_address_is_404_after_the_login_with_a_page_for_a_browser(running: Running, path: str) -> None:
    with running.browser("li") as browser:
        page = browser.get(path, headers={"Accept": "text/html,application/xhtml+xml"})
        assert page.status_code == 404
        assert "yiping-page-data" in page.text
        plain = browser.get(path)
        assert (plain.status_code, plain.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.usefixtures("nobody_busy")  # an offered task tells its responder the place
def test_a_page_is_served_with_what_its_visitor_may_read_and_dash_itself_holds_none_of_it(running: Running) -> None:
    with running.client("li") as operator:
        assert "小学门口" in operator.get("/").text
        for path in ("/_dash-layout", "/_dash-dependencies"):
            assert "小学门口" not in operator.get(path).text
    for path in sorted({*SCREENS, "/r"}):
        with running.client("zhang") as responder:
            answer = responder.get(path)
            assert "小学门口" not in answer.text
            assert answer.status_code == (200 if path == "/r" else 303)


def test_the_settings_page_of_an_administrator_is_drawn_for_nobody_else(running: Running) -> None:
    body = {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "url", "property": "pathname", "value": "/setup"}],
        "changedPropIds": ["url.pathname"],
    }
    with running.client("li") as operator, running.client("admin") as administrator:
        assert operator.get("/setup").status_code == 403
        assert "setup-sites" not in operator.post("/_dash-update-component", json=body).text
        assert "setup-sites" in administrator.post("/_dash-update-component", json=body).text


def test_a_post_to_a_public_route_from_another_site_is_refused_where_a_session_is_held(running: Running) -> None:
    add_user(running.store, "csrf-visitor", Role.OPERATOR, PASSWORD)
    with running.browser("csrf-visitor") as browser:
        answer = browser.post("/open311/v2/requests.json", data={"service_code": "other"})
        assert answer.status_code == 403


def test_every_role_that_is_added_must_be_thought_of() -> None:
    assert EVERYBODY.roles == {None, *Role}
    assert Registered("/x", frozenset({"GET"}), re.compile("x")).path == "/x"
