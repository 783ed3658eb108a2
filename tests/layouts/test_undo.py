"""Ten seconds to take a step back, on the wall and the duty page, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.model.alert import Alert, AlertState
from data.model.alert_life import Verification
from data.model.people import Actor, Role
from data.ports.store import TaskQuery
from dispatch.tasks import accept
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import raise_one, street_settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
OTHER = Actor("other", Role.DUTY_OFFICER)
SUBJECTS = count()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def undo_s() -> int:
    """How long a step may be taken back; a busy machine may need some of it for what stands between."""
    return 60


@pytest.fixture
def station(tmp_path: Path, undo_s: int) -> Iterator[Station]:
    settings = street_settings()
    alarms = settings.alarms.model_copy(update={"undo_within": timedelta(seconds=undo_s)})
    with running_station(tmp_path, settings.model_copy(update={"alarms": alarms})) as running:
        yield running


@pytest.fixture
def alert(station: Station) -> Alert:
    return raise_one(station.store, station.vault, now(), site="quay-1", subject=f"u{next(SUBJECTS)}")


def stored(station: Station, alert: Alert) -> Alert:
    return station.store.read(lambda reader: reader.alert(alert.id))


def test_an_acknowledgement_is_taken_back_by_z_while_the_bar_counts_down(
    station: Station, sit_down: SitDown, alert: Alert
) -> None:
    seat = sit_down("/")
    seat.page.click(f'[data-alert="{alert.id}"] .what')
    seat.page.keyboard.press("a")
    bar = seat.page.locator("#undo")
    expect(bar).to_contain_text("已确认 · 人 · 进入禁区 · 滨江一号码头")
    expect(bar.locator("button")).to_have_text(re.compile(r"撤销 ([3-5]\d|60) 秒"))
    assert stored(station, alert).state is AlertState.ACKNOWLEDGED
    seat.page.keyboard.press("z")
    expect(bar).to_have_count(0)
    seat.page.wait_for_selector(f'[data-alert="{alert.id}"].fresh')
    assert stored(station, alert).state is AlertState.FIRING
    seat.page.keyboard.press("Control+z")
    expect(seat.page.locator(".message").last).to_have_text("没有可以撤销的步骤")
    assert seat.errors == []


def test_a_dispatch_is_taken_back_by_click_and_refused_in_words_once_somebody_has_accepted(
    station: Station, sit_down: SitDown, alert: Alert
) -> None:
    seat = sit_down("/")
    seat.page.click(f'[data-alert="{alert.id}"] .what')
    for accepted in (False, True):
        seat.page.keyboard.press("d")
        expect(seat.page.locator("#undo")).to_contain_text("已派遣")
        (task,) = station.store.read(lambda reader: reader.tasks(TaskQuery(alert_id=alert.id, open_only=True)))
        if accepted:
            who = Actor(task.offered_to or "", Role.RESPONDER)
            station.store.write(lambda writer, task=task, who=who: accept(writer, task.id, who, now()))  # type: ignore[misc]
        seat.page.click("#undo button")
        if accepted:
            expect(seat.page.locator(".message.error")).to_contain_text("已接单，不能撤销")
            break
        expect(seat.page.locator("#undo")).to_have_count(0)
        seat.page.wait_for_selector(f'[data-alert="{alert.id}"].fresh [data-do="dispatch"]')
        assert stored(station, alert).event_id is None


def test_a_dismissal_on_the_duty_page_is_taken_back(station: Station, sit_down: SitDown, alert: Alert) -> None:
    seat = sit_down("/duty")
    seat.page.click(f'#duty-alerts .ag-center-cols-container .ag-row[row-id="{alert.id}"]')
    seat.page.click('#duty-chosen [data-do="dismiss"]')
    seat.page.fill('#duty-chosen input[name="reason"]', "反光")
    seat.page.keyboard.press("Enter")
    expect(seat.page.locator("#undo")).to_contain_text("已判为误报")
    assert stored(station, alert).verification is Verification.DISMISSED
    seat.page.click("#undo button")
    expect(seat.page.locator("#undo")).to_have_count(0)
    expect(seat.page.locator("#duty-trail")).to_contain_text("撤销误报判定")
    assert stored(station, alert).verification is Verification.UNVERIFIED
    assert seat.errors == []


@pytest.mark.parametrize("undo_s", [10])
def test_the_bar_goes_after_ten_seconds(station: Station, sit_down: SitDown, alert: Alert) -> None:
    seat = sit_down("/", language="en")
    seat.page.click(f'[data-alert="{alert.id}"] [data-do="acknowledge"]')
    expect(seat.page.locator("#undo")).to_contain_text("Acknowledged")
    expect(seat.page.locator("#undo")).to_have_count(0, timeout=12_000)
    assert stored(station, alert).state is AlertState.ACKNOWLEDGED
