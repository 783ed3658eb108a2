"""The four axes of an alert on the duty page, and what people decide there, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.decisions import verify_alert
from alerts.lifecycle import acknowledge, end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import Alert, Ended, Raised
from data.model.alert_life import Proof, Verification
from data.model.people import SYSTEM, Actor, Role
from data.ports.store import Writer
from tests.layouts.conftest import Seat
from tests.layouts.station import OFFICER, Station
from tests.layouts.street import raise_one
from web.accounts import add_user

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
CHOSEN = Actor(OFFICER, Role.DUTY_OFFICER)
ROWS = "#duty-alerts .ag-center-cols-container .ag-row"


def now() -> datetime:
    return datetime.now(UTC)


def axis(seat: Seat, name: str) -> str:
    return seat.page.inner_text(f'#duty-chosen [data-axis="{name}"] dd')


def decide(seat: Seat, name: str, **given: str) -> None:
    """Press the button, fill in its form, do it."""
    seat.page.click(f'#duty-chosen button[data-do="{name}"]')
    for field, value in given.items():
        place = seat.page.locator(f'form[data-form="{name}"] [name="{field}"]')
        if field == "minutes":
            place.select_option(value)
        else:
            place.fill(value)
    seat.page.click(f'form[data-form="{name}"] button[data-do="{name}-now"]')
    expect(seat.page.locator(f'form[data-form="{name}"]')).to_have_count(0)


def stored(station: Station, alert: Alert) -> Alert:
    return station.store.read(lambda reader: reader.alert(alert.id))


def probable(station: Station, alert: Alert) -> None:
    """As fusion writes it: the gauge says so, the camera does not."""
    at = now()
    proofs = (
        Proof("gauge", "site:underpass/mqtt_gauge", at, "积水深度", value=27.4, unit="cm"),
        Proof("camera_water", "site:underpass", at, "路面未见积水", for_it=False),
    )
    station.store.write(lambda w: verify_alert(w, alert.id, Verification.PROBABLE, proofs, SYSTEM, at))


def test_an_officer_reads_the_evidence_and_confirms_dismisses_and_shelves_with_a_reason(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    alert = raise_one(station.store, station.vault, now(), site="underpass", subject="water")
    probable(station, alert)
    seat = sit_down("/duty")
    seat.page.click(ROWS)
    assert axis(seat, "condition").startswith("告警中")
    assert axis(seat, "acknowledgement") == "未确认"
    assert axis(seat, "suppression") == "无"
    assert axis(seat, "verification") == "? 疑似"
    proofs = seat.page.locator(".proofs li")
    expect(proofs).to_have_count(2)
    expect(proofs.first).to_contain_text("27.4 cm")
    expect(proofs.nth(1)).to_have_class("against")
    seat.page.screenshot(path=tmp_path / "probable.png")
    seat.page.click('#duty-chosen button[data-do="acknowledge"]')
    expect(seat.page.locator('[data-axis="acknowledgement"]')).to_contain_text("陈明")
    expect(seat.page.locator('[data-axis="acknowledgement"]')).to_contain_text("至")
    seat.page.click('#duty-chosen button[data-do="confirm"]')
    expect(seat.page.locator('[data-axis="verification"]')).to_contain_text("✓ 已确认属实")
    decide(seat, "shelve", minutes="30", reason="抽水车在场")
    expect(seat.page.locator('[data-axis="suppression"]')).to_contain_text("❚❚ 搁置")
    expect(seat.page.locator("#duty-quiet li")).to_contain_text("陈明 搁置至")
    expect(seat.page.locator("#duty-trail")).to_contain_text("抽水车在场")
    seat.page.screenshot(path=tmp_path / "shelved.png")
    kept = stored(station, alert)
    assert kept.shelved_until is not None
    assert timedelta(minutes=29) < kept.shelved_until - now() <= timedelta(minutes=30)
    seat.page.click('#duty-quiet button[data-do="unshelve"]')
    expect(seat.page.locator("#duty-quiet")).to_contain_text("没有被搁置、抑制或停用的预警")
    decide(seat, "dismiss", reason="是洒水车")
    expect(seat.page.locator('[data-axis="verification"]')).to_contain_text("✗ 误报")
    assert stored(station, alert).verification is Verification.DISMISSED
    assert seat.errors == []


def test_out_of_service_stays_on_the_list_though_the_alert_is_over(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    alert = raise_one(station.store, station.vault, now(), site="market", subject="water")
    seat = sit_down("/duty", width=1366, height=768)
    seat.page.click(ROWS)
    decide(seat, "out_of_service", work_order="WX-2024-071", reason="探头进水，待更换")
    expect(seat.page.locator("#duty-quiet li")).to_contain_text("工单 WX-2024-071")
    station.store.write(lambda w: acknowledge(w, alert.id, CHOSEN, now()))
    station.store.write(lambda w: end_alert(w, Ended(alert.key, now(), now()), now()))
    expect(seat.page.locator(ROWS)).to_have_count(0)
    seat.page.screenshot(path=tmp_path / "out-of-service-1366.png")
    seat.page.reload()
    expect(seat.page.locator("#duty-quiet li")).to_contain_text("工单 WX-2024-071")
    expect(seat.page.locator("#duty-quiet-counts")).to_contain_text("停用 1")
    seat.page.click('#duty-quiet button[data-do="return_to_service"]')
    expect(seat.page.locator("#duty-quiet")).to_contain_text("没有被搁置")
    assert stored(station, alert).work_order == ""


def test_what_is_kept_quiet_leaves_the_cards_of_the_wall_but_stays_reachable(
    station: Station, sit_down: SitDown
) -> None:
    alert = raise_one(station.store, station.vault, now(), site="quay-1")
    seat = sit_down("/")
    expect(seat.page.locator(f'#alert-list > [data-alert="{alert.id}"]')).to_be_visible()
    duty = sit_down("/duty")
    duty.page.click(ROWS)
    decide(duty, "shelve", minutes="60", reason="演练")
    expect(seat.page.locator(f'#alert-list > [data-alert="{alert.id}"]')).to_have_count(0)
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 0")
    quiet = seat.page.locator('[data-card="quiet"]')
    quiet.locator('[data-do="open"]').click()
    expect(quiet.locator(f'[data-alert="{alert.id}"]')).to_be_visible()


def test_an_operator_may_judge_but_not_shelve_and_an_analyst_only_look(station: Station, sit_down: SitDown) -> None:
    add_user(station.store, "linda", Role.OPERATOR, None, display_name="林达")
    raise_one(station.store, station.vault, now(), site="quay-1")
    for user, offered in (("linda", ["acknowledge", "dispatch", "confirm", "dismiss"]), ("liuna", [])):
        seat = sit_down("/duty", user=user)
        seat.page.click(ROWS)
        expect(seat.page.locator("#duty-trail li")).to_have_count(1)
        assert (
            seat.page.eval_on_selector_all("#duty-chosen .do button", "all => all.map(one => one.dataset.do)")
            == offered
        ), user


def test_it_fires_again_and_a_later_one_leads_to_the_one_before(station: Station, sit_down: SitDown) -> None:
    began = now() - timedelta(hours=3)
    alert = raise_one(station.store, station.vault, began, site="quay-1")

    def live(writer: Writer, at: datetime, settings: Settings) -> None:
        writer_alert = raise_alert(writer, Raised(alert.key, "intrusion", alert.priority, at, at), None, at, settings)
        assert writer_alert is not None

    def over(at: datetime) -> None:
        station.store.write(lambda w: end_alert(w, Ended(alert.key, at, at), at))

    over(began + timedelta(minutes=5))
    station.store.write(lambda w: live(w, began + timedelta(minutes=10), station.settings))
    over(began + timedelta(minutes=15))
    station.store.write(lambda w: live(w, now(), station.settings))
    seat = sit_down("/duty")
    expect(seat.page.locator(ROWS)).to_have_count(2)
    seat.page.locator(ROWS).filter(has_text="告警中").click()
    seat.page.click('#duty-chosen button[data-do="follows"]')
    expect(seat.page.locator('[data-axis="condition"]')).to_contain_text("第 2 次")
    expect(seat.page.locator("#duty-trail")).to_contain_text("再次触发")
    assert seat.errors == []
