"""Alarm cards in a flood, and the page of alarm figures, in a real browser."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import raise_alert
from data.config.settings import Settings
from data.model.alert import AlertKey, AlertState, Priority, Raised
from data.model.desk import DeskSettings
from data.model.people import Role
from data.ports.store import AlertQuery, Store, Writer
from tests.layouts.conftest import Seat
from tests.layouts.station import OFFICER, Station, running_station
from tests.layouts.street import street_settings
from web.accounts import add_user

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]
RIVER, ROAD = "500103005007001", "500103005007002"
DESKS = (
    DeskSettings(id="river", name="沿河席", users=("linda",), grids=(RIVER,)),
    DeskSettings(id="roads", name="道路席", grids=(ROAD,)),
)
GROUPS = ".alert.group"


def two_grids() -> Settings:
    """The street with its roads in a grid of their own, and a desk for each grid."""
    settings = street_settings()
    roads = ("underpass", "market", "school")
    sites = tuple(site.model_copy(update={"grid": ROAD}) if site.id in roads else site for site in settings.sites)
    return settings.model_copy(update={"sites": sites, "desks": DESKS})


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with running_station(tmp_path, two_grids()) as running:
        add_user(running.store, "linda", Role.OPERATOR, None, display_name="林达")
        yield running


def flood(store: Store, *wanted: tuple[str, Priority], came: datetime | None = None) -> None:
    """One alert after the other at these sites, as if stored then."""
    at = came or datetime.now(UTC)

    def work(writer: Writer) -> None:
        for number, (site, priority) in enumerate(wanted):
            key = AlertKey(site, "dwell", "", f"{at.isoformat()}-{number}")
            raise_alert(writer, Raised(key, "dwell", priority, at, at, label="car"), None, at)

    store.write(work)


P1, P2, P3, P4 = Priority
BOTH = [("school", P3), ("quay-1", P3)] * 9
MANY = [*BOTH, *[("school", P3)] * 5, *[("market", P2)] * 6, *[("bridge", P1)] * 2, *[("school", P4)] * 5]


def test_a_flood_is_cards_by_grid_and_a_log_and_one_click_acknowledges_a_card(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    seat = sit_down("/", height=1000)
    seat.page.screenshot(path=tmp_path / "calm.png")
    flood(station.store, *MANY)
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 36", timeout=15_000)
    expect(seat.page.locator("#flood-bar")).to_contain_text("近 10 分钟 36 条")
    expect(seat.page.locator("#alert-list > .alert.P1.place .times")).to_have_text(["×2"])
    expect(seat.page.locator(f"{GROUPS} .number b")).to_have_text(["20", "9", "5"])
    seat.page.screenshot(path=tmp_path / "flood.png")
    roads = seat.page.locator('.alert.group[data-card="1"]')
    roads.locator('[data-do="open"]').click()
    expect(roads.locator(".members li[data-alert]")).to_have_count(20)
    seat.page.screenshot(path=tmp_path / "flood-open.png")
    roads.locator('[data-do="acknowledge-all"]').click()
    expect(roads.locator('[data-do="acknowledge-all"]')).to_have_count(0)
    expect(seat.page.locator("#alert-counts")).to_contain_text("未确认 16")
    seen = station.store.read(lambda reader: reader.alerts(AlertQuery(limit=100)))
    of_roads = [alert for alert in seen if alert.key.site in {"school", "market"} and alert.priority is not P4]
    assert {(alert.state, alert.acknowledged_by) for alert in of_roads} == {(AlertState.ACKNOWLEDGED, OFFICER)}
    trail = station.store.read(lambda reader: reader.audit(limit=1000))
    assert sum(entry.action == "acknowledge" for entry in trail) == 20, "each is recorded"
    assert seat.errors == []


def test_the_cards_are_the_same_after_a_restart_of_the_server_and_grow_in_place(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    flood(station.store, *MANY)
    seat = sit_down("/", width=1366, height=768)
    expect(seat.page.locator(f"{GROUPS} .number b")).to_have_text(["20", "9", "5"])
    seat.page.evaluate("window.kept = document.querySelector('.alert.group')")
    flood(station.store, ("market", P2))
    expect(seat.page.locator(f"{GROUPS} .number b")).to_have_text(["21", "9", "5"])
    assert seat.page.evaluate("window.kept === document.querySelector('.alert.group')"), "the same card, updated"
    seat.page.screenshot(path=tmp_path / "flood-1366.png")
    keys = "all => all.map(card => card.dataset.card)"
    before = seat.page.eval_on_selector_all("[data-card]", keys)
    with running_station(tmp_path / "again", two_grids(), store=station.store) as restarted:
        seat.page.context.clear_cookies()
        seat.page.context.add_cookies(restarted.cookies())  # type: ignore[arg-type]  # a TypedDict in playwright
        seat.page.goto(restarted.url)
        expect(seat.page.locator(f"{GROUPS} .number b")).to_have_text(["21", "9", "5"])
        assert seat.page.eval_on_selector_all("[data-card]", keys) == before


def test_a_desk_has_cards_of_its_own_grids_and_every_p1(station: Station, sit_down: SitDown) -> None:
    flood(station.store, *[("school", P3)] * 12, ("school", P1), ("quay-1", P3), ("quay-1", P3))
    seat = sit_down("/", user="linda")
    expect(seat.page.locator("#alert-list > .alert.P1[data-alert]")).to_have_count(1)
    expect(seat.page.locator("#alert-list > .alert.P3.place .times")).to_have_text(["×2"])
    expect(seat.page.locator("#flood-bar")).to_be_hidden()
    elsewhere = seat.page.locator('[data-card="elsewhere"]')
    expect(elsewhere).to_contain_text("其他席位")
    elsewhere.locator('[data-do="open"]').click()
    expect(elsewhere.locator(".members li[data-alert]")).to_have_count(12)


def test_without_an_answer_about_cards_every_place_is_shown_by_itself(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    seat.page.route("**/api/v1/alarm-cards", lambda route: route.abort())
    flood(station.store, *[("school", P3)] * 12)
    expect(seat.page.locator("#alert-list > .alert.place .times")).to_have_text(["×12"], timeout=15_000)


# As if each had come when its condition began; P2 are seen after 400 s, the others after 30 s, and all are soon over.
SEEN = """
UPDATE alerts SET committed_at = raised_at, ended_at = strftime('%Y-%m-%d %H:%M:%S.000000', raised_at, '900 seconds'),
    acknowledged_at = strftime('%Y-%m-%d %H:%M:%S.999999', raised_at,
                               CASE priority WHEN 'P2' THEN '400 seconds' ELSE '30 seconds' END)
