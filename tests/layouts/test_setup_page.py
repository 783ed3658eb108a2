"""The set-up page in a real browser: what is configured, over the camera's newest picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from data.config.settings import Settings, SiteSettings
from data.model.geo import Location
from data.model.people import Role
from data.model.zone import Zone
from data.stored.camera_view import views_asked
from detectors._water_model import WeightsSettings
from detectors.flood_extent import Recipe as FloodExtent
from detectors.staff_gauge import Mark
from detectors.staff_gauge import Recipe as StaffGauge
from detectors.yolo import Recipe as Yolo
from engine.catalogue import load_catalogue
from engine.judging.outlet import publish_health
from layouts.words_setup_fields import FIELDS, setting_words
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import street_settings
from web.accounts import add_user
from web.setup import setup_view

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]
LICENCE = "CC BY-NC 4.0，江边街道自用，不得转让"
ROAD = Zone(id="road", polygon=((0.1, 0.6), (0.9, 0.6), (0.9, 0.95), (0.1, 0.95)))
DETECTORS = (
    FloodExtent(
        zone="road",
        weights=WeightsSettings(
            path=Path("weights/our-water.pt"), task="seg", water_class="standing water", licence=LICENCE, threshold=0.4
        ),
    ),
    StaffGauge(line=((0.3, 0.1), (0.32, 0.9)), marks=(Mark(row=0.2, cm=120), Mark(row=0.8, cm=20))),
    Yolo(labels=("person",), confidence=0.45),
)


def with_detectors(site: SiteSettings) -> SiteSettings:
    return site.model_copy(update={"zones": (*site.zones, ROAD), "detectors": DETECTORS})


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """The street, with three detectors at its first camera."""
    street = street_settings()
    first, *others = street.sites
    with running_station(tmp_path, street.model_copy(update={"sites": (with_detectors(first), *others)})) as running:
        yield running


@pytest.fixture
def shown(station: Station) -> Iterator[None]:
    """Pictures of all cameras while somebody looks."""
    stop = threading.Event()

    def show() -> None:
        number = 0
        while not stop.wait(0.2):
            number += 1
            for site in station.settings.sites:
                if site.camera is not None:
                    station.show(site.id, number)

    thread = threading.Thread(target=show)
    thread.start()
    yield
    stop.set()
    thread.join(5)


def test_the_view_names_own_weights_with_their_licence_and_no_login() -> None:
    site = SiteSettings(
        id="gate-3",
        location=Location(lon=106.5, lat=29.6),
        monitor=RtspCamera(url="rtsp://10.0.0.7/main", credentials="gate-cameras"),
        detectors=DETECTORS,
    )
    view = setup_view(Settings(sites=(site,)))
    own, staff, people = view["sites"][0]["detectors"]
    assert own["weights"] == {
        "path": "weights/our-water.pt",
        "task": "seg",
        "water_class": "standing water",
        "licence": LICENCE,
        "threshold": 0.4,
        "sha256": "",
    }
    assert [mark["cm"] for mark in staff["staff"]["marks"]] == [120, 20]
    assert people["weights"]["licence"] == "AGPL-3.0, Ultralytics YOLO26"
    assert people["weights"]["threshold"] == 0.45
    assert view["sites"][0]["monitors"][0]["settings"]["url"] == "rtsp://10.0.0.7/main"
    own_model = Settings(sites=(site,)).inference.model_copy(update={"weights": "ours.pt"})
    assert setup_view(Settings(sites=(site,), inference=own_model))["inference"]["licence"] == ""


def test_every_setting_of_a_camera_a_gauge_a_detector_and_a_rule_has_its_chinese_name_and_meaning() -> None:
    catalogue = load_catalogue()
    monitors = {kind: find() for kind, find in catalogue.monitors.items()}
    devices = {kind: recipe for kind, recipe in monitors.items() if recipe.gives != "warnings"}
    kinds = {
        **devices,
        **{kind: find() for floor in (catalogue.detectors, catalogue.rules) for kind, find in floor.items()},
    }
    settings = {(kind, name) for kind, recipe in kinds.items() for name in recipe.model_fields if name != "kind"}
    assert {
        f"{kind}.{name}" for kind, name in settings if name not in FIELDS and f"{kind}.{name}" not in FIELDS
    } == set()
    known = {name for _, name in settings} | {f"{kind}.{name}" for kind, name in settings}
    inner = {"warning", "guaranteed", "record"}  # of a river's stages
    assert {key for key in FIELDS if not key.startswith("site.")} - known == inner
    assert setting_words()["zh"]["at_least"] == ["至少持续", "目标停留这么久才告警。"]
    assert setting_words()["en"]["at_least"] == ["At least"], "what it means in English stands in the schema"


def test_the_page_shows_zones_marks_weights_and_limits_over_the_newest_picture(
    station: Station, sit_down: SitDown, shown: None, tmp_path: Path
) -> None:
    add_user(station.store, "root", Role.ADMINISTRATOR, None, display_name="管理员")
    page = sit_down("/setup", user="root").page
    page.locator('#setup-sites [data-site="quay-1"]').click()
    expect(page.locator("#setup-age time")).to_be_visible(timeout=15_000)
    water = page.locator('#setup [data-kind="flood_extent"]')
    expect(water.locator(".licence")).to_have_text(f"许可：{LICENCE}")
    expect(water).to_contain_text("standing water")
    expect(water).to_contain_text("本点位阈值")
    marks = page.locator('#setup [data-kind="staff_gauge"] .marks tbody tr')
    expect(marks).to_have_count(2)
    expect(marks.first.locator("td").last).to_have_text("120")
    expect(page.locator("#setup")).to_contain_text("异常判定")
    page.screenshot(path=tmp_path / "setup-zh.png")
    page.locator('#setup [data-do="learn"]').click()
    expect(page.locator('#setup [data-do="learn"]')).to_have_text("已通知，正在重新学习", timeout=10_000)
    assert list(station.store.read(views_asked)) == ["quay-1"]
    (entry,) = [one for one in station.store.read(lambda reader: reader.audit()) if one.action == "learn_view"]
    assert (entry.actor, entry.subject) == ("root", "site:quay-1")
    officer = {cookie["name"]: str(cookie["value"]) for cookie in station.cookies()}
    with httpx.Client(base_url=station.url, cookies=officer) as client:
        assert client.get("/setup").status_code == 403, "for administrators only"
    english = sit_down("/setup", user="root", language="en")
    expect(english.page.locator("#setup h3").first).to_have_text("Zones")
    assert english.errors == []


def test_why_a_camera_was_lost_is_shown_on_its_tile_and_in_set_up_newest_first(
    station: Station, sit_down: SitDown
) -> None:
    add_user(station.store, "root", Role.ADMINISTRATOR, None, display_name="管理员")
    at = datetime.now(UTC)
    address = "quay-1: rtsp://10.0.0.7:554/main"
    news = [
        ("lost", f"{address}: nothing new for 5 s"),
        ("live", ""),
        ("lost", f"{address}: cannot open it: Server returned 401 Unauthorized"),
    ]
    page = sit_down("/setup", user="root").page
    page.locator('#setup-sites [data-site="quay-1"]').click()
    expect(page.locator("#setup .losses-of")).to_contain_text("没有中断记录")
    for number, (health, reason) in enumerate(news):
        when = at + timedelta(seconds=number)
        station.store.write(partial(publish_health, site="quay-1", health=health, reason=reason, at=when))
    rows = page.locator("#setup .losses tr")
    expect(rows).to_have_count(2, timeout=10_000)
    assert [row.get_attribute("data-cause") for row in rows.all()] == ["login", "silent"]
    expect(rows.nth(0)).to_contain_text("用户名或密码被拒绝")
    expect(rows.nth(0)).to_contain_text("仍在中断")
    expect(rows.nth(1)).to_contain_text("已连接，但没有新数据")
    expect(rows.nth(1)).to_contain_text("历时 1 秒")
    expect(page.locator("#setup .losses-of")).not_to_contain_text("10.0.0.7")
    wall = sit_down("/").page
    expect(wall.locator('[data-site="quay-1"] .cover')).to_have_text("信号中断 · 用户名或密码被拒绝", timeout=10_000)
    site = wall.evaluate("async () => (await fetch('/api/v1/sites/quay-1')).json()")
    assert (site["health"], site["cause"]) == ("lost", "login")
    assert [loss["cause"] for loss in site["losses"]] == ["login", "silent"]
    assert "10.0.0.7" not in str(site)
    english = sit_down("/", language="en").page
    expect(english.locator('[data-site="quay-1"] .cover')).to_contain_text("User or password refused", timeout=10_000)
