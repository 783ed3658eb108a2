"""Plans in the browser: one click puts the flood-crest mode on, every page says so, and an order takes it off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import raise_alert
from data.config.plans import PlansSettings
from data.config.settings import Settings
from data.model.alert import AlertKey, Priority, Raised
from data.model.organisation import Shift, Unit, UnitKind
from data.model.warning import WarningArea, WarningLevel, WarningStatus
from data.ports.store import Writer
from data.stored.modes import active_modes
from data.stored.warnings_in import receive_warning
from dispatch.routing import Roads
from engine.reactions.planner import Planner
from tests.dispatch.plan_city import PLANS, cap
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import street_settings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(240)]
WAIT_MS = 30_000
HERE = WarningArea("河街", circles=((106.51, 29.58, 20.0),))


def planned_settings() -> Settings:
    """The street with its riverbanks and low places marked, and the plans of the tests of plans."""
    street = street_settings()
    banks, dips = ("quay-1", "quay-2"), ("underpass", "market")
    profiles = dict.fromkeys(banks, "riverbank") | dict.fromkeys(dips, "waterlogging_point")
    sites = tuple(site.model_copy(update={"profile": profiles.get(site.id, "")}) for site in street.sites)
    heeds = {"crest": [{"rules": ["warning-stage"], "start": "ask"}]}
    raw = PLANS | {"plans": [plan | {"alerts": heeds.get(plan["id"], [])} for plan in PLANS["plans"]]}
    text = PlansSettings.model_validate(raw).model_dump_json().replace("dip-1", "underpass")
    return street.model_copy(update={"sites": sites, "plans": PlansSettings.model_validate_json(text)})


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """Two units, somebody on a shift, and the planner's process in a thread."""
    stop = threading.Event()
    with running_station(tmp_path, planned_settings()) as running:
        now = datetime.now(UTC)
        post = Unit("duty-post", UnitKind.POST, "值班岗", people=("chenming",))
        running.store.write(lambda writer: writer.put_unit(post))
        shift = Shift("duty-post", "chenming", now - timedelta(hours=1), now + timedelta(hours=7), duty="值班长")
        running.store.write(lambda writer: writer.add_shift(shift))
        planner = Planner(running.store, running.settings, Roads())

        def work() -> None:
            while not stop.wait(0.2):
                planner.poll()

        thread = threading.Thread(target=work)
        thread.start()
        yield running
        stop.set()
        thread.join(10)


