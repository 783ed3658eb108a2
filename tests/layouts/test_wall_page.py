"""The wall in a real browser against the real server and store."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import acknowledge, end_alert
from data.model.alert import AlertState, Ended
from data.model.observation import Reading
from data.model.people import Actor, Role
from data.model.record import Change
from data.model.task import TaskState
from data.model.views import reading_view
from data.ports.store import TaskQuery
from dispatch import tasks
from tests.layouts.conftest import Seat
from tests.layouts.station import OFFICER, Station
from tests.layouts.street import raise_one

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SitDown = Callable[..., Seat]
NOTE_ARRIVALS = """() => {
  window.arrived = {};
  new MutationObserver(() => document.querySelectorAll("[data-alert]").forEach((card) => {
    window.arrived[card.dataset.alert] ??= Date.now();
  })).observe(document.body, {childList: true, subtree: true});
}"""

OTHER_EPOCH = """() => {
  const real = window.WebSocket;
  window.WebSocket = class extends real {
    constructor(url) { super(url.replace(/epoch=[^&]*/, "epoch=another")); }
  };
}"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.alone
def test_a_committed_alert_is_on_the_screen_within_300_ms_without_reload(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    seat.page.evaluate(NOTE_ARRIVALS)
    committed = {}
    for number in range(12):
        alert = raise_one(station.store, station.vault, now(), site="quay-1", subject=f"swimmer-{number}")
        committed[str(alert.id)] = time.time() * 1000
        seat.page.wait_for_selector(f'[data-alert="{alert.id}"]')
        time.sleep(0.05)
    arrived = seat.page.evaluate("window.arrived")
    took_ms = sorted(arrived[alert_id] - at for alert_id, at in committed.items())
    print(f"committed -> visible, ms: median {statistics.median(took_ms):.0f}, worst {took_ms[-1]:.0f}")
    assert statistics.median(took_ms) <= 300
    assert seat.asked("/") == 1, "the page was loaded once"
    assert seat.errors == []


def test_in_a_burst_of_200_each_place_of_a_p1_has_a_card_the_rest_one_for_the_grid(
    station: Station, sit_down: SitDown
) -> None:
    seat = sit_down("/")
    for number in range(200):
        site = ("quay-1", "bridge")[number % 20 // 10] if number % 10 == 0 else "school"
        raise_one(station.store, station.vault, now(), site=site, subject=str(number))
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 200", timeout=15_000)
    expect(seat.page.locator("[data-card]")).to_have_count(3, timeout=15_000)
    order = seat.page.eval_on_selector_all("[data-card]", "cards => cards.map(c => +c.dataset.card)")
    assert order == [11, 1, 2], "the places of P1 first, the newest on top; then the grid's"
    expect(seat.page.locator('.place[data-card="1"] .times')).to_have_text("×10")
    group = seat.page.locator('.group[data-card="2"]')
    expect(group.locator(".number b")).to_have_text("180")
    assert seat.errors == []


def test_a_link_cut_for_five_seconds_misses_nothing_and_says_so_meanwhile(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    raise_one(station.store, station.vault, now(), site="quay-1", subject="before")
    seat.page.wait_for_selector("[data-alert]")
    snapshots = seat.asked("/api/v1/alerts")
    station.link.cut()
    seat.page.wait_for_selector('#link-state[data-state="lost"]')
    assert "连接中断" in seat.page.inner_text("#link-state")
    for number in range(30):
        raise_one(station.store, station.vault, now(), site="market", subject=f"away-{number}")
    time.sleep(5)
    station.link.mend()
    seat.page.wait_for_selector('#link-state[data-state="live"]', timeout=10_000)
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 31", timeout=5_000)
    expect(seat.page.locator(".alert.group .number b")).to_have_text("30")
    assert seat.asked("/api/v1/alerts") == snapshots, "the socket went on from its number, no list was read again"


def test_a_restarted_server_is_found_again_and_its_state_read_anew(station: Station, sit_down: SitDown) -> None:
    """Another epoch: numbers of before mean nothing, the page reads its lists again."""
    seat = sit_down("/")
    alert = raise_one(station.store, station.vault, now(), site="quay-1", subject="1")
    seat.page.wait_for_selector(f'[data-alert="{alert.id}"]')
    seat.page.evaluate(OTHER_EPOCH)
    snapshots = seat.asked("/api/v1/alerts")
    station.link.cut()
    seat.page.wait_for_selector('#link-state[data-state="lost"]')
    second = raise_one(station.store, station.vault, now(), site="quay-2", subject="2")
    station.link.mend()
    seat.page.wait_for_selector(f'[data-alert="{second.id}"]', timeout=10_000)
    assert seat.asked("/api/v1/alerts") == snapshots + 2, "open and unacknowledged alerts were read again"
    assert seat.page.locator("[data-alert]").count() == 2


def test_acknowledging_by_click_is_in_the_store_and_calms_the_card(station: Station, sit_down: SitDown) -> None:
    alert = raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/")
    assert seat.page.wait_for_selector("body[data-urgent]"), "an unacknowledged P1 is marked"
    seat.page.click(f'[data-alert="{alert.id}"] button[data-do="acknowledge"]')
    seat.page.wait_for_selector(f'[data-alert="{alert.id}"]:not(.fresh)')
    stored = station.store.read(lambda reader: reader.alert(alert.id))
    assert stored.state is AlertState.ACKNOWLEDGED
    assert stored.acknowledged_by == OFFICER
    seat.page.wait_for_selector("body:not([data-urgent])")
    assert "陈明" in seat.page.inner_text(f'[data-alert="{alert.id}"]')
    assert seat.errors == []


def test_by_keyboard_alone_j_k_a_d(station: Station, sit_down: SitDown) -> None:
    older = raise_one(station.store, station.vault, now(), site="quay-1", subject="older")
    newer = raise_one(station.store, station.vault, now(), site="quay-2", subject="newer")
    seat = sit_down("/")
    seat.page.wait_for_selector(f'[data-alert="{newer.id}"].shown')
    seat.page.keyboard.press("j")  # the one that is shown becomes the chosen one
    seat.page.keyboard.press("j")
    seat.page.wait_for_selector(f'[data-alert="{older.id}"].chosen')
    seat.page.keyboard.press("a")
    seat.page.wait_for_selector(f'[data-alert="{older.id}"]:not(.fresh)')
    seat.page.keyboard.press("d")
    seat.page.wait_for_selector(f'[data-alert="{older.id}"].chosen .step')
    open_tasks = station.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True)))
    assert [(task.alert_id, task.created_by) for task in open_tasks] == [(older.id, OFFICER)]
    assert station.store.read(lambda reader: reader.alert(newer.id)).state is AlertState.FIRING


