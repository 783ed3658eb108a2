"""S1: a person at the river. Alert, loudspeaker, offer, phone, verification, on the real clock, side by side."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.city import City, city, items, seconds, sit_down, until
from tests.servers.http_peer import Peer, http_peer
from tests.servers.rtsp import ONE_SLICE, RtspServer, rtsp_server

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
inference: {{cache_dir: "{cache}"}}
dispatch:
  automatic: {{rules: [person-in-river], priorities: [P1]}}
notices:
  channels: [{{kind: loudspeaker, id: quay-speaker, url: "{speaker}", answer: {{errcode: 0}}}}]
  policies:
    - id: river
      rules: [person-in-river]
      when_over: true
      steps: [{{channels: [quay-speaker], text: "{{site}}：水中人员请立即上岸"}}]
sites:
  - id: quay
    name: 滨江步道
    location: {{lon: 106.5700, lat: 29.5600}}
    grid: "500103001001001"
    monitor: {{kind: rtsp_camera, url: "{rtsp}", timeout: 3s}}
    health: {{enabled: false}}
    detectors: [{{kind: yolo, labels: [person]}}]
    # One person comes by here, 25.6 s from the beginning of the film, for 3 s.
    zones: [{{id: water, polygon: [[0.078, 0.139], [0.299, 0.069], [0.299, 0.255], [0.078, 0.324]]}}]
    rules: [{{kind: intrusion, id: person-in-river, zone: water, labels: [person], pictures: 5, of: 8, priority: P1}}]
responders:
  - {{id: near, name: 近处的人, team: 应急分队, location: {{lon: 106.5702, lat: 29.5601}}}}
  - {{id: next, name: 次近的人, team: 应急分队, location: {{lon: 106.5740, lat: 29.5620}}}}
"""


@pytest.fixture
def speaker() -> Iterator[Peer]:
    with http_peer() as peer:
        yield peer


@pytest.fixture
def camera(shared: Path, tmp_path: Path) -> Iterator[RtspServer]:
    # As it is the film's edit list would make the server wait for four seconds after the first picture.
    film = tmp_path / "quay.mp4"
    coder = ["-an", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", *ONE_SLICE, "-g", "24"]
    source = shared / "clips" / "intel_person-bicycle-car.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), *coder, str(film)], check=True, timeout=120)
    with rtsp_server({"quay": film}) as server:
        yield server


@pytest.fixture
def running(root: Path, tmp_path: Path, camera: RtspServer, speaker: Peer) -> Iterator[City]:
    """The city with everybody at their places; its camera sends nothing yet."""
    camera.stop()
    config = tmp_path / "config.yaml"
    text = CONFIG.format(cache=root / ".cache", rtsp=camera.url("quay"), speaker=speaker.url("/play"))
    config.write_text(text, encoding="utf-8")
    with city(config, tmp_path / "var") as started:
        started.add_user("li", "operator", "li-kettle-harbour-42")
        for name in ("near", "next"):
            started.set_password(name, f"{name}-kettle-harbour-42")
        yield started


def river_task(rest: httpx.Client) -> list[dict[str, Any]]:
    return [task for task in items(rest.get("/tasks")) if task["priority"] == "P1"]


def test_S1_a_swimmer_is_seen_warned_reached_and_the_case_closed(  # noqa: N802
    running: City, browser: Browser, camera: RtspServer, speaker: Peer, tmp_path: Path
) -> None:
    wall = sit_down(browser, running, "li")
    phones = {name: sit_down(browser, running, name, width=390, height=844) for name in ("near", "next")}
    expect(wall.locator('#link-state[data-state="live"]')).to_be_visible(timeout=20_000)
    rest = running.caller("li")
    camera.start()

    # Nobody clicks: the alert comes, the loudspeaker speaks, the two nearest are asked at once.
    expect(wall.locator("#alert-list .alert.P1").first).to_be_visible(timeout=90_000)
    task = until(lambda: river_task(rest), 15, lambda: f"no task:\n{running.log()[-3000:]}")[-1]
    until(lambda: speaker.received, 10, lambda: f"the loudspeaker is silent:\n{running.log()[-3000:]}")
    assert speaker.received[0].json["text"] == "滨江步道：水中人员请立即上岸"
    alert = rest.get(f"/alerts/{task['alert']}").json()
    offers = rest.get(f"/tasks/{task['id']}").json()["offers"]
    assert {offer["responder"] for offer in offers[:2]} == {"near", "next"}
    to_alert_s = seconds(alert["started_at"], alert["committed_at"])
    to_offer_s = seconds(alert["committed_at"], offers[0]["offered_at"])
    print(f"\nfirst picture with the person -> alert {to_alert_s:.2f} s, alert -> offer {to_offer_s:.2f} s")
    assert to_alert_s <= 5.0
    assert to_offer_s <= 10.0
    assert alert["acknowledged_at"] is None, "what is sent by rule still waits for a human"

    # Both phones show it; who accepts first has it, and the other one's card goes away.
    for phone in phones.values():
        expect(phone.locator(f'article.offer[data-task="{task["id"]}"]')).to_be_visible(timeout=15_000)
    expect(wall.locator(".candidates li.going")).to_have_count(2)  # the operator sees both who are asked
    wall.screenshot(path=tmp_path / "wall.png")
    phones["next"].screenshot(path=tmp_path / "phone.png")
    work = phones["next"].locator(f'[data-task="{task["id"]}"]')
    work.locator('button[data-do="accept"]').click()
    expect(phones["near"].locator(f'article.offer[data-task="{task["id"]}"]')).to_have_count(0, timeout=15_000)
    work.locator('button[data-do="en-route"]').click()
    work.locator('button[data-do="on-scene"]').click()
    work.locator('textarea[name="text"]').fill("人已上岸，已劝离")
    work.locator('form[data-do="report"] button.go').click()
    expect(work.locator('[data-when="reported"]')).to_be_visible()

    # The operator, who saw it all, acknowledges and verifies; the case is closed, and the trail says by whom.
    card = wall.locator(f'#alert-list [data-alert="{alert["id"]}"]')
    card.locator('button[data-do="acknowledge"]').click()
    until(lambda: rest.get(f"/alerts/{alert['id']}").json()["acknowledged_by"] == "li", 10, running.log)
    until(lambda: rest.get(f"/tasks/{task['id']}").json()["state"] == "reported", 10, running.log)
    assert rest.post(f"/tasks/{task['id']}/verify", json={}).status_code == 200
    event = rest.get(f"/events/{task['event']}").json()
    assert event["state"] in {"closed", "to_check"}
    until(lambda: rest.get(f"/events/{task['event']}").json()["closed_at"], 10, running.log)
    running.command("audit", "verify", "--var", str(running.var))
