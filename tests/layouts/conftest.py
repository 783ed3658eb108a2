"""A running station and a real browser in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.layouts.station import OFFICER, Station, running_station

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the module: playwright's synchronous interface can be open only once in a process."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


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
        seat.page.wait_for_selector('#link-state[data-state="live"]', timeout=20_000)
        return seat

    yield open_page
    for context in contexts:
        context.close()
