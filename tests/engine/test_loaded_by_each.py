"""No process loads a library that only others need: it costs time at every start, and memory as long as it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.process.child import Target
from engine.run import CAMERAS, CLOCK, NOTIFIER, SENSORS

HEAVY = (
    "alembic", "apscheduler", "av", "cv2", "dash", "fastapi", "holidays", "httpx", "openvino", "osmium", "pandas",
    "pint", "plotly", "pyarrow", "scipy", "shapely", "starlette", "torch", "ultralytics", "uvicorn",
)  # fmt: skip
LOADED = {
    "app, engine.run, web.front_door, web.serve_options": {"holidays", "shapely"},
    "engine.worker, detectors.yolo, monitors.video.rtsp_camera, alerts.dwell": {"av", "shapely"},
    "engine.sensors, alerts.threshold": {"shapely"},
    "engine.clock": {"apscheduler", "av", "holidays", "httpx", "shapely"},
    "engine.notifier": set(),
}


@pytest.mark.parametrize("modules", LOADED)
def test_a_process_loads_nothing_heavy_that_only_others_need(root: Path, modules: str) -> None:
    code = f"import sys, {modules}; print(*sorted(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == LOADED[modules]


@pytest.mark.parametrize("target", [CAMERAS, SENSORS, CLOCK, NOTIFIER], ids=lambda target: target.function)
def test_every_child_that_is_named_is_found(target: Target) -> None:
    assert target.load().__name__ == target.function
