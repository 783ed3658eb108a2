"""S14: a muck truck drives through a closed street; camera and position are one event, and enforcement is sent."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest

from alerts.lifecycle import end_alert, raise_alert
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.vehicle import PermitState, VehicleSight
from engine.demo.sprites import cut_sprites
from tests.e2e.city import City, city, items, photo, seconds, until
from tests.servers.rtsp import RtspServer, rtsp_server

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.model,
    pytest.mark.alone,
    pytest.mark.timeout(400),
]

SITE = "street-3"
LON, LAT = 106.5700, 29.5600
METRE = 1 / 96_700  # degrees of longitude there
TRUCK, PERMITTED = "渝A12345", "渝B67890"
STOP, HAND_OVER = "渣土车拦停检查", "移交执法立案"
WIDE, HIGH, FRAMES_PER_S = 960, 540, 10
EMPTY_BEFORE_S, DRIVES_S, EMPTY_AFTER_S = 25, 6, 10  # goes round
CONFIG = """\
name: 试验街道
timezone: UTC
applications: [./packs/muck_trucks]
inference: {{cache_dir: "{cache}"}}
dispatch: {{deliver_within: null}}
sites:
  - id: street-3
    name: 滨江路禁行段
    location: {{lon: 106.5700, lat: 29.5600}}
    template: closed_street
    monitor: {{kind: rtsp_camera, url: "{rtsp}", timeout: 3s}}
    monitors: [{{kind: vehicle_push, id: gateway}}]
    # 片中是样例照片里的公交车 / the film shows the bus of the sample photo: there is no truck in it
    detectors: [{{kind: yolo, labels: [bus, truck]}}]
    health: {{enabled: false}}
    rules:
      - {{kind: line_crossing, id: crossing, line: [[0.5, 0.05], [0.5, 0.98]], labels: [bus, truck], confidence: 0.3,
         during: [{{start: "{since}", end: "{until}"}}]}}
      - {{kind: geofence, id: closed-street, street: [[106.569, 29.56], [106.571, 29.56]], width: 30, label: truck,
         during: [{{start: "{since}", end: "{until}"}}],
         permits: [{{plate: 渝B67890, until: "2100-01-01T00:00:00Z"}},
                   {{plate: 渝A12345, until: "2026-01-01T00:00:00Z"}}]}}
responders:
  # 近的人不执法 / who is nearest does not enforce
  - {{id: grid-1, name: 周晓琳, skills: [patrol], location: {{lon: 106.5700, lat: 29.5600}}}}
  - {{id: law-1, name: 罗平, skills: [enforcement], travel: car, location: {{lon: 106.5760, lat: 29.5600}}}}
"""


def film(cache: Path, target: Path) -> Path:
    """A dim street, empty but for one vehicle that drives through from left to right."""
    sprite = cv2.imread(str(cut_sprites(cache) / "bus.png"), cv2.IMREAD_UNCHANGED)
    assert sprite is not None
    high = 300
    sprite = cv2.resize(sprite, (round(sprite.shape[1] * high / sprite.shape[0]), high))
    colour, alpha = sprite[:, :, :3].astype(np.float32), sprite[:, :, 3:].astype(np.float32) / 255
    ground = np.full((HIGH, WIDE, 3), 60, np.float32)
    ground[: HIGH // 3] = 25
    ground += np.random.default_rng(1).normal(0, 3, ground.shape).astype(np.float32)
    width = colour.shape[1]
    with av.open(str(target), "w") as container:
        options = {"crf": "20", "preset": "veryfast", "x264-params": "slices=1:sliced-threads=0"}
        stream = container.add_stream("libx264", rate=FRAMES_PER_S, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDE, HIGH, "yuv420p"
        stream.gop_size, stream.max_b_frames = FRAMES_PER_S, 0
        for number in range((EMPTY_BEFORE_S + DRIVES_S + EMPTY_AFTER_S) * FRAMES_PER_S):
            picture = ground.copy()
            share = (number / FRAMES_PER_S - EMPTY_BEFORE_S) / DRIVES_S
            left = round(-width + share * (WIDE + width))
            if 0 <= share <= 1:
                first, last = max(0, left), min(WIDE, left + width)
                if last > first:
                    part = slice(first - left, last - left)
                    under = picture[HIGH - 20 - high : HIGH - 20, first:last]
                    under[:] = 0.8 * colour[:, part] * alpha[:, part] + under * (1 - alpha[:, part])
            shown = np.clip(picture, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))
    return target


class Gateway:
    """Trucks that tell their positions every three seconds: `east_m` by plate, metres east of the site."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.east_m: dict[str, float] = {}
        self.speed_mps: dict[str, float] = {}
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(3.0):
            now = datetime.now(UTC).isoformat()
            told = [
                {"plate": plate, "lon": LON + east * METRE, "lat": LAT, "speed": 36, "direction": 90, "time": now}
                for plate, east in tuple(self.east_m.items())
            ]
            if told:
                self._client.post(f"/datastreams/{SITE}/gateway/positions", json={"positions": told})
            for plate in tuple(self.east_m):
                self.east_m[plate] += 3.0 * self.speed_mps.get(plate, 10.0)


@contextmanager
def driving(client: httpx.Client) -> Iterator[Gateway]:
    gateway = Gateway(client)
    thread = threading.Thread(target=gateway.run, name="gateway")
    thread.start()
    try:
        yield gateway
    finally:
        gateway.stopped.set()
        thread.join(20)


@pytest.fixture
def camera(root: Path, tmp_path: Path) -> Iterator[RtspServer]:
    with rtsp_server({SITE: film(root / ".cache", tmp_path / "street.mp4")}) as server:
        yield server


