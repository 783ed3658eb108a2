"""One card for each camera and zone, whatever comes, in a real browser."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import raise_alert
from data.config.settings import Settings
from data.model.alert import Alert, AlertKey, AlertState, Priority, Raised
from data.model.geo import Location
from data.model.place import Place
from data.ports.store import AlertQuery, Writer
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import raise_one, street_settings
from tests.layouts.test_wall_page import now

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
PLACES = 40
CARDS = """all => Object.fromEntries(all.filter((one) => !one.matches("[data-card=log]")).map((one) =>
  [one.querySelector(".where").textContent, one.querySelector(".times")?.textContent ?? "×1"]))"""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """The street with many more places, each in a grid of its own."""
    street = street_settings()
    site = street.sites[0]
    more = []
    for n in range(PLACES):
        where = Location(lon=107.30 + 0.001 * n, lat=29.90)
        place = Place(id=f"place-{n:02}", name=f"点位{n:02}", location=where, grid=f"5001030050{n:05}")
        more.append(site.model_copy(update={**dict(place), "monitor": None, "rules": (), "zones": ()}))
    settings: Settings = street.model_copy(update={"sites": (*street.sites, *more)})
    with running_station(tmp_path, settings) as running:
        yield running


def stored(station: Station, alert: Alert) -> Alert:
    return station.store.read(lambda reader: reader.alert(alert.id))


def test_a_place_has_one_card_with_their_number_and_confirms_only_those_it_showed(
    station: Station, sit_down: SitDown
) -> None:
    seat = sit_down("/")
    shown = [raise_one(station.store, station.vault, now(), site="quay-1", subject=f"s{n}") for n in range(3)]
    card = seat.page.locator("#alert-list > .alert")
    expect(card).to_have_count(1)
    expect(card.locator(".times")).to_have_text("×3")
    expect(card).to_contain_text("滨江一号码头 · 河道")
    button = card.locator('[data-do="acknowledge-all"]')
    expect(button).to_have_text("全部确认 3")
    button.hover()
    seat.page.mouse.down()
    late = raise_one(station.store, station.vault, now(), site="quay-1", subject="late")
    expect(card.locator(".times")).to_have_text("×4")
    seat.page.mouse.up()
    expect(seat.page.locator(".message")).to_contain_text("另有 1 条是按下之后加入的，未确认")
    assert {stored(station, one).state for one in shown} == {AlertState.ACKNOWLEDGED}
    assert stored(station, late).state is AlertState.FIRING
    expect(button).to_have_text("全部确认 1")
    assert seat.errors == []


def test_by_keyboard_the_card_is_chosen_as_it_is_and_who_joins_later_stays(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    shown = [raise_one(station.store, station.vault, now(), site="quay-1", subject=f"s{n}") for n in range(2)]
    expect(seat.page.locator(".alert .times")).to_have_text("×2")
    seat.page.keyboard.press("j")
    late = raise_one(station.store, station.vault, now(), site="quay-1", subject="late")
    expect(seat.page.locator(".alert .times")).to_have_text("×3")
    seat.page.keyboard.press("a")
    expect(seat.page.locator(".alert")).to_contain_text("未确认 1")
    assert {stored(station, one).state for one in shown} == {AlertState.ACKNOWLEDGED}
    assert stored(station, late).state is AlertState.FIRING


def test_a_p1_never_shares_a_card_with_what_can_wait(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    for priority in (Priority.P3, Priority.P1, Priority.P3, Priority.P1):
        raised(station, "place-07", priority)
    expect(seat.page.locator("#alert-list > .alert .times")).to_have_text(["×2", "×2"])
    assert seat.page.eval_on_selector_all(
        "#alert-list > .alert", "all => all.map((one) => one.classList.contains('P1'))"
    ) == [
        True,
        False,
    ]


def raised(station: Station, *sites_and_priority: object) -> None:
    """Alerts at (site, priority), (site, priority) ... in one unit of work."""
    pairs = list(zip(sites_and_priority[::2], sites_and_priority[1::2], strict=True))

    def work(writer: Writer) -> None:
        for site, priority in pairs:
            at = datetime.now(UTC)
            key = AlertKey(str(site), "dwell", "", f"{at.isoformat()}-{random.random()}")
            raise_alert(writer, Raised(key, "dwell", Priority(str(priority)), at, at, label="car"), None, at)

    station.store.write(work)


@pytest.mark.alone
@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_flood_of_any_size_every_place_of_a_p1_is_there_within_2_s_and_at_most_ten_other_cards(
    station: Station, sit_down: SitDown, seed: int
) -> None:
    chance = random.Random(seed)
    seat = sit_down("/")
    urgent: dict[str, int] = {}
    took = []
    for _ in range(6):
        wanted: list[object] = []
        for _ in range(chance.choice((5, 60, 200))):
            site = f"place-{chance.randrange(PLACES):02}"
            priority = chance.choices(list(Priority), (2, 1, 5, 3))[0]
            wanted += [site, priority]
            if priority is Priority.P1:
                urgent[f"点位{site[-2:]}"] = urgent.get(f"点位{site[-2:]}", 0) + 1
        raised(station, *wanted)
        began = time.monotonic()
        expected = {place: f"×{n}" for place, n in urgent.items()}
        while seat.page.eval_on_selector_all("#alert-list > .alert.P1", CARDS) != expected:
            assert time.monotonic() - began < 10
            seat.page.wait_for_timeout(20)
        took.append(time.monotonic() - began)
    seat.page.wait_for_timeout(400)
    print(f"seed {seed}: {sum(urgent.values())} P1 at {len(urgent)} places; all there after {max(took):.2f} s at most")
    assert max(took) <= 2.0
    others = seat.page.locator("#alert-list > .alert:not(.P1):not([data-card=log])").count()
    assert others <= 10
    count = len(station.store.read(lambda reader: reader.alerts(AlertQuery(limit=10_000))))
    expect(seat.page.locator("#alert-counts")).to_contain_text(f"未确认 {count}", timeout=10_000)
    assert seat.errors == []
