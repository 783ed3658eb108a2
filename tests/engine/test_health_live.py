"""Camera health at a live RTSP source, through the real worker into the real store."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from data.config.settings import SiteSettings
from data.model.alert import Alert
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.engine.city import CHONGQING, Cities, City
from tests.engine.kinds import Anything
from tests.servers.rtsp import rtsp_server

pytestmark = [pytest.mark.alone, pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(400)]


def camera(name: str, url: str) -> SiteSettings:
    monitor = RtspCamera(url=url, timeout=timedelta(seconds=2))
    return SiteSettings(id=name, location=CHONGQING, monitor=monitor, detectors=(Anything(),))


def of_health(city: City, site: str) -> list[Alert]:
    """Oldest first."""
    return [alert for alert in reversed(city.alerts(site)) if alert.key.rule == "camera_health"]


def test_a_killed_source_is_lost_within_3_s_a_silent_one_within_10_s_once_each(city: Cities, shared: Path) -> None:
    with rtsp_server({"gate-1": shared / "clips" / "vtest_12s.mp4"}) as server:
        one = city(sites=(camera("gate-1", server.url("gate-1")),))
        one.start()
        one.wait_for(lambda: one.health("gate-1") == "live")
        time.sleep(5)
        assert of_health(one, "gate-1") == []
        server.kill()
        killed_s = one.wait_for(lambda: of_health(one, "gate-1"))
        server.start()
        one.wait_for(lambda: not one.alerts("gate-1", open_only=True))
        server.freeze()
        silent_s = one.wait_for(lambda: of_health(one, "gate-1")[0].occurrence == 2)  # so soon it is the same alert
        server.thaw()
        one.wait_for(lambda: not one.alerts("gate-1", open_only=True))
        time.sleep(3)
        (alert,) = of_health(one, "gate-1")
        assert (alert.label, alert.is_open, alert.occurrence) == ("video_loss", False, 2)
        print(f"killed {killed_s:.2f} s, silent {silent_s:.2f} s")
        assert killed_s <= 3.0
        assert silent_s <= 10.0
