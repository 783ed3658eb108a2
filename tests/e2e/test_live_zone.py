"""Zones, rules and sites changed over REST while everything runs: the real processes, the real network."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.local.meters import read_meters
from data.model.alert_life import AlertStep, TakenStep
from tests.conftest import ROOT
from tests.e2e.city import City, city, items, until
from tests.servers.rtsp import rtsp_server

pytestmark = [pytest.mark.model, pytest.mark.shared, pytest.mark.server, pytest.mark.alone]

IN_FORCE_S, ALERT_S = 2.0, 5.0
CONFIG = """\
config: screen
workers: 1
inference: {{cache_dir: "{cache}"}}
sites:
  - id: quay
    location: {{lon: 106.57, lat: 29.56}}
    monitor: {{kind: rtsp_camera, url: "{rtsp}"}}
    detectors: [{{kind: yolo, labels: [person]}}]
  - id: gate
    location: {{lon: 106.57, lat: 29.56}}
    monitor: {{kind: rtsp_camera, url: "{rtsp}"}}
    detectors: [{{kind: yolo, labels: [person]}}]
    rules: [{{kind: intrusion, id: crowd, labels: [person], keep_firing_for: 60s}}]
  - id: underpass
    location: {{lon: 106.57, lat: 29.56}}
    monitor: {{kind: http_push, id: depth, quantity: water_depth, unit: cm}}
    rules: [{{kind: threshold, id: deep, quantity: water_depth, above: 25, unit: cm}}]
