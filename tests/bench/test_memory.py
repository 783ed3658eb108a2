"""A worker with its model and four 1080p cameras stays within its share of memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from data.meters import read_meters
from data.place import InferenceSettings
from data.settings import SiteSettings
from detectors.yolo import Recipe as Yolo
from monitors.video_file import Recipe as VideoFile
from tests.engine.city import CHONGQING, City

pytestmark = pytest.mark.alone

CAMERAS = 4
MUST_MIB = 260.0
NOT_FOR_WORKERS = ("torch", "pandas", "scipy", "alembic", "pyarrow", "cv2")


def full_hd(source: Path, path: Path) -> Path:
    """Eight seconds of real footage as a camera sends it: 1080p25, H.264, 4 Mb/s, a key frame every two seconds."""
    encode = ["-vf", "scale=1920:1080", "-r", "25", "-t", "8", "-an", "-c:v", "libx264", "-preset", "veryfast"]
    encode += ["-tune", "zerolatency", "-b:v", "4M", "-maxrate", "4M", "-bufsize", "4M", "-g", "50"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), *encode, str(path)], check=True)
    return path


def watched(number: int, clip: Path) -> SiteSettings:
    return SiteSettings(
        id=f"cam-{number}",
        location=CHONGQING,
        monitor=VideoFile(path=clip, loop=True),
        detectors=(Yolo(labels=("person", "car")),),
    )


def inferences(run_dir: Path) -> list[float]:
    counters = read_meters(run_dir).get("worker-1", {}).get("counters", {})
    return list(counters.get("yiping_inferences_total", {}).values())


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
def test_a_worker_with_four_cameras_stays_within_260_mib(root: Path, shared: Path, tmp_path: Path) -> None:
    clip = full_hd(shared / "clips" / "intel_car-detection.mp4", tmp_path / "full-hd.mp4")
    inference = InferenceSettings(cache_dir=root / ".cache", per_second=1.0)
    city = City(tmp_path, sites=[watched(n, clip) for n in range(CAMERAS)], inference=inference)
    try:
        running = city.start()
        city.wait_for(lambda: len(seen := inferences(city.options.run_dir)) == CAMERAS and min(seen) >= 4, 90)
        pid = running.pid("worker-1")
        assert pid is not None
        worker = psutil.Process(pid)
        sizes = []
        for _ in range(10):
            time.sleep(0.5)
            sizes.append(worker.memory_info().rss / 2**20)
    finally:
        city.close()
    print(f"worker: {max(sizes):.0f} MiB resident")
    assert max(sizes) <= MUST_MIB


def test_a_worker_loads_nothing_that_only_others_need(root: Path) -> None:
    code = (
        "import sys, engine.worker, detectors.yolo, monitors.rtsp_camera, alerts.dwell; "
        f"print([name for name in {NOT_FOR_WORKERS!r} + ('httpx', 'pint') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
