"""The page of events in a real browser: the next step is a button, and what it did stands in the history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.scenarios.town import Town, running_town
from web.accounts import set_password

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CHROMIUM = "/usr/bin/chromium"
PASSWORD = "a long enough password"
WAIT_MS = 90_000


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("town") / "var") as running:
        set_password(running.store, "qian", PASSWORD)
        yield running


@pytest.fixture
def page(town: Town) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": 1600, "height": 900}).new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{town.base}/login")
        page.fill("input[name=name]", "qian")
        page.fill("input[name=password]", PASSWORD)
        with page.expect_navigation(timeout=WAIT_MS, wait_until="commit"):
            page.keyboard.press("Enter")
        yield page
        browser.close()


def test_a_section_head_suspends_an_event_by_its_button_and_the_reason_stands_in_the_history(
    town: Town, page: Page
) -> None:
    body = {"kind": "dirty_path", "location": {"lon": 106.505, "lat": 29.583}, "description": "楼道堆物"}
    number = town.by("li").post("events", body)["event"]["id"]
    town.by("li").step(number, "file")
    town.by("qian").step(number, "dispatch")
    page.goto(f"{town.base}/events", timeout=WAIT_MS)
    page.click(f'tr[data-event="{number}"]')
    page.click('button[data-step="suspend"]')
    page.fill('#event-form textarea[name="reason"]', "等产权单位进场")
    page.click("#event-form button.strong")
    page.wait_for_selector("#event-history >> text=等产权单位进场")
    assert page.inner_text("#events-chosen h3 .state") == "挂账"
    assert "已暂停" in page.inner_text("#events-chosen .clocks")
    assert town.by("qian").event(number)["state"] == "suspended"
    page.wait_for_selector(f'tr[data-event="{number}"] >> text=挂账')