"""


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768)])
def test_the_figures_say_how_they_stand_to_the_limits(
    station: Station, sit_down: SitDown, tmp_path: Path, width: int, height: int
) -> None:
    began = datetime.now(UTC) - timedelta(hours=20)
    for hour in range(18):
        flood(station.store, ("school", P3), ("quay-1", P2), came=began + timedelta(hours=hour))
    flood(station.store, *[("market", P3)] * 15, ("bridge", P1), came=began + timedelta(hours=3, minutes=30))
    with sqlite3.connect(tmp_path / "yiping.db") as database:
        database.execute(SEEN)
    station.store.write(lambda writer: writer.put_value("health:bridge", {"health": "lost"}))
    seat = sit_down("/kpi", width=width, height=height)
    river, roads = (seat.page.locator(".kpi .part").nth(number) for number in (0, 1))
    expect(river.locator('[data-figure="alarms"] b')).to_have_text("19")
    expect(river.locator('[data-figure="peak_10min"]')).to_contain_text("✓ 达标")
    expect(roads.locator('[data-figure="alarms"] b')).to_have_text("33")
    expect(roads.locator('[data-figure="peak_10min"]')).to_contain_text("⚠ 超限")
    expect(roads.locator('[data-figure="flood_share"]')).to_contain_text("洪峰 1 次，最长 10:00")
    expect(seat.page.locator('[data-table="acknowledgement"]')).to_contain_text("⚠ 18")
    expect(seat.page.locator('[data-table="top"] tbody tr')).to_have_count(4)
    expect(seat.page.locator('[data-figure="stale"] b')).to_have_text("0")
    expect(seat.page.locator('[data-figure="stale_sites"] b')).to_have_text("1")
    seat.page.screenshot(path=tmp_path / "kpi.png")
    with seat.page.expect_download() as download:
        seat.page.click("#kpi-csv")
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert text.splitlines()[0] == "desk,figure,of,value,good_up_to,bearable_up_to"
    assert "道路席,alarms,,33,," in text
    assert seat.errors == []
