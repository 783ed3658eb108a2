"""A quiet camera in a real worker: it decodes little, and what begins between two key frames keeps its true time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.local.meters import read_meters
from data.model.camera_health import HealthSettings
from data.model.place import InferenceSettings
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, Cities, City
from tests.engine.kinds import Brightness

pytestmark = pytest.mark.paired


def lamp_film(path: Path, seconds: float, bright_s: tuple[float, float], gop: int, *, flickers: bool = False) -> Path:
    """25 dark pictures a second, bright from `bright_s[0]` until `bright_s[1]`; a key frame every `gop` pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"sc_threshold": "0"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 180, "yuv420p", gop
        stream.codec_context.time_base = Fraction(1, 25)
        for i in range(round(seconds * 25)):
            grey = 240 if bright_s[0] <= i / 25 < bright_s[1] else 20
            grey -= 50 * (flickers and grey == 240 and i // 10 % 2)
            frame = av.VideoFrame.from_ndarray(np.full((180, 320), grey, np.uint8), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def metric(city: City, kind: str, name: str, **labels: str) -> float | None:
    series = read_meters(city.options.run_dir).get("worker-1", {}).get(kind, {}).get(name, {})
    found = [value for said, value in series.items() if labels.items() <= json.loads(said).items()]
    return sum(found) if found else None


def watched(path: Path, start: datetime, name: str = "gate-1") -> SiteSettings:
    camera = VideoFile(path=path, start=start, watch="on_activity")
    rule = Intrusion(keep_firing_for=timedelta(seconds=1))
    return SiteSettings(
        id=name,
        location=CHONGQING,
        monitor=camera,
        detectors=(Brightness(),),
        rules=(rule,),
        health=HealthSettings(enabled=False),  # such a picture is black, and still
    )


def test_what_begins_between_two_key_frames_of_a_resting_camera_is_found_at_its_true_time(
    city: Cities, tmp_path: Path
) -> None:
    """Key frames at 12 and 14 s; the lamp shines from 12.6 to 14.8 s."""
    start = datetime.now(UTC) - timedelta(hours=3)
    one = city(sites=(watched(lamp_film(tmp_path / "lamp.mp4", 22, (12.6, 14.8), 50), start),))
    one.start()
    one.wait_for(lambda: metric(one, "gauges", "yiping_decode_state", camera="gate-1") == 0)
    at_rest = metric(one, "counters", "yiping_frames_total") or 0
    assert at_rest < 200, "every picture for two to four seconds, then one in two seconds"
    one.wait_for(lambda: one.alerts("gate-1"))
    one.wait_for(lambda: not one.alerts("gate-1", open_only=True), 15)
    (alert,) = one.alerts("gate-1")
    assert (alert.started_at - start).total_seconds() == pytest.approx(12.6, abs=0.21)
    assert alert.ended_at is not None
    assert (alert.ended_at - start).total_seconds() == pytest.approx(14.8, abs=0.5)
    assert (alert.raised_at - start).total_seconds() <= 14 + 0.5, "with the key frame"
    assert 0 < (metric(one, "counters", "yiping_stage_cpu_seconds_total", camera="gate-1", stage="decode") or 0) < 5


def told_degraded(city: City, name: str) -> str:
    state = city.store.read(lambda reader: reader.value(f"health:{name}"))
    return str((state or {}).get("degraded", ""))


def test_when_all_wake_at_once_only_so_many_may_and_the_others_are_looked_at_on_key_frames_and_say_so(
    city: Cities, tmp_path: Path
) -> None:
    """Three cameras see the same lamp flicker from 10 to 26 s; one may be awake."""
    start = datetime.now(UTC) - timedelta(hours=3)
    film = lamp_film(tmp_path / "lamp.mp4", 34, (10.0, 26.0), 25, flickers=True)
    names = ("gate-1", "gate-2", "gate-3")
    one = city(sites=[watched(film, start, name) for name in names], inference=InferenceSettings(awake_at_most=1))
    one.start()
    one.wait_for(lambda: all(one.alerts(name) for name in names), 60)
    one.wait_for(lambda: sum(told_degraded(one, name) == "keyframes" for name in names) == 2)
    one.wait_for(
        lambda: sorted(metric(one, "gauges", "yiping_decode_state", camera=name) or 0 for name in names) == [2, 3, 3]
    )
    one.wait_for(lambda: all(told_degraded(one, name) == "" for name in names), 60)
    for name in names:
        (alert,) = one.alerts(name)
        assert (alert.started_at - start).total_seconds() == pytest.approx(10.0, abs=1.1), (
            "at a key frame at the latest"
        )
