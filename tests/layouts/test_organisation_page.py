"""Administrators edit units and the category table in forms; what is wrong is said at the field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.layouts.conftest import WAIT_MS
from tests.scenarios.town import Town

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def page(town: Town, enter: Callable[..., Page]) -> Iterator[Page]:
    page = enter("admin", viewport={"width": 1600, "height": 1000}, locale="zh-CN", timezone_id="Asia/Shanghai")
    page.goto(f"{town.base}/organisation", timeout=WAIT_MS)
    yield page
    page.context.close()


def item(town: Town, path: str, key: str, value: str) -> Any:
    return next(one for one in town.by("admin").get(path)["items"] if one[key] == value)


def test_a_unit_is_changed_in_its_form_and_a_wrong_code_is_said_at_its_field(
    town: Town, page: Page, tmp_path: Path
) -> None:
    figure = page.locator('[data-figure="posts_filled"]')
    expect(figure).to_contain_text("0 / 0", timeout=WAIT_MS)
    page.click('tr[data-unit="g-12"]')
    form = page.locator("#organisation-form")
    expect(form.locator("[name=name]")).to_have_value("第12网格")
    form.locator("[name=code]").fill("5001050070030")
    form.locator("[name=posts]").fill("2")
    form.locator("[name=people]").fill("wang、jiao")
    form.locator("button.strong").click()
    expect(form.locator('[data-field="code"] .wrong')).to_contain_text("15 digits")
    page.screenshot(path=tmp_path / "wrong.png")
    assert item(town, "units", "id", "g-12")["people"] == ["wang"], "nothing is kept of what is wrong"
    form.locator("[name=code]").fill("500105007003012")
    form.locator("button.strong").click()
    expect(form).to_have_count(0)
    unit = item(town, "units", "id", "g-12")
    assert (unit["people"], unit["posts"], unit["leader"]) == (["wang", "jiao"], 2, "wu")
    assert unit["outline"]["type"] == "Polygon"
    expect(figure).to_contain_text("2 / 2")


def test_a_kind_is_added_with_its_ladder_and_a_wrong_limit_is_said_at_its_field(
    town: Town, page: Page, tmp_path: Path
) -> None:
    page.click('[data-new="category"]')
    form = page.locator("#organisation-form")
    for name, value in (("new_id", "manhole"), ("zh", "井盖缺失"), ("en", "Manhole cover missing"), ("limit", "4")):
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=lead]").select_option("roads")
    form.locator("[name=co_handlers]").select_option(["urban", "police"])
    form.locator("[name=close_when][value=report_photo]").check()
    rungs = form.locator("table.ladder tr")
    rungs.nth(0).locator("input[value=responder]").uncheck()
    rungs.nth(3).locator("input[value=district]").uncheck()
    rungs.nth(4).locator("input[value=district]").check()
    form.locator("button.strong").click()
    expect(form.locator('[data-field="limit"] .wrong')).to_contain_text("not a duration")
    form.locator("[name=limit]").fill("4h")
    page.screenshot(path=tmp_path / "category.png")
    form.locator("button.strong").click()
    expect(form).to_have_count(0)
    kept = item(town, "categories", "kind", "manhole")
    assert (kept["limit"], kept["lead"], kept["co_handlers"]) == ("4h", "roads", ["police", "urban"])
    assert kept["close_when"] == ["report_photo"]
    assert [(one["percent"], one["to"]) for one in kept["escalations"]] == [
        (80, ["responder", "grid_leader"]),
        (100, ["section_head", "duty_officer"]),
        (150, ["commander"]),
        (200, ["district"]),
    ]
    expect(page.locator('tr[data-kind="manhole"]')).to_contain_text("井盖缺失")


def test_what_no_form_can_have_is_refused_by_the_server_with_the_field(town: Town, page: Page) -> None:
    page.click('tr[data-unit="street"]')
    form = page.locator("#organisation-form")
    form.locator("[name=parent]").select_option("g-12")
    form.locator("button.strong").click()
    expect(form.locator('[data-field="parent"] .wrong')).to_contain_text("g-12 is street itself or below it")
    form.locator("[name=parent]").select_option("qingshi")
    form.locator("[name=outline]").fill("{no json")
    form.locator("button.strong").click()
    expect(form.locator('[data-field="outline"] .wrong')).to_contain_text("不是 JSON")


def test_two_administrators_do_not_overwrite_each_other(town: Town, page: Page) -> None:
    page.click('tr[data-unit="police"]')
    form = page.locator("#organisation-form")
    expect(form.locator("[name=name]")).to_have_value("派出所")
    unit = item(town, "units", "id", "police")
    body = {name: value for name, value in unit.items() if name not in ("id", "version")}
    answer = town.by("admin").client.put(
        "/api/v1/units/police", json=body | {"posts": 7}, headers={"If-Match": f'"{unit["version"]}"'}
    )
    assert answer.status_code == 200, answer.text
    form.locator("[name=posts]").fill("9")
    form.locator("button.strong").click()
    expect(page.locator("body")).to_contain_text("the present version is")
    assert item(town, "units", "id", "police")["posts"] == 7


def test_what_is_being_typed_stays_when_somebody_else_changes_the_organisation(town: Town, page: Page) -> None:
    page.click('[data-new="category"]')
    form = page.locator("#organisation-form")
    form.locator("[name=zh]").fill("路灯不亮")
    unit = item(town, "units", "id", "police")
    body = {name: value for name, value in unit.items() if name not in ("id", "version")}
    answer = town.by("admin").client.put(
        "/api/v1/units/police", json=body | {"name": "派出所（河阳）"}, headers={"If-Match": f'"{unit["version"]}"'}
    )
    assert answer.status_code == 200, answer.text
    expect(page.locator('tr[data-unit="police"]')).to_contain_text("派出所（河阳）")
    expect(form.locator("[name=zh]")).to_have_value("路灯不亮")


def test_a_shift_is_added_to_the_roster_and_taken_out_again(town: Town, page: Page, tmp_path: Path) -> None:
    page.click('tr[data-unit="urban"]')
    roster = page.locator("#organisation-shifts")
    roster.locator("[name=begins]").fill("2027-07-13T08:00")
    roster.locator("[name=ends]").fill("2027-07-13T20:00")
    roster.locator("[name=duty]").fill("防汛值守")
    roster.locator("form button").click()
    expect(roster.locator("li")).to_contain_text("防汛值守")
    page.screenshot(path=tmp_path / "shift.png")
    (shift,) = town.by("admin").get("shifts")["items"]
    assert (shift["unit"], shift["person"], shift["begins"][:16]) == ("urban", "cheng", "2027-07-13T00:00")
    roster.locator("li button").click()
    expect(roster).to_contain_text("没有班次")
    assert town.by("admin").get("shifts")["items"] == []


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"])
def test_a_shift_begins_at_the_time_of_the_city_wherever_the_browser_is(
    town: Town, enter: Callable[..., Page], zone: str, tmp_path: Path
) -> None:
    page = enter("admin", viewport={"width": 1600, "height": 1000}, locale="en-US", timezone_id=zone)
    page.goto(f"{town.base}/organisation", timeout=WAIT_MS)
    page.click('tr[data-unit="g-12"]')
    form = page.locator("#organisation-shifts form")
    expect(form.locator(".zone")).to_have_text("时间按 Asia/Shanghai", timeout=WAIT_MS)
    form.locator("[name=begins]").fill("2031-12-05T08:00")
    form.locator("[name=ends]").fill("2031-12-05T16:00")
    form.locator("[name=duty]").fill(zone)
    page.screenshot(path=tmp_path / "shift.png")
    form.locator("button").last.click()
    listed = page.locator("#organisation-shifts li", has_text=zone)
    expect(listed).to_contain_text("12/05 08:00:00")
    shift = item(town, "shifts", "duty", zone)
    assert (shift["begins"][:19], shift["ends"][:19]) == ("2031-12-05T00:00:00", "2031-12-05T08:00:00")
    page.context.close()
