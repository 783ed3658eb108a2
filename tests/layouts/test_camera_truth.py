"""What covers a tile, what only says that it is behind, which faults are counted, and what A does with a card."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import end_alert, raise_alert
from data.model.alert import Alert, AlertKey, AlertState, Ended, Priority, Raised
from data.model.record import Change
from data.ports.store import AlertQuery, Store
from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from tests.layouts.street import packet
from tests.layouts.test_alarm_cards import flood

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]
TILE = '[data-site="quay-1"]'
# Every change of the cover from now on, as [covered, milliseconds].
WATCH = f"""() => {{
  const tile = document.querySelector('.tile{TILE}');
  window.turns = [];
  let was = tile.classList.contains("covered");
  new MutationObserver(() => {{
    const is = tile.classList.contains("covered");
    if (is !== was) window.turns.push([(was = is), performance.now()]);
  }}).observe(tile, {{ attributes: true, attributeFilter: ["class"] }});
}}"""


@contextmanager
def frames(station: Station, lag_s: float, first: int) -> Iterator[None]:
    """Five pictures a second from quay-1 through the FrameFeed, each taken `lag_s` seconds ago."""
    over = threading.Event()

    def send() -> None:
        number = first
        while not over.wait(0.2):
            number += 1
            if station.frames.wanted("quay-1"):
                station.frames.publish(packet("quay-1", datetime.now(UTC) - timedelta(seconds=lag_s), number))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


def test_lag_is_a_badge_and_only_pictures_that_do_not_arrive_are_covered_until_one_does(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    seat = sit_down("/")
    cover, age = seat.page.locator(f"{TILE}.covered"), seat.page.locator(f"{TILE} .age")
    with frames(station, 3.0, 0):
        expect(age).to_have_text("延迟 3 秒", timeout=10_000)
        expect(cover).to_have_count(0)
        seat.page.evaluate(WATCH)
        say_lost(station)
        seat.page.wait_for_timeout(3000)
        seat.page.screenshot(path=tmp_path / "lag.png")
        assert seat.page.evaluate("window.turns") == [], "neither lag nor a loss told of live pictures covers them"
        stopped = seat.page.evaluate("performance.now()")
    expect(cover).to_have_count(1, timeout=9_000)
    expect(seat.page.locator(f"{TILE} .cover")).to_have_text("信号中断")
    say_live(station)
    expect(seat.page.locator(f"{TILE} .cover")).to_contain_text("没有新画面")
    seat.page.screenshot(path=tmp_path / "covered.png")
    expect(seat.page.locator("#camera-counts")).to_contain_text("1 路异常")
    with frames(station, 8.0, 1000):
        began = seat.page.evaluate("performance.now()")
        expect(cover).to_have_count(0, timeout=3_000)
        expect(age).to_have_text("延迟 8 秒")
    expect(cover).to_have_count(1, timeout=14_000)
    expect(seat.page.locator(f"{TILE} .cover")).to_contain_text("没有新画面")
    (on, first), (off, back), (again, second) = seat.page.evaluate("window.turns")
    assert (on, off, again) == (True, False, True)
    assert first - stopped > 1500, "a lost camera of which nothing arrives is covered after 2 s"
    assert back - began < 1000, "at once"
    assert second - back >= 9_900, "no cover comes back sooner"
    assert seat.errors == []


def test_a_tile_whose_pictures_stop_is_covered_after_five_seconds_and_lag_to_and_fro_turns_nothing(
    station: Station, sit_down: SitDown
) -> None:
    seat = sit_down("/", language="en")
    with frames(station, 0.0, 0):
        expect(seat.page.locator(f"{TILE}.covered")).to_have_count(0, timeout=10_000)
        seat.page.evaluate(WATCH)
    with frames(station, 2.8, 500):
        expect(seat.page.locator(f"{TILE} .age.lag")).to_have_text("3 s behind", timeout=8_000)
    with frames(station, 0.0, 900):
        seat.page.wait_for_timeout(1500)
        expect(seat.page.locator(f"{TILE} .age.lag")).to_have_text("3 s behind")  # as it was, not "0 s behind"
        stopped = seat.page.evaluate("performance.now()")
    expect(seat.page.locator(f"{TILE} .cover")).to_contain_text("No new picture for 0:0", timeout=9_000)
    ((on, at),) = seat.page.evaluate("window.turns")
    assert on
    assert 4_500 < at - stopped < 7_500


def test_only_a_camera_fault_that_holds_now_is_counted(station: Station, sit_down: SitDown) -> None:
    key = AlertKey("bridge", "camera_health", "", "video_blind")
    fault, counts = seat_fault(station.store, key), "#camera-counts"
    seat = sit_down("/")
    expect(seat.page.locator(counts)).to_contain_text("1 路异常")
    for _ in range(12):
        station.store.write(lambda writer: end_alert(writer, Ended(key, at := datetime.now(UTC), at), at))
        if (latest := newest(station.store)).latched_since is not None:
            break
        seat_fault(station.store, key)
    assert latest.id == fault.id
    assert latest.is_open, "the latch holds it open, though it is over"
    assert latest.clearing_since is not None
    expect(seat.page.locator(counts)).not_to_contain_text("异常")
    expect(seat.page.locator('.tile[data-site="bridge"].ill')).to_have_count(0)
    seat_fault(station.store, key)
    expect(seat.page.locator(counts)).to_contain_text("1 路异常")  # it holds again, latched as it is


def test_a_acknowledges_what_was_on_the_card_when_it_was_chosen_and_says_what_joined_since(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    flood(station.store, *[("market", Priority.P3)] * 12)
    seat = sit_down("/")
    card = seat.page.locator(".alert.group")
    expect(card.locator(".number b")).to_have_text("12")
    expect(seat.page.locator(".alert.group.shown:not(.chosen)")).to_have_count(1)
    seat.page.screenshot(path=tmp_path / "shown.png")
    sign = "getComputedStyle(one.querySelector('h3'), '::before').content"
    assert card.evaluate("one => getComputedStyle(one).borderStyle") == "dashed"
    assert "未选择" in card.evaluate(f"one => {sign} + one.querySelector('h3').dataset.shown")
    seat.page.keyboard.press("j")
    expect(seat.page.locator(".alert.group.chosen:not(.shown)[aria-current]")).to_have_count(1)
    seat.page.screenshot(path=tmp_path / "chosen.png")
    flood(station.store, *[("market", Priority.P3)] * 2)
    expect(card.locator(".number b")).to_have_text("14")
    seat.page.keyboard.press("a")
    expect(seat.page.locator(".message").last).to_contain_text("另有 2 条是选择之后加入的，未确认")
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 2")
    states = [alert.state for alert in station.store.read(lambda reader: reader.alerts(AlertQuery(limit=100)))]
    assert (states.count(AlertState.ACKNOWLEDGED), states.count(AlertState.FIRING)) == (12, 2)
    seat.page.keyboard.press("j")  # the same card, chosen anew with all that is on it
    seat.page.keyboard.press("a")
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 0")
    assert seat.errors == []


def say_lost(station: Station) -> None:
    _say(station, "lost")


def say_live(station: Station) -> None:
    _say(station, "live")


def _say(station: Station, health: str) -> None:
    at = datetime.now(UTC)
    told = Change("site", "site:quay-1", at, {"site": "quay-1", "health": health, "at": at.isoformat()})
    station.store.write(lambda writer: writer.publish(told))


def seat_fault(store: Store, key: AlertKey) -> Alert:
    """The camera's picture is covered, by its own health rule."""
    at = datetime.now(UTC)
    raised = Raised(key, "camera_health", Priority.P3, at, at, label="video_blind")
    store.write(lambda writer: raise_alert(writer, raised, None, at))
    return newest(store)


def newest(store: Store) -> Alert:
    return max(store.read(lambda reader: reader.alerts(AlertQuery(limit=10))), key=lambda alert: alert.id)
