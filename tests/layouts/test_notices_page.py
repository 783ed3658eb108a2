"""The page of notices in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from data.config.notices import NoticeSettings
from data.model.alert import Priority
from data.model.notice import Notice, NoticeState
from data.ports.store import Writer
from notices.deliveries import delivered, failed, save
from notices.web_push import Recipe as WebPush
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]


def tell(station: Station, channel: str, *, wants_answer: bool = False) -> Notice:
    now = datetime.now(UTC)

    def work(writer: Writer) -> Notice:
        notice = writer.add_notice(
            Notice(
                delivery_id=f"alert:1.1/river/0/{channel}",
                subject="alert:1",
                policy="river",
                step=0,
                channel=channel,
                recipients=("13800000001",),
                priority=Priority.P1,
                title="一级 P1 临江码头",
                text="请立即上岸 <b>",
                created_at=now,
                next_try=now,
                wants_answer=wants_answer,
            )
        )
        assert notice is not None
        return save(writer, replace(notice, attempts=1), now)

    return station.store.write(work)


def test_notices_show_their_fate_and_a_call_out_is_answered_from_the_page(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    speaker = tell(station, "quay-speaker")
    seat = sit_down("/notices")
    row = seat.page.locator(f'[data-notice="{speaker.id}"]')
    expect(row).to_contain_text("待发送")
    expect(row).to_contain_text("请立即上岸 <b>")
    now = datetime.now(UTC)
    station.store.write(lambda writer: delivered(writer, speaker.id, now, "played 3 times"))
    expect(row).to_contain_text("已送达")
    expect(row).to_contain_text("played 3 times")
    call, chat = tell(station, "voice", wants_answer=True), tell(station, "chat")
    settings = station.settings.notices
    station.store.write(lambda w: failed(w, chat.id, now, "10.0.0.9 answered 403", permanent=True, settings=settings))
    expect(seat.page.locator(f'[data-notice="{chat.id}"]')).to_contain_text("发送失败")
    expect(seat.page.locator("#notices tbody tr").first).to_have_attribute("data-notice", str(call.id))
    seat.page.screenshot(path=tmp_path / "notices.png")
    seat.page.click(f'[data-notice="{call.id}"] [data-do=answer]')
    expect(seat.page.locator(f'[data-notice="{call.id}"]')).to_contain_text("陈明 已应答")
    assert station.store.read(lambda reader: reader.notice(call.id)).state is NoticeState.ANSWERED
    expect(seat.page.locator("#notices-age time")).to_be_visible()
    assert seat.errors == []
    english = sit_down("/notices", language="en")
    expect(english.page.locator(f'[data-notice="{chat.id}"]')).to_contain_text("failed")


def test_what_was_told_while_the_link_was_cut_is_there_afterwards(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/notices")
    expect(seat.page.locator("#notices")).to_contain_text("还没有发出通知")
    station.link.cut()
    speaker = tell(station, "quay-speaker")
    station.link.mend()
    expect(seat.page.locator(f'[data-notice="{speaker.id}"]')).to_be_visible(timeout=20_000)


def test_a_browser_can_be_told_only_where_web_push_is_on(
    station: Station, sit_down: SitDown, browser: Browser, tmp_path: Path
) -> None:
    seat = sit_down("/notices")
    expect(seat.page.locator("#notices-age time")).to_be_visible()
    expect(seat.page.locator("#push-slot button")).to_have_count(0)
    channel = WebPush(id="push", public_key="B" * 87, contact="mailto:duty@example.org")
    settings = station.settings.model_copy(update={"notices": NoticeSettings(channels=(channel,))})
    with running_station(tmp_path / "on", settings, store=station.store) as pushing:
        context = browser.new_context()
        context.add_cookies(pushing.cookies())  # type: ignore[arg-type]  # a TypedDict in playwright
        page = context.new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{pushing.url}/notices")
        button = page.locator("#push-slot button")
        expect(button).to_have_text("本机推送 关", timeout=20_000)
        expect(button).to_have_attribute("title", re.compile("云服务"))
        context.close()
    assert errors == []
