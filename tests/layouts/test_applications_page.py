"""The catalogue of applications in the browser: packs and what has none, how they stand, and the month's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from alerts.lifecycle import end_alert, raise_alert
from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.organisation import Unit, UnitKind
from engine.catalogue import load_catalogue
from engine.judging.outlet import publish_health
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import street_settings

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(240)]
WAIT_MS = 30_000
CONFIG = """\
applications: [septic_tanks]
sites:
  - {id: tank-3, name: 小学东侧化粪池, location: {lon: 106.51, lat: 29.58}, template: septic_tank,
     monitors: [{kind: http_push, id: methane, quantity: methane}]}
"""


def settings_with_tank(folder: Path) -> Settings:
    config = folder / "config.yaml"
    config.write_text(CONFIG, "utf-8")
    packed, street = load_settings(config, load_catalogue(), {})[0], street_settings()
    own = {"applications": packed.applications, "plans": packed.plans, "sites": (*street.sites, *packed.sites)}
    return street.model_copy(update=own)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with running_station(tmp_path, settings_with_tank(tmp_path)) as running:
        section = Unit("livelihood", UnitKind.SECTION, "民生服务")
        running.store.write(lambda writer: writer.put_unit(section))
        yield running


def test_each_application_is_shown_with_state_owner_sites_and_the_month_and_follows_its_alerts(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down("/applications")
    row = seat.page.locator('tr[data-application="septic_tanks"]')
    expect(row.locator("th")).to_contain_text("化粪池风险排查", timeout=WAIT_MS)
    expect(row).to_contain_text("民生服务")
    expect(row).to_contain_text("化粪池气体处置 · 未启动")
    expect(row.locator(".state")).to_have_text("◌ 有点位尚无消息")
    now = datetime.now(UTC)
    station.store.write(lambda writer: publish_health(writer, "tank-3", "live", "", now))
    expect(row.locator(".state")).to_have_text("● 监测中", timeout=WAIT_MS)
    expect(row.locator(".of-month").first).to_have_text("0 条，未结束 0")

    key, now = AlertKey("tank-3", "methane", "", ""), datetime.now(UTC)
    raised = Raised(key, "threshold", Priority.P1, now, now, "methane", value=21.0, unit="%LEL")
    station.store.write(lambda writer: raise_alert(writer, raised, None, now))
    expect(row.locator(".state")).to_have_text("▲ 有预警", timeout=WAIT_MS)
    expect(row.locator(".of-month").first).to_have_text("1 条，未结束 1")
    row.locator("summary").click()
    expect(row.locator('li[data-site="tank-3"]')).to_have_text("▲ 小学东侧化粪池")
    seat.page.screenshot(path=tmp_path / "applications-zh.png")

    now = datetime.now(UTC)
    station.store.write(lambda writer: end_alert(writer, Ended(key, now, now), now))
    expect(row.locator(".of-month").first).to_have_text("1 条，未结束 0", timeout=WAIT_MS)
    expect(row.locator("details")).to_have_attribute("open", "")  # what was opened stays open
    assert seat.page.locator("tbody tr").count() >= 2, "sites without a pack are there, too"

    english = sit_down("/applications", language="en")
    expect(english.page.locator('tr[data-application="septic_tanks"]')).to_contain_text(
        "Septic-tank risk", timeout=WAIT_MS
    )
    expect(english.page.locator('tr[data-application="septic_tanks"] .of-month').first).to_have_text("1, 0 open")
    english.page.screenshot(path=tmp_path / "applications-en.png")
    assert seat.errors == english.errors == []
