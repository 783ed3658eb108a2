"""The token of another system sends what it was made for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.config.settings import Settings, SiteSettings
from data.errors import Forbidden, InputRejected
from data.model.alert import Priority
from data.model.people import Role
from data.model.token_scope import EVERYTHING, Sends, TokenScope, asked_scope, kept_scope, scope_of
from data.ports.store import AlertQuery
from monitors.gauges.http_push import Recipe as HttpPush
from tests.data.test_cap import message
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from web.accounts import add_user, issue_token
from web.user_commands import USER_COMMANDS


@pytest.fixture(scope="module")
def gauges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    def site(name: str, quantity: str) -> SiteSettings:
        gauge = HttpPush(id="g", quantity=quantity, vertical_datum="yellow_sea" if quantity == "water_level" else None)
        return SiteSettings(id=name, location={"lon": 106.5, "lat": 29.5}, monitor=gauge)

    sites = (*city().sites, site("north", "water_level"), site("south", "water_level"), site("hill", "rainfall"))
    deps = open_deps(tmp_path_factory.mktemp("var"), Settings(**{**dict(city()), "sites": sites}))
    for name, role in {"mast": Role.SOURCE, "admin": Role.ADMINISTRATOR, "li": Role.OPERATOR}.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def send(running: Running, token: str, what: str, site: str = "north") -> httpx.Response:
    now = datetime.now(UTC).isoformat()
    with httpx.Client(base_url=running.base, headers={"Authorization": f"Bearer {token}"}) as client:
        if what == "observation":
            path = f"/api/v1/datastreams/{site}/g/observations"
            return client.post(path, json={"phenomenonTime": now, "result": 1.5})
        if what == "warning":
            return client.post("/api/v1/warnings", content=message())
        labels = {"alertname": "x", "site": site, "priority": "P1"}
        alert = {"status": "firing", "labels": labels, "startsAt": now, "fingerprint": f"{site}{token[:4]}"}
        return client.post("/api/v1/alertmanager", json={"version": "4", "alerts": [alert]})


@pytest.mark.parametrize("kind", ["observation", "alert", "warning"])
def test_a_token_sends_the_kinds_it_was_made_for(gauges: Running, kind: str) -> None:
    token = issue_token(gauges.store, "mast", scope=asked_scope([kind]))
    for what in ("observation", "alert", "warning"):
        answer = send(gauges, token, what)
        if what == kind:
            assert answer.status_code in {200, 201, 202}, answer.text
        else:
            assert (answer.status_code, answer.json()["detail"]) == (
                403,
                f"this token may send {kind}s, not {what}s",
            )


def test_a_token_sends_for_its_own_sites_and_does_not_learn_which_others_there_are(gauges: Running) -> None:
    token = issue_token(gauges.store, "mast", scope=asked_scope(["observation", "alert"], ["north"]))
    assert send(gauges, token, "observation", "north").status_code == 202
    known, unknown = send(gauges, token, "observation", "south"), send(gauges, token, "observation", "nowhere")
    assert known.status_code == unknown.status_code == 403
    assert known.json()["detail"].replace("south", "") == unknown.json()["detail"].replace("nowhere", "")
    answer = send(gauges, token, "alert", "south").json()
    assert (answer["raised"], answer["rejected"]) == (0, ["this token may not send for site 'south'"])
    assert not gauges.store.read(lambda reader: reader.alerts(AlertQuery(site="south")))


def test_a_token_sends_its_own_quantities(gauges: Running) -> None:
    token = issue_token(gauges.store, "mast", scope=asked_scope(quantities=["rainfall"]))
    assert send(gauges, token, "observation", "hill").status_code == 202
    answer = send(gauges, token, "observation", "north")
    assert (answer.status_code, answer.json()["detail"]) == (403, "this token may not send the quantity 'water_level'")


@pytest.mark.parametrize(("highest", "raised"), [("", "P2"), ("P1", "P1"), ("P3", "P3")])
def test_an_alert_is_raised_no_graver_than_the_token_may(gauges: Running, highest: str, raised: str) -> None:
    token = issue_token(gauges.store, "mast", scope=asked_scope(["alert"], highest=highest))
    assert send(gauges, token, "alert", "hill").json()["raised"] == 1
    newest = gauges.store.read(lambda reader: reader.alerts(AlertQuery(site="hill", limit=1)))[0]
    assert newest.priority.value == raised


def test_a_token_from_before_scopes_goes_on_sending(gauges: Running) -> None:
    token = issue_token(gauges.store, "mast")
    for what in ("observation", "alert", "warning"):
        assert send(gauges, token, what, "south").status_code in {200, 201, 202}


def by_rest(running: Running, name: str, body: dict[str, Any]) -> httpx.Response:
    with running.client("admin") as client:
        return client.post(f"/api/v1/users/{name}/tokens", json={"label": "mast 4"} | body)


def test_an_administrator_makes_a_token_for_observations_unless_more_is_asked_for(gauges: Running) -> None:
    answer = by_rest(gauges, "mast", {})
    if answer.status_code == 403:
        pytest.skip("administrators issue tokens in a browser's session only")
    assert send(gauges, answer.json()["token"], "observation").status_code == 202
    assert send(gauges, answer.json()["token"], "warning").status_code == 403
    wide = by_rest(gauges, "mast", {"kinds": ["warning"], "highest": "P1"}).json()["token"]
    assert send(gauges, wide, "warning").status_code in {200, 201}
    assert by_rest(gauges, "mast", {"sites": ["nowhere"]}).json()["detail"] == "sites: there is no site 'nowhere'"
    assert by_rest(gauges, "mast", {"quantities": ["luck"]}).status_code == 422
    assert by_rest(gauges, "mast", {"kinds": ["order"]}).status_code == 422
    assert by_rest(gauges, "li", {"kinds": ["warning"]}).status_code == 422, "people's tokens are limited by their role"


def test_the_command_makes_a_token_for_observations_unless_more_is_asked_for(gauges: Running) -> None:
    given_by_hand = {"name": "mast", "expires": None, "label": "x"}
    narrow = list(USER_COMMANDS["token"](gauges.store, given_by_hand))[-1]
    assert send(gauges, narrow, "observation").status_code == 202
    assert send(gauges, narrow, "alert").status_code == 403
    wide = list(USER_COMMANDS["token"](gauges.store, given_by_hand | {"kinds": ["alert"], "sites": ["north"]}))[-1]
    assert send(gauges, wide, "alert").json()["raised"] == 1
    with pytest.raises(InputRejected, match="kinds: 'order' is none of"):
        list(USER_COMMANDS["token"](gauges.store, given_by_hand | {"kinds": ["order"]}))


names = st.frozensets(st.sampled_from(["north", "south", "hill"]), min_size=1)
scopes = st.builds(
    TokenScope,
    st.frozensets(st.sampled_from(list(Sends)), min_size=1),
    st.none() | names,
    st.none() | st.frozensets(st.sampled_from(["rainfall", "water_level"]), min_size=1),
    st.sampled_from(list(Priority)),
)


@given(scopes, st.sampled_from(list(Priority)), st.sampled_from(["north", "south", "hill", "nowhere"]))
def test_a_scope_is_kept_as_it_was_and_never_makes_an_alert_graver(
    scope: TokenScope, priority: Priority, site: str
) -> None:
    assert scope_of(kept_scope(scope)) == scope
    assert scope.capped(priority) in {priority, scope.highest}
    assert scope.capped(priority) >= priority
    assert scope.covers(site) is (scope.sites is None or site in scope.sites)
    if not scope.covers(site):
        with pytest.raises(Forbidden):
            scope.require_site(site)
    assert EVERYTHING.capped(Priority.P1) is Priority.P1
