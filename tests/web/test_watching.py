"""Cameras are watched by whom the settings name: on the wall's socket, as single pictures, as evidence, on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from data.config.settings import Settings
from data.model.people import Role, User
from data.model.watching import WatchSettings, watched_by
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from web.accounts import add_user

RULES = (
    WatchSettings(roles=(Role.ANALYST,)),
    WatchSettings(users=("wu",), sites=("quay",)),
    WatchSettings(users=("wu", "li"), sites=("nowhere",)),
)
SEES = {"zhao": {"gate-3", "quay"}, "wu": {"quay"}, "li": set(), "zhou": set()}
ROLE_OF = {"zhao": Role.DUTY_OFFICER, "wu": Role.GRID_LEADER, "li": Role.OPERATOR, "zhou": Role.ANALYST}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    deps = open_deps(tmp_path_factory.mktemp("var"), Settings(**{**dict(city()), "watch": RULES}))
    for name, role in ROLE_OF.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.mark.parametrize("name", list(SEES))
@pytest.mark.parametrize("site", ["gate-3", "quay"])
def test_a_camera_is_seen_by_whom_the_settings_name_and_does_not_exist_for_others(
    watched: Running, name: str, site: str
) -> None:
    kept = watched.deps.vault.keep(b"picture of " + site.encode(), "image/jpeg", datetime.now(UTC), site)
    watched.store.write(lambda writer: writer.add_evidence(kept))
    with watched.client(name) as client:
        live, picture = client.get(f"/media/live/{site}.jpg"), client.get(f"/media/evidence/{kept.id}")
        listed = {one["origin"] for one in client.get("/api/v1/evidence").json()["items"]}
        page = re.search(r'id="yiping-page-data">(.*?)</script>', client.get("/").text)
    assert page is not None
    drawn = {one["id"] for one in json.loads(page[1])["sites"] if one["camera"]}
    allowed = site in SEES[name]
    assert live.status_code == (503 if allowed else 404), "503: nobody takes pictures in this test"
    assert picture.status_code == (200 if allowed else 404)
    assert (site in listed) is allowed
    assert drawn == SEES[name]


def test_rules_by_name_go_before_rules_by_role_and_without_any_all_is_watched() -> None:
    cameras = frozenset({"gate-3", "quay"})
    for name, seen in SEES.items():
        assert watched_by(RULES, User(name, ROLE_OF[name]), cameras) == seen
        assert watched_by((), User(name, ROLE_OF[name]), cameras) == cameras
    assert watched_by(RULES, User("zhou-2", Role.ANALYST), cameras) == frozenset()
    assert watched_by(
        (WatchSettings(users=("zhou",), sites=("quay",)), *RULES), User("zhou", Role.ANALYST), cameras
    ) == {"quay"}
