"""Real pictures through a real worker: tiles for who looks, and cameras that hang come back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.local.feed_socket import SocketFrameHub
from data.local.meters import read_meters
from data.model.camera_health import HealthSettings
from data.ports.feed import FramePacket
from monitors.video.rtsp_camera import Recipe as RtspCamera
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, Cities, City
from tests.engine.kinds import Anything, Brightness
from tests.servers.rtsp import RtspServer, rtsp_server


def watched(name: str, monitor: VideoFile | RtspCamera) -> SiteSettings:
    rule = Intrusion(keep_firing_for=timedelta(seconds=1))
    return SiteSettings(id=name, location=CHONGQING, monitor=monitor, detectors=(Anything(),), rules=(rule,))


class Viewer:
    """The web side: a hub on its own event loop, one viewer looking at one site."""

    def __init__(self, path: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.hub = SocketFrameHub(path)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.hub.start(), self.loop).result(5)

    def look(self, site: str) -> None:
        self.loop.call_soon_threadsafe(self.hub.look, site)

    def next(self, site: str, since: int, timeout_s: float = 15.0) -> FramePacket:
        changed = self.hub.changed(frozenset({site}), {site: since})
        return asyncio.run_coroutine_threadsafe(changed, self.loop).result(timeout_s)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.hub.stop(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@pytest.fixture
def server(shared: Path) -> Iterator[RtspServer]:
    with rtsp_server({"gate-1": shared / "clips" / "vtest_12s.mp4"}) as server:
        yield server


@pytest.mark.paired
def test_who_looks_gets_tiles_with_boxes_and_the_alerting_one_is_marked(city: Cities, shared: Path) -> None:
    one = city(sites=(watched("gate-1", VideoFile(path=shared / "clips" / "vtest_12s.mp4", loop=True)),))
    viewer = Viewer(one.options.frames_socket)
    try:
        one.start()
        viewer.look("gate-1")
        one.wait_for(lambda: one.alerts("gate-1", open_only=True))
        packet = viewer.next("gate-1", 0)
        seen = [packet := viewer.next("gate-1", packet.sequence) for _ in range(11)]
        assert (packet.width, packet.height, packet.jpeg[:2]) == (640, 480, b"\xff\xd8")
        assert [(box.label, box.alerting) for box in packet.boxes] == [("scene", True)]
        span_s = (seen[-1].at - seen[0].at).total_seconds()
        assert 0.95 <= span_s < 3.0, "at most ten tiles a second, and not many fewer"
    finally:
        viewer.close()


@pytest.mark.paired
@pytest.mark.server
def test_a_frozen_camera_is_lost_and_back_by_itself_and_its_alert_is_one(city: Cities, server: RtspServer) -> None:
    camera = RtspCamera(url=server.url("gate-1"), timeout=timedelta(seconds=2))
    one = city("gate-2", sites=(watched("gate-1", camera),))
    running = one.start()
    one.wait_for(lambda: one.health("gate-1") == one.health("gate-2") == "live")
    one.wait_for(lambda: one.alerts("gate-1", open_only=True))
    server.freeze()
    assert one.wait_for(lambda: one.health("gate-1") == "lost") < 4.5
    one.set("gate-2", "bright")
    assert one.wait_for(lambda: one.alerts("gate-2", open_only=True)) < 2.0
    one.wait_for(lambda: len(one.alerts("gate-1", open_only=True)) == 2)
    server.thaw()
    one.wait_for(lambda: one.health("gate-1") == "live", 20)
    assert running.log.count("gate-1/rtsp_camera is lost") == 1
    one.wait_for(lambda: running.log.count("gate-1/rtsp_camera is back after") == 1)
    assert "worker-1 ended" not in running.log
    one.wait_for(lambda: [alert.is_open for alert in one.alerts("gate-1")] == [False, True])
    lost, found = one.alerts("gate-1")
    assert (lost.key.rule, lost.label, found.key.rule) == ("camera_health", "video_loss", "intrusion")


@pytest.mark.paired
@pytest.mark.server
def test_a_camera_whose_server_was_killed_is_back_soon_after_it(city: Cities, server: RtspServer) -> None:
    camera = RtspCamera(url=server.url("gate-1"), timeout=timedelta(seconds=2))
    one = city(sites=(watched("gate-1", camera),))
    one.start()
    one.wait_for(lambda: one.health("gate-1") == "live")
    server.kill()
    assert one.wait_for(lambda: one.health("gate-1") == "lost") < 4.5
    server.start()
    assert one.wait_for(lambda: one.health("gate-1") == "live") < 6.0


def counted(city: City, name: str, **labels: str) -> float:
    series = read_meters(city.options.run_dir).get("worker-1", {}).get("counters", {}).get(name, {})
    return sum(value for said, value in series.items() if labels.items() <= json.loads(said).items())


@pytest.mark.paired
def test_a_camera_watched_on_activity_is_looked_at_when_something_happens_and_hardly_before(
    city: Cities, tmp_path: Path
) -> None:
    """Ten dark seconds, three bright ones, and dark again until the end."""
    film = tmp_path / "lamp.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 180))
    for grey in [10] * 100 + [240] * 30 + [10] * 70:
        writer.write(np.full((180, 320, 3), grey, np.uint8))
    writer.release()
    start = datetime.now(UTC) + timedelta(hours=-3)
    lamp = VideoFile(path=film, start=start, watch="on_activity")
    rule = Intrusion(keep_firing_for=timedelta(seconds=1))
    site = SiteSettings(
        id="gate-1",
        location=CHONGQING,
        monitor=lamp,
        detectors=(Brightness(),),
        rules=(rule,),
        health=HealthSettings(enabled=False),  # such a picture is black, and still
    )
    one = city(sites=(site,))
    one.start()
    one.wait_for(lambda: one.alerts("gate-1"))
    (alert,) = one.alerts("gate-1")
    assert (alert.started_at - start).total_seconds() == pytest.approx(10, abs=0.31)
    one.wait_for(lambda: not one.alerts("gate-1", open_only=True), 12)
    one.wait_for(lambda: counted(one, "yiping_inferences_total", camera="gate-1") > 20, 12)
    one.wait_for(lambda: counted(one, "yiping_frames_total") >= 195, 12)
    looks = counted(one, "yiping_inferences_total", camera="gate-1")
    assert looks < 60, "of a hundred that are due at five a second"
    assert 0 < counted(one, "yiping_stage_cpu_seconds_total", camera="gate-1", stage="gate") < 2
    assert counted(one, "yiping_global_changes_total", camera="gate-1") == 2
