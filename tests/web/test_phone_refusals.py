"""What the server does not take stays on the phone with its reason, to be mended and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from data.model.people import Actor, Role
from data.model.task import Event
from dispatch.tasks import cancel
from tests.web.city import PASSWORD, Running, until
from tests.web.phone_city import call_off, log_in, start_phone_city

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROXY_SAYS = "<html><head><title>413 Request Entity Too Large</title></head></html>"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running, stop = start_phone_city(tmp_path_factory.mktemp("phone"))
    yield running
    stop()


@pytest.fixture
def phone(city: Running, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        base_url=city.base, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, locale="zh-CN",
        permissions=["geolocation"], geolocation={"latitude": 29.5812, "longitude": 106.5133, "accuracy": 8},
    )  # fmt: skip
    context.set_default_timeout(15_000)
    page = context.new_page()
    log_in(page, "zhang")
    yield page
    context.close()
    call_off(city)


def reported(city: Running) -> list[Event]:
    return [event for event in city.store.read(lambda reader: reader.events(limit=50)) if event.origin == "grid"]


def picture(file: Path, width: int = 400, height: int = 300) -> Path:
    Image.effect_noise((width, height), 80).convert("RGB").save(file, quality=60)
    return file


def test_a_report_for_a_task_that_was_cancelled_meanwhile_keeps_its_words_and_says_why(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    with city.client("li") as li:
        task = li.post(f"/api/v1/alerts/{city.alert()}/dispatch", json={}).json()["task"]["id"]
    for step in ("accept", "en-route", "on-scene"):
        phone.tap(f"[data-do={step}]")
    expect(phone.locator("form.report textarea").first).to_be_visible()
    until(lambda: city.store.read(lambda reader: reader.task(task)).on_scene_at, 15)
    phone.context.set_offline(True)
    phone.fill("article textarea", "水已排干，井盖已复位")
    phone.tap("article form.report .go")
    expect(phone.locator("#link")).to_contain_text("待发送 1")
    officer = Actor("zhao", Role.DUTY_OFFICER)
    city.store.write(lambda w: cancel(w, task, officer, city.deps.now(), "误报"))
    phone.context.set_offline(False)
    kept = phone.locator("#refused form")
    expect(phone.locator("#refused h2")).to_have_text("未被接受，已保留（1）", timeout=20_000)
    expect(kept.locator(".why")).to_contain_text("任务状态已改变")
    expect(kept.locator("textarea")).to_have_value("水已排干，井盖已复位")
    phone.reload()
    expect(kept.locator("textarea")).to_have_value("水已排干，井盖已复位")
    phone.screenshot(path=tmp_path / "refused.png", full_page=True)
    phone.once("dialog", lambda dialog: dialog.accept())
    kept.locator("[data-throw]").tap()
    expect(phone.locator("#refused")).to_be_hidden()


def test_a_step_that_was_taken_still_counts_when_the_network_is_cut_before_the_list_came(
    city: Running, phone: Page
) -> None:
    with city.client("li") as li:
        task = li.post(f"/api/v1/alerts/{city.alert()}/dispatch", json={}).json()["task"]["id"]
    for step in ("accept", "en-route"):
        phone.tap(f"[data-do={step}]")
    expect(phone.locator("[data-do=on-scene]")).to_be_visible()
    until(lambda: city.store.read(lambda reader: reader.task(task)).en_route_at, 15)
    phone.route("**/r/live", lambda route: route.abort())
    phone.tap("[data-do=on-scene]")
    until(lambda: city.store.read(lambda reader: reader.task(task)).on_scene_at, 15)
    expect(phone.locator("#link")).not_to_contain_text("待发送")
    expect(phone.locator(f'article[data-task="{task}"]')).to_have_attribute("data-state", "on_scene")
    expect(phone.locator("form.report textarea").first).to_be_visible()
    phone.unroute("**/r/live")
    expect(phone.locator(f'article[data-task="{task}"]')).to_have_attribute("data-state", "on_scene")


def test_a_report_that_a_proxy_refuses_is_mended_and_sent_again_with_its_photo(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=413, content_type="text/html", body=PROXY_SAYS)

    before = len(reported(city))
    phone.route("**/api/v1/reports", refuse)
    phone.get_by_text("上报问题").first.tap()
    phone.select_option("#own select", label="井盖缺失")
    phone.set_input_files("#own input[name=photo]", picture(tmp_path / "hole.jpg"))
    phone.fill("#own textarea", "井盖不见了")
    phone.tap("#own .go")
    kept = phone.locator("#refused form")
    expect(kept.locator(".why")).to_have_text("服务器答复 413", timeout=20_000)
    expect(kept.locator("select")).to_have_value("manhole")
    expect(kept.locator("img")).to_be_visible()
    phone.unroute("**/api/v1/reports")
    kept.locator("textarea").fill("人行道井盖不见了")
    kept.locator(".go").tap()
    expect(phone.locator(".notice.good")).to_contain_text("已上报，事件", timeout=20_000)
    expect(phone.locator("#refused")).to_be_hidden()
    events = until(lambda: reported(city)[: len(reported(city)) - before], 15)
    assert [(event.kind, event.description, event.photo is not None) for event in events] == [
        ("manhole", "人行道井盖不见了", True)
    ]


def test_a_heic_photo_says_what_to_do_and_one_of_many_pixels_is_made_smaller(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    heic = tmp_path / "photo.heic"
    heic.write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(1000))
    phone.get_by_text("上报问题").first.tap()
    phone.fill("#own textarea", "路面塌陷")
    phone.set_input_files("#own input[name=photo]", heic)
    phone.tap("#own .go")
    expect(phone.locator(".notice")).to_contain_text("选“兼容性最佳”后重拍")
    expect(phone.locator("#own textarea")).to_have_value("路面塌陷")
    large = tmp_path / "large.jpg"
    Image.new("RGB", (6000, 4000), (90, 110, 100)).save(large, quality=50)  # 24 megapixels in little more than 100 kB
    phone.set_input_files("#own input[name=photo]", large)
    phone.tap("#own .go")
    expect(phone.locator(".notice.good")).to_contain_text("已上报，事件", timeout=20_000)
    newest = max(reported(city), key=lambda event: event.id)
    assert (newest.description, newest.photo is not None) == ("路面塌陷", True)


def test_without_any_kind_of_event_the_phone_says_whom_to_ask(browser: Browser, tmp_path: Path) -> None:
    running, stop = start_phone_city(tmp_path, kinds=False)
    context = browser.new_context(base_url=running.base, viewport={"width": 390, "height": 844}, locale="en-GB")
    page = context.new_page()
    page.goto("/r?lang=en")
    page.fill("#name", "zhang")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/r**")
    page.goto("/r?lang=en")
    page.get_by_text("Report a problem").click()
    expect(page.locator("#own .why")).to_contain_text("There are no kinds of events yet")
    context.close()
    stop()
