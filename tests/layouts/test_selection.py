"""What is chosen on the wall turns everything to it, and the search finds it, in a real browser over real roads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from alerts.lifecycle import end_alert
from data.config.dispatch import ClosureSettings, DispatchSettings
from data.model.alert import Alert, Ended, Priority
from data.model.category import Category
from data.model.geo import Location, distance_m
from data.model.task import Event
from data.ports.store import Writer
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import SITES, raise_one, street_settings
from tests.layouts.test_wall_page import now

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
WITHIN_MS = 30_000
Box = tuple[float, float, float, float]
VIEW = "() => yiping.map.view()"
SETTLED = """() => { const now = JSON.stringify(yiping.map.view()), same = now === window.viewBefore;
  window.viewBefore = now; return same; }"""


def streets(path: Path) -> Path:
    """A grid of streets under the whole quarter, 15 by 10."""
    lons, lats = [107.3035 + 0.0009 * n for n in range(15)], [29.9020 + 0.001 * n for n in range(10)]
    rows = [[[lon, lat] for lon in lons] for lat in lats] + [[[lon, lat] for lat in lats] for lon in lons]
    features = [
        {
            "type": "Feature",
            "properties": {"highway": "residential"},
            "geometry": {"type": "LineString", "coordinates": r},
        }
        for r in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    closures = (ClosureSettings(rules=("threshold",), radius=70, travel=("car",)),)
    settings = street_settings().model_copy(update={"dispatch": DispatchSettings(closures=closures)})
    with running_station(tmp_path, settings, roads=streets(tmp_path / "streets.geojson")) as running:
        yield running


def place_of(site: str) -> Location:
    _, _, lon, lat, _ = next(one for one in SITES if one[0] == site)
    return Location(lon=lon, lat=lat)


def nearest(place: Location) -> list[str]:
    cameras = [(distance_m(place, place_of(one[0])), one[0]) for one in SITES if one[4]]
    return [site for _, site in sorted(cameras)[:3]]


def settled_view(page: Page) -> Box:
    page.wait_for_function(SETTLED, polling=400, timeout=WITHIN_MS)
    west, south, east, north = page.evaluate(VIEW)
    return west, south, east, north


def width(view: Box) -> float:
    return view[2] - view[0]


def is_chosen(page: Page, what: str) -> None:
    expect(page.locator("#selection-bar")).to_have_attribute("data-selected", what, timeout=WITHIN_MS)


def large(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        "#camera-wall .tile.large", "all => all.map((one) => one.dataset.site)"
    )
    return found


def raised(station: Station, site: str, subject: str = "1") -> Alert:
    return raise_one(station.store, station.vault, now(), site=site, subject=subject)


def test_choosing_an_alert_turns_map_ways_and_cameras_to_it_until_escape_gives_the_view_back(
    station: Station, sit_down: SitDown
) -> None:
    water, alert = raised(station, "underpass", "water"), raised(station, "market")
    seat = sit_down("/")
    page = seat.page
    page.wait_for_function("() => yiping.map.view() !== null", timeout=WITHIN_MS)
    before = settled_view(page)
    page.locator(f'#alert-list [data-alert="{alert.id}"]').click()
    is_chosen(page, f"alert:{alert.id}")
    page.wait_for_function("() => yiping.map.around !== null", timeout=WITHIN_MS)
    chosen = settled_view(page)
    place = place_of("market")
    assert chosen[0] < place.lon < chosen[2]
    assert chosen[1] < place.lat < chosen[3]
    assert width(chosen) < 0.8 * width(before), "it is looked at from nearer"
    around: dict[str, Any] = page.evaluate("() => yiping.map.around")
    assert len(around["ways"]) == 6
    assert all(len(way["path"]) > 3 and way["method"] == "road" for way in around["ways"])
    assert [(one["alert"], one["site"]) for one in around["closed"]] == [(water.id, "underpass")]
    expect(page.locator("#selection-bar")).to_contain_text("6 条路线 · ✕ 1 处封路", timeout=WITHIN_MS)
    assert large(page) == nearest(place)
    assert page.url.endswith(f"/?alert={alert.id}")

    raised(station, "quay-1", "swimmer")
    expect(page.locator("#alert-list > .P1")).to_have_count(1, timeout=WITHIN_MS)
    is_chosen(page, f"alert:{alert.id}")
    assert settled_view(page) == chosen, "nothing but the person changes what is looked at"

    page.keyboard.press("Escape")
    expect(page.locator("#selection-bar")).to_be_hidden(timeout=WITHIN_MS)
    back = settled_view(page)
    assert back == pytest.approx(before, abs=2e-4)
    assert large(page) == []
    assert page.evaluate("() => yiping.map.around") is None
    assert "?" not in page.url
    assert seat.errors == []


def ended(station: Station, alert: Alert) -> None:
    def work(writer: Writer) -> None:
        at = now()
        end_alert(writer, Ended(alert.key, at, at), at)
        writer.save_alert(replace(writer.alert(alert.id), acknowledged_at=at, acknowledged_by="chenming"))

    station.store.write(work)


def find(page: Page, text: str, url: str) -> None:
    """By keyboard alone: the field, down to what has this address, Enter."""
    page.keyboard.press("Control+k")
    page.keyboard.type(text)
    expect(page.locator('#search-found[aria-busy="false"]')).to_be_attached(timeout=WITHIN_MS)
    wanted = page.locator(f'#search-found [role="option"][data-url="{url}"]')
    expect(wanted).to_be_visible(timeout=WITHIN_MS)
    for _ in range(30):
        if wanted.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("ArrowDown")
    expect(wanted).to_have_attribute("aria-selected", "true", timeout=WITHIN_MS)
    page.keyboard.press("Enter")


def test_the_search_opens_each_thing_at_its_address_by_keyboard_alone(station: Station, sit_down: SitDown) -> None:
    alert, over = raised(station, "market"), raised(station, "quay-2", "swimmer")
    ended(station, over)
    place = Location(lon=107.3120, lat=29.9070)
    event = station.store.write(
        lambda writer: writer.add_event(Event("排水井盖缺失", "other", "bridge", place, Priority.P3, now()))
    )
    seat = sit_down("/")
    page, bar = seat.page, seat.page.locator("#selection-bar")
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("() => yiping.map.view() !== null", timeout=WITHIN_MS)

    find(page, "nmsc", "/?site=market")
    is_chosen(page, "site:market")
    expect(page.locator('#dispatch-panel [data-selected="site:market"]')).to_contain_text(
        "农贸市场路口", timeout=WITHIN_MS
    )
    expect(page.locator("#dispatch-panel [data-way]").first).to_contain_text("分钟", timeout=WITHIN_MS)
    page.wait_for_function(
        "() => { const [w, s, e, n] = yiping.map.view(); return w < 107.3110 && 107.3110 < e && e - w < 0.02; }",
        timeout=WITHIN_MS,
    )
    page.keyboard.press("d")
    expect(page.locator("#messages")).to_contain_text("尚未选择预警", timeout=WITHIN_MS)

    find(page, "井盖", f"/?event={event.id}")
    is_chosen(page, f"event:{event.id}")
    expect(bar).to_contain_text("排水井盖缺失", timeout=WITHIN_MS)
    page.wait_for_function(
        "(all) => JSON.stringify([...document.querySelectorAll('#camera-wall .tile.large')]"
        ".map((one) => one.dataset.site)) === all",
        arg=json.dumps(nearest(place), separators=(",", ":")),
    )
    find(page, "张伟", "/?person=r01")
    is_chosen(page, "person:r01")
    find(page, str(alert.id), f"/?alert={alert.id}")
    is_chosen(page, f"alert:{alert.id}")
    expect(page.locator("#dispatch-panel .work h3")).to_contain_text("农贸市场路口", timeout=WITHIN_MS)

    page.goto(f"{station.url}/?event={event.id}")
    is_chosen(page, f"event:{event.id}")
    find(page, f"#{over.id}", f"/duty?alert={over.id}")
    expect(page.locator("#duty-chosen h3")).to_contain_text("滨江亲水步道", timeout=WITHIN_MS)
    assert seat.errors == []


def test_an_event_is_entered_on_the_wall_by_a_click_on_its_map_which_then_turns_to_it(
    station: Station, sit_down: SitDown
) -> None:
    station.store.write(lambda writer: writer.put_category(Category(kind="dirty_path", zh="背街脏乱", en="Dirty path")))
    seat = sit_down("/")
    page = seat.page
    west, south, east, north = settled_view(page)
    page.keyboard.press("e")
    expect(page.locator("#f-place")).to_be_focused(timeout=WITHIN_MS)
    box, school = page.locator("#map").bounding_box(), place_of("school")
    assert box is not None
    x = box["x"] + box["width"] * (school.lon - west) / (east - west)
    page.mouse.click(x, box["y"] + box["height"] * (north - school.lat) / (north - south))
    expect(page.locator("#entry-here")).to_contain_text("河街小学门口 0 米", timeout=WITHIN_MS)
    assert (page.input_value("#f-lon"), page.input_value("#f-lat")) == ("107.314700", "29.908600")
    expect(page.locator("#selection-bar")).to_be_hidden()
    page.fill("#f-description", "校门口积水")
    page.click("#entry button.strong")
    expect(page.locator("#entry")).to_have_count(0, timeout=WITHIN_MS)
    (event,) = station.store.read(lambda reader: reader.events(limit=5))
    assert (event.site, event.description, event.title) == ("school", "校门口积水", "背街脏乱")
    is_chosen(page, f"event:{event.id}")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator("#f-place")).to_be_focused(timeout=WITHIN_MS)
    page.keyboard.press("Escape")
    expect(page.locator("#entry")).to_have_count(0)
    assert page.evaluate("() => document.querySelector('#map.picking')") is None
    assert seat.errors == []
