"""S2: the crest order arrives. One click, and the whole street is on flood-crest duty; it leaves by order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT
from tests.e2e.city import City, city, items, photo, sit_down, until
from tests.scenarios.storm import GRIDS, all_tasks, grid

pytestmark = [
    pytest.mark.alone,
    pytest.mark.scenario,
    pytest.mark.server,
    pytest.mark.model,
    pytest.mark.browser,
    pytest.mark.shared,
    pytest.mark.timeout(400),
]

CONFIG = """\
name: 江边街道
timezone: Asia/Shanghai
workers: 1
inference: {{cache_dir: "{root}/.cache"}}
dispatch: {{deliver_within: null}}
cases: {{organisation: [units.yaml, grids.geojson]}}
plans: {{files: ["{root}/data/plans/flood-crest.yaml", places.yaml]}}
sites:
  - id: quay
    name: 滨江步道
    location: {{lon: 106.505, lat: 29.505}}
    profile: riverbank
    monitor: {{kind: video_file, path: "{clip}", loop: true}}
    health: {{enabled: false}}
    detectors: [{{kind: yolo, labels: [person]}}]
    zones: [{{id: water, polygon: [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]}}]
    rules:
      # Nobody in this picture is so tall; at flood crest everybody counts.
      - {{kind: intrusion, id: person-in-river, zone: water, labels: [person], min_height: 0.95, pictures: 3, of: 8,
         priority: P2, in_mode: {{flood-crest: {{min_height: 0, priority: P1}}}}}}
  - id: gate
    name: 校门口
    location: {{lon: 106.506, lat: 29.506}}
    profile: no_parking
    monitor: {{kind: video_file, path: "{clip}", loop: true}}
    health: {{enabled: false}}
  - id: stage
    name: 水位站
    location: {{lon: 106.507, lat: 29.504}}
    rules:
      - {{kind: threshold, id: warning-stage, quantity: water_level, vertical_datum: 黄海, above: 181.0}}
      - {{kind: threshold, id: guaranteed-stage, quantity: water_level, vertical_datum: 黄海, above: 184.0}}
responders:
  - {{id: wang-0, name: 王海燕, team: 网格员, location: {{lon: 106.501, lat: 29.501}}}}
  - {{id: wang-1, name: 吴建国, team: 网格员, location: {{lon: 106.521, lat: 29.501}}}}
"""
PLACES = f"""\
places:
  - {{id: wharf, name: 码头通道, location: {{lon: 106.502, lat: 29.505}}, marks: [passage]}}
  - {{id: steps, name: 亲水梯坎, location: {{lon: 106.523, lat: 29.505}}, marks: [passage]}}
call_lists:
  shops: {{file: shops.csv}}
  households: {{calls: [{{name: 滨江路12号周家, phone: 000-2001, grid: "{GRIDS[0]}", note: 行动不便}}]}}
"""
SHOPS = f"""\
name,phone,grid,note
张记小面,000-1001,{GRIDS[0]},
码头茶馆,000-1002,{GRIDS[0]},地下库房
五金店,000-1003,{GRIDS[1]},
"""
WAIT_MS = 60_000


@pytest.fixture
def running(tmp_path: Path, shared: Path) -> Iterator[City]:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(root=ROOT, clip=shared / "clips" / "vtest_12s.mp4"), encoding="utf-8")
    (tmp_path / "units.yaml").write_text("units:\n  - {id: community, kind: community, name: 江北社区}\n", "utf-8")
    grids = {"type": "FeatureCollection", "features": [grid(0), grid(1)]}
    (tmp_path / "grids.geojson").write_text(json.dumps(grids, ensure_ascii=False), "utf-8")
    (tmp_path / "places.yaml").write_text(PLACES, encoding="utf-8")
    (tmp_path / "shops.csv").write_text(SHOPS, encoding="utf-8")
    with city(config, tmp_path / "var") as started:
        started.add_user("zhao", "duty_officer", "zhao-kettle-harbour-42")
        yield started


def alerts(rest: httpx.Client) -> list[dict[str, Any]]:
    return items(rest.get("/alerts", params={"site": "quay", "limit": 500}))


def told(rest: httpx.Client, site: str) -> str:
    return str(next(one for one in items(rest.get("/sites")) if one["id"] == site)["health"])


def named(tasks: list[dict[str, Any]], title: str) -> dict[str, Any]:
    return next(task for task in tasks if task["title"] == title)


def withdrawn(tasks: list[dict[str, Any]]) -> int:
    return sum(task["state"] == "cancelled" for task in tasks)


def report(who: httpx.Client, task: int, checked: list[int], picture: bytes | None) -> httpx.Response:
    files = None if picture is None else {"photo": ("lock.jpg", picture, "image/jpeg")}
    data = {"text": "已完成", "checked": checked}
    return who.post(f"/tasks/{task}/report", data=data, files=files)


def close_and_call(wang: httpx.Client, tasks: list[dict[str, Any]]) -> tuple[int, int]:
    """The grid member locks the passage, which needs the lock's picture, and reaches one of two shops."""
    lock, shops = named(tasks, "封闭临江通道 · 码头通道"), named(tasks, "通知沿江商铺 · 第1网格")
    assert (lock["unit"], lock["needs_photo"], shops["needs_photo"]) == ("g-0", True, False)
    assert shops["checklist"] == ["张记小面 · 000-1001", "码头茶馆 · 000-1002 · 地下库房"]
    for task in (lock, shops):
        assert wang.post(f"/tasks/{task['id']}/accept").status_code == 200
    refused = report(wang, lock["id"], [0, 1, 2], None)
    assert (refused.status_code, refused.json()["detail"]) == (422, f"task {lock['id']} asks for a photo")
    done = report(wang, lock["id"], [0, 1, 2], photo()).json()["task"]
    assert done["report_photo"]
    assert done["checked"] == [0, 1, 2]
    assert report(wang, shops["id"], [0], None).json()["task"]["checked"] == [0]
    return int(lock["id"]), int(shops["id"])