def test_an_alert_that_one_works_on_stays_in_the_panel_though_others_are_more_urgent_now(
    station: Station, sit_down: SitDown
) -> None:
    raise_one(station.store, station.vault, now(), site="school")
    first = raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/")
    seat.page.wait_for_selector(f'[data-alert="{first.id}"].shown')
    seat.page.keyboard.press("j")
    seat.page.keyboard.press("a")
    seat.page.wait_for_selector(f'[data-alert="{first.id}"]:not(.fresh)')
    seat.page.wait_for_timeout(300)
    expect(seat.page.locator(f'[data-alert="{first.id}"]')).to_have_class(re.compile("chosen"))
    expect(seat.page.locator('.timeline [data-step="alert.acknowledged"]')).to_have_class("done")


def test_keys_act_on_what_was_chosen_and_on_nothing_with_words_when_it_is_gone(
    station: Station, sit_down: SitDown
) -> None:
    other = raise_one(station.store, station.vault, now(), site="quay-2", subject="other")
    first = raise_one(station.store, station.vault, now(), site="quay-1", subject="first")
    seat = sit_down("/")
    seat.page.wait_for_selector(f'[data-alert="{first.id}"].shown')
    seat.page.keyboard.press("d")
    expect(seat.page.locator(".message").last).to_contain_text("尚未选择预警")
    seat.page.keyboard.press("j")
    seat.page.wait_for_selector('.subject button:has-text("D")')
    colleague = Actor("colleague", Role.OPERATOR)
    station.store.write(lambda writer: acknowledge(writer, first.id, colleague, now()))
    station.store.write(lambda writer: end_alert(writer, Ended(first.key, now(), now()), now()))
    expect(seat.page.locator(f'[data-alert="{first.id}"]')).to_have_count(0)
    seat.page.wait_for_timeout(300)
    for key in ("d", "a"):
        seat.page.keyboard.press(key)
    expect(seat.page.locator(".message").last).to_contain_text("所选预警已办结")
    seat.page.wait_for_timeout(300)
    assert station.store.read(lambda reader: reader.tasks(TaskQuery())) == []
    assert station.store.read(lambda reader: reader.alert(other.id)).state is AlertState.FIRING
    assert seat.page.locator(f'[data-alert="{other.id}"].chosen').count() == 0
    seat.page.keyboard.press("j")
    seat.page.wait_for_selector(f'[data-alert="{other.id}"].chosen')
    assert seat.errors == []


