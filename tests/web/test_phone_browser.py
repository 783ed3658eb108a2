"""The phone page in a real browser at 390×844: a task from offer to report, also with the network cut."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Geolocation, Page, Route, expect

from data.model.record import AuditEntry
from data.model.task import Task, TaskState
from tests.web.city import Running, until
from tests.web.phone_city import GATE, call_off, log_in, start_phone_city

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE: Geolocation = {"latitude": GATE.lat + 0.0005, "longitude": GATE.lon + 0.0015}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running, stop = start_phone_city(tmp_path_factory.mktemp("phone"))
    yield running
    stop()


@pytest.fixture
def city(started: Running) -> Iterator[Running]:
    yield started
    call_off(started)


@pytest.fixture
def phone(city: Running, browser: Browser) -> Iterator[Page]:
    """Zhang's phone, logged in, its position known to the browser."""
    context = browser.new_context(
        base_url=city.base,
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        locale="zh-CN",
        permissions=["geolocation"],
        geolocation=HERE,
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    log_in(page, "zhang")
    yield page
    context.close()
    assert errors == []


def dispatch(city: Running) -> int:
    with city.client("li") as li:
        answer = li.post(f"/api/v1/alerts/{city.alert()}/dispatch", json={})
    task: int = answer.json()["task"]["id"]
    return task


def stored(city: Running, task: int) -> Task:
    return city.store.read(lambda reader: reader.task(task))


def trail(city: Running, task: int) -> list[str]:
    entries: list[AuditEntry] = list(city.store.read(lambda reader: reader.audit(subject=f"task:{task}")))
    return [entry.action for entry in entries]


def picture(file: Path) -> Path:
    """Something that compresses badly, so that it is as heavy as a phone's photo."""
    Image.effect_noise((900, 700), 80).convert("RGB").save(file, quality=90)
    return file


def go_to_the_scene(page: Page) -> None:
    page.tap("[data-do=accept]")
    page.tap("[data-do=en-route]")
    page.tap("[data-do=on-scene]")
    expect(page.locator("article[data-state=on_scene]")).to_be_visible()


def test_a_task_goes_from_offer_to_report_by_thumb(city: Running, phone: Page, tmp_path: Path) -> None:
    expect(phone.get_by_text("暂无任务")).to_be_visible()
    task = dispatch(city)
    expect(phone.locator("article.offer")).to_be_visible(timeout=8000)
    assert phone.locator("[data-until]").inner_text().startswith("14:")
    assert phone.title().startswith("(1) 新任务")
    accept = phone.locator("[data-do=accept]").bounding_box()
    decline = phone.locator("article.offer summary").bounding_box()
    assert accept is not None
    assert decline is not None
    assert accept["height"] >= 64  # a wet thumb
    assert decline["y"] + decline["height"] < 844  # both answers without scrolling
    go_to_the_scene(phone)
    until(lambda: stored(city, task).state is TaskState.ON_SCENE)
    phone.set_input_files("article input[name=photo]", picture(tmp_path / "photo.jpg"))
    phone.fill("article textarea", "车已开走，已劝导")
    phone.screenshot(path=tmp_path / "on_scene.png", full_page=True)
    phone.tap("article form.report .go")
    expect(phone.get_by_text("已上报，等待核实")).to_be_visible()
    reported = until(lambda: stored(city, task) if stored(city, task).reported_at else None)
    assert (reported.report_text, reported.responder) == ("车已开走，已劝导", "zhang")
    evidence = city.store.read(lambda reader: reader.evidence(reported.report_photo))
    with Image.open(io.BytesIO(city.deps.vault.open(evidence))) as kept:
        assert kept.size == (900, 700)
    assert trail(city, task) == ["dispatch", "offer", "accept", "en_route", "on_scene", "report"]


def test_declining_with_a_reason_passes_the_task_on(city: Running, phone: Page) -> None:
    task = dispatch(city)
    phone.locator("article.offer summary").tap(timeout=8000)
    phone.get_by_role("button", name="车辆故障").tap()
    expect(phone.get_by_text("暂无任务")).to_be_visible()
    assert stored(city, task).offered_to == "wang"
    offers = city.store.read(lambda reader: reader.offers(task))
    assert (offers[0].responder, offers[0].reason) == ("zhang", "车辆故障")


def test_what_is_done_without_network_arrives_once_when_it_is_back(city: Running, phone: Page, tmp_path: Path) -> None:
    task = dispatch(city)
    phone.tap("[data-do=accept]", timeout=8000)
    expect(phone.locator("article.work")).to_be_visible()
    phone.context.set_offline(True)
    phone.tap("[data-do=en-route]")
    phone.tap("[data-do=on-scene]")
    phone.set_input_files("article input[name=photo]", picture(tmp_path / "photo.jpg"))
    phone.fill("article textarea", "无信号处上报")
    phone.tap("article form.report .go")
    expect(phone.locator("#link")).to_contain_text("无网络 · 操作会自动补发 · 待发送 3")
    expect(phone.locator("article .sending")).to_have_text("无网络，已保存，恢复后自动发送")
    assert stored(city, task).state is TaskState.ACCEPTED
    phone.context.set_offline(False)
    expect(phone.locator("#link")).to_have_text("已连接", timeout=20_000)
    expect(phone.get_by_text("已上报，等待核实")).to_be_visible()
    done = stored(city, task)
    assert (done.state, done.report_text) == (TaskState.REPORTED, "无信号处上报")
    assert done.report_photo is not None
    assert trail(city, task) == ["dispatch", "offer", "accept", "en_route", "on_scene", "report"]


def test_a_report_whose_answer_was_lost_is_delivered_once(city: Running, phone: Page) -> None:
    task = dispatch(city)
    expect(phone.locator("article.offer")).to_be_visible(timeout=8000)
    go_to_the_scene(phone)
    until(lambda: stored(city, task).state is TaskState.ON_SCENE)
    keys: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    phone.route("**/report", lose_the_first_answer)
    phone.fill("article textarea", "只发一次")
    phone.tap("article form.report .go")
    expect(phone.get_by_text("已送达")).to_be_visible(timeout=20_000)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert trail(city, task).count("report") == 1


def test_a_queued_report_survives_closing_the_page(city: Running, phone: Page) -> None:
    task = dispatch(city)
    expect(phone.locator("article.offer")).to_be_visible(timeout=8000)
    go_to_the_scene(phone)
    until(lambda: stored(city, task).state is TaskState.ON_SCENE)
    phone.reload()  # from now on the service worker has the page
    expect(phone.locator("article[data-state=on_scene]")).to_be_visible()
    phone.context.set_offline(True)
    phone.fill("article textarea", "关机前写的")
    phone.tap("article form.report .go")
    expect(phone.locator("#link")).to_contain_text("待发送 1")
    context = phone.context
    phone.close()
    again = context.new_page()
    again.goto("/r")  # opens without network
    expect(again.locator("#link")).to_contain_text("待发送 1")
    context.set_offline(False)
    until(lambda: stored(city, task).reported_at is not None, 20)
    assert stored(city, task).report_text == "关机前写的"
    assert trail(city, task).count("report") == 1


def test_an_answer_that_came_too_late_is_refused_in_words(city: Running, phone: Page) -> None:
    dispatch(city)
    expect(phone.locator("article.offer")).to_be_visible(timeout=8000)
    phone.context.set_offline(True)
    phone.tap("[data-do=accept]")
    expect(phone.locator("#link")).to_contain_text("待发送 1")
    call_off(city)
    phone.context.set_offline(False)
    expect(phone.locator(".notice")).to_contain_text("任务状态已改变", timeout=20_000)
    expect(phone.get_by_text("暂无任务")).to_be_visible()


def test_what_somebody_is_writing_stays_when_the_page_is_brought_up_to_date(city: Running, phone: Page) -> None:
    task = dispatch(city)
    expect(phone.locator("article.offer")).to_be_visible(timeout=8000)
    go_to_the_scene(phone)
    until(lambda: stored(city, task).state is TaskState.ON_SCENE)
    phone.fill("article textarea", "正在写")
    phone.evaluate(
        "window.written = document.querySelector('article textarea'); window.written.setSelectionRange(2, 2)"
    )
    with city.client("zhang") as other_phone:  # moved on by another device: the card is drawn anew
        place = {"lon": GATE.lon + 0.0002, "lat": GATE.lat}
        assert other_phone.post("/api/v1/responders/zhang/position", json=place).status_code == 200
    expect(phone.locator(".way")).to_contain_text("20 米", timeout=8000)
    phone.keyboard.insert_text("字，")  # the cursor is where it was: whoever types does not notice
    assert phone.input_value("article textarea") == "正在字，写"
    assert phone.evaluate("document.activeElement === window.written")


def test_the_position_is_shared_on_shift_only_and_after_it_was_switched_on(
    city: Running, phone: Page, browser: Browser
) -> None:
    def position(name: str) -> object:
        return city.store.read(lambda reader: reader.responder(name)).position

    before = position("zhang")
    phone.wait_for_timeout(1500)
    assert position("zhang") == before
    phone.tap("#share")
    until(lambda: position("zhang") != before, 10)
    shared = city.store.read(lambda reader: reader.responder("zhang")).position
    assert shared is not None
    assert (round(shared.lon, 6), round(shared.lat, 6)) == (round(HERE["longitude"], 6), round(HERE["latitude"], 6))
    expect(phone.locator("#shared")).to_contain_text("位置共享中")
    context = browser.new_context(base_url=city.base, permissions=["geolocation"], geolocation=HERE)
    off_shift = context.new_page()
    log_in(off_shift, "chen")
    expect(off_shift.get_by_text("未在岗", exact=True)).to_be_visible()
    expect(off_shift.locator("#share")).to_be_hidden()
    context.close()
