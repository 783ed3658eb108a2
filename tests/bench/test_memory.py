"""A worker with its model and its 1080p cameras stays within its share of memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import psutil
import pytest

from alerts.intrusion import Recipe as Intrusion
from bench.clip import CLIPS, made, rotated
from data.config.settings import SiteSettings
from data.local.meters import read_meters
from data.model.place import InferenceSettings
from detectors.yolo import Recipe as Yolo
from engine.process.memory import STARTED_AFTER_S
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, City

pytestmark = pytest.mark.alone

CAMERAS = 4
MUST_MIB = 260.0
RESTING = 8
RESTING_MUST_MIB = 310.0
START_BEHIND_S = STARTED_AFTER_S + 5
NOT_FOR_WORKERS = ("torch", "pandas", "scipy", "alembic", "pyarrow", "cv2")


def full_hd(source: Path, path: Path) -> Path:
    """Eight seconds of real footage as a camera sends it: 1080p25, H.264, 4 Mb/s, a key frame every two seconds."""
    encode = ["-vf", "scale=1920:1080", "-r", "25", "-t", "8", "-an", "-c:v", "libx264", "-preset", "veryfast"]
    encode += ["-tune", "zerolatency", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M", "-g", "50"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), *encode, str(path)], check=True)
    return path


def watched(number: int, clip: Path, watch: Literal["always", "on_activity"] = "always") -> SiteSettings:
    return SiteSettings(
        id=f"cam-{number}",
        location=CHONGQING,
        monitor=VideoFile(path=clip, loop=True, watch=watch),
        detectors=(Yolo(labels=("person", "car")),),
        rules=(Intrusion(labels=("person", "car")),),
    )


def counted(run_dir: Path, what: str) -> list[float]:
    counters = read_meters(run_dir).get("worker-1", {}).get("counters", {})
    return list(counters.get(what, {}).values())


def counted_of_each(city: City, what: str, cameras: int, least: float) -> bool:
    """Has each camera come so far?"""
    found = counted(city.options.run_dir, what)
    return len(found) == cameras and min(found) >= least


def resident_mib(city: City, *, until: Callable[[], object], after_s: float, seconds: float) -> float:
    """The most that the worker has resident within so many seconds, from `after_s` after all look."""
    running = city.start()
    city.wait_for(until, 150)
    pid = running.pid("worker-1")
    assert pid is not None
    worker = psutil.Process(pid)
    time.sleep(after_s)
    sizes = []
    for _ in range(round(seconds * 2)):
        time.sleep(0.5)
        sizes.append(worker.memory_info().rss / 2**20)
    print(f"worker: {max(sizes):.0f} MiB resident, {worker.memory_full_info().pss / 2**20:.0f} with shares of pages")
    return max(sizes)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
def test_a_worker_with_four_cameras_stays_within_260_mib_from_its_start_on(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    clip = full_hd(shared / "clips" / "intel_car-detection.mp4", tmp_path / "full-hd.mp4")
    inference = InferenceSettings(cache_dir=root / ".cache", per_second=1.0)
    city = City(tmp_path, sites=[watched(n, clip) for n in range(CAMERAS)], inference=inference)

    def all_looked() -> bool:
        return counted_of_each(city, "yiping_inferences_total", CAMERAS, 4)

    try:
        most_mib = resident_mib(city, until=all_looked, after_s=0, seconds=5)
    finally:
        city.close()
    assert most_mib <= MUST_MIB


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
def test_a_worker_with_four_cameras_at_five_looks_and_windows_stays_within_260_mib(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    clip = full_hd(shared / "clips" / "intel_car-detection.mp4", tmp_path / "full-hd.mp4")
    inference = InferenceSettings(cache_dir=root / ".cache", per_second=5.0)
    assert inference.windows
    city = City(tmp_path, sites=[watched(n, clip) for n in range(CAMERAS)], inference=inference)

    def windows_taken_up() -> bool:
        return counted_of_each(city, "yiping_window_looks_total", CAMERAS, 1)

    try:
        most_mib = resident_mib(city, until=windows_taken_up, after_s=START_BEHIND_S, seconds=8)
    finally:
        city.close()
    assert most_mib <= MUST_MIB


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
def test_a_worker_with_eight_cameras_that_rest_most_of_the_time(root: Path, shared: Path, tmp_path: Path) -> None:
    """Somebody is there for 30 % of the time. Each keeps ten seconds of its stream: 5 MB."""
    clip = made(CLIPS["active30"], shared, root / ".cache" / "bench")
    turned = [rotated(clip, gops) for gops in CLIPS["active30"].phases(RESTING)]
    inference = InferenceSettings(cache_dir=root / ".cache", per_second=5.0)
    sites = [watched(n, path, "on_activity") for n, path in enumerate(turned)]
    city = City(tmp_path, sites=sites, inference=inference)

    def all_looked() -> bool:
        return counted_of_each(city, "yiping_inferences_total", RESTING, 4)

    try:
        most_mib = resident_mib(city, until=all_looked, after_s=START_BEHIND_S, seconds=20)
    finally:
        city.close()
    assert most_mib <= RESTING_MUST_MIB


def test_a_worker_loads_nothing_that_only_others_need(root: Path) -> None:
    code = (
        "import sys, engine.worker, detectors.yolo, monitors.video.rtsp_camera, alerts.dwell; "
        f"print([name for name in {NOT_FOR_WORKERS!r} + ('httpx', 'pint') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