def test_a_chosen_responder_is_sent_and_every_step_shows_who_and_when(station: Station, sit_down: SitDown) -> None:
    raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/")
    seat.page.wait_for_selector(".candidates li")
    assert seat.page.locator(".candidates li button").count() == 0, (
        "nobody chose: what is shown may be another one soon"
    )
    seat.page.keyboard.press("j")
    seat.page.wait_for_selector(".candidates li button")
    names = seat.page.eval_on_selector_all(".candidates li b", "all => all.map(one => one.textContent)")
    assert len(names) == 6
    seat.page.click(".candidates li:nth-child(2) button")
    seat.page.wait_for_selector('.timeline [data-step="task.offered"].done')
    (task,) = station.store.read(lambda reader: reader.tasks(TaskQuery()))
    assert task.state is TaskState.OFFERED
    assert task.offered_to is not None
    who = Actor(task.offered_to, Role.RESPONDER)
    assert seat.page.inner_text('.timeline [data-step="task.offered"] span') == names[1]
    for step in (tasks.accept, tasks.en_route, tasks.on_scene):
        station.store.write(lambda writer, step=step: step(writer, task.id, who, now()))  # type: ignore[misc]
    station.store.write(lambda writer: tasks.report(writer, task.id, who, now(), "人已上岸，安全", None))
    seat.page.wait_for_selector('.report button[data-do="verify"]')
    assert "人已上岸，安全" in seat.page.inner_text(".report")
    seat.page.click('.report button[data-do="verify"]')
    seat.page.wait_for_selector('.timeline [data-step="task.closed"].done')
    assert seat.page.inner_text('.timeline [data-step="task.verified"] span') == "陈明"
    assert station.store.read(lambda reader: reader.task(task.id)).state is TaskState.CLOSED
    assert seat.errors == []


