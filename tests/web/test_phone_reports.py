"""On the phone: what of a checklist is done, work that is stuck, tasks of one's unit, and reports of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Geolocation, Page, expect

from data.model.case import Part
from data.model.people import Actor, Role
from data.model.task import Event, Task, TaskState
from data.ports.store import TaskQuery, Writer
from dispatch.case_work import Work, assigned
from tests.web.city import PASSWORD, Running, until
from tests.web.phone_city import GATE, call_off, log_in, start_phone_city

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HERE: Geolocation = {"latitude": 29.5812, "longitude": 106.5133, "accuracy": 8}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running, stop = start_phone_city(tmp_path_factory.mktemp("phone"))
    yield running
    stop()


@pytest.fixture
def phone(city: Running, browser: Browser) -> Iterator[Page]:
    """Zhang's phone; zhang is one of the drainage crew."""
    context = browser.new_context(
        base_url=city.base, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True,
        locale="zh-CN", permissions=["geolocation"], geolocation=HERE,
    )  # fmt: skip
    context.set_default_timeout(15_000)
    page = context.new_page()
    log_in(page, "zhang")
    yield page
    context.close()
    call_off(city)


def picture(file: Path) -> Path:
    Image.effect_noise((400, 300), 80).convert("RGB").save(file, quality=90)
    return file


def stored(city: Running, task: int) -> Task:
    return city.store.read(lambda reader: reader.task(task))


def offered(city: Running, **changes: object) -> int:
    """A task offered to zhang, with these fields of its own."""
    with city.client("li") as li:
        task: int = li.post(f"/api/v1/alerts/{city.alert()}/dispatch", json={}).json()["task"]["id"]
    city.store.write(lambda writer: writer.save_task(replace(writer.task(task), **changes)))  # type: ignore[arg-type]
    return task


def reported_by_grid(city: Running) -> list[Event]:
    found = city.store.read(lambda reader: reader.events(limit=50))
    return [event for event in found if event.origin == "grid"]


