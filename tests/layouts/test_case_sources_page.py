"""Cases from other systems in the browser: the mappings and a trial; personal data of an event, shown for a minute."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from data.config.reading import load_settings
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role
from data.ports.store import TaskQuery
from dispatch.case_mapping import map_case
from dispatch.received_cases import take_in
from dispatch.routing import Roads
from dispatch.tasks import accept
from engine.catalogue import load_catalogue
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import street_settings
from web.accounts import add_user

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(240)]
WAIT_MS = 30_000


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    config = tmp_path / "config.yaml"
    config.write_text("applications: [fraud_warnings]\n", "utf-8")
    packed = load_settings(config, load_catalogue(), {})[0]
    own = {"applications": packed.applications, "case_sources": packed.case_sources}
    with running_station(tmp_path, street_settings().model_copy(update=own)) as running:
        police = Unit("police", UnitKind.JOINT_DUTY, "派出所", people=("r01",))
        running.store.write(lambda writer: writer.put_unit(police))
        add_user(running.store, "root", Role.ADMINISTRATOR, None)
        yield running


def sample(root: Path) -> str:
    return (root / "data" / "applications" / "fraud_warnings" / "demo" / "warning.json").read_text("utf-8")


def case(station: Station, root: Path, message: str = "") -> int:
    source, now = station.settings.case_sources[0], datetime.now(UTC)
    mapped = map_case(source, json.loads(message or sample(root)), "zh")
    actor = Actor("platform", Role.SOURCE)
    event, _ = station.store.write(
        lambda writer: take_in(writer, source, mapped, actor, now, roads=Roads(), settings=station.settings)
    )
    return event.id


def test_mappings_are_listed_and_an_administrator_tries_one_on_a_sample(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path, root: Path
) -> None:
    seat = sit_down("/case-sources")
    row = seat.page.locator('tr[data-source="fraud-warnings"]')
    expect(row).to_contain_text("反诈预警", timeout=WAIT_MS)
    expect(row).to_contain_text("电话劝阻：5 分钟内")
    expect(row.locator(".number")).to_have_text("0")
    expect(seat.page.locator("#case-trial")).to_have_count(0)
    case(station, root)
    expect(row.locator(".number")).to_have_text("1", timeout=WAIT_MS)

    admin = sit_down("/case-sources", user="root")
    admin.page.locator("#case-trial textarea[name=sample]").fill(sample(root), timeout=WAIT_MS)
    admin.page.locator("#case-trial button").click()
    result = admin.page.locator("#case-result")
    expect(result).to_contain_text("反诈预警 FZ-DEMO-0001")
    expect(result).to_contain_text("取到 11 个字符，已遮蔽")
    assert "13800000000" not in result.inner_text()
    admin.page.screenshot(path=tmp_path / "case-sources-zh.png", full_page=True)
    mapping = admin.page.locator("#case-trial textarea[name=mapping]")
    mapping.focus()
    another = json.loads(sample(root)) | {"warningId": "FZ-DEMO-0002"}
    case(station, root, json.dumps(another))
    expect(admin.page.locator('tr[data-source="fraud-warnings"] .number')).to_have_text("2", timeout=WAIT_MS)
    expect(mapping).to_be_focused()  # a new case does not take the cursor away
    mapping.fill(mapping.input_value().replace("$.warningId", "$..warningId"))
    admin.page.locator("#case-trial button").click()
    expect(admin.page.locator("#messages")).to_contain_text("external_id")

    english = sit_down("/case-sources", language="en")
    expect(english.page.locator('tr[data-source="fraud-warnings"]')).to_contain_text("Fraud warning", timeout=WAIT_MS)
    english.page.screenshot(path=tmp_path / "case-sources-en.png")
    assert seat.errors == english.errors == []


def test_personal_data_are_masked_shown_with_a_reason_and_gone_from_the_page_when_it_is_left(
    station: Station, sit_down: Callable[..., Seat], tmp_path: Path, root: Path
) -> None:
    event = case(station, root)
    seat = sit_down(f"/events?event={event}")
    box = seat.page.locator("#event-personal")
    expect(box.locator('[data-field="phone"] dd')).to_have_text("●●●", timeout=WAIT_MS)
    seat.page.screenshot(path=tmp_path / "personal-masked-zh.png")
    assert "13800000000" not in seat.page.content()
    box.locator("input").fill("电话联系本人")
    box.locator("button").click()
    expect(box.locator('[data-field="phone"] dd')).to_have_text("13800000000")
    expect(box).to_contain_text("秒后重新遮蔽")
    seat.page.screenshot(path=tmp_path / "personal-shown-zh.png")
    looks = [one for one in station.store.read(lambda reader: reader.audit(limit=200)) if one.action == "show_personal"]
    assert [dict(one.detail)["reason"] for one in looks] == ["电话联系本人"]

    english = sit_down(f"/events?event={event}", language="en")
    expect(english.page.locator("#event-personal")).to_contain_text("Telephone", timeout=WAIT_MS)
    expect(english.page.locator("#event-personal dd").first).to_have_text("●●●")
    english.page.screenshot(path=tmp_path / "personal-en.png")
    assert seat.errors == english.errors == []


def test_the_phone_of_who_has_the_task_shows_the_data_when_they_are_opened_and_forgets_them(
    station: Station, browser: Browser, tmp_path: Path, root: Path
) -> None:
    event = case(station, root)
    tasks = station.store.read(lambda reader: reader.tasks(TaskQuery(event_id=event, limit=10)))
    visit = next(task.id for task in tasks if task.unit == "police")
    context = browser.new_context(viewport={"width": 390, "height": 844}, service_workers="block")
    context.add_cookies(station.cookies("r01"))  # type: ignore[arg-type]  # a TypedDict in playwright
    page = context.new_page()
    page.goto(f"{station.url}/r")
    expect(page.locator(f'article[data-task="{visit}"]')).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("details.personal")).to_have_count(0)
    station.store.write(lambda writer: accept(writer, visit, Actor("r01", Role.RESPONDER), datetime.now(UTC)))
    box = page.locator(f'details.personal[data-event="{event}"]')
    expect(box).to_be_visible(timeout=WAIT_MS)
    assert "13800000000" not in page.content()
    box.locator("summary").click()
    expect(box.locator("dd").nth(1)).to_have_text("13800000000", timeout=WAIT_MS)
    page.screenshot(path=tmp_path / "phone-zh.png")
    box.locator("summary").click()
    expect(box.locator("dd")).to_have_count(0)
    looks = [one for one in station.store.read(lambda reader: reader.audit(limit=200)) if one.action == "show_personal"]
    assert [(one.actor, one.subject) for one in looks] == [("r01", f"event:{event}")]
    context.close()
