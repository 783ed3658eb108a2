"""An administrator adds a camera to a running city in the browser: a zone, a rule, saved, in force, taken back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pydantic import ValidationError

from data.model.zone import Zone
from tests.conftest import ROOT
from tests.e2e.city import City, city, first_alert, items, until
from tests.servers.http_answers import AnsweringServer, http_answers
from tests.servers.rtsp import RtspServer, rtsp_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.server,
    pytest.mark.shared,
    pytest.mark.browser,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

CONFIG = """\
name: 试验街道
config: screen
timezone: Asia/Shanghai
inference: {{cache_dir: "{cache}"}}
sites:
  - id: quay
    name: 滨江步道
    location: {{lon: 106.57, lat: 29.56}}
    monitor: {{kind: http_push, id: probe, quantity: water_depth, unit: cm}}
    rules: [{{kind: threshold, id: deep, quantity: water_depth, above: 25, unit: cm, priority: P2}}]
"""
ALERT_WITHIN_S = 30.0  # with the loading of the model, which no worker needed before, on a machine of two busy cores
PASSWORD = "gate-kettle-harbour-42"
Opening = Callable[..., Page]


@pytest.fixture(scope="module")
def camera(shared: Path) -> Iterator[RtspServer]:
    with rtsp_server({"main": shared / "clips" / "vtest_12s.mp4"}, user="viewer", password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(cache=ROOT / ".cache"), "utf-8")
    secrets = folder / "secrets.yaml"
    secrets.write_text(f"gate-cameras: {{username: viewer, password: {PASSWORD}}}\n", "utf-8")
    secrets.chmod(0o600)
    with city(config, folder / "var") as started:
        for name in ("root", "second"):
            started.add_user(name, "administrator", f"{name}-kettle-harbour-42")
        started.add_user("zhao", "duty_officer", "zhao-kettle-harbour-42")
        yield started


@pytest.fixture
def open_page(browser: Browser, running: City) -> Iterator[Opening]:
    """open_page("root", "/setup") -> the page of somebody logged in; errors in its console fail the test."""
    contexts, errors = [], []

    def log_in(name: str = "root", path: str = "/setup", *, width: int = 1920, height: int = 1080) -> Page:
        context = browser.new_context(locale="zh-CN", viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(running.url + path)
        page.fill("#name", name)
        page.fill("#password", f"{name}-kettle-harbour-42")
        page.click("button[type=submit]")
        page.wait_for_selector('#link-state[data-state="live"]', timeout=20_000)
        return page

    yield log_in
    for context in contexts:
        context.close()
    assert errors == []


def at(stage: Locator, x: float, y: float) -> tuple[float, float]:
    """A place of the picture, by fractions, on the page."""
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def click_outline(page: Page, *corners: tuple[float, float]) -> None:
    """Draw a new zone by clicks; the outline is left open."""
    page.locator('.editor-bar [data-do="zone"]').click()
    stage = page.locator(".zone-overlay")
    for corner in corners:
        page.mouse.click(*at(stage, *corner))


def add_camera(page: Page, camera: RtspServer, site: str, name: str) -> None:
    """Fill in the form of a new camera, try it out, and take it into the draft."""
    page.locator('#setup-sites [data-do="add"]').click()
    form = page.locator("#camera-form")
    form.locator('[data-setting="name"] input').fill(name)
    form.locator('[data-setting="id"] input').first.fill(site)
    form.locator("input[name=lat]").fill("29.5601")
    form.locator("input[name=lon]").fill("106.5702")
    form.locator("#camera-kind").select_option("rtsp_camera")
    form.locator('[data-setting="url"] input').fill(camera.url("main"))
    form.locator('[data-setting="credentials"] input').fill("gate-cameras")
    form.locator('[data-do="test"]').click()
    expect(form.locator(".test-result")).to_contain_text("可以接入", timeout=20_000)
    form.locator('[data-do="apply"]').click()
    expect(page.locator(f'#setup-sites [data-site="{site}"]')).to_have_class("quiet here changed")


def save(page: Page, note: str) -> None:
    page.locator('.save-bar [data-do="save"]').click()
    page.locator("#save-note").fill(note)
    page.locator('#save-dialog [data-do="put"]').click()
    expect(page.locator("#save-dialog")).to_have_count(0, timeout=10_000)


def version_of(running: City) -> int:
    with running.caller("root") as root:
        found: int = root.get("/settings").json()["version"]
        return found


def test_a_camera_a_zone_and_a_rule_are_added_by_hand_saved_and_taken_back(
    running: City, camera: RtspServer, open_page: Opening
) -> None:
    page = open_page()
    before = version_of(running)
    page.locator('#setup-sites [data-do="add"]').click()
    form = page.locator("#camera-form")
    form.locator('[data-setting="name"] input').fill("小学门口")
    form.locator('[data-setting="id"] input').first.fill("gate-3")
    form.locator('[data-setting="url"] input').fill(camera.url("main"))
    form.locator('[data-do="test"]').click()
    expect(form.locator(".test-result.failed")).to_contain_text("用户名或密码被拒绝", timeout=20_000)
    form.locator('[data-do="leave"]').click()
    add_camera(page, camera, "gate-3", "小学门口")

    click_outline(page, (0.2, 0.2), (0.8, 0.2), (0.8, 0.9), (0.2, 0.9))
    page.mouse.click(*at(page.locator(".zone-overlay"), 0.2, 0.2))  # the first corner again closes it
    zone = page.locator(".zone-list input")
    zone.fill("lane")
    zone.press("Tab")
    expect(page.locator('.zone-row[data-zone="lane"]')).to_contain_text("4 个点")
    page.locator('[data-adds="rules"] select').select_option("intrusion")
    rule = page.locator('.recipe-form[data-kind="intrusion"]')
    expect(rule.locator('[data-setting="zone"] select')).to_have_value("lane")
    rule.locator('[data-setting="labels"] input').fill("person")
    rule.locator('[data-setting="priority"] select').select_option("P1")
    rule.locator('[data-do="apply"]').click()
    expect(page.locator('#setup article[data-kind="intrusion"]')).to_contain_text("lane")
    expect(page.locator('.zone-row[data-zone="lane"] .use')).to_have_text("闯入（禁区、河道）")

    page.locator('.save-bar [data-do="save"]').click()
    expect(page.locator('#save-dialog .difference li[data-path="sites[gate-3]"]')).to_contain_text("小学门口")
    page.locator('#save-dialog [data-do="put"]').click()
    expect(page.locator("#save-dialog .wrong")).to_contain_text("请写明为什么更改")
    page.locator("#save-note").fill("新装摄像机")
    page.locator('#save-dialog [data-do="put"]').click()
    saved_s = time.monotonic()
    with running.caller("root") as root:
        alert = first_alert(root, "gate-3", running)
    alerted_s = time.monotonic() - saved_s
    assert (alert["rule"], alert["zone"], alert["priority"], alert["label"]) == ("intrusion", "lane", "P1", "person")
    assert alerted_s < ALERT_WITHIN_S
    print(f"the first alert came {alerted_s:.1f} s after saving")
    expect(page.locator(".setup-over .mode")).to_contain_text(f"第 {before + 1} 版", timeout=10_000)
    expect(page.locator(".save-bar")).to_have_count(0)
    with running.caller("root") as root:
        saved = root.get("/settings").json()
        site = next(one for one in saved["document"]["sites"] if one["id"] == "gate-3")
        assert (saved["who"], saved["note"]) == ("root", "新装摄像机")
        assert site["rules"] == [{"kind": "intrusion", "zone": "lane", "priority": "P1", "labels": ["person"]}]
        assert [[round(v, 1) for v in corner] for corner in site["zones"][0]["polygon"]] == [
            [0.2, 0.2], [0.8, 0.2], [0.8, 0.9], [0.2, 0.9],
        ]  # fmt: skip
        assert PASSWORD not in str(saved)
    wall = open_page("zhao", "/")
    expect(wall.locator('[data-site="gate-3"]').first).to_be_visible(timeout=10_000)

    page.locator('[data-do="versions"]').click()
    newest = page.locator("#versions-dialog .version").first
    expect(newest).to_contain_text("新装摄像机")
    page.locator(f'#versions-dialog [data-version="{before}"] [data-do="restore"]').click()
    expect(page.locator('#setup-sites [data-site="gate-3"]')).to_have_count(0, timeout=10_000)
    with running.caller("root") as root:
        assert [one["id"] for one in root.get("/settings").json()["document"]["sites"]] == ["quay"]
        assert items(root.get("/settings/versions"))[0]["restored"] == before


def test_wrong_outlines_are_refused_with_words_on_the_page_and_by_the_server(
    running: City, camera: RtspServer, open_page: Opening
) -> None:
    page = open_page()
    add_camera(page, camera, "gate-4", "后门")
    editor = page.locator(".zone-editor > .wrong")
    click_outline(page, (0.2, 0.2), (0.8, 0.8))
    expect(page.locator('.editor-bar [data-do="close"]')).to_be_disabled()
    for corner in ((0.8, 0.2), (0.2, 0.8)):
        page.mouse.click(*at(page.locator(".zone-overlay"), *corner))
    page.locator('.editor-bar [data-do="close"]').click()
    expect(editor).to_have_text("轮廓自相交：第 1 点后的边与第 3 点后的边相交")
    page.keyboard.press("Escape")
    click_outline(page, (0.2, 0.2), (0.8, 0.2), (0.8, 0.8))
    page.locator('.editor-bar [data-do="close"]').click()
    page.locator(".zone-corners summary").click()
    field = page.locator('.zone-corners input[aria-label="2 x %"]')
    field.fill("120")
    field.press("Enter")
    expect(editor).to_have_text("区域：第 2 点在画面之外")
    page.locator('.save-bar [data-do="save"]').click()
    expect(page.locator(".message.error")).to_contain_text("第 2 点在画面之外")
    expect(page.locator("#save-dialog")).to_have_count(0)
    page.locator('.save-bar [data-do="discard"]').click()
    with running.caller("root") as root:
        document = root.get("/settings").json()["document"]
        document["sites"][0]["zones"] = [{"id": "x", "polygon": [[0.2, 0.2], [0.8, 0.8], [0.8, 0.2], [0.2, 0.8]]}]
        (problem,) = root.post("/settings/check", json={"document": document}).json()["problems"]
    assert (problem["path"], problem["key"]) == ("sites[0].zones[0]", "setting.zone.crosses")


def test_what_is_typed_stays_when_somebody_else_saves_and_both_changes_are_joined(
    running: City, open_page: Opening
) -> None:
    page, other = open_page(), open_page("second")
    for one in (page, other):
        one.locator('#setup-sites [data-site="quay"]').click()
    page.locator('article[data-kind="threshold"] [data-do="edit"]').click()
    above = page.locator('.recipe-form [data-setting="above"] input')
    above.fill("31")
    other.locator('[data-do="edit-site"]').click()
    other.locator('#camera-form [data-setting="name"] input').fill("滨江步道（东）")
    other.locator('#camera-form [data-do="apply"]').click()
    save(other, "改名")
    expect(page.locator(".newer")).to_contain_text("second", timeout=15_000)
    expect(page.locator(".newer")).to_contain_text("都还在")
    page.locator('.newer [data-do="join"]').click()
    expect(page.locator(".message.error")).to_contain_text("请先采用或放弃正在编辑的表单")
    expect(above).to_have_value("31")
    page.locator('.recipe-form [data-do="apply"]').click()
    expect(page.locator(".recipe-form")).to_have_count(0)
    page.locator('.newer [data-do="join"]').click()
    expect(page.locator('#setup-sites [data-site="quay"]')).to_have_text("滨江步道（东）")
    save(page, "限值改为 31")
    with running.caller("root") as root:
        (site,) = root.get("/settings").json()["document"]["sites"]
    assert (site["name"], site["rules"][0]["above"]) == ("滨江步道（东）", 31)


def test_a_zone_is_drawn_moved_and_undone_by_keyboard_alone(camera: RtspServer, open_page: Opening) -> None:
    page = open_page()
    add_camera(page, camera, "gate-5", "侧门")
    page.locator('.editor-bar [data-do="zone"]').focus()
    page.keyboard.press("Enter")

    def set_corner(*moves: tuple[str, int]) -> None:
        for key, times in moves:
            for _ in range(times):
                page.keyboard.press(f"Shift+{key}")
        page.keyboard.press("Enter")

    set_corner(("ArrowLeft", 5))
    set_corner(("ArrowRight", 10))
    set_corner(("ArrowDown", 10))
    set_corner(("ArrowUp", 10), ("ArrowLeft", 10))
    expect(page.locator(".zone-row.here")).to_contain_text("3 个点")
    second = page.locator('.handle[data-point="1"]')
    second.focus()
    expect(second).to_have_attribute("aria-label", "区域 区域，第 2 点（共 3 点）：横 60.0 %，纵 50.0 %；方向键移动")
    page.keyboard.press("ArrowRight")
    expect(page.locator('.handle[data-point="1"]')).to_have_attribute(
        "aria-label", "区域 区域，第 2 点（共 3 点）：横 60.2 %，纵 50.0 %；方向键移动"
    )
    expect(page.locator('.handle[data-point="1"]')).to_be_focused()
    page.keyboard.press("+")
    expect(page.locator(".zone-row.here")).to_contain_text("4 个点")
    page.keyboard.press("Delete")
    expect(page.locator(".zone-row.here")).to_contain_text("3 个点")
    for _ in range(3):
        page.keyboard.press("Control+z")
    expect(page.locator('.handle[data-point="1"]')).to_have_attribute(
        "aria-label", "区域 区域，第 2 点（共 3 点）：横 60.0 %，纵 50.0 %；方向键移动"
    )
    page.keyboard.press("Control+y")
    expect(page.locator('.handle[data-point="1"]')).to_have_attribute(
        "aria-label", "区域 区域，第 2 点（共 3 点）：横 60.2 %，纵 50.0 %；方向键移动"
    )


def test_the_page_and_the_settings_agree_on_what_is_an_outline(open_page: Opening) -> None:
    page = open_page()
    chance = random.Random(7)
    outlines: list[list[list[float]]] = [
        [
            [round(chance.uniform(-0.05, 1.05), 2), round(chance.uniform(-0.05, 1.05), 2)]
            for _ in range(chance.randint(2, 7))
        ]
        for _ in range(400)
    ]
    said: list[dict[str, Any] | None] = page.evaluate(
        "(outlines) => outlines.map((one) => yiping.setup.editor.outlineProblem(one))", outlines
    )

    def is_zone(outline: list[list[float]]) -> bool:
        try:
            Zone.model_validate({"id": "x", "polygon": outline})
        except ValidationError:
            return False
        return True

    real = [is_zone(outline) for outline in outlines]
    assert [problem is None for problem in said] == real
    assert 20 < sum(real) < 380


def rise(running: City, *depths_cm: float) -> None:
    """The probe at the quay tells a depth each minute, up to now."""
    running.add_user("gateway", "source", "gateway-kettle-harbour-42")
    now = datetime.now(UTC)
    with running.caller("gateway") as gateway:
        for number, depth in enumerate(depths_cm):
            at = now - timedelta(minutes=len(depths_cm) - 1 - number)
            reading = {"result": depth, "phenomenonTime": at.isoformat()}
            assert gateway.post("/datastreams/quay/probe/observations", json=reading).status_code == 202
    with running.caller("root") as root:
        until(lambda: len(items(root.get("/readings", params={"site": "quay"}))) >= len(depths_cm), 60, running.log)


@pytest.fixture
def house() -> Iterator[AnsweringServer]:
    with http_answers() as server:
        server.answer("/level", b'{"data": {"level": 312.4}}')
        yield server


def test_a_limit_is_tried_on_the_last_hour_and_a_gauge_is_tested_added_and_limited_before_it_is_saved(
    running: City, house: AnsweringServer, open_page: Opening, tmp_path: Path
) -> None:
    rise(running, 4, 7, 11, 17, 21, 22, 22, 21)
    page = open_page()
    page.locator('#setup-sites [data-site="quay"]').click()
    curve = page.locator('.setup-picture [data-curve="quay|water_depth"]')
    expect(curve).to_contain_text("最新 21 cm", timeout=30_000)
    page.locator('article[data-kind="threshold"] [data-do="edit"]').click()
    rule = page.locator('.recipe-form[data-kind="threshold"]')
    rule.locator('[data-setting="above"] input').fill("15")
    expect(rule.locator('.limits-beside [data-limit="15"]')).to_have_count(1)
    rule.locator('[data-do="try"]').click()
    expect(rule.locator(".trial-answer")).to_contain_text("新增 1", timeout=120_000)
    page.screenshot(path=tmp_path / "rule.png")
    rule.locator('[data-do="apply"]').click()
    expect(page.locator(".recipe-form")).to_have_count(0)

    page.locator('[data-do="add-gauge-here"]').click()
    form = page.locator("#gauge-form")
    form.locator("#gauge-kind").select_option("http_push")
    expect(form.locator(".calls-us")).to_contain_text("/api/v1/datastreams/quay/http_push/observations")
    expect(form.locator('[data-do="test"]')).to_be_hidden()
    form.locator("#gauge-kind").select_option("http_poll")
    form.locator('[data-setting="quantity"] select').select_option("water_level")
    form.locator('[data-setting="unit"] input').fill("cm")
    form.locator('[data-setting="url"] input').fill(house.url("/level"))
    form.locator('[data-setting="every"] input').fill("1")
    form.locator('[data-setting="every"] select').select_option("s")
    form.locator('[data-do="test"]').click()
    expect(form.locator(".test-result.failed")).to_contain_text("按此设置读不出来", timeout=90_000)
    expect(form.locator(".test-result code")).to_contain_text('"level": 312.4')
    form.locator('[data-setting="value"] input').fill("data.level")
    form.locator('[data-do="test"]').click()
    expect(form.locator(".test-result [data-reading]").first).to_contain_text("3.124 m", timeout=90_000)
    page.screenshot(path=tmp_path / "gauge.png")
    form.locator('[data-do="apply"]').click()
    expect(rule.locator('[data-setting="quantity"] select')).to_have_value("water_level")
    expect(rule.locator('[data-setting="unit"] input')).to_have_value("cm")
    rule.locator('[data-setting="above"] input').fill("300")
    rule.locator('[data-setting="clear_at"] input').fill("280")
    expect(rule.locator('.limits-beside [data-limit="3"]')).to_have_count(1)
    rule.locator('[data-do="apply"]').click()
    expect(page.locator(".recipe-form")).to_have_count(0)

    page.locator('.save-bar [data-do="save"]').click()
    dialog = page.locator("#save-dialog")
    expect(dialog.locator(".trial-answer")).to_contain_text("新增 1", timeout=120_000)
    expect(dialog.locator('.trial-answer [data-what="new"]')).to_contain_text("滨江步道")
    page.screenshot(path=tmp_path / "save.png")
    dialog.locator("#save-note").fill("水位计，限值下调")
    dialog.locator('[data-do="put"]').click()
    expect(dialog).to_have_count(0, timeout=30_000)
    with running.caller("root") as root:
        (site,) = root.get("/settings").json()["document"]["sites"]
        assert [one["above"] for one in site["rules"]] == [15, 300]
        assert site["monitors"] == [
            {"kind": "http_poll", "quantity": "water_level", "unit": "cm", "url": house.url("/level"), "every": "1s",
             "value": "data.level"}
        ]  # fmt: skip
        alert = until(
            lambda: [one for one in items(root.get("/alerts", params={"site": "quay"})) if one["rule"] == "threshold"],
            60,
            running.log,
        )[0]
    assert alert["value"] == pytest.approx(3.124)


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080)])
def test_no_text_is_cut_off_in_the_forms(
    camera: RtspServer, open_page: Opening, width: int, height: int, tmp_path: Path
) -> None:
    page = open_page(width=width, height=height)
    add_camera(page, camera, "gate-6", "东门")
    click_outline(page, (0.2, 0.3), (0.7, 0.3), (0.7, 0.9), (0.2, 0.9))
    page.locator('.editor-bar [data-do="close"]').click()
    page.locator('[data-adds="rules"] select').select_option("dwell")
    page.locator(".recipe-form details.rare summary").click()
    page.screenshot(path=tmp_path / f"setup-{width}.png", full_page=True)
    cut = page.evaluate(
        """() => [...document.querySelectorAll("#setup *, #setup-sites *")].filter((one) =>
             one.childElementCount === 0 && one.textContent.trim() && one.clientWidth > 0
             && getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1)
           .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`)"""
    )
    assert cut == []
    wide = page.evaluate("document.querySelector('#setup').scrollWidth - document.querySelector('#setup').clientWidth")
    assert wide <= 0


def test_an_application_is_switched_on_and_off_on_the_page_of_applications(
    running: City, open_page: Opening, tmp_path: Path
) -> None:
    page = open_page("root", "/applications")
    root = running.caller("root")

    def plans() -> set[str]:
        return {plan["id"] for plan in items(root.get("/plans"))}

    page.locator('[data-do="on"][data-pack="septic_tanks"]').click(timeout=20_000)
    row = page.locator('tr[data-application="septic_tanks"]')
    expect(row).to_contain_text("尚无点位", timeout=30_000)
    assert plans() == {"septic-gas"}
    page.screenshot(path=tmp_path / "application-on.png")
    row.locator('[data-do="off"]').click()
    expect(row).to_have_count(0, timeout=30_000)
    expect(page.locator('[data-do="on"][data-pack="septic_tanks"]')).to_be_visible()
    assert plans() == set()
    assert root.get("/settings").json()["document"]["applications"] == []
    watcher = open_page("zhao", "/applications")
    expect(watcher.locator("tbody tr").first).to_be_visible(timeout=20_000)
    expect(watcher.locator(".available, [data-do]")).to_have_count(0)
