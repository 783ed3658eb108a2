"""The running server of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from data.ports.store import TaskQuery
from tests.conftest import ROOT
from tests.web.city import PASSWORD, ROLES, Clock, Running, open_deps, start
from web.accounts import add_user
from web.deps import SessionPolicy


@pytest.fixture(scope="session")
def city_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    clock = Clock()
    sessions = SessionPolicy(recheck=timedelta(seconds=0.2))
    deps = open_deps(tmp_path_factory.mktemp("var"), now=clock, sessions=sessions, base_map=ROOT / "data" / "demo")
    for name, role in ROLES.items():
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.fixture
def running(city_server: Running) -> Iterator[Running]:
    """The server with its clock set right and everybody free."""
    city_server.clock.ahead = timedelta(0)
    yield city_server
    city_server.clock.ahead = timedelta(0)


@pytest.fixture
def nobody_busy(running: Running) -> Iterator[None]:
    """Every open task is called off, of tests before (in any file) and of this one, so that somebody can be sent."""
    _call_off(running)
    yield
    _call_off(running)


def _call_off(running: Running) -> None:
    with running.client("zhao") as duty:
        for task in running.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True, limit=1000))):
            duty.post(f"/api/v1/tasks/{task.id}/cancel", json={})
