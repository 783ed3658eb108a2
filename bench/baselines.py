"""What one gets from ultralytics alone, in processes of their own; each reads the clip as fast as it can.

naive: `YOLO(weights).track(source, stream=True)` with torch, everything left as it is. Its pictures a second / 25 are
its cameras.

best: the OpenVINO export at the shape of the video (640×384), ByteTrack, every fifth picture (`vid_stride=5`, which
is five looks a second at 25), two processes, each on its share of the cores. The pictures passed a second / 25.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.clip import RATE
from detectors._export import ultralytics_environment

ROOT = Path(__file__).resolve().parents[1]
WARM = 5
STRIDE = 5
PROCESSES = 2


def naive_cameras(weights: Path, clip: Path, seconds: float, cache: Path) -> float:
    """Cameras at every picture. Raises RuntimeError when the process fails."""
    return sum(_run([_job("naive", weights, clip, seconds, None)], cache)) / RATE


def best_ultralytics_cameras(exported: Path, clip: Path, seconds: float, cache: Path) -> float:
    """Cameras at five looks a second. `exported`: folder of the OpenVINO model. Raises RuntimeError."""
    link = cache / "bench" / "yolo26n_openvino_model"  # ultralytics knows the format by the folder's name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(exported.resolve(), target_is_directory=True)
    cores = sorted(os.sched_getaffinity(0))
    shares = [cores[first::PROCESSES] or cores for first in range(PROCESSES)]
    jobs = [_job("best", link, clip, seconds, share) for share in shares]
    return sum(_run(jobs, cache)) * STRIDE / RATE


def _job(how: str, model: Path, clip: Path, seconds: float, cores: list[int] | None) -> str:
    return json.dumps({"how": how, "model": str(model), "clip": str(clip), "seconds": seconds, "cores": cores})


def _run(jobs: list[str], cache: Path) -> list[float]:
    """Looks a second of each, all at the same time."""
    environment = {**os.environ, **ultralytics_environment(cache)}
    command = [sys.executable, "-m", "bench.baselines"]
    processes = [
        subprocess.Popen(
            [*command, job], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for job in jobs
    ]
    found: list[float] = []
    for process in processes:
        said, complaint = process.communicate(timeout=600)
        if process.returncode != 0:
            raise RuntimeError(f"the baseline failed: {(complaint.strip().splitlines() or ['no word'])[-1]}")
        found.append(float(said.strip().splitlines()[-1]))
    return found


def _measure(how: str, model: str, clip: str, seconds: float, cores: list[int] | None) -> float:
    """Looks a second, after the first five."""
    if cores:
        os.sched_setaffinity(0, cores)
    from ultralytics import YOLO  # noqa: PLC0415 - brings torch

    yolo = YOLO(model, task="detect")
    more = {"vid_stride": STRIDE, "tracker": "bytetrack.yaml", "imgsz": (384, 640)} if how == "best" else {}
    looks, began_s = 0, 0.0
    while True:  # from the beginning again, when the clip is shorter than the time
        for _ in yolo.track(clip, stream=True, verbose=False, **more):
            looks += 1
            if looks == WARM:
                began_s = time.monotonic()
            elif looks > WARM and time.monotonic() - began_s >= seconds:
                return (looks - WARM) / (time.monotonic() - began_s)


if __name__ == "__main__":
    print(_measure(**json.loads(sys.argv[1])))
