"""The real server on a real store in a thread, with live pictures, and a link to it that can be cut."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

import uvicorn

from data.config.settings import Settings
from data.local.feed_socket import SocketFrameHub, SocketFramePublisher
from data.local.vault import FolderVault
from data.model.people import Role, Session
from data.ports.store import Store
from dispatch.routing import load_roads
from tests.layouts.street import packet, settle, street_settings
from tests.stores import new_store
from web.accounts import add_user
from web.auth import CSRF_COOKIE, SESSION_COOKIE
from web.deps import ServerDeps
from web.serve_options import ServeOptions
from web.server import build_server, server_config
from web.sessions import hash_secret, new_secret

OFFICER = "chenming"


@dataclass
class Station:
    """A running server. `url` goes through `link`, which tests may cut."""

    store: Store
    vault: FolderVault
    settings: Settings
    url: str
    link: CuttableLink
    frames: SocketFramePublisher

    def cookies(self, user: str = OFFICER) -> list[dict[str, str]]:
        """The cookies of a new session, for a browser. (Logging in itself is tested with the server.)"""
        secret, now = new_secret(), datetime.now(UTC)
        session = Session(hash_secret(secret), user, now, now + timedelta(hours=1), csrf=new_secret())
        self.store.write(lambda writer: writer.add_session(session))
        values = {SESSION_COOKIE: secret, CSRF_COOKIE: session.csrf}
        return [{"name": name, "value": value, "url": self.url} for name, value in values.items()]

    def show(self, site: str, sequence: int) -> None:
        """One live picture of this site, if somebody looks."""
        if self.frames.wanted(site):
            self.frames.publish(packet(site, datetime.now(UTC), sequence))


class CuttableLink:
    """Forwards TCP from a port of its own to the server; `cut` breaks every connection and refuses new ones."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            for one in self._open:
                one.close()
            self._open.clear()

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target) if not self._is_cut else None
            except OSError:
                return
            if far is None:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class Served:
    """uvicorn in a thread of its own."""

    def __init__(self, deps: ServerDeps) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        options = ServeOptions(settings=deps.settings, store="", var_dir=deps.var_dir, port=self.port)
        self._server = uvicorn.Server(server_config(build_server(deps), options))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._listener])), daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        end = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@contextmanager
def running_station(
    folder: Path,
    settings: Settings | None = None,
    base_map: Path | None = None,
    store: Store | None = None,
    roads: Path | None = None,
) -> Iterator[Station]:
    """A station in this folder, its people in their places, with a duty officer and an analyst; or on this store."""
    settings = settings or street_settings()
    given, store = store, store or new_store(folder / "yiping.db")
    (folder / "run").mkdir(parents=True, exist_ok=True)
    frames_path = folder / "run" / "frames.sock"
    if given is None:
        settle(store, datetime.now(UTC))
        add_user(store, OFFICER, Role.DUTY_OFFICER, None, display_name="陈明")
        add_user(store, "liuna", Role.ANALYST, None, display_name="刘娜")
    vault = FolderVault(folder / "evidence")
    deps = ServerDeps(
        settings=settings,
        store=store,
        vault=vault,
        hub=SocketFrameHub(frames_path),
        roads=load_roads(roads),
        var_dir=folder,
        version="0.1.0",
        source_url="https://example.org/yiping",
        base_map=base_map,
    )
    with Served(replace(deps)) as served:
        link = CuttableLink(served.port)
        frames = SocketFramePublisher(frames_path)
        yield Station(store, vault, settings, f"http://127.0.0.1:{link.port}", link, frames)
        frames.close()
        link.close()
    if given is None:
        store.close()
