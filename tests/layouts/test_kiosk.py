"""A wall's screen in a real browser: no menu, full screen, a banner when the link is down, an officer's password."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from data.model.alert import AlertState
from data.model.people import Role, Session, User
from data.ports.store import Writer
from tests.layouts.conftest import PASSWORD, WAIT_MS
from tests.layouts.station import OFFICER, Station
from tests.layouts.street import raise_one
from web.accounts import set_password
from web.auth import CSRF_COOKIE, SESSION_COOKIE
from web.sessions import hash_secret, new_secret

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def screens_cookies(station: Station) -> list[dict[str, str]]:
    """Of an enrolled screen. (Enrolling is tested with the server.)"""
    secret, csrf, now = new_secret(), new_secret(), datetime.now(UTC)
    session = Session(hash_secret(secret), "wall-1", now, None, kind="screen", csrf=csrf, address="127.0.0.1")

    def work(writer: Writer) -> None:
        writer.add_user(User("wall-1", Role.WALL, None, "指挥大厅东墙"))
        writer.add_session(session)

    station.store.write(work)
    values = {SESSION_COOKIE: secret, CSRF_COOKIE: csrf}
    return [{"name": name, "value": value, "url": station.url} for name, value in values.items()]


def test_a_wall_shows_without_a_menu_and_acts_by_an_officers_password(
    station: Station, browser: Browser, tmp_path: Path
) -> None:
    set_password(station.store, OFFICER, PASSWORD)
    alert = raise_one(station.store, station.vault, datetime.now(UTC), site="quay-1")
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    context.add_cookies(screens_cookies(station))  # type: ignore[arg-type]  # a TypedDict in playwright
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(station.url)
    card = page.locator(f'.alert[data-alert="{alert.id}"]')
    expect(card.locator('[data-do="acknowledge"]')).to_be_visible(timeout=WAIT_MS)
    for gone in (".pages", "#logout", "#user-menu", "#language", "#search-open"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.locator("#sound-slot button")).to_contain_text("声音")
    expect(page.locator("#dispatch-panel")).to_contain_text("处置进度")
    assert "无权" not in page.inner_text("#main")
    page.screenshot(path=tmp_path / "kiosk.png")

    card.locator('[data-do="acknowledge"]').click()
    dialog = page.locator("#hand")
    page.fill("#hand input[name=name]", OFFICER)
    page.fill("#hand input[name=password]", "not this one at all")
    page.keyboard.press("Enter")
    expect(dialog.locator(".wrong")).to_contain_text("用户名或密码不正确", timeout=WAIT_MS)
    page.screenshot(path=tmp_path / "kiosk-hand.png")
    page.fill("#hand input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(card).to_contain_text("陈明", timeout=WAIT_MS)
    stored = station.store.read(lambda reader: reader.alert(alert.id))
    assert (stored.state, stored.acknowledged_by) == (AlertState.ACKNOWLEDGED, OFFICER)
    page.locator("#undo button").click()
    expect(card.locator('[data-do="acknowledge"]')).to_be_visible(timeout=WAIT_MS)
    assert station.store.read(lambda reader: reader.alert(alert.id)).state is AlertState.FIRING

    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement === null")

    banner = page.locator("#link-banner")
    expect(banner).to_be_hidden()
    station.link.cut()
    expect(banner).to_contain_text("中断", timeout=WAIT_MS)
    page.screenshot(path=tmp_path / "kiosk-cut.png")
    station.link.mend()
    expect(banner).to_be_hidden(timeout=WAIT_MS)
    assert errors == []
    context.close()
