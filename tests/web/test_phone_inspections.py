"""Inspections on the phone, in a browser at 390×844: by list and by code, fifty in a row, and with the network cut."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from data.config.inspections import InspectionSettings
from data.model.inspection import Inspection
from data.model.organisation import Unit, UnitKind
from dispatch.inspections import bring_in_line, inspections_due, out_of_line
from tests.dispatch.inspected_street import BOOK
from tests.web.city import Clock, Running, until
from tests.web.phone_city import GATE, log_in, start_phone_city

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

GRID = "500105007003012"
BUDGET_BYTES = 60 * 1024
SHOPS = 50
AHEAD = timedelta(days=30)  # all are on the list, the first ones overdue


def places() -> list[dict[str, Any]]:
    return [
        {
            "id": f"shop-{n:02}", "name": f"{n} 号店", "type": "shop", "grid": GRID, "note": "临街",
            "location": {"lon": GATE.lon + 0.0003 * n, "lat": GATE.lat},
        }
        for n in range(1, SHOPS + 1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Fifty shops that are due in the grid of zhang and wang. Each test inspects shops of its own."""
    clock = Clock()
    running, stop = start_phone_city(tmp_path_factory.mktemp("inspections"), now=clock)
    book = InspectionSettings.model_validate(BOOK | {"places": places()})
    deps, store = running.deps, running.store
    deps.settings = deps.settings.model_copy(update={"inspections": book})
    store.write(lambda w: w.put_unit(Unit("g-12", UnitKind.GRID, "第12网格", code=GRID, people=("zhang", "wang"))))
    work = store.read(lambda reader: out_of_line(reader, deps.settings, clock() - AHEAD))
    store.write(lambda writer: bring_in_line(writer, work, deps.settings, clock() - AHEAD))
    for _ in range(2):
        store.write(lambda writer: inspections_due(writer, clock(), settings=deps.settings))
    yield running
    stop()


@pytest.fixture
def context(city: Running, browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        base_url=city.base, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True,
        locale="zh-CN", permissions=["geolocation"],
    )  # fmt: skip
    opened.set_default_timeout(15_000)
    yield opened
    opened.close()