def test_one_click_puts_the_mode_on_and_every_page_says_so_until_an_order_takes_it_off(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    wall = sit_down("/").page
    expect(wall.locator("#mode-banner")).to_be_hidden()
    plans = sit_down("/plans")
    plans.page.click('#plans-list button[data-do="begin"][data-plan="crest"]')
    banner = '#mode-banner [data-mode="flood-crest"]'
    for page in (plans.page, wall):
        expect(page.locator(banner)).to_contain_text("洪峰值守", timeout=WAIT_MS)
        expect(page.locator(banner)).to_contain_text("陈明 下令")
        expect(page.locator(banner)).to_contain_text("置顶 2 路摄像机")
    assert station.store.read(active_modes) == {"flood-crest"}

    # The river cameras come first on the wall, larger than the others.
    order = wall.eval_on_selector_all("#camera-wall .tile", "tiles => tiles.map((tile) => tile.dataset.site)")
    assert order[:2] == ["quay-1", "quay-2"]
    expect(wall.locator("#camera-wall .tile[data-pinned]")).to_have_count(2)
    wide = {
        site: (wall.locator(f'#camera-wall [data-site="{site}"]').bounding_box() or {"width": 0})["width"]
        for site in ("quay-1", "school")
    }
    assert wide["quay-1"] > 1.8 * wide["school"]
    camera_wall = wall.locator("#camera-wall")
    assert camera_wall.evaluate("wall => wall.scrollHeight <= wall.clientHeight + 1"), (
        "all cameras are still on the screen"
    )

    # Who is on duty, and the work place by place.
    wall.click(f"{banner} summary")
    expect(wall.locator("#mode-banner .roster")).to_contain_text("值班长")
    wall.screenshot(path=tmp_path / "wall-mode.png")
    table = plans.page.locator("#plans-chosen table")
    plans.page.click('#plans-list [data-plan="crest"] .name')
    expect(table.locator('[data-place="steps"] td[data-state]')).to_contain_text("待", timeout=WAIT_MS)
    expect(table.locator("tbody tr")).to_have_count(5)
    expect(plans.page.locator("#plans-roster")).to_contain_text("陈明")
    plans.page.screenshot(path=tmp_path / "plans.png")

    # It leaves by order, with a reason; what nobody has begun goes with it.
    wall.click(f'{banner} button[data-do="end"]')
    wall.fill('#mode-banner input[name="reason"]', "洪峰已过")
    wall.keyboard.press("Enter")
    for page in (wall, plans.page):
        expect(page.locator(banner)).to_have_count(0, timeout=WAIT_MS)
    expect(wall.locator("#camera-wall .tile[data-pinned]")).to_have_count(0)
    assert station.store.read(active_modes) == frozenset()
    expect(table.locator('td[data-state="withdrawn"]')).to_have_count(5, timeout=WAIT_MS)
    assert plans.errors == []


def test_a_proposal_and_an_exercise_stand_on_every_page_in_both_languages(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    flood = cap(1, WarningLevel.ORANGE, event="洪水", areas=(HERE,))
    drill = cap(2, WarningLevel.RED, status=WarningStatus.EXERCISE, areas=(HERE,))

    def hear(writer: Writer) -> None:
        for warning in (flood, drill):
            receive_warning(writer, replace(warning, effective=now, expires=now + timedelta(hours=1)), now)

    station.store.write(hear)
    english = sit_down("/duty", language="en")
    proposed = english.page.locator("#mode-banner .proposed")
    expect(proposed).to_contain_text("Proposed Crest", timeout=WAIT_MS)
    expect(english.page.locator("#mode-banner .exercise")).to_contain_text("no tasks are made", timeout=WAIT_MS)
    english.page.screenshot(path=tmp_path / "duty-proposed.png")
    analyst = sit_down("/events", user="liuna")
    expect(analyst.page.locator("#mode-banner .proposed")).to_be_visible(timeout=WAIT_MS)
    expect(analyst.page.locator("#mode-banner button")).to_have_count(0)
    proposed.locator('button[data-do="begin"]').click()
    expect(english.page.locator('#mode-banner [data-mode="flood-crest"]')).to_contain_text(
        "by order of", timeout=WAIT_MS
    )
    english.page.goto(station.url + "/plans")
    expect(english.page.locator("#plans-list")).to_contain_text("in force", timeout=WAIT_MS)
    english.page.screenshot(path=tmp_path / "plans-en.png")
    assert english.errors == []


def test_a_warning_whose_area_cannot_be_told_waits_on_every_page_until_somebody_decides(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    storm = replace(
        cap(1, WarningLevel.RED, areas=(WarningArea("某区"),)), effective=now, expires=now + timedelta(hours=1)
    )
    station.store.write(lambda writer: receive_warning(writer, storm, now))
    chinese, english = sit_down("/"), sit_down("/plans", language="en")
    expect(chinese.page.locator("#mode-banner .proposed .doubt")).to_contain_text("地域不明", timeout=WAIT_MS)
    expect(english.page.locator("#mode-banner .proposed .doubt")).to_contain_text("please decide", timeout=WAIT_MS)
    card = english.page.locator('#plans-list [data-plan="storm"]').first
    expect(card.locator(".doubt")).to_contain_text("does not say clearly where", timeout=WAIT_MS)
    expect(card.locator(".named")).to_contain_text("it says: 某区 (cq@weather.cn)")
    chinese.page.screenshot(path=tmp_path / "wall-area-unknown.png")
    english.page.screenshot(path=tmp_path / "plans-area-unknown.png")
    assert station.store.read(lambda reader: reader.plan_works(1)) == []
    card.locator('button[data-do="begin"]').click()
    expect(chinese.page.locator("#mode-banner .in-force")).to_contain_text("暴雨应对", timeout=WAIT_MS)
    expect(chinese.page.locator("#mode-banner .doubt")).to_have_count(0)
    expect(english.page.locator("#plans-chosen table tbody tr")).to_have_count(3, timeout=WAIT_MS)
    assert chinese.errors + english.errors == []


def test_what_a_gauge_triggered_is_told_by_the_names_of_its_site_and_stage(
    station: Station, sit_down: Callable[..., Seat]
) -> None:
    now = datetime.now(UTC)
    key = AlertKey("gauge-river", "warning-stage", "", "")
    raised = Raised(key, "threshold", Priority.P2, now, now, label="water_level", value=181.2, unit="m")
    station.store.write(lambda writer: raise_alert(writer, raised, None, now))
    wall = sit_down("/")
    proposed = wall.page.locator("#mode-banner .proposed")
    expect(proposed).to_contain_text("河街水文站 · 超警戒水位", timeout=WAIT_MS)
    proposed.locator('button[data-do="begin"]').click()
    banner = wall.page.locator('#mode-banner [data-mode="flood-crest"]')
    expect(banner).to_contain_text("河街水文站 · 超警戒水位", timeout=WAIT_MS)
    plans = sit_down("/plans", language="en")
    plans.page.click('#plans-list [data-plan="crest"] .name')
    expect(plans.page.locator("#plans-chosen .trail")).to_contain_text(
        "河街水文站 · above the warning stage", timeout=WAIT_MS
    )
    for shown in (wall.page.locator("body"), plans.page.locator("body")):
        expect(shown).not_to_contain_text("gauge-river/warning-stage")
    assert wall.errors + plans.errors == []
