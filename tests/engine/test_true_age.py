"""The age shown and measured is the time since the picture was taken: a delay that is always there counts, too."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.local.meters import read_meters
from data.model.camera_health import HealthSettings
from data.ports.feed import FramePacket
from data.ports.recipe import MonitorRecipe
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, Cities, City
from tests.engine.kinds import Anything, LateCamera
from tests.engine.test_camera import Viewer
from tests.monitors.test_packets import film

pytestmark = pytest.mark.alone


def site(name: str, monitor: MonitorRecipe) -> SiteSettings:
    return SiteSettings(
        id=name,
        location=CHONGQING,
        monitor=monitor,
        detectors=(Anything(),),
        rules=(Intrusion(keep_firing_for=timedelta(seconds=1)),),
        health=HealthSettings(enabled=False),
    )


def measured_s(city: City, name: str) -> float | None:
    gauges = read_meters(city.options.run_dir).get("worker-1", {}).get("gauges", {})
    ages = gauges.get("yiping_frame_age_seconds", {})
    return next((age for labels, age in ages.items() if json.loads(labels) == {"camera": name}), None)


def shown_s(viewer: Viewer, name: str) -> float:
    """What the wall would write beside the tile."""
    packet: FramePacket = viewer.next(name, 0)
    newest = viewer.next(name, packet.sequence)
    return (datetime.now(UTC) - newest.at).total_seconds()


def test_a_reader_that_sleeps_three_seconds_is_seen_in_the_age_and_a_recording_is_of_now(
    city: Cities, tmp_path: Path
) -> None:
    recording = film(tmp_path / "film.mp4", 3, 25)
    past = datetime.now(UTC) - timedelta(days=400)
    one = city(
        sites=(
            site("late", LateCamera()),
            site("recording", VideoFile(path=recording, loop=True)),
            site("resting", VideoFile(path=recording, loop=True, watch="on_activity")),
            site("archive", VideoFile(path=recording, loop=True, start=past)),
        )
    )
    viewer = Viewer(one.options.frames_socket)
    try:
        one.start()
        for name in ("late", "recording", "resting", "archive"):
            viewer.look(name)
        one.wait_for(lambda: all(one.health(name) == "live" for name in ("late", "recording", "resting", "archive")))
        one.wait_for(lambda: (measured_s(one, "late") or 0.0) > 2.9)
        assert measured_s(one, "late") == pytest.approx(3.1, abs=0.4)
        assert shown_s(viewer, "late") == pytest.approx(3.1, abs=0.5)
        assert shown_s(viewer, "recording") < 1.0
        assert shown_s(viewer, "archive") < 1.0, "on the wall a recording of another day is the present"
        for name in ("recording", "resting", "archive"):
            age_s = measured_s(one, name)
            assert age_s is not None
            assert age_s < 1.0, name
    finally:
        viewer.close()
