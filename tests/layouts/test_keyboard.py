"""The duty page and the wall by keyboard alone, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from alerts.lifecycle import acknowledge, end_alert
from data.model.alert import Alert, AlertState, Ended
from data.model.people import Actor, Role
from data.ports.store import TaskQuery
from dispatch.tasks import cancel
from tests.layouts.conftest import WAIT_MS, Seat
from tests.layouts.station import OFFICER, Station, running_station
from tests.layouts.street import raise_one

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]
OTHER = Actor("other", Role.DUTY_OFFICER)
SUBJECTS = count()
ROWS = "#duty-alerts .ag-center-cols-container .ag-row"
LISTED = {
    ("/", "zh"): ("快捷键", "派遣最近人员"),
    ("/duty", "zh"): ("快捷键", "打开焦点所在的一行"),
    ("/", "en"): ("Keyboard shortcuts", "acknowledge the chosen alert"),
    ("/duty", "en"): ("Keyboard shortcuts", "open the row"),
}
FOCUSED_ROW = "document.activeElement.closest('#duty-alerts .ag-row')?.getAttribute('row-id') ?? null"
FOCUSED_PLACE = """() => {
  const at = document.activeElement;
  return at.closest("#duty-alerts, #duty-tasks, #duty-chosen")?.id ?? at.id;
}"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """One for all tests of this file; each takes its alerts away again."""
    with running_station(tmp_path_factory.mktemp("station")) as running:
        yield running


@pytest.fixture
def rise(station: Station) -> Iterator[Callable[[str], Alert]]:
    """rise("quay-1") -> a new alert there, which is over and seen when the test has ended."""
    raised: list[Alert] = []

    def raise_at(site: str) -> Alert:
        raised.append(raise_one(station.store, station.vault, now(), site=site, subject=f"{next(SUBJECTS)}"))
        return raised[-1]

    yield raise_at
    for task in station.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True))):
        station.store.write(lambda writer, task=task: cancel(writer, task.id, OTHER, now()))  # type: ignore[misc]
    for alert in raised:
        leave(station, alert)


@pytest.fixture
def three(rise: Callable[[str], Alert]) -> list[Alert]:
    """An urgent alert and two others."""
    return [rise(site) for site in ("quay-1", "market", "school")]


def leave(station: Station, alert: Alert) -> None:
    """Its condition is over and somebody has seen it."""
    if state(station, alert) in {AlertState.FIRING, AlertState.ACKNOWLEDGED}:
        station.store.write(lambda writer: end_alert(writer, Ended(alert.key, now(), now()), now()))
    if state(station, alert) is AlertState.RETURNED:
        station.store.write(lambda writer: acknowledge(writer, alert.id, OTHER, now()))


@pytest.fixture
def duty(three: list[Alert], sit_down: SitDown) -> Iterator[Page]:
    seat = sit_down("/duty")
    expect(seat.page.locator(ROWS)).to_have_count(len(three))
    yield seat.page
    assert seat.errors == []


def tab_to(page: Page, place: str, key: str = "Tab") -> None:
    """Press until this place has the focus; a trap on the way fails."""
    seen = []
    for _ in range(60):
        page.keyboard.press(key)
        seen.append(page.evaluate(FOCUSED_PLACE))
        if seen[-1] == place:
            return
    raise AssertionError(f"{place} is not reached by {key}: {seen}")


def state(station: Station, alert: Alert) -> AlertState:
    return station.store.read(lambda reader: reader.alert(alert.id)).state


def test_tab_goes_into_each_table_and_out_of_it_again_both_ways(duty: Page) -> None:
    tab_to(duty, "duty-alerts")
    assert duty.evaluate(FOCUSED_ROW), "a row has the focus, not a heading"
    duty.keyboard.press("Tab")
    assert duty.evaluate(FOCUSED_PLACE) != "duty-alerts", "one press leaves the table"
    tab_to(duty, "duty-alerts", "Shift+Tab")
    duty.keyboard.press("Shift+Tab")
    assert duty.evaluate(FOCUSED_PLACE) not in {"duty-alerts", "duty-tasks"}


def test_arrows_reach_the_rows_and_enter_opens_the_one_with_the_focus(
    duty: Page, station: Station, three: list[Alert]
) -> None:
    tab_to(duty, "duty-alerts")
    first = duty.evaluate(FOCUSED_ROW)
    duty.keyboard.press("ArrowDown")
    second = duty.evaluate(FOCUSED_ROW)
    assert second not in {None, first}
    duty.keyboard.press("Enter")
    expect(duty.locator("#duty-chosen h3")).to_contain_text(f"#{second}")
    assert duty.evaluate("document.activeElement.id") == "duty-chosen"
    duty.keyboard.press("Enter")  # once too often
    assert {state(station, alert) for alert in three} == {AlertState.FIRING}
    duty.keyboard.press("Escape")
    assert duty.evaluate(FOCUSED_ROW) == second


def test_from_the_row_to_the_dispatched_task_by_keyboard_alone(
    duty: Page, station: Station, three: list[Alert]
) -> None:
    tab_to(duty, "duty-alerts")
    chosen = int(duty.evaluate(FOCUSED_ROW))
    duty.keyboard.press("Enter")
    duty.wait_for_selector('#duty-chosen [data-do="acknowledge"]')
    duty.keyboard.press("Tab")
    assert duty.evaluate("document.activeElement.dataset.do") == "acknowledge"
    duty.keyboard.press("Enter")
    expect(duty.locator('#duty-chosen [data-do="acknowledge"]')).to_have_count(0)
    assert duty.evaluate("document.activeElement.id") == "duty-chosen", "the button is gone: none other has the focus"
    duty.keyboard.press("Tab")
    assert duty.evaluate("document.activeElement.dataset.do") == "dispatch"
    duty.keyboard.press("Enter")
    expect(duty.locator("#duty-tasks .ag-center-cols-container .ag-row")).to_have_count(1)
    (task,) = station.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True)))
    assert task.alert_id == chosen
    assert [state(station, alert) for alert in three if alert.id != chosen] == [AlertState.FIRING] * 2


def test_a_more_urgent_alert_that_comes_meanwhile_is_not_what_enter_acts_on(
    duty: Page, station: Station, three: list[Alert], rise: Callable[[str], Alert]
) -> None:
    tab_to(duty, "duty-alerts")
    mine = duty.evaluate(FOCUSED_ROW)
    new = rise("quay-2")
    duty.wait_for_selector(f'{ROWS}[row-id="{new.id}"]')
    duty.wait_for_timeout(300)
    assert duty.evaluate(FOCUSED_ROW) == mine, "the focus follows its row"
    duty.keyboard.press("Enter")
    expect(duty.locator("#duty-chosen h3")).to_contain_text(f"#{mine}")
    duty.wait_for_selector('#duty-chosen [data-do="acknowledge"]')
    duty.keyboard.press("Tab")
    rise("bridge")
    station.store.write(lambda writer: acknowledge(writer, int(mine), OTHER, now()))
    expect(duty.locator('#duty-chosen [data-do="acknowledge"]')).to_have_count(0)
    duty.keyboard.press("Enter")  # what had the focus is gone
    duty.wait_for_timeout(300)
    assert station.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True))) == []
    assert state(station, new) is AlertState.FIRING


def test_enter_on_a_row_that_took_the_place_of_one_that_left_does_nothing_and_says_so(
    duty: Page, station: Station, three: list[Alert]
) -> None:
    tab_to(duty, "duty-alerts")
    assert duty.evaluate(FOCUSED_ROW) == str(three[0].id)
    leave(station, three[0])
    expect(duty.locator(f'{ROWS}[row-id="{three[0].id}"]')).to_have_count(0)
    duty.wait_for_function(f"![null, '{three[0].id}'].includes({FOCUSED_ROW})")
    duty.keyboard.press("Enter")
    expect(duty.locator(".message")).to_contain_text("已离开列表，未执行任何操作")
    expect(duty.locator("#duty-chosen h3")).to_have_count(0)
    duty.keyboard.press("ArrowDown")
    duty.keyboard.press("Enter")
    expect(duty.locator("#duty-chosen h3")).to_contain_text(re.compile(f"#({three[1].id}|{three[2].id})$"))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", ["/", "/duty"])
def test_a_question_mark_lists_the_shortcuts_and_the_page_below_takes_no_keys(
    sit_down: SitDown, station: Station, three: list[Alert], path: str, language: str
) -> None:
    title, line = LISTED[path, language]
    seat = sit_down(path, language=language)
    if path == "/":
        seat.page.wait_for_selector("[data-alert].shown")
        seat.page.keyboard.press("j")
        seat.page.wait_for_selector("[data-alert].chosen")
    seat.page.keyboard.press("?")
    expect(seat.page.locator("#shortcuts h2")).to_have_text(title)
    expect(seat.page.locator("#shortcuts")).to_contain_text(line)
    seat.page.keyboard.press("a")
    seat.page.keyboard.press("Escape")
    expect(seat.page.locator("#shortcuts")).to_have_count(0)
    seat.page.keyboard.press("?")
    seat.page.keyboard.press("?")
    expect(seat.page.locator("#shortcuts")).to_have_count(0)
    assert {state(station, alert) for alert in three} == {AlertState.FIRING}
    assert seat.errors == []


def test_on_the_wall_enter_chooses_the_card_with_the_focus_which_it_keeps_while_cards_change(
    sit_down: SitDown, station: Station, three: list[Alert], rise: Callable[[str], Alert]
) -> None:
    seat = sit_down("/")
    card = f'[data-alert="{three[0].id}"]'
    seat.page.focus(card)
    new = rise("quay-2")
    seat.page.wait_for_selector(f'[data-alert="{new.id}"]')
    assert seat.page.evaluate("document.activeElement.dataset.alert") == str(three[0].id)
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector(f"{card}.chosen")
    seat.page.keyboard.press("A")  # as with Caps Lock
    seat.page.wait_for_selector(f"{card}:not(.fresh)")
    assert seat.page.evaluate("document.activeElement.dataset.alert") == str(three[0].id)
    assert station.store.read(lambda reader: reader.alert(three[0].id)).acknowledged_by == OFFICER
    assert state(station, new) is AlertState.FIRING
    assert seat.errors == []


def test_every_page_is_reached_through_its_menu_by_arrows_and_enter_and_escape_gives_the_focus_back(duty: Page) -> None:
    links = duty.locator(".pages a:not(.for-administrators)").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    assert sorted(links) == sorted(
        ["/", "/duty", "/events", "/handover", "/roll-call", "/plans", "/inspections", "/notices", "/kpi", "/review",
         "/reports", "/drill", "/applications", "/case-sources", "/organisation", "/rejects"]
    )  # fmt: skip
    duty.focus('[data-menu="menu.back"] summary')
    duty.keyboard.press("ArrowDown")
    expect(duty.locator('.menu a[href="/kpi"]')).to_be_focused()
    duty.keyboard.press("Escape")
    expect(duty.locator('[data-menu="menu.back"] summary')).to_be_focused()
    expect(duty.locator('.menu a[href="/kpi"]')).to_be_hidden()
    duty.keyboard.press("Enter")
    expect(duty.locator('.menu a[href="/kpi"]')).to_be_visible()
    duty.click('[data-menu="menu.duty"] summary')
    expect(duty.locator('.menu a[href="/kpi"]')).to_be_hidden()
    duty.keyboard.press("ArrowDown")
    duty.keyboard.press("ArrowUp")
    expect(duty.locator('.menu a[href="/notices"]')).to_be_focused()
    duty.keyboard.press("Enter")
    expect(duty.locator('[data-menu="menu.duty"] summary')).to_contain_text("值守 · 通知", timeout=WAIT_MS)