@pytest.fixture
def running(root: Path, tmp_path: Path, camera: RtspServer) -> Iterator[City]:
    """The pack as it comes; its hours are laid around now, since the test runs by day, too."""
    shutil.copytree(root / "data" / "applications" / "muck_trucks", tmp_path / "packs" / "muck_trucks")
    now = datetime.now(UTC)
    hours = {"since": f"{now - timedelta(hours=1):%H:%M}", "until": f"{now + timedelta(hours=1):%H:%M}"}
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(cache=root / ".cache", rtsp=camera.url(SITE), **hours), "utf-8")
    (tmp_path / "var").mkdir()
    with city(config, tmp_path / "var") as started:
        for name, role in (("li", "operator"), ("zhao", "duty_officer"), ("gateway", "source")):
            started.add_user(name, role, f"{name}-kettle-harbour-42")
        last_night(started)
        yield started


def last_night(running: City) -> None:
    """The same truck was in the street before."""
    at = datetime.now(UTC) - timedelta(hours=20)
    vehicle = VehicleSight(TRUCK, LON, LAT, 40.0, PermitState.EXPIRED)
    key = AlertKey(SITE, "closed-street", "", TRUCK)
    before = Raised(key, "geofence", Priority.P3, at, at, "truck", vehicle=vehicle)
    with running.store() as store:
        store.write(lambda writer: raise_alert(writer, before, None, at))
        store.write(lambda writer: end_alert(writer, Ended(key, at, at), at))


def alerts(rest: httpx.Client) -> dict[str, dict[str, Any]]:
    """The open alerts, by rule."""
    return {one["rule"]: one for one in items(rest.get("/alerts", params={"site": SITE, "open": "true"}))}


def work(rest: httpx.Client) -> dict[str, dict[str, Any]]:
    return {task["title"]: task for task in items(rest.get("/tasks"))}


def kept_clips(rest: httpx.Client, alert: int) -> list[dict[str, Any]]:
    """Clips of the alert that are cut and can be played."""
    return [one for one in items(rest.get(f"/alerts/{alert}/clips")) if one["state"] == "ready"]


def test_S14_a_muck_truck_in_a_closed_street_is_one_event_by_camera_and_position(  # noqa: N802
    running: City,
) -> None:
    rest, officer = running.caller("li"), running.caller("zhao")
    assert {row["kind"] for row in items(rest.get("/categories"))} == {"geofence", "line_crossing"}
    with driving(running.caller("gateway")) as gateway:
        # One with a permit drives through: nothing is said of it.
        gateway.east_m[PERMITTED] = -120.0
        until(lambda: gateway.east_m[PERMITTED] > 150, 60, running.log)
        assert "closed-street" not in alerts(rest)

        # The camera sees a vehicle cross; its terminal tells the gateway where it is.
        seen = until(lambda: alerts(rest).get("crossing", {}), 90, running.log)
        gateway.east_m[TRUCK] = -40.0
        told = until(lambda: alerts(rest).get("closed-street", {}), 60, running.log)
    assert (seen["kind"], seen["xyxy"] is not None) == ("line_crossing", True)
    vehicle = told["vehicle"]
    assert (vehicle["plate"], vehicle["permit"], vehicle["earlier"]) == (TRUCK, "expired", 1)
    assert vehicle["permit_until"] == "2026-01-01T00:00:00.000+00:00"

    # Two kinds of evidence: confirmed, one event, one crew that may enforce.
    tasks = until(lambda: work(rest) if len(work(rest)) == 2 else {}, 60, lambda: f"{alerts(rest)}\n{running.log()}")
    confirmed = {rule: rest.get(f"/alerts/{one['id']}").json() for rule, one in (("crossing", seen), ("fence", told))}
    assert {one["verification"] for one in confirmed.values()} == {"confirmed"}
    events = {one["event"] for one in confirmed.values()}
    assert len(events) == 1, "one event, not two"
    assert {proof["kind"] for proof in confirmed["fence"]["proofs"]} == {"camera_objects", "position"}
    assert [one["id"] for one in items(rest.get("/events"))] == list(events)
    stop = tasks[STOP]
    assert stop["checklist"][0] == f"车牌 {TRUCK}，许可已过期，第 2 次"
    assert tasks[HAND_OVER]["state"] == "draft"
    offers = rest.get(f"/tasks/{stop['id']}").json()["offers"]
    assert [offer["responder"] for offer in offers] == ["law-1"]
    (event,) = events
    (clock,) = rest.get(f"/events/{event}").json()["clocks"]
    assert clock["limit_s"] == 7200

    # Enforcement stops it and reports; the hand-over is an officer's decision.
    law = running.caller("law-1")
    for step in ("accept", "en-route", "on-scene"):
        assert law.post(f"/tasks/{stop['id']}/{step}").status_code == 200
    answer = law.post(
        f"/tasks/{stop['id']}/report", data={"text": "已拦停"}, files={"photo": ("a.jpg", photo(), "image/jpeg")}
    )
    assert answer.status_code == 200, answer.text
    assert officer.post(f"/tasks/{stop['id']}/verify").status_code == 200

    # The clip and the track are there.
    clips = until(lambda: kept_clips(rest, told["id"]), 90, lambda: f"no clip:\n{running.log()[-3000:]}")
    track = items(rest.get(f"/vehicles/{TRUCK}/track"))
    assert len(track) >= 2
    assert items(rest.get("/vehicles"))[0]["vehicle"] == TRUCK
    print(f"\nposition after camera {seconds(seen['raised_at'], told['raised_at']):.1f} s, clips {len(clips)}")
    running.command("audit", "verify", "--var", str(running.var))
