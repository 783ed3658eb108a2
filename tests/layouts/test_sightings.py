"""How surely a camera saw it, in a real browser: the time something stood as an interval, and the second look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import end_alert, raise_alert
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.sightings import DwellTime, LookVerdict, SecondLook
from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from tests.layouts.street import CAR, PERSON, scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
PARKED = AlertKey("market", "dwell", "lane", "1")
SWIMMER = AlertKey("quay-1", "intrusion", "river", "1")
NOT_SEEN = SecondLook(LookVerdict.NOT_SEEN, "person", (0.02, 0.0, 0.04), instead="boat", waited_s=0.4)


def parked(at: datetime) -> Raised:
    """Stands for 244 s at most, of which the camera was lost for 62 s."""
    unseen = ((at - timedelta(seconds=120), at - timedelta(seconds=58)),)
    dwell = DwellTime(182.0, 244.2, at, unseen)
    look = SecondLook(LookVerdict.SEEN, "car", (0.68, 0.71, 0.74))
    since = at - timedelta(seconds=244)
    return Raised(PARKED, "dwell", Priority.P3, since, at, "car", 0.44, CAR, dwell=dwell, second_look=look)


def swimmer(at: datetime) -> Raised:
    look = SecondLook(LookVerdict.ASKED, "person")
    return Raised(SWIMMER, "intrusion", Priority.P1, at, at, "person", 0.41, PERSON, second_look=look)


def raise_it(station: Station, signal: Raised) -> None:
    picture = station.vault.keep(scene("road", 1), "image/jpeg", signal.at, signal.key.site)
    station.store.write(lambda writer: raise_alert(writer, signal, picture, signal.at))


def axis(seat: Seat, name: str) -> str:
    return seat.page.inner_text(f'#duty-chosen [data-axis="{name}"] dd')


@pytest.mark.parametrize("language", ["zh", "en"])
def test_officers_read_at_least_and_at_most_and_what_was_seen_again(
    station: Station, sit_down: SitDown, tmp_path: Path, language: str
) -> None:
    raise_it(station, parked(datetime.now(UTC)))
    seat = sit_down("/duty", language=language)
    seat.page.click("#duty-alerts .ag-center-cols-container .ag-row")
    interval, unseen = ("≥ 182 秒，≤ 245 秒", "未见 62 秒") if language == "zh" else ("≥ 182 s, ≤ 245 s", "unseen 62 s")
    again = "放大 2 倍再次看到：小汽车 0.71" if language == "zh" else "seen again at 2× the size: Car 0.71"
    expect(seat.page.locator('#duty-chosen [data-axis="dwell"]')).to_contain_text(interval)
    assert unseen in axis(seat, "dwell")
    assert again in axis(seat, "look")
    seat.page.screenshot(path=tmp_path / f"duty-{language}.png")
    wall = sit_down("/", language=language)
    wall.page.click("[data-card]")
    expect(wall.page.locator("#dispatch-panel")).to_contain_text(interval)
    expect(wall.page.locator("#dispatch-panel")).to_contain_text(again)
    wall.page.screenshot(path=tmp_path / f"wall-{language}.png")
    assert seat.errors == wall.errors == []


def test_a_probable_alert_says_that_it_is_looked_at_again_and_then_that_it_was_withdrawn(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    at = datetime.now(UTC)
    raise_it(station, swimmer(at))
    seat = sit_down("/duty")
    seat.page.click("#duty-alerts .ag-center-cols-container .ag-row")
    expect(seat.page.locator('#duty-chosen [data-axis="look"]')).to_contain_text("正在复看，暂按疑似")
    assert axis(seat, "verification") == "? 疑似"
    wall = sit_down("/")
    expect(wall.page.locator("[data-card] [data-look='asked']")).to_have_text("正在复看，暂按疑似")
    wall.page.screenshot(path=tmp_path / "asked.png")
    over = at + timedelta(seconds=0.4)
    ended = Ended(SWIMMER, over, over, second_look=NOT_SEEN)
    station.store.write(lambda writer: end_alert(writer, ended, over))
    expect(wall.page.locator("[data-card] [data-look='not_seen']")).to_have_text("复看未见，已撤回")
    expect(seat.page.locator('#duty-chosen [data-axis="look"]')).to_contain_text("放大 2 倍未见：人 · 更像船")
    seat.page.screenshot(path=tmp_path / "withdrawn.png")
    wall.page.screenshot(path=tmp_path / "withdrawn-wall.png")
    assert seat.errors == wall.errors == []