@pytest.fixture
def phone(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    stand(context, 1)
    log_in(page, "zhang")
    yield page
    assert errors == []


def stand(context: BrowserContext, shop: int, north_m: float = 10.0, accuracy: float = 12.0) -> None:
    place = places()[shop - 1]["location"]
    here = {"longitude": place["lon"], "latitude": place["lat"] + north_m / 111_195, "accuracy": accuracy}
    context.set_geolocation(here)  # type: ignore[arg-type]


def done(city: Running, shop: int) -> list[Inspection]:
    """The newest first."""
    place = f"shop-{shop:02}"
    return list(city.store.read(lambda r: r.inspections_done(city.clock() - AHEAD, city.clock() + AHEAD, place=place)))


def waiting(phone: Page) -> int:
    """How many places the list has."""
    summary = phone.locator("#inspect-list summary")
    expect(summary).to_contain_text("待巡查")
    return int(re.findall(r"待巡查 (\d+) 处", summary.inner_text())[0])


def open_list(phone: Page) -> None:
    phone.locator("#inspect-list summary").tap()


def test_the_list_opens_a_form_that_is_sent_with_a_note_and_a_photo_of_the_hazard(
    city: Running, context: BrowserContext, phone: Page, tmp_path: Path
) -> None:
    before = waiting(phone)
    open_list(phone)
    expect(phone.locator("[data-place=shop-01] small")).to_contain_text("商铺 · 临街 · 逾期")
    phone.screenshot(path=tmp_path / "list.png")
    phone.locator("[data-place=shop-01]").tap()
    form = phone.locator("#inspect form")
    form.locator('[data-item=gas] [value="hazard"]').check(force=True)
    form.locator("[name=why-gas]").fill("软管老化")
    form.locator("[data-all]").tap()
    phone.screenshot(path=tmp_path / "form.png", full_page=True)
    form.locator(".go").tap()
    expect(phone.locator("#notices")).to_contain_text("此隐患须拍照")
    Image.effect_noise((600, 400), 80).convert("RGB").save(tmp_path / "gas.jpg")
    form.locator("[name=photo]").set_input_files(tmp_path / "gas.jpg")
    form.locator(".go").tap()
    expect(phone.locator("#notices")).to_contain_text("巡查已送达：1 号店")
    (row,) = until(lambda: done(city, 1))
    assert [(one.item, one.found.value, one.note) for one in row.findings] == [
        ("exit", "ok", ""), ("gas", "hazard", "软管老化"), ("sign", "ok", ""),
    ]  # fmt: skip
    assert row.photo is not None
    assert row.distance_m == pytest.approx(10, abs=1)
    expect(phone.locator("[data-place=shop-01] small")).to_contain_text("复查 1 项", timeout=15_000)
    assert waiting(phone) == before, "its re-check is due"
    phone.locator("[data-place=shop-01]").tap()
    expect(phone.locator("#inspect form")).to_contain_text("复查：燃气软管完好")
    expect(phone.locator("#inspect form")).to_contain_text("须由他人复查")


def test_a_scanned_code_opens_the_form_and_far_away_it_says_how_far_before_anything_is_sent(
    city: Running, context: BrowserContext, phone: Page, tmp_path: Path
) -> None:
    stand(context, 7, north_m=240)
    phone.goto("/r?place=shop-07")
    form = phone.locator("#inspect form")
    expect(form.locator("h2")).to_have_text("7 号店")
    form.locator("[data-all]").tap()
    form.locator(".go").tap()
    expect(form.locator("#inspect-place")).to_have_text("离场所 240 米，须在 100 米内填写")
    stand(context, 7, accuracy=300)
    form.locator(".go").tap()
    expect(form.locator("#inspect-place")).to_contain_text("定位误差 300 米")
    assert done(city, 7) == []
    stand(context, 7)
    form.locator(".go").tap()
    expect(phone.locator("#notices")).to_contain_text("巡查已送达：7 号店")
    assert phone.url.endswith("/r")
    phone.goto("/r?place=nowhere&lang=en")
    expect(phone.locator("#notices")).to_contain_text("There is no such place: nowhere")
    phone.screenshot(path=tmp_path / "english.png")


def test_without_network_the_code_opens_the_form_and_what_is_filled_in_arrives_once_at_its_own_time(
    city: Running, context: BrowserContext, phone: Page
) -> None:
    phone.evaluate("navigator.serviceWorker.ready")
    phone.reload()
    before = waiting(phone)
    context.set_offline(True)
    stand(context, 3)
    phone.goto("/r?place=shop-03")
    form = phone.locator("#inspect form")
    expect(form.locator("h2")).to_have_text("3 号店")
    form.locator("[data-all]").tap()
    filled_at = city.clock()
    form.locator(".go").tap()
    expect(phone.locator("#link")).to_contain_text("待发送 1")
    expect(phone.locator("#inspect-list summary")).to_contain_text(f"待巡查 {before - 1} 处 · 待发送 1")
    time.sleep(0.4)
    assert done(city, 3) == []
    context.set_offline(False)
    expect(phone.locator("#notices")).to_contain_text("巡查已送达：3 号店", timeout=20_000)
    (row,) = done(city, 3)
    assert row.done_at is not None
    assert abs((row.done_at - filled_at).total_seconds()) < 10
    phone.reload()
    assert waiting(phone) == before - 1
    assert len(done(city, 3)) == 1


def test_the_page_of_who_inspects_weighs_no_more_than_sixty_kilobytes(city: Running, browser: Browser) -> None:
    context = browser.new_context(base_url=city.base, locale="zh-CN", service_workers="block")
    page, sizes = context.new_page(), dict[str, int]()

    def weigh(request: Request) -> None:
        path, size = request.url.removeprefix(city.base), request.sizes()
        if path.startswith("/r") and request.method == "GET":
            sizes[path] = max(sizes.get(path, 0), size["responseBodySize"] + size["responseHeadersSize"])

    page.on("requestfinished", weigh)
    log_in(page, "zhang")
    assert waiting(page) >= 40
    until(lambda: any(path.startswith("/r/assets/icon") for path in sizes))
    context.close()
    total = sum(sizes.values())
    print(f"\n{total} bytes: {sizes}")
    assert sizes["/r/places"] > 2000
    assert any("inspect.js" in path for path in sizes)
    assert total <= BUDGET_BYTES


def test_whoever_inspects_visits_all_that_is_due_in_a_row_with_three_taps_each(
    city: Running, context: BrowserContext, phone: Page
) -> None:
    open_list(phone)
    left = [shop for shop in range(1, SHOPS + 1) if not done(city, shop)]
    assert len(left) >= 47
    began = time.perf_counter()
    for shop in left:
        stand(context, shop)
        phone.locator(f"[data-place=shop-{shop:02}]").tap()
        form = phone.locator("#inspect form")
        form.locator("[data-all]").tap()
        form.locator(".go").tap()
        expect(form).to_have_count(0)
    until(lambda: all(done(city, shop) for shop in left), 30)
    print(f"\n{len(left)} inspections in {time.perf_counter() - began:.0f} s")