def test_candidates_tell_what_their_cost_is_made_of_and_what_sending_them_would_mean(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    raise_one(station.store, station.vault, now(), site="quay-1")
    people = station.store.read(lambda reader: reader.responders())
    for number, one in enumerate(people):  # each in a grid of their own
        alone = replace(one, grid=f"5001050070090{number:02}")
        station.store.write(lambda writer, alone=alone: writer.put_responder(alone))  # type: ignore[misc]
    seat = sit_down("/")
    row = seat.page.locator(".candidates li").first
    row.wait_for()
    assert re.search("⚠ 网格 5001050070090[0-9]{2} 的最后一人", row.inner_text())
    assert "直线估计" in row.inner_text(), "there are no roads here, and it says so"
    assert "travel" in (row.locator(".travel").get_attribute("title") or "")
    seat.page.screenshot(path=tmp_path / "candidates.png")
    for one in people:
        station.store.write(lambda writer, one=one: writer.put_responder(one))  # type: ignore[misc]
    assert seat.errors == []


def test_who_may_only_look_is_offered_no_step_and_a_key_says_why(station: Station, sit_down: SitDown) -> None:
    alert = raise_one(station.store, station.vault, now(), site="quay-1")
    for number in range(2):
        raise_one(station.store, station.vault, now(), site="school", subject=f"car-{number}")
    seat = sit_down("/", user="liuna")  # an analyst
    seat.page.click(f'[data-alert="{alert.id}"] .what')
    seat.page.wait_for_selector(f'[data-alert="{alert.id}"].chosen')
    steps = "acknowledge", "acknowledge-all", "dispatch", "take-over", "verify"
    assert seat.page.locator(", ".join(f'.wall [data-do="{step}"]' for step in steps)).count() == 0
    assert seat.page.locator("#dispatch-panel button").count() == 0
    expect(seat.page.locator(".keys")).to_contain_text("您的角色只可查看")
    seat.page.keyboard.press("a")
    expect(seat.page.locator(".message").last).to_have_text("您的角色只可查看，不能进行这一操作")
    assert station.store.read(lambda reader: reader.alert(alert.id)).state is AlertState.FIRING
    assert seat.asked(f"/api/v1/alerts/{alert.id}/candidates") == 0
    assert seat.errors == []


def test_a_refusal_is_shown_as_text_to_the_person(station: Station, sit_down: SitDown) -> None:
    alert = raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/")
    card = seat.page.locator(f'[data-alert="{alert.id}"] button[data-do="acknowledge"]')
    expect(card).to_be_visible()
    seat.page.route("**/acknowledge", lambda route: route.fulfill(status=403, json={"title": "Forbidden"}))
    card.click()
    expect(seat.page.locator(".message.error")).to_contain_text("无权执行此操作")
    assert station.store.read(lambda reader: reader.alert(alert.id)).state is AlertState.FIRING


def test_tiles_show_live_pictures_and_one_that_stands_is_covered_and_says_for_how_long(
    station: Station, sit_down: SitDown
) -> None:
    seat = sit_down("/")
    end = time.monotonic() + 10
    number = 0
    while seat.page.locator(".tile:not(.covered)").count() < 6:
        assert time.monotonic() < end, "six live tiles"
        number += 1
        for site in ("quay-1", "quay-2", "bridge", "underpass", "market", "school"):
            station.show(site, number)
        seat.page.wait_for_timeout(150)
    colours = seat.page.evaluate(
        """() => { const c = document.querySelector('[data-site="quay-1"] canvas');
          const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
          return new Set(Array.from({length: 400}, (_, i) => d[i * 997 * 4 % d.length])).size; }"""
    )
    assert colours > 10, "a picture, not a plain field"
    seat.page.wait_for_selector('[data-site="quay-1"].covered.lost', timeout=9_000)
    assert "没有新画面" in seat.page.inner_text('[data-site="quay-1"] .cover')
    at = now()
    lost = Change("site", "site:bridge", at, {"site": "bridge", "health": "lost", "at": at.isoformat()})
    station.store.write(lambda writer: writer.publish(lost))
    expect(seat.page.locator('[data-site="bridge"] .cover')).to_have_text("信号中断")
    assert seat.errors == []


def test_a_reading_moves_the_gauge_at_once(station: Station, sit_down: SitDown) -> None:
    first = Reading("underpass", "mqtt_gauge", "water_depth", 3.0, now() - timedelta(minutes=2))
    station.store.write(lambda writer: writer.add_readings([first]))
    seat = sit_down("/")
    gauge = '[data-gauge="underpass|water_depth"]'
    assert "3.0" in seat.page.inner_text(gauge)
    second = Reading("underpass", "mqtt_gauge", "water_depth", 28.5, now())
    change = Change("reading", "underpass", second.at, reading_view(second))
    station.store.write(lambda writer: writer.publish(change))
    expect(seat.page.locator(gauge)).to_contain_text("28.5")


@pytest.mark.parametrize("path", ["/", "/duty", "/review"])
def test_no_page_asks_another_host_or_complains(station: Station, sit_down: SitDown, path: str) -> None:
    raise_one(station.store, station.vault, now(), site="quay-1")
    pictures = threading.Timer(0.5, station.show, ("quay-1", 1))
    pictures.start()
    seat = sit_down(path)
    seat.page.wait_for_timeout(2500)
    pictures.join()
    assert seat.hosts == {urlsplit(station.url).netloc}
    assert seat.errors == []


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (3840, 2160)])
def test_the_wall_fits_the_screen_without_scrolling(
    station: Station, sit_down: SitDown, width: int, height: int
) -> None:
    raise_one(station.store, station.vault, now(), site="quay-1")
    page = sit_down("/", width=width, height=height).page
    page.wait_for_selector(".candidates li")
    overflow = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert overflow == [width, height]
    for panel in ("#map", "#camera-wall", "#alert-list", "#dispatch-panel", "#gauge-strip"):
        box = page.locator(panel).bounding_box()
        assert box is not None
        assert box["width"] > width * 0.15, panel
        assert box["height"] > height * 0.03, panel
        assert box["y"] + box["height"] <= height, panel
    buttons = page.eval_on_selector_all(
        ".alert .do button, .dispatch .do button",
        "all => all.every(b => b.getBoundingClientRect().right <= innerWidth && b.scrollWidth <= b.clientWidth + 1)",
    )
    assert buttons


def test_the_language_switch_turns_every_text_and_is_remembered(station: Station, sit_down: SitDown) -> None:
    raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/")
    assert "未确认 1" in seat.page.inner_text("#alert-counts")
    seat.page.click("#language")
    seat.page.wait_for_selector('html[lang="en"]')
    seat.page.wait_for_selector(".alert")
    assert "1 unacknowledged" in seat.page.inner_text("#alert-counts")
    assert "Person · in the danger zone" in seat.page.inner_text(".alert h3")
    seat.page.reload()
    seat.page.wait_for_selector(".alert")
    assert seat.page.inner_text('.nav-link[href="/duty"]') == "Duty"


def test_the_clock_shows_the_time_of_the_district(station: Station, sit_down: SitDown) -> None:
    shown = sit_down("/").page.inner_text("#clock b")
    there = now() + timedelta(hours=8)  # Asia/Shanghai
    assert abs((datetime.strptime(shown, "%H:%M:%S").replace(tzinfo=UTC).hour - there.hour) % 24) in {0, 23}


def test_a_session_that_was_ended_leads_to_the_login_page(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    station.store.write(lambda writer: writer.revoke_sessions_of(OFFICER, now()))
    seat.page.wait_for_url("**/login**", timeout=20_000)
