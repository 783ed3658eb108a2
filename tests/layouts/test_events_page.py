"""The page of events in a real browser: the next step is a button, and what it did stands in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.layouts.conftest import WAIT_MS
from tests.scenarios.town import Town, picture
from web.verify_export import check, source_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def page(enter: Callable[..., Page]) -> Iterator[Page]:
    page = enter("qian", viewport={"width": 1600, "height": 900})
    yield page
    page.context.close()


def test_a_section_head_suspends_an_event_by_its_button_and_the_reason_stands_in_the_history(
    town: Town, page: Page
) -> None:
    body = {"kind": "dirty_path", "location": {"lon": 106.505, "lat": 29.583}, "description": "楼道堆物"}
    number = town.by("li").post("events", body)["event"]["id"]
    town.by("li").step(number, "file")
    town.by("qian").step(number, "dispatch")
    page.goto(f"{town.base}/events", timeout=WAIT_MS)
    page.click(f'tr[data-event="{number}"]')
    page.click('button[data-step="suspend"]')
    page.fill('#event-form textarea[name="reason"]', "等产权单位进场")
    page.click("#event-form button.strong")
    page.wait_for_selector("#event-history >> text=等产权单位进场")
    assert page.inner_text("#events-chosen h3 .state") == "挂账"
    assert "已暂停" in page.inner_text("#events-chosen .clocks")
    assert town.by("qian").event(number)["state"] == "suspended"
    page.wait_for_selector(f'tr[data-event="{number}"] >> text=挂账')
    with page.expect_download(timeout=WAIT_MS) as download:
        page.click("#event-export")
    with closing(source_of(download.value.path())) as source:
        checked = check(source)
    assert (checked.manifest["event"], checked.manifest["made_by"], checked.findings) == (number, "qian", [])


def test_a_task_with_a_checklist_is_added_by_the_form_and_what_was_ticked_off_is_seen(
    town: Town, page: Page, tmp_path: Path
) -> None:
    body = {"kind": "dirty_path", "location": {"lon": 106.515, "lat": 29.585}, "description": "雨水口堵塞"}
    number = town.by("li").post("events", body)["event"]["id"]
    town.by("li").step(number, "file")
    page.goto(f"{town.base}/events", timeout=WAIT_MS)
    page.click(f'tr[data-event="{number}"]')
    page.click('[data-do="add-task"]')
    page.select_option("#f-unit", "urban")
    page.fill("#f-title", "清掏雨水口")
    page.fill("#f-checklist", "清掏\n拍照")
    page.check("#f-needs_photo")
    page.click("#event-form button.strong")
    page.wait_for_selector(".parts >> text=清掏雨水口")
    (task,) = town.by("qian").event(number)["tasks"]
    assert (task["unit"], task["checklist"], task["needs_photo"]) == ("urban", ["清掏", "拍照"], True)
    cheng = town.by("cheng")
    cheng.post(f"tasks/{task['id']}/accept")
    refused = cheng.client.post(f"/api/v1/tasks/{task['id']}/report", data={"text": "清了"})
    assert (refused.status_code, "asks for a photo" in refused.text) == (422, True)
    files = {"photo": ("after.jpg", picture(tmp_path / "after.jpg"), "image/jpeg")}
    sent = cheng.client.post(f"/api/v1/tasks/{task['id']}/report", data={"text": "清了", "checked": ["0"]}, files=files)
    assert sent.status_code == 200, sent.text
    row = page.locator(f'.parts [data-task="{task["id"]}"]')
    row.locator("text=☑ 清掏").wait_for()
    assert "清单 1/2" in row.inner_text()
    assert "☐ 拍照" in row.inner_text()
    page.screenshot(path=tmp_path / "checklist.png")


def test_an_event_is_entered_by_a_click_on_the_map_with_caller_photo_priority_and_deadline(
    town: Town, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{town.base}/events?new", timeout=WAIT_MS)
    page.wait_for_selector("#event-place #map canvas")
    page.wait_for_selector("#map.picking")
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)  # right of the only site, above it
    expect(page.locator("#entry-here")).to_contain_text("第12网格 · 小学门口 ", timeout=WAIT_MS)
    assert page.input_value("#f-grid") == "500105007003012"
    lon, lat = float(page.input_value("#f-lon")), float(page.input_value("#f-lat"))
    assert 106.512 < lon < 106.53
    assert 29.583 < lat < 29.60
    page.select_option("#f-kind", "dirty_path")
    assert page.inner_text("#entry-limit") == "按类别：4 小时, 工作时间"
    page.fill("#f-description", "后巷积泥")
    page.select_option("#f-priority", "P2")
    page.fill("#f-limit", "2")
    page.select_option('[name="limit_unit"]', "d")
    page.fill("#f-caller", "张女士")
    page.fill("#f-phone", "000-1234")
    mud = tmp_path / "mud.jpg"
    picture(mud, "olive")
    page.set_input_files("#f-photo", mud)
    page.screenshot(path=tmp_path / "entry.png")
    page.click("#event-form button.strong")
    page.wait_for_selector("#event-history >> text=录入")
    expect(page.locator("#event-place")).to_be_hidden()
    number = town.by("qian").get("events?limit=1")["items"][0]["id"]
    whole = town.by("qian").event(number)
    assert (whole["description"], whole["priority"], whole["grid"]) == ("后巷积泥", "P2", "500105007003012")
    assert (whole["location"]["lon"], whole["location"]["lat"]) == (lon, lat)
    assert whole["reporter"] == {"name": "张女士", "phone": "000-1234"}
    assert whole["steps"][0]["detail"] == {"limit_s": 172_800.0}
    assert whole["photo"] is not None


def test_the_place_of_an_event_is_found_by_keyboard_and_pinyin_and_enter_in_the_search_sends_nothing(
    town: Town, page: Page
) -> None:
    page.goto(f"{town.base}/events", timeout=WAIT_MS)
    page.focus("#event-new")
    page.keyboard.press("Enter")
    expect(page.locator("#f-place")).to_be_focused(timeout=WAIT_MS)
    page.keyboard.type("xxmk")  # 小学门口
    expect(page.locator('#entry-found [role="option"]')).to_have_count(1, timeout=WAIT_MS)
    page.keyboard.press("Enter")
    expect(page.locator("#entry-here")).to_contain_text("小学门口 0 米", timeout=WAIT_MS)
    assert (page.input_value("#f-lon"), page.input_value("#f-lat")) == ("106.512000", "29.583000")
    page.fill("#f-place", "106.52, 29.59")
    expect(page.locator('#entry-found [role="option"]')).to_contain_text("106.52, 29.59")
    page.keyboard.press("Enter")
    assert page.input_value("#f-lon") == "106.520000"
    assert page.locator("#event-form").is_visible()
    page.locator("#map").focus()
    page.keyboard.press("Enter")  # the middle of the map
    expect(page.locator("#f-lon")).not_to_have_value("106.520000")
    page.click('[data-do="leave-entry"]')
    expect(page.locator("#event-place")).to_be_hidden()
