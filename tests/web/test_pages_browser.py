"""The screens behind the login in a real browser: nothing is blocked by our own policy, nothing asks another host."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.city import PASSWORD, Running

pytestmark = pytest.mark.browser


@pytest.fixture
def page(running: Running, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=running.base, viewport={"width": 1600, "height": 900})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def log_in(page: Page, name: str) -> None:
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")


def test_every_page_works_under_our_policy_and_from_this_host_alone(running: Running, page: Page) -> None:
    complaints: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if _blocked(message.text) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda sent: foreign.append(sent.url) if not _ours(running, sent.url) else None)
    page.goto("/duty")
    assert page.url.endswith("/login?next=/duty")
    log_in(page, "zhao")
    page.wait_for_url("**/duty")
    for path in ("/duty", "/review", "/"):
        page.goto(path)
        expect(page.locator("#frame")).to_be_visible()
        page.wait_for_load_state("networkidle" if path == "/review" else "load")
        time.sleep(0.5)
    expect(page.locator("#link-state")).to_contain_text("已连接", timeout=20_000)
    assert foreign == []
    assert complaints == []


def test_logging_out_in_the_page_leads_to_the_login_and_back_does_not_help(running: Running, page: Page) -> None:
    page.goto("/")
    log_in(page, "zhao")
    expect(page.locator("#logout")).to_be_visible()
    page.click("#logout")
    page.wait_for_url("**/login*")
    page.goto("/duty")
    assert "/login" in page.url


def test_a_wrong_password_is_said_in_the_page(running: Running, page: Page) -> None:
    page.goto("/login?lang=zh")
    page.fill("#name", "zhao")
    page.fill("#password", "not the password")
    page.click("button[type=submit]")
    expect(page.locator("[role=alert]")).to_have_text("用户名或密码不正确")
    assert page.input_value("#name") == "zhao"


def _blocked(text: str) -> bool:
    """What browsers say when a page's policy forbids something."""
    return "Content Security Policy" in text or "Refused to" in text


def _ours(running: Running, url: str) -> bool:
    return url.startswith((running.base, running.base.replace("http", "ws", 1), "data:", "blob:"))
