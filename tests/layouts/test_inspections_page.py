"""The page of inspections in the browser: figures with denominators, overdue by name, the day's route; zh and en."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.config.inspections import InspectionSettings
from data.model.geo import Location
from data.model.inspection import Found
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role
from dispatch.inspection_reports import Filled, submit
from dispatch.inspections import bring_in_line, inspections_due, out_of_line
from dispatch.routing import Roads
from tests.dispatch.inspected_street import BOOK, EAST, OUTLINE
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import street_settings

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(240)]
WAIT_MS = 30_000


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A month after the three places were added: two are overdue, one was inspected with a hazard twice."""
    book = InspectionSettings.model_validate(BOOK)
    settings = street_settings().model_copy(update={"inspections": book})
    with running_station(tmp_path, settings) as running:
        store, now = running.store, datetime.now(UTC)
        people = tuple(one.id for one in settings.responders)[:2]
        unit = Unit("g-12", UnitKind.GRID, "第12网格", code=EAST, people=people, outline=OUTLINE)
        store.write(lambda writer: writer.put_unit(unit))
        began = now - timedelta(days=31)
        work = store.read(lambda reader: out_of_line(reader, settings, began))
        store.write(lambda writer: bring_in_line(writer, work, settings, began))
        for _ in range(2):
            store.write(lambda writer: inspections_due(writer, now, settings=settings))
        place = book.by_id["shop-1"].location
        inspector = Actor(people[0], Role.RESPONDER)
        for _ in range(2):
            found = {"exit": Found.HAZARD, "gas": Found.OK, "sign": Found.OK}
            filled = Filled("shop-1", now, Location(lon=place.lon, lat=place.lat), 8.0, found)
            store.write(lambda writer, filled=filled: submit(writer, filled, inspector, now, settings, Roads()))  # type: ignore[misc]
        yield running


def test_coverage_names_who_is_late_what_came_back_and_the_way_of_the_day(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down("/inspections")
    figures = seat.page.locator("#inspection-figures")
    expect(figures.locator('[data-figure="inspected"] b')).to_have_text("1 / 3 · 33 %", timeout=WAIT_MS)
    expect(figures.locator('[data-figure="overdue.count"]')).to_contain_text("▲ 2")
    expect(figures.locator('tr[data-type="shop"]')).to_contain_text("1 / 2 · 50 %")
    expect(figures.locator(f'tr[data-grid="{EAST}"]')).to_contain_text("第12网格")
    overdue = seat.page.locator("#inspection-overdue tbody tr")
    expect(overdue).to_have_count(2)
    expect(overdue.first).to_contain_text("二号旅馆")
    expect(seat.page.locator("#inspection-overdue")).to_contain_text("一号闸")
    expect(seat.page.locator("#inspection-repeats li")).to_contain_text("一号面馆 · 安全出口畅通")
    stops = seat.page.locator("#inspection-route ol li")
    expect(stops).to_have_count(3)  # with the re-check
    expect(seat.page.locator("#inspection-route svg .way")).to_have_count(1)
    expect(seat.page.locator("#inspection-age")).not_to_be_empty()
    codes = seat.page.locator("#inspection-figures a", has_text="打印二维码")
    assert codes.get_attribute("href") == "/inspections/codes"
    seat.page.screenshot(path=tmp_path / "inspections-zh.png")
    seat.page.locator('[data-days="7"]').click()
    expect(seat.page.locator('[data-days="7"]')).to_have_attribute("aria-pressed", "true", timeout=WAIT_MS)

    english = sit_down("/inspections", language="en")
    expect(english.page.locator('[data-figure="inspected"] b')).to_have_text("1 of 3 · 33 %", timeout=WAIT_MS)
    expect(english.page.locator("#inspection-repeats")).to_contain_text("Exits are free")
    english.page.screenshot(path=tmp_path / "inspections-en.png")
    assert seat.errors == english.errors == []
