"""The page Health in a real browser: faults first, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.model.people import Role
from tests.layouts.conftest import WAIT_MS, Seat
from tests.layouts.station import Station
from web.accounts import add_user

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]


def test_the_page_tells_faults_and_repairs_to_administrators(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    add_user(station.store, "root", Role.ADMINISTRATOR, None, display_name="管理员")
    seat = sit_down("/health", user="root")
    first = seat.page.locator("#health tbody tr").first
    expect(first).to_have_attribute("data-key", "not_running", timeout=WAIT_MS)
    expect(first).to_contain_text("⚠ 故障")
    expect(first).to_contain_text("启动：python app.py run")
    expect(seat.page.locator('tr[data-key="store"]')).to_contain_text("正常")
    seat.page.screenshot(path=tmp_path / "health-zh.png")
    english = sit_down("/health", user="root", language="en")
    expect(english.page.locator("#health tbody tr").first).to_contain_text("The system does not run", timeout=WAIT_MS)
    english.page.screenshot(path=tmp_path / "health-en.png")
    assert seat.errors == english.errors == []
