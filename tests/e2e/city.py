"""A whole running city for tests: `python app.py run` in a folder of its own, and somebody to talk to it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page

from data.model.people import Role
from data.ports.store import Store
from data.sql.store import open_store
from tests.conftest import ROOT
from tests.servers.mosquitto import free_port
from tests.stores import on_postgresql, store_at
from web import accounts

T = TypeVar("T")


class City:
    """One running system and the commands of its command line."""

    def __init__(self, config: Path, var: Path, arguments: tuple[str, ...] = (), root: Path = ROOT) -> None:
        self.config, self.var, self.port, self.root = config, var, free_port(), root
        self.store_url = store_at(var / "yiping.db")
        if on_postgresql():
            config.write_text(f"store: {self.store_url}\n{config.read_text(encoding='utf-8')}", encoding="utf-8")
        self.arguments = arguments
        self.log_path = var.parent / "city.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; returns when `/readyz` answers."""
        command = [sys.executable, "app.py", "run", "--config", str(self.config), "--var", str(self.var)]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), *self.arguments],
                cwd=self.root,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        until(self._is_ready, 150, lambda: f"not ready:\n{self.log()[-4000:]}")

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"ended by itself:\n{self.log()[-4000:]}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def stop(self) -> None:
        """SIGTERM, as an operator or systemd would; SIGKILL to what is left after 15 s."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    def kill(self) -> None:
        """Kill the parent only; its children have to notice."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(5)
        self.process = None

    def pid_of(self, child: str) -> int:
        return int((self.var / "run" / f"{child}.pid").read_text(encoding="utf-8"))

    def command(self, *arguments: str, given: str = "", status: int = 0) -> str:
        """Output of `python app.py ...`; checks its exit status."""
        if "--var" in arguments and "--config" not in arguments:
            arguments = (*arguments, "--config", str(self.config))
        done = subprocess.run(
            [sys.executable, "app.py", *arguments],
            cwd=self.root,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def store(self) -> closing[Store]:
        """Its store, opened beside it as the command line does."""
        return closing(open_store(self.store_url))

    def add_user(self, name: str, role: str, password: str) -> None:
        with self.store() as store:
            accounts.add_user(store, name, Role(role), password)

    def set_password(self, name: str, password: str) -> None:
        with self.store() as store:
            accounts.set_password(store, name, password)

    def caller(self, name: str) -> httpx.Client:
        """REST as this user, by a new bearer token."""
        with self.store() as store:
            return self.holder(accounts.issue_token(store, name))

    def holder(self, token: str) -> httpx.Client:
        """REST as whoever this bearer token was issued to."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False
        )


@contextmanager
def city(config: Path, var: Path, *arguments: str, root: Path = ROOT) -> Iterator[City]:
    """A city that runs for the length of the block, from the project in `root`."""
    running = City(config, var, arguments, root)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def until(ready: Callable[[], T], within_s: float, otherwise: Callable[[], str]) -> T:
    """What `ready` gives as soon as it is true; fails with `otherwise` after `within_s`."""
    deadline = time.monotonic() + within_s
    while True:
        got = ready()
        if got:
            return got
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    """The items of a list answer."""
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def seconds(earlier: str, later: str) -> float:
    """Between two times as REST tells them."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def sit_down(
    browser: Browser, running: City, name: str, path: str = "/", *, width: int = 1920, height: int = 1080
) -> Page:
    """The page of somebody who has just logged in there; the password is `name`-kettle-harbour-42."""
    page = browser.new_context(locale="zh-CN", viewport={"width": width, "height": height}).new_page()
    page.goto(running.url + path)
    page.fill("#name", name)
    page.fill("#password", f"{name}-kettle-harbour-42")
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: not url.startswith(f"{running.url}/login"))
    return page


def photo() -> bytes:
    """A JPEG as a phone would send it."""
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (90, 110, 130)).save(buffer, "JPEG")
    return buffer.getvalue()


def first_alert(caller: httpx.Client, site: str, running: City) -> dict[str, Any]:
    """The oldest open alert of the site; waits for it."""
    return until(
        lambda: items(caller.get("/alerts", params={"site": site, "open": "true"})),
        60,
        lambda: f"no alert at {site}:\n{running.log()[-3000:]}",
    )[-1]
