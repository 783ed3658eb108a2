"""The analyst's page in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from tests.layouts.street import flood, raise_one

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
CURSOR_X = "() => new DOMMatrix(getComputedStyle(document.getElementById('review-cursor')).transform).m41"


def remember(station: Station) -> datetime:
    """A quarter of an hour ago the river rose and somebody was in it; the time of the alert."""
    at = datetime.now(UTC) - timedelta(minutes=15)
    station.store.write(lambda writer: writer.add_readings(flood(datetime.now(UTC))))
    raise_one(station.store, station.vault, at, site="quay-1")
    return at


def test_the_cursor_is_sought_played_and_paused_and_shows_what_was_so(station: Station, sit_down: SitDown) -> None:
    remember(station)
    seat = sit_down("/review", user="liuna")
    page = seat.page
    expect(page.locator("[data-then]")).to_have_count(1, timeout=15_000)
    assert "人 · 进入禁区" in page.inner_text("#review-open")
    assert "河街水文站" in page.inner_text("#review-values")
    expect(page.locator("#review-newest img")).to_have_count(1)
    box = page.locator("#review-graph .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 4, box["y"] + 20)  # the beginning of the span: nothing yet
    expect(page.locator("[data-then]")).to_have_count(0)
    expect(page.locator("#review-newest img")).to_have_count(0)
    left = page.evaluate(CURSOR_X)
    page.click('[data-speed="60"]')
    page.click("#review-play")
    page.wait_for_timeout(2000)
    page.click("#review-play")
    moved = page.evaluate(CURSOR_X) - left
    shown = page.inner_text("#review-now b")
    page.wait_for_timeout(400)
    assert page.inner_text("#review-now b") == shown, "paused"
    expected = box["width"] * 2 * 60 / 1800  # two seconds at 60x on half an hour
    assert moved == pytest.approx(expected, rel=0.5)
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + 20)
    expect(page.locator("[data-then]")).to_have_count(1)
    assert seat.errors == []


def test_both_lists_are_exported_as_csv(station: Station, sit_down: SitDown) -> None:
    remember(station)
    page = sit_down("/review", user="liuna").page
    with page.expect_download() as waiting:
        page.click("#review-alerts-csv")
    assert waiting.value.suggested_filename.startswith("yiping-alerts-")
    text = waiting.value.path().read_text("utf-8-sig")
    assert text.splitlines()[0].startswith("id,site,rule,zone")
    assert "quay-1" in text.splitlines()[1]
    with page.expect_download() as waiting:
        page.click("#review-tasks-csv")
    assert waiting.value.suggested_filename.startswith("yiping-tasks-")


def test_a_wrong_span_is_answered_in_words(station: Station, sit_down: SitDown) -> None:
    page = sit_down("/review", user="liuna").page
    page.wait_for_selector("#review-since[type='datetime-local']")
    page.fill("#review-until", "2020-01-01T00:00")
    page.click("#review-read")
    expect(page.locator("#review-message")).to_contain_text("时间有误")


def test_a_shortcut_sets_the_span_in_the_time_of_the_district(station: Station, sit_down: SitDown) -> None:
    page = sit_down("/review", user="liuna").page
    page.wait_for_selector("#review-since[type='datetime-local']")
    page.click('[data-minutes="30"]')
    there = datetime.now(UTC) + timedelta(hours=8)
    since = datetime.fromisoformat(page.input_value("#review-since")).replace(tzinfo=UTC)
    assert abs((there - since) - timedelta(minutes=30)) <= timedelta(minutes=2)


def test_a_span_in_which_nothing_happened_is_shown_without_complaint(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/review", user="liuna")
    expect(seat.page.locator("#review-graph")).to_contain_text("这段时间没有记录", timeout=15_000)
    seat.page.keyboard.press("ArrowRight")
    expect(seat.page.locator("#review-open")).to_contain_text("此刻没有")
    assert seat.errors == []
