"""The page of the machine's load in a real browser, fed by a worker's metrics file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.local.meters import Meters
from data.model.people import Role
from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from web.accounts import add_user

pytestmark = pytest.mark.browser
SitDown = Callable[..., Seat]
COST_MS = {"demux": 1.6, "decode": 92.0, "convert": 8.0, "infer": 110.0, "track": 6.0, "judge": 3.0, "encode": 0.4}


def worker(run_dir: Path, sites: list[str], shed_share: float) -> None:
    meters = Meters()
    for number, site in enumerate(sites):
        for stage, spent in COST_MS.items():
            meters.gauge("yiping_camera_cpu_ms_per_second", spent, camera=site, stage=stage)
        meters.gauge("yiping_pictures_per_second", 25.0, camera=site)
        meters.gauge("yiping_looks_per_second", 5.0 if number else 3.5, camera=site)
        meters.gauge("yiping_looks_shed_share", 0.0 if number else shed_share, camera=site)
        meters.gauge("yiping_window_looks_share", 0.62, camera=site)
        meters.gauge("yiping_frame_age_seconds", 0.087, camera=site)
        meters.gauge("yiping_decode_state", 2.0, camera=site)
    meters.gauge("yiping_process_resident_bytes", 247 * 2**20)
    meters.save(run_dir / "metrics-worker-1.json")


def test_the_page_tells_what_each_camera_costs_and_what_is_shed(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    add_user(station.store, "root", Role.ADMINISTRATOR, None, display_name="管理员")
    sites = [site.id for site in station.settings.sites if site.camera is not None]
    worker(tmp_path / "run", sites, 0.3)
    seat = sit_down("/load", user="root")
    row = seat.page.locator(f'#load tr[data-site="{sites[0]}"]')
    expect(row).to_contain_text("⚠ 30 %")
    expect(row).to_contain_text("92.0")
    expect(row).to_contain_text("62 %")
    expect(row).to_contain_text("87 ms")
    expect(row.locator(".sum")).to_have_text("221")
    expect(seat.page.locator(".load-notice")).to_contain_text("1 路摄像机的识别被减少")
    expect(seat.page.locator("#load")).to_contain_text("worker-1 内存 247 MiB")
    seat.page.click('[data-menu="menu.setup"] summary')
    expect(seat.page.locator('.nav-link.for-administrators[href="/load"]')).to_be_visible()
    seat.page.screenshot(path=tmp_path / "load-zh.png")
    worker(tmp_path / "run", sites, 0.0)
    expect(seat.page.locator(".load-notice")).to_have_text("算力充足：没有减少识别")
    expect(seat.page.locator("#load-age time")).to_be_visible()
    english = sit_down("/load", user="root", language="en")
    expect(english.page.locator(".load-notice")).to_have_text("Enough: nothing is shed")
    english.page.screenshot(path=tmp_path / "load-en.png")
    assert seat.errors == english.errors == []


def test_others_are_refused_and_see_no_link_to_it(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/duty")
    seat.page.click('[data-menu="menu.setup"] summary')
    expect(seat.page.locator('.menu .nav-link[href="/rejects"]')).to_be_visible()
    expect(seat.page.locator('.nav-link.for-administrators[href="/load"]')).to_be_hidden()
    answer = seat.page.goto(station.url + "/load")
    assert answer is not None
    assert answer.status == 403
    expect(seat.page.locator("body")).to_contain_text("无权执行此操作")