"""
ZONE = {"id": "square", "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]}
RULE = {"kind": "intrusion", "id": "square", "zone": "square", "labels": ["person"], "priority": "P1"}


@pytest.fixture(scope="module")
def running(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    config = folder / "config.yaml"
    with rtsp_server({"square": shared / "clips" / "vtest_12s.mp4"}) as camera:
        config.write_text(CONFIG.format(cache=ROOT / ".cache", rtsp=camera.url("square")), encoding="utf-8")
        with city(config, folder / "var") as started:
            for name, role in (("admin", "administrator"), ("probe", "source")):
                started.add_user(name, role, f"{name}-kettle-harbour-42")
            yield started


@pytest.fixture
def admin(running: City) -> Iterator[httpx.Client]:
    with running.caller("admin") as client:
        yield client


def patch(admin: httpx.Client, site: str, **parts: Any) -> int:
    """The number of the new version."""
    base = admin.get("/settings").json()["version"]
    saved = admin.patch(f"/settings/sites/{site}", json={"base_version": base, **parts})
    assert saved.status_code == 200, saved.text
    return int(saved.json()["version"])


def alerts(admin: httpx.Client, site: str, **more: str) -> list[dict[str, Any]]:
    return items(admin.get("/alerts", params={"site": site, **more}))


def version(running: City, process: str) -> int:
    gauges = read_meters(running.var / "run").get(process, {}).get("gauges", {})
    return int(gauges.get("yiping_settings_version", {}).get("{}", -1))


def looks(running: City, site: str) -> float:
    counters = read_meters(running.var / "run").get("worker-1", {}).get("counters", {})
    return counters.get("yiping_inferences_total", {}).get(f'{{"camera": "{site}"}}', 0.0)


def took_s(running: City, condition: Callable[[], object], within_s: float = 60) -> float:
    began_s = time.monotonic()
    until(condition, within_s, lambda: running.log()[-4000:])
    return time.monotonic() - began_s


def now() -> str:
    return datetime.now(UTC).isoformat()


def why_ended(admin: httpx.Client, alert: dict[str, Any]) -> list[str]:
    steps = admin.get(f"/alerts/{alert['id']}").json()["steps"]
    return [step["detail"].get("because", "") for step in steps if step["step"] == "end"]


def test_a_zone_put_by_rest_is_in_force_within_two_seconds_and_raises_its_alert_within_five(
    running: City, admin: httpx.Client
) -> None:
    took_s(running, lambda: alerts(admin, "gate") and looks(running, "quay") > 10, 120)
    worker, other = running.pid_of("worker-1"), {alert["id"] for alert in alerts(admin, "gate", open="true")}
    before = looks(running, "gate")
    began_s = time.monotonic()
    number = patch(admin, "quay", zones=[ZONE], rules=[RULE])
    took_s(running, lambda: version(running, "worker-1") == number)
    zone_live_s = time.monotonic() - began_s
    took_s(running, lambda: alerts(admin, "quay"))
    alert_s = time.monotonic() - began_s
    print(f"zone_live_s {zone_live_s:.2f}, alert after {alert_s:.2f} s")
    (alert, *_) = alerts(admin, "quay")
    assert (alert["rule"], alert["zone"], alert["priority"]) == ("square", "square", "P1")
    took_s(running, lambda: looks(running, "gate") > before)
    assert running.pid_of("worker-1") == worker, "nothing was started again"
    assert other <= {alert["id"] for alert in alerts(admin, "gate", open="true")}
    assert zone_live_s < IN_FORCE_S
    assert alert_s < ALERT_S


def test_a_gauges_rule_changed_by_rest_ends_its_alert_and_the_alert_says_why(
    running: City, admin: httpx.Client
) -> None:
    with running.caller("probe") as probe:
        sent = probe.post("/datastreams/underpass/depth/observations", json={"result": 30, "phenomenonTime": now()})
        assert sent.status_code == 202, sent.text
    took_s(running, lambda: alerts(admin, "underpass", open="true"))
    (alert,) = alerts(admin, "underpass", open="true")
    began_s = time.monotonic()
    deep = {"kind": "threshold", "id": "deep", "quantity": "water_depth", "above": 40, "unit": "cm"}
    number = patch(admin, "underpass", rules=[deep])
    took_s(running, lambda: not alerts(admin, "underpass", open="true"))
    assert time.monotonic() - began_s < IN_FORCE_S
    took_s(running, lambda: version(running, "sensors") == number)
    assert why_ended(admin, alert) == ["rule_changed"]


def test_a_process_that_is_killed_comes_back_with_the_newest_settings(running: City, admin: httpx.Client) -> None:
    number = admin.get("/settings").json()["version"]
    started = running.log().count("worker-1 started")
    os.kill(running.pid_of("worker-1"), signal.SIGKILL)
    took_s(running, lambda: running.log().count("worker-1 started") > started)
    (running.var / "run" / "metrics-worker-1.json").unlink(missing_ok=True)  # of the one that was killed
    took_s(running, lambda: looks(running, "quay") > 5, 120)
    assert version(running, "worker-1") == number
    assert {alert["rule"] for alert in alerts(admin, "quay")} == {"square"}


def test_a_camera_added_and_a_site_removed_by_rest_begin_and_end(running: City, admin: httpx.Client) -> None:
    document = admin.get("/settings").json()
    quay = next(site for site in document["document"]["sites"] if site["id"] == "quay")
    began_s = time.monotonic()
    added = admin.post("/settings/sites", json={"base_version": document["version"], "site": {**quay, "id": "bank"}})
    assert added.status_code == 201, added.text
    took_s(running, lambda: alerts(admin, "bank"))
    print(f"a new camera: its first alert after {time.monotonic() - began_s:.2f} s")
    took_s(running, lambda: alerts(admin, "gate", open="true"))
    open_there = alerts(admin, "gate", open="true")
    number = admin.get("/settings").json()["version"]
    gone = admin.delete("/settings/sites/gate", params={"base_version": number})
    assert gone.status_code == 200, gone.text
    took_s(running, lambda: version(running, "worker-1") == number + 1)
    with running.store() as store:

        def steps_of(alert: dict[str, Any]) -> Sequence[TakenStep]:
            return store.read(lambda reader: reader.alert_steps(alert["id"]))

        took_s(running, lambda: all(steps_of(alert)[-1].step is AlertStep.END for alert in open_there))
        assert {steps_of(alert)[-1].detail.get("because") for alert in open_there} == {"site_removed"}
    gauges = read_meters(running.var / "run")["worker-1"]["gauges"]
    assert not [name for name, series in gauges.items() if any('"camera": "gate"' in labels for labels in series)]
