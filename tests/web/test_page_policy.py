"""Every page in a real browser under our Content-Security-Policy: no inline style or script is asked for or let in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from data.model.observation import Reading
from tests.web.city import Running
from tests.web.test_pages_browser import log_in
from web.access_table import SCREENS

pytestmark = pytest.mark.browser

REPORTS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(
  [event.effectiveDirective, event.blockedURI, event.sourceFile, event.lineNumber, event.sample].join(' ')));
"""


@pytest.fixture
def page(running: Running, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=running.base, viewport={"width": 1600, "height": 900})
    context.set_default_timeout(20_000)
    context.add_init_script(REPORTS)
    yield context.new_page()
    context.close()


def fill(running: Running) -> None:
    """An alert, a task and a curve, so that every page has something to draw."""
    number = running.alert("policy")
    with running.client("li") as operator:
        operator.post(f"/api/v1/alerts/{number}/dispatch", json={})
    now = datetime.now(UTC)
    running.store.write(
        lambda writer: writer.add_readings(
            [Reading("gate-3", "gauge", "water_level", 1.0 + n / 10, now - timedelta(minutes=n)) for n in range(9)]
        )
    )


def test_no_page_asks_for_an_inline_style_or_script_that_the_policy_refuses(running: Running, page: Page) -> None:
    fill(running)
    found: dict[str, list[str]] = {}
    hashes: set[str] = set()
    page.on("console", lambda message: hashes.update(re.findall(r"sha256-[A-Za-z0-9+/=]+", message.text)))
    page.goto("/login")
    found["/login"] = page.evaluate("window.violations")
    log_in(page, "admin")
    page.wait_for_url(re.compile(r"/$"))
    for path in (*SCREENS, "/account", "/accounts", "/reset", "/nowhere"):
        page.goto(path)
        page.wait_for_timeout(1500)
        if path == "/review":
            page.click("#review-read")
            expect(page.locator("#review-graph .main-svg").first).to_be_visible()
            page.hover("#review-graph .main-svg >> nth=0")
            page.wait_for_timeout(500)
        found[path] = page.evaluate("window.violations")
    assert {path: said for path, said in found.items() if said} == {}, f"not in web/style_hashes.py: {sorted(hashes)}"
    policy = running_policy(page)
    assert "'unsafe-inline'" not in re.sub(r"style-src-attr [^;]*", "", policy)
    assert "'unsafe-eval'" not in policy


def running_policy(page: Page) -> str:
    answer = page.goto("/duty")
    assert answer is not None
    return answer.headers["content-security-policy"]


def test_a_style_element_that_somebody_has_slipped_in_is_not_let_in(running: Running, page: Page) -> None:
    page.goto("/login")
    log_in(page, "zhao")
    page.wait_for_url(re.compile(r"/$"))
    page.goto("/duty")
    page.evaluate(
        """() => { const style = document.createElement('style');
        style.textContent = 'body { outline: 7px solid red }'; document.head.append(style); }"""
    )
    assert page.evaluate("getComputedStyle(document.body).outlineWidth") != "7px"
    assert any("style-src-elem" in one for one in page.evaluate("window.violations"))
