"""A real server on a free port with a real store, and people who may do different things."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn

from alerts.lifecycle import raise_alert
from data.config.dispatch import CostSettings, DispatchSettings
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.local.feed_socket import SocketFrameHub
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Priority, Raised
from data.model.people import Role
from data.model.record import Evidence
from data.model.zone import Zone
from data.ports.recipe import MonitorRecipe
from data.ports.store import Store
from dispatch.responders import sync_responders
from dispatch.routing import load_roads
from tests.stores import new_store
from web.accounts import issue_token
from web.deps import ServerDeps
from web.serve_options import ServeOptions
from web.server import build_server, server_config

PASSWORD = "a long enough password"
ROLES = {
    "li": Role.OPERATOR,
    "zhao": Role.DUTY_OFFICER,
    "qian": Role.SECTION_HEAD,
    "sun": Role.COMMANDER,
    "wu": Role.GRID_LEADER,
    "zhou": Role.ANALYST,
    "admin": Role.ADMINISTRATOR,
}


class StillCamera(MonitorRecipe):
    gives = "frames"
    kind: Literal["camera"] = "camera"


def city() -> Settings:
    where = {"lon": 106.51, "lat": 29.58}
    return Settings(
        dispatch=DispatchSettings(cost=CostSettings(load=timedelta(0), rest=timedelta(0), own_grid=timedelta(0))),
        name="测试街道",
        timezone="Asia/Shanghai",
        sites=(
            SiteSettings(
                id="gate-3",
                name="小学门口",
                location=where,
                monitor=StillCamera(),
                zones=(Zone(id="lane", polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))),),
            ),
            SiteSettings(id="quay", name="滨江路", location={"lon": 106.52, "lat": 29.585}, monitor=StillCamera()),
        ),
        responders=tuple(
            ResponderSettings(
                id=name, name=name.title(), team="grid", location={"lon": 106.51 + 0.001 * n, "lat": 29.58}
            )
            for n, name in enumerate(("zhang", "wang", "chen"), start=1)
        ),
    )


@dataclass
class Clock:
    """The server's clock: real time plus what a test adds."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Running:
    """A running server and its store."""

    base: str
    store: Store
    deps: ServerDeps
    clock: Clock
    server: uvicorn.Server
    raised: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    trusted: ssl.SSLContext | bool = True

    def client(self, name: str | None = None) -> httpx.Client:
        """Somebody with a bearer token; nobody without a name."""
        headers = {} if name is None else {"Authorization": f"Bearer {self.token(name)}"}
        return httpx.Client(base_url=self.base, headers=headers, timeout=10, verify=self.trusted)

    def token(self, name: str) -> str:
        if name not in self.tokens:
            self.tokens[name] = issue_token(self.store, name)
        return self.tokens[name]

    @contextmanager
    def browser(self, name: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
        """Somebody logged in by the form, as a browser does it."""
        with httpx.Client(base_url=self.base, timeout=10) as client:
            answer = client.post("/login", data={"name": name, "password": password})
            assert answer.status_code == 303, answer.text
            yield client

    def alert(self, subject: str | None = None, *, evidence: Evidence | None = None, site: str = "gate-3") -> int:
        """A new open alert; its id."""
        self.raised += 1
        now = datetime.now(UTC)
        key = AlertKey(site, "dwell", "lane", subject or str(self.raised))
        raised = Raised(key, "dwell", Priority.P3, now, now, label="car", confidence=0.8)
        stored = self.store.write(lambda writer: raise_alert(writer, raised, evidence, now))
        assert stored is not None
        return stored.id

    def ws(self, path: str) -> str:
        return self.base.replace("http", "ws", 1) + path


def bearer(token: str) -> dict[str, str]:
    """The header of somebody who has this token."""
    return {"Authorization": f"Bearer {token}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> Any:
    """Wait for something true; gives it."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)
    return found


def start(deps: ServerDeps, listen: int = 0, **options: Any) -> tuple[uvicorn.Server, threading.Thread, int]:
    """Run a server in a thread until it is ready."""
    port = listen or free_port()
    given = ServeOptions(settings=deps.settings, store="", var_dir=deps.var_dir, port=port, door=deps.door, **options)
    server = uvicorn.Server(server_config(build_server(deps), given))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, 15)
    return server, thread, port


def open_deps(var_dir: Path, settings: Settings | None = None, **given: Any) -> ServerDeps:
    settings = settings or city()
    store = new_store(var_dir / "yiping.db")
    store.write(lambda writer: sync_responders(writer, settings, datetime.now(UTC)))
    return ServerDeps(
        settings=settings,
        store=store,
        vault=FolderVault(var_dir / "evidence"),
        hub=SocketFrameHub(var_dir / "run" / "frames.sock"),
        roads=load_roads(None),
        var_dir=var_dir,
        **given,
    )
