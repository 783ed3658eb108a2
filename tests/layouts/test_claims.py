"""Who is on an alert, on two screens of two people, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from playwright.sync_api import expect

from data.model.alert import Alert
from data.model.alert_life import Verification
from data.model.people import Actor, Role
from data.ports.store import TaskQuery
from dispatch.tasks import cancel
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import raise_one
from web.accounts import add_user

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
OTHER = Actor("other", Role.DUTY_OFFICER)
SUBJECTS = count()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with running_station(tmp_path_factory.mktemp("station")) as running:
        add_user(running.store, "wangfang", Role.DUTY_OFFICER, None, display_name="王芳")
        yield running


@pytest.fixture
def alert(station: Station) -> Iterator[Alert]:
    yield raise_one(station.store, station.vault, now(), site="quay-1", subject=f"c{next(SUBJECTS)}")
    for task in station.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True))):
        station.store.write(lambda writer, task=task: cancel(writer, task.id, OTHER, now()))  # type: ignore[misc]


def test_choosing_an_urgent_alert_claims_it_on_every_screen_and_silence_lets_others_take_over(
    station: Station, sit_down: SitDown, alert: Alert
) -> None:
    first, second = sit_down("/"), sit_down("/", user="wangfang")
    first.page.click(f'[data-alert="{alert.id}"] .what')
    mine, theirs = (seat.page.locator(f'[data-alert="{alert.id}"] .claim') for seat in (first, second))
    expect(mine).to_have_text("您在处理")
    expect(theirs).to_have_text("陈明 在处理")
    expect(theirs).to_have_text("陈明 20 秒无动静，可接手", timeout=30_000)
    second.page.click(f'[data-alert="{alert.id}"] [data-do="take-over"]')
    expect(theirs).to_have_text("您在处理")
    expect(mine).to_have_text("王芳 在处理")
    assert first.errors == second.errors == []


def test_dismissing_what_somebody_has_dispatched_asks_and_tells_them(
    station: Station, sit_down: SitDown, alert: Alert
) -> None:
    wall, duty = sit_down("/"), sit_down("/duty", user="wangfang")
    wall.page.click(f'[data-alert="{alert.id}"] [data-do="dispatch"]')
    expect(wall.page.locator("#undo")).to_contain_text("已派遣")
    row = f'#duty-alerts .ag-center-cols-container .ag-row[row-id="{alert.id}"]'

    def dismiss() -> None:
        duty.page.click(row)
        duty.page.click('#duty-chosen [data-do="dismiss"]')
        duty.page.fill('#duty-chosen input[name="reason"]', "反光")
        duty.page.keyboard.press("Enter")
        expect(duty.page.locator("dialog#crossing")).to_contain_text("陈明已为告警")

    dismiss()
    duty.page.keyboard.press("Enter")  # the button with the focus leaves it
    expect(duty.page.locator(".message").last).to_contain_text("派遣")
    assert station.store.read(lambda reader: reader.alert(alert.id)).verification is Verification.UNVERIFIED
    duty.page.click('#duty-chosen [data-do="dismiss-now"]')
    duty.page.click('dialog#crossing [data-do="anyway"]')
    expect(wall.page.locator(".message.error")).to_contain_text("王芳 已判为误报（您正在处理）")
    assert station.store.read(lambda reader: reader.alert(alert.id)).verification is Verification.DISMISSED
