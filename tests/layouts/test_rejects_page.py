"""The page of what was refused, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.model.observation import Rejected
from data.ports.store import Writer
from tests.layouts.conftest import WAIT_MS, Seat
from tests.layouts.station import Station

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]


def test_the_page_lists_sources_with_reason_count_and_the_newest_example(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    site = station.settings.sites[0]

    def refuse(writer: Writer) -> None:
        for number in range(7):
            at, reason = now - timedelta(minutes=number), f"element F5: the station had no value at 12:{number:02d}"
            writer.add_reject(Rejected(site.id, "stage", at, reason, "7E7E01····F5"))
        writer.add_reject(Rejected("", "cap", now, "no CAP alert", "<rss/>"))

    seat = sit_down("/rejects")
    expect(seat.page.locator("#rejects")).to_have_text("24 小时内没有拒收任何数据", timeout=WAIT_MS)
    station.store.write(refuse)
    rows = seat.page.locator(f'tbody[data-source="{site.id}/stage"] tr')
    expect(rows).to_have_count(1, timeout=WAIT_MS)
    expect(rows.first).to_contain_text(site.name or site.id)
    expect(rows.first.locator("td").first).to_have_text("7")
    expect(rows.first).to_contain_text("7E7E01····F5")
    expect(seat.page.locator('tbody[data-source="/cap"]')).to_contain_text("本中心")
    seat.page.screenshot(path=tmp_path / "rejects-zh.png")
    english = sit_down("/rejects", language="en")
    expect(english.page.locator('tbody[data-source="/cap"]')).to_contain_text("The centre", timeout=WAIT_MS)
    english.page.screenshot(path=tmp_path / "rejects-en.png")
    assert seat.errors == english.errors == []
