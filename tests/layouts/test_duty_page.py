"""The duty officer's page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import end_alert
from data.model.alert import AlertState, Ended
from data.ports.store import TaskQuery
from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from tests.layouts.street import raise_one

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]
ROWS = "#duty-alerts .ag-center-cols-container .ag-row"


def now() -> datetime:
    return datetime.now(UTC)


def test_200_alerts_in_a_burst_are_200_rows(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/duty")
    seat.page.wait_for_selector("#duty-alerts .ag-root")
    for number in range(200):
        raise_one(station.store, station.vault, now(), site="market", subject=str(number))
    expect(seat.page.locator("#duty-alert-counts")).to_have_text("未确认 200", timeout=15_000)
    seat.page.wait_for_timeout(500)
    assert seat.page.evaluate("window.dash_ag_grid.getApi('duty-alerts').getDisplayedRowCount()") == 200
    assert seat.errors == []


def test_the_table_is_dark_also_without_a_colour_scheme_of_the_system(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/duty")
    seat.page.wait_for_selector("#duty-alerts .ag-root")
    colour = seat.page.evaluate(
        "getComputedStyle(document.querySelector('#duty-alerts .ag-root-wrapper')).backgroundColor"
    )
    assert max(int(part) for part in re.findall(r"\d+", colour)[:3]) < 60, colour


def test_a_chosen_row_shows_picture_buttons_and_trail_and_is_worked_from_there(
    station: Station, sit_down: SitDown
) -> None:
    alert = raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/duty")
    seat.page.click(ROWS)
    expect(seat.page.locator("#duty-trail li")).to_have_count(1)
    assert "发现" in seat.page.inner_text("#duty-trail li")
    seat.page.click('#duty-chosen button[data-do="acknowledge"]')
    expect(seat.page.locator("#duty-trail")).to_contain_text("确认")
    assert station.store.read(lambda reader: reader.alert(alert.id)).state is AlertState.ACKNOWLEDGED
    again = f"yiping.act(null, () => yiping.post('/api/v1/alerts/{alert.id}/acknowledge'))"
    seat.page.evaluate(again)
    expect(seat.page.locator(".message.error")).to_have_text(
        re.compile(rf"^告警 {alert.id} 已由\S+于 \d\d/\d\d \d\d:\d\d:\d\d 确认$")
    )
    seat.page.click('#duty-chosen button[data-do="dispatch"]')
    expect(seat.page.locator("#duty-tasks .ag-center-cols-container .ag-row")).to_have_count(1)
    (task,) = station.store.read(lambda reader: reader.tasks(TaskQuery()))
    (other,) = task.also_offered
    for asked in (task.offered_to, other):  # an urgent one: two at once
        expect(seat.page.locator(f'[data-person="{asked}"].busy')).to_be_visible()
    expect(seat.page.locator("#duty-people-counts")).to_have_text("在岗 18 · 任务中 2")
    seat.page.click('#duty-chosen button[data-do="cancel"]')
    expect(seat.page.locator("#duty-tasks .ag-center-cols-container .ag-row")).to_have_count(0)
    assert seat.errors == ["Failed to load resource: the server responded with a status of 409 (Conflict)"], (
        "of the refusal that is asked for above"
    )


def test_a_row_leaves_when_its_alert_is_over_and_was_seen(station: Station, sit_down: SitDown) -> None:
    alert = raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/duty")
    expect(seat.page.locator(ROWS)).to_have_count(1)
    station.store.write(lambda writer: end_alert(writer, Ended(alert.key, now(), now()), now()))
    expect(seat.page.locator(ROWS)).to_contain_text("已恢复·未确认")
    seat.page.click(ROWS)
    seat.page.click('#duty-chosen button[data-do="acknowledge"]')
    expect(seat.page.locator(ROWS)).to_have_count(0)
