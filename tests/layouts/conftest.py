"""A running station and a real browser in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from data.model.people import Role
from tests.layouts.station import OFFICER, Station, running_station
from tests.scenarios.town import Town, running_town
from web.accounts import add_user, set_password

PASSWORD = "a long enough password"
WAIT_MS = 90_000


@dataclass
class Seat:
    """A browser page somebody sits in front of, with everything it complained about and asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def asked(self, path: str) -> int:
        """How often this path was requested."""
        return sum(urlsplit(url).path == path for url in self.requests)

    @property
    def hosts(self) -> set[str]:
        return {urlsplit(url).netloc for url in self.requests if urlsplit(url).scheme not in {"data", "blob"}}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with running_station(tmp_path) as running:
        yield running


@pytest.fixture
def sit_down(station: Station, browser: Browser) -> Iterator[Callable[..., Seat]]:
    """sit_down("/duty") -> a page of the logged-in duty officer, its data loaded."""
    contexts = []

    def open_page(
        path: str = "/", *, user: str = OFFICER, width: int = 1920, height: int = 1080, language: str = ""
    ) -> Seat:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        context.add_cookies(station.cookies(user))  # type: ignore[arg-type]  # a TypedDict in playwright
        if language:
            context.add_cookies([{"name": "yiping_language", "value": language, "url": station.url}])
        seat = Seat(context.new_page())
        seat.page.on("console", seat.hear)
        seat.page.on("pageerror", lambda error: seat.errors.append(str(error)))
        seat.page.on("request", lambda request: seat.requests.append(request.url))
        seat.page.on("websocket", lambda websocket: seat.requests.append(websocket.url))
        seat.page.goto(station.url + path)
        seat.page.wait_for_selector('#link-state[data-state="live"]', timeout=WAIT_MS)
        return seat

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Its section head qian and an administrator may log in with PASSWORD."""
    with running_town(tmp_path_factory.mktemp("town") / "var") as running:
        set_password(running.store, "qian", PASSWORD)
        add_user(running.store, "admin", Role.ADMINISTRATOR, PASSWORD)
        yield running


@pytest.fixture(scope="module")
def enter(town: Town, browser: Browser) -> Callable[..., Page]:
    """enter("qian", viewport=...) -> the page of somebody who has logged in to the town, in a context of their own."""

    def log_in(name: str, **context: Any) -> Page:
        page = browser.new_context(**context).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{town.base}/login")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        with page.expect_navigation(timeout=WAIT_MS, wait_until="commit"):
            page.keyboard.press("Enter")
        return page

    return log_in
