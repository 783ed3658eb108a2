"""More cameras than one worker can look at: looks are shed, pictures are not, and nobody is starved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.config.settings import SiteSettings
from data.local.meters import Series, read_meters
from data.model.place import InferenceSettings
from detectors.yolo import Recipe as Yolo
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, City

pytestmark = pytest.mark.alone

CAMERAS = 16
WANTED = 10.0  # looks a second of each: far more than one process can make


def by_camera(series: Series, name: str) -> dict[str, float]:
    return {json.loads(labels)["camera"]: value for labels, value in series.get(name, {}).items()}


@pytest.mark.model
@pytest.mark.shared
def test_an_overloaded_worker_sheds_looks_evenly_keeps_every_picture_and_says_so(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    film = VideoFile(path=shared / "clips" / "vtest_12s.mp4", loop=True)
    names = [f"cam-{n:02d}" for n in range(CAMERAS)]
    sites = [SiteSettings(id=name, location=CHONGQING, monitor=film, detectors=(Yolo(),)) for name in names]
    inference = InferenceSettings(cache_dir=root / ".cache", per_second=WANTED)
    city = City(tmp_path, sites=sites, inference=inference)

    def series(kind: str) -> Series:
        return read_meters(city.options.run_dir).get("worker-1", {}).get(kind, {})

    def steady() -> bool:
        shares = by_camera(series("gauges"), "yiping_looks_shed_share")
        made = by_camera(series("counters"), "yiping_inferences_total")
        return len(shares) == CAMERAS and min(shares.values()) > 0.1 and sum(made.values()) > 20 * CAMERAS

    try:
        city.start()
        city.wait_for(steady, 120)
        city.wait_for(lambda: all(city.degraded(name) == "looks" for name in names), 30)
        gauges, counters = series("gauges"), series("counters")
    finally:
        city.close()
    looks = by_camera(gauges, "yiping_looks_per_second")
    fair = sum(looks.values()) / CAMERAS
    assert fair < WANTED
    assert min(looks.values()) >= 0.5 * fair
    pictures = by_camera(gauges, "yiping_pictures_per_second")
    assert min(pictures.values()) >= 0.5 * 10, "of ten a second; a busy machine may take some of them"
    assert min(by_camera(counters, "yiping_looks_shed_total").values()) > 0
    assert gauges["yiping_shedding"] == {"{}": 1.0}
    ages = {k: v for k, v in by_camera(gauges, "yiping_frame_age_seconds").items() if v > 1.5}
    assert not ages, "the newest pictures are looked at, not those that waited longest"
