"""A shift is handed over in the browser: notes, two sessions, two signatures, and on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import raise_alert
from data.model.alert import AlertKey, Priority, Raised
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import Role
from data.ports.store import Writer
from tests.layouts.accessible import serious
from tests.layouts.conftest import Seat
from tests.layouts.readable import unreadable
from tests.layouts.station import Station
from web.accounts import add_user

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(240)]
WAIT_MS = 30_000


def night(station: Station) -> None:
    """A change of shift an hour ago that nobody has signed, and a P1 that nobody acknowledged."""
    now = datetime.now(UTC)

    def happen(writer: Writer) -> None:
        writer.put_unit(Unit("duty-post", UnitKind.POST, "值班岗"))
        early, late = now - timedelta(hours=9), now + timedelta(hours=7)
        writer.add_shift(Shift("duty-post", "chenming", early, now - timedelta(hours=1), duty="夜班"))
        writer.add_shift(Shift("duty-post", "zhouyu", now - timedelta(hours=1), late, duty="白班"))
        key = AlertKey("quay-1", "person-in-river", "river", "7")
        raised = Raised(key, "intrusion", Priority.P1, now, now, label="person", confidence=0.9)
        raise_alert(writer, raised, None, now)

    add_user(station.store, "zhouyu", Role.DUTY_OFFICER, None, display_name="周瑜")
    station.store.write(happen)


def test_two_officers_hand_over_in_their_own_sessions_and_what_they_signed_stays(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    night(station)
    out = sit_down("/handover", width=1366, height=768)
    page = out.page
    late = page.locator("#handover-late")
    expect(late).to_contain_text("交班人尚未签字", timeout=WAIT_MS)
    expect(page.locator("#handover-roster")).to_contain_text("周瑜 白班")
    page.click("#handover-begin")
    loud = page.locator('[data-group="alerts"] tr.loud')
    expect(loud).to_contain_text("滨江一号码头", timeout=WAIT_MS)
    expect(loud).to_contain_text("未确认")
    loud.locator('button[data-do="note"]').click()
    page.fill("tr.notes textarea", "已通知水上救援，快艇在途")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("tr.notes li")).to_contain_text("快艇在途", timeout=WAIT_MS)
    page.fill(".general textarea", "夜里有大雨，3 号泵报修")
    page.click(".general form button")
    expect(page.locator(".general li")).to_contain_text("3 号泵报修", timeout=WAIT_MS)
    page.screenshot(path=tmp_path / "handover-draft-1366.png")
    assert unreadable(page) + serious(page) == []
    page.click('form.sign[data-do="sign"] button')
    expect(page.locator('.signature[data-side="outgoing"]')).to_contain_text("✓ 陈明", timeout=WAIT_MS)
    expect(page.locator(".steps")).to_contain_text("请接班人用自己的账号登录")

    incoming = sit_down("/handover", user="zhouyu", language="en")
    desk = incoming.page
    expect(desk.locator('.signature[data-side="outgoing"]')).to_contain_text("✓ 陈明", timeout=WAIT_MS)
    desk.fill(".general textarea", "Who has the key of the pump house?")
    desk.click(".general form button")
    expect(desk.locator(".general li.question")).to_contain_text("pump house", timeout=WAIT_MS)
    desk.screenshot(path=tmp_path / "handover-signed-en-1920.png")
    assert unreadable(desk) + serious(desk) == []
    desk.click('form.sign[data-do="take"] button')
    expect(desk.locator("h3 .state")).to_have_text("signed by both", timeout=WAIT_MS)
    expect(desk.locator(".hash")).to_contain_text("✓ as it was signed")
    expect(desk.locator("form.note")).to_have_count(0)
    expect(page.locator("h3 .state")).to_have_text("双方已签字", timeout=WAIT_MS)
    expect(late).to_be_hidden(timeout=WAIT_MS)
    (kept,) = station.store.read(lambda reader: reader.handovers())
    assert (kept.outgoing and kept.outgoing.by, kept.incoming and kept.incoming.by) == ("chenming", "zhouyu")

    # It has an address of its own, is found by its words, and prints without what is around it.
    desk.fill('#handover-list input[type="search"]', "earthquake")
    expect(desk.locator("#handover-list")).to_contain_text("No handover was found", timeout=WAIT_MS)
    desk.fill('#handover-list input[type="search"]', "pump zhouyu")
    desk.locator("#handover-list li a").click(timeout=WAIT_MS)
    assert desk.url.endswith(f"/handover?id={kept.id}")
    desk.emulate_media(media="print")
    expect(desk.locator(".head")).to_be_hidden()
    expect(desk.locator("#handover-list")).to_be_hidden()
    expect(desk.locator('[data-group="alerts"]')).to_contain_text("快艇在途")
    desk.pdf(path=tmp_path / "handover.pdf")
    desk.screenshot(path=tmp_path / "handover-print.png", full_page=True)
    phone = sit_down(f"/handover?id={kept.id}", user="liuna", width=390, height=844).page
    expect(phone.locator(".hash")).to_contain_text(kept.digest, timeout=WAIT_MS)
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
    phone.screenshot(path=tmp_path / "handover-390.png")
    assert unreadable(phone) == []
    assert out.errors + incoming.errors == []
    assert out.hosts | incoming.hosts == {station.url.removeprefix("http://")}
