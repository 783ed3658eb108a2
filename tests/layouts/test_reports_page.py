"""The page of after-action reports in a real browser: read, edited, commented, signed, and at an address of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.model.alert import Priority
from data.model.case import Recorded
from data.model.organisation import Unit, UnitKind
from data.model.people import Role
from data.model.review import ReviewTopic
from data.model.task import Event
from data.ports.store import TaskQuery, Writer
from dispatch.review_drafts import draft_all
from tests.layouts.conftest import WAIT_MS, Seat
from tests.layouts.station import Station
from tests.layouts.street import raise_one
from web.accounts import add_user

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]


def test_an_analyst_writes_a_report_and_a_section_head_signs_it(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    now, site = datetime.now(UTC) - timedelta(hours=2), station.settings.sites[0]

    def work(writer: Writer) -> None:
        writer.put_unit(Unit("drainage", UnitKind.DEPARTMENT, "排水公司"))
        closed = Recorded("close", "closed", now + timedelta(minutes=20), "chenming")
        event = writer.add_event(
            Event(
                "下穿积水", "threshold", site.id, site.location, Priority.P1, now, description="<b>水很深</b>",
                closed_at=now + timedelta(minutes=20), steps=(closed,),
            )
        )  # fmt: skip
        subjects = [(ReviewTopic.EVENT, event.id), (ReviewTopic.ALERT, alert.id)]
        draft_all(writer, subjects, now, station.settings)

    alert = raise_one(station.store, station.vault, now, site="quay-1")
    station.store.write(work)
    add_user(station.store, "qian", Role.SECTION_HEAD, None, display_name="钱组长")

    writer = sit_down("/reports?subject=event:1", user="liuna")
    page = writer.page
    expect(page.locator("#report-title")).to_contain_text("下穿积水", timeout=WAIT_MS)
    expect(page.locator(".head-facts")).to_contain_text("<b>水很深</b>")
    assert page.url.endswith("/reports?report=1")
    listed = page.locator('[data-report="2"]')
    assert listed.locator("b").inner_text() == "人 · 进入禁区"
    assert "滨江一号码头" in listed.locator("small").inner_text()
    expect(page.locator("#report-sign-open")).to_have_count(0)  # an analyst does not sign
    page.locator("#report-edit").click()
    page.locator('textarea[data-part="evaluation"]').fill("值班台只有一人")
    page.locator("#measure-add").click()
    page.locator('[data-measure="text"]').fill("下穿加装道闸")
    page.locator('#report-measures [data-measure="unit"]').select_option("drainage")
    page.locator('[data-measure="due"]').fill("2030-08-01")
    page.screenshot(path=tmp_path / "edit-zh.png")
    page.locator("#report-save").click()
    expect(page.locator("#report-versions li")).to_have_count(1, timeout=WAIT_MS)
    expect(page.locator("#part-evaluation .words")).to_have_text("值班台只有一人")
    page.locator("#report-comment select").select_option("handling")
    page.locator("#report-comment input").fill("第二支队为何未出动？")
    page.locator("#report-comment button").click()
    expect(page.locator('[data-block="comments"]')).to_contain_text("第二支队为何未出动？", timeout=WAIT_MS)

    head = sit_down("/reports?report=1", user="qian", language="en")
    head.page.locator("#report-sign-open").click(timeout=WAIT_MS)
    expect(head.page.locator("#report-sign")).to_contain_text("sends 1 measures out as tasks")
    head.page.locator("#report-sign-now").click()
    expect(head.page.locator("#report-signature")).to_contain_text("signed by 钱组长", timeout=WAIT_MS)
    expect(head.page.locator("#report-edit")).to_have_count(0)
    expect(head.page.locator('[data-block="measures"]')).to_contain_text("2030-08-01")
    head.page.screenshot(path=tmp_path / "signed-en.png")
    (task,) = station.store.read(lambda reader: reader.tasks(TaskQuery(unit="drainage")))
    assert (task.title, str(task.promised)) == ("下穿加装道闸", "2030-08-01")
    with head.page.expect_download(timeout=WAIT_MS) as file:
        head.page.locator('[data-file="html"]').click()
    assert file.value.suggested_filename == "yiping-report-1-v1-en.html"
    assert writer.errors == head.errors == []
