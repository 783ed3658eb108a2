"""A roll-call in the browser: an order by template, one tap on the phone, who has not answered, and the summary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from data.model.organisation import Unit, UnitKind
from tests.layouts.accessible import serious
from tests.layouts.conftest import Seat
from tests.layouts.readable import unreadable
from tests.layouts.station import Station

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(240)]
WAIT_MS = 30_000
CREW = ("r01", "r02", "r03")


def test_an_order_is_answered_by_one_tap_and_everybody_is_seen_until_the_summary(
    station: Station, sit_down: Callable[..., Seat], browser: Browser, tmp_path: Path
) -> None:
    drains = Unit("drains", UnitKind.POST, "排水队", people=CREW)
    station.store.write(lambda writer: writer.put_unit(drains))
    desk = sit_down("/roll-call", width=1366, height=768)
    page = desk.page
    page.select_option("#roll-form select[name=template]", "red-rain")
    expect(page.locator("#roll-form input[name=title]")).to_have_value("暴雨红色预警：请确认已到岗")
    page.click('#roll-form details[data-of="units"] summary')
    page.check('#roll-form input[value="drains"]')
    page.click("#roll-form button.strong")
    people = page.locator("#roll-call-chosen tbody tr")
    expect(people).to_have_count(3, timeout=WAIT_MS)
    expect(page.locator('[data-count="called"] b')).to_have_text("3")
    assert unreadable(page) + serious(page) == []
    page.screenshot(path=tmp_path / "roll-1366.png")

    # The phone shows it at once; one tap answers, another person says why not.
    phones = {}
    for name in ("r01", "r02"):
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.add_cookies(station.cookies(name))  # type: ignore[arg-type]
        phones[name] = context.new_page()
        phones[name].goto(f"{station.url}/r")
        expect(phones[name].locator("article.roll h2")).to_have_text("暴雨红色预警：请确认已到岗", timeout=WAIT_MS)
    expect(page.locator('tr[data-person="r01"]')).to_contain_text("已送达，未答复", timeout=WAIT_MS)
    phones["r01"].screenshot(path=tmp_path / "roll-phone.png")
    phones["r01"].click('article.roll button[data-do="present"]')
    expect(phones["r01"].locator("article.roll .done")).to_contain_text("收到", timeout=WAIT_MS)
    phones["r02"].click("article.roll summary")
    phones["r02"].click('article.roll button[data-reason="车辆故障"]')
    expect(page.locator('tr[data-person="r01"]')).to_contain_text("收到", timeout=WAIT_MS)
    expect(page.locator('tr[data-person="r02"]')).to_contain_text("车辆故障", timeout=WAIT_MS)
    page.click('#roll-call-chosen button[data-do="recall"]')
    expect(page.locator('tr[data-person="r03"]')).to_contain_text("呼叫 2 次", timeout=WAIT_MS)
    page.click('tr[data-person="r03"] button[data-do="present-for"]')
    expect(page.locator('tr[data-person="r03"]')).to_contain_text("陈明 代记", timeout=WAIT_MS)
    page.click('#roll-call-chosen button[data-do="close"]')
    page.fill("#roll-call-chosen form input", "全员到位")
    page.keyboard.press("Enter")
    expect(page.locator(".summary")).to_have_text(
        "小结：应到 3，收到 2，无法到岗 1，未答复 0 · 全员到位", timeout=WAIT_MS
    )
    expect(phones["r01"].locator("article.roll")).to_have_count(0, timeout=WAIT_MS)
    for phone in phones.values():
        phone.context.close()

    # Somebody at a desk is called on whatever page they are, in their language.
    page.fill("#roll-form input[name=title]", "夜间查岗")
    page.click('#roll-form details[data-of="roles"] summary')
    page.check('#roll-form input[value="analyst"]')
    analyst = sit_down("/events", user="liuna", language="en")
    page.click("#roll-form button.strong")
    line = analyst.page.locator("#roll-call-mine .mine")
    expect(line).to_contain_text("Roll-call: 夜间查岗", timeout=WAIT_MS)
    analyst.page.screenshot(path=tmp_path / "roll-mine-en-1920.png")
    line.locator('button[data-do="present"]').click()
    expect(analyst.page.locator("#roll-call-mine")).to_be_hidden(timeout=WAIT_MS)
    expect(page.locator('tr[data-person="liuna"]')).to_contain_text("收到", timeout=WAIT_MS)
    analyst.page.goto(f"{station.url}/roll-call?id=1")
    expect(analyst.page.locator(".summary")).to_contain_text("3 called, 2 present", timeout=WAIT_MS)
    expect(analyst.page.locator("#roll-call-order")).to_contain_text("Your role may look")
    assert unreadable(analyst.page) + serious(analyst.page) == []
    analyst.page.screenshot(path=tmp_path / "roll-en-1920.png")
    assert desk.errors + analyst.errors == []
    assert desk.hosts == {station.url.removeprefix("http://")}