def test_what_is_ticked_off_is_sent_with_the_report_and_the_photo_must_be_there(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    task = offered(city, checklist=("锁闭通道", "张贴告示", "拍照"), needs_photo=True)
    for step in ("accept", "en-route", "on-scene"):
        phone.tap(f"[data-do={step}]")
    phone.get_by_label("锁闭通道").check()
    phone.get_by_role("checkbox", name="拍照").check()
    phone.fill("article textarea", "已锁闭")
    phone.tap("article form.report .go")
    expect(phone.locator(".notice")).to_contain_text("此任务须拍照")
    phone.set_input_files("article input[name=photo]", picture(tmp_path / "lock.jpg"))
    phone.screenshot(path=tmp_path / "checklist.png", full_page=True)
    phone.tap("article form.report .go")
    expect(phone.get_by_text("已上报，等待核实")).to_be_visible()
    until(lambda: stored(city, task).reported_at, 15)
    assert (stored(city, task).checked, stored(city, task).report_photo is not None) == ((0, 2), True)


def test_work_that_is_stuck_waits_and_what_is_not_good_enough_is_done_again(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    task = offered(city)
    phone.tap("[data-do=accept]")
    phone.locator("article.work summary").tap()
    phone.fill("form[data-do=block] input", "大门锁着")
    phone.locator("form[data-do=block] button").tap()
    until(lambda: stored(city, task).state is TaskState.BLOCKED, 15)
    expect(phone.locator(".note")).to_contain_text("受阻：大门锁着")
    phone.screenshot(path=tmp_path / "blocked.png", full_page=True)
    phone.tap("[data-do=unblock]")
    for step in ("en-route", "on-scene"):
        phone.tap(f"[data-do={step}]")
    phone.fill("article textarea", "扫过了")
    phone.tap("article form.report .go")
    until(lambda: stored(city, task).reported_at, 15)
    with city.client("li") as li:
        assert li.post(f"/api/v1/tasks/{task}/rework", json={"reason": "还有积水"}).status_code == 200
    expect(phone.locator(".note")).to_contain_text("需返工：还有积水")
    phone.fill("article textarea", "又清了一遍")
    phone.tap("article form.report .go")
    until(lambda: stored(city, task).report_text == "又清了一遍", 15)


def test_a_task_of_the_unit_is_on_the_phones_of_its_people_only_and_one_of_them_takes_it(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    def for_the_unit(writer: Writer) -> Task:
        event = writer.event(max(event.id for event in writer.events(open_only=True)))
        return assigned(writer, event, Work("清掏雨水口", Part.CO_HANDLER, "drainage"), operator, city.deps.now())

    operator = Actor("li", Role.OPERATOR)
    offered(city)
    call_off(city)
    task = city.store.write(for_the_unit).id
    card = phone.locator(f'article[data-task="{task}"]')
    expect(card).to_contain_text("单位任务")
    expect(card).to_contain_text("排水队")
    with city.client("wang") as wang:
        assert wang.get("/api/v1/tasks").json()["items"] == []
        assert wang.get(f"/api/v1/tasks/{task}").status_code == 403
    with city.client("zhang") as zhang:
        assert [one["id"] for one in zhang.get("/api/v1/tasks?open=true").json()["items"]] == [task]
    card.locator("[data-do=accept]").tap()
    expect(card.locator("form.report")).to_be_visible()
    phone.screenshot(path=tmp_path / "unit.png", full_page=True)
    card.locator("textarea").fill("已清掏")
    card.locator("form.report .go").tap()
    until(lambda: stored(city, task).reported_at, 15)
    assert stored(city, task).responder == "zhang"
    mine = city.store.read(lambda reader: reader.tasks(TaskQuery(unit="drainage")))
    assert [one.id for one in mine] == [task]


def test_a_report_of_one_s_own_written_without_network_becomes_one_event_with_its_photo_and_place(
    city: Running, phone: Page, tmp_path: Path
) -> None:
    phone.get_by_text("上报问题").tap()
    expect(phone.locator("#place")).to_have_text("位置 106.51330, 29.58120（±8 米）")
    phone.select_option("#own select", label="井盖缺失")
    phone.context.set_offline(True)
    phone.set_input_files("#own input[name=photo]", picture(tmp_path / "hole.jpg"))
    phone.fill("#own textarea", "人行道井盖不见了")
    phone.screenshot(path=tmp_path / "own.png", full_page=True)
    phone.tap("#own .go")
    expect(phone.locator("#link")).to_contain_text("待发送 1")
    phone.context.set_geolocation({"latitude": 29.6, "longitude": 106.6})  # gone elsewhere when the network is back
    phone.context.set_offline(False)
    expect(phone.locator(".notice")).to_contain_text("已上报，事件")
    (event,) = until(lambda: reported_by_grid(city), 15)
    assert (event.kind, event.description, event.state.value) == ("manhole", "人行道井盖不见了", "received")
    assert (round(event.location.lon, 4), round(event.location.lat, 4)) == (106.5133, 29.5812)
    assert event.photo is not None
    assert event.reporter["user"] == "zhang"
    phone.wait_for_timeout(4000)
    assert [one.id for one in reported_by_grid(city)] == [event.id]
    expect(phone.locator("#own textarea")).to_have_value("")


def test_without_a_position_the_last_known_place_is_used_and_the_phone_says_so_in_english_too(
    city: Running, browser: Browser
) -> None:
    context = browser.new_context(base_url=city.base, viewport={"width": 390, "height": 844}, locale="en-GB")
    page = context.new_page()
    page.goto("/r?lang=en")
    page.fill("#name", "wang")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/r**")
    page.goto("/r?lang=en")
    page.get_by_text("Report a problem").click()
    lon, lat = GATE.lon - 3 * 0.0010, GATE.lat + 2 * 0.0009
    expect(page.locator("#place")).to_have_text(f"No position now: the last one, {lon:.5f}, {lat:.5f}", timeout=20_000)
    expect(page.locator("#own select option")).to_have_text(["Litter", "Manhole cover missing"])
    context.close()