def test_S2_one_click_puts_the_street_on_flood_crest_duty_and_an_order_takes_it_off(  # noqa: N802
    running: City, browser: Browser, tmp_path: Path
) -> None:
    rest, wang = running.caller("zhao"), running.caller("wang-0")
    wall, page = (sit_down(browser, running, "zhao", path) for path in ("/", "/plans"))
    assert page.url == f"{running.url}/plans"
    until(lambda: told(rest, "quay") == "live", 90, running.log)
    expect(wall.locator('#camera-wall .tile[data-site="quay"]:not(.covered)')).to_be_visible(timeout=WAIT_MS)
    time.sleep(4)  # the clip has people in every second
    assert alerts(rest) == []

    # One click.
    page.click('#plans-list button[data-do="begin"][data-plan="flood-crest"]')
    clicked = time.monotonic()
    banner = '#mode-banner [data-mode="flood-crest"]'
    expect(wall.locator(banner)).to_contain_text("洪峰值守", timeout=WAIT_MS)
    print(f"\nclick -> banner on the wall {time.monotonic() - clicked:.2f} s")
    expect(wall.locator(banner)).to_contain_text("zhao 下令")
    expect(wall.locator("#camera-wall .tile").first).to_have_attribute("data-site", "quay")
    expect(wall.locator("#camera-wall .tile[data-pinned]")).to_have_count(1)
    wall.click(f"{banner} summary")
    expect(wall.locator("#mode-banner .roster")).to_contain_text("王海燕")

    # The running worker's rule is another one now.
    raised = until(lambda: alerts(rest), 60, running.log)
    print(f"click -> first alert under the lowered threshold {time.monotonic() - clicked:.2f} s")
    assert {alert["priority"] for alert in raised} == {"P1"}
    wall.screenshot(path=tmp_path / "wall.png")

    # Work for every passage, every grid with somebody to call, every bank.
    tasks = until(lambda: found if len(found := all_tasks(rest)) >= 6 else [], 30, running.log)
    assert sorted(task["title"] for task in tasks) == [
        "封闭临江通道 · 亲水梯坎", "封闭临江通道 · 码头通道", "沿岸巡查 · 滨江步道",
        "通知沿江住户 · 第1网格", "通知沿江商铺 · 第1网格", "通知沿江商铺 · 第2网格",
    ]  # fmt: skip
    lock, shops = close_and_call(wang, tasks)
    cell = page.locator('#plans-chosen [data-place="wharf"] td[data-state="reported"]')
    expect(cell).to_contain_text("3/3 项", timeout=WAIT_MS)
    page.screenshot(path=tmp_path / "plans.png")

    # It leaves by order: pins, threshold and what nobody has begun go with it.
    wall.click(f'{banner} button[data-do="end"]')
    wall.fill('#mode-banner input[name="reason"]', "洪峰已过境")
    wall.keyboard.press("Enter")
    expect(wall.locator(banner)).to_have_count(0, timeout=WAIT_MS)
    expect(wall.locator("#camera-wall .tile[data-pinned]")).to_have_count(0)
    left = until(lambda: found if withdrawn(found := all_tasks(rest)) == 4 else [], 30, running.log)
    assert {t["id"] for t in left if t["state"] != "cancelled"} == {lock, shops}
    time.sleep(4)  # the worker hears it within a second
    before = len(alerts(rest))
    time.sleep(5)
    assert len(alerts(rest)) == before, "the threshold is what it was"
    refused = rest.post("/modes/flood-crest/end", json={"reason": "再次"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "plan flood-crest is not in force")
