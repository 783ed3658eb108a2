"""The memory of a whole system of eight cameras: `python app.py run` with its web server, on the benchmark's clip."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from bench.cameras import Footage, Row, configuration
from tests.e2e.city import city

CAMERAS = 8


def resident_mib(row: Row, footage: Footage, seconds: float) -> tuple[float, float]:
    """All its processes after `seconds` of work, MiB: resident sizes added, and the shared pages counted once (PSS)."""
    with tempfile.TemporaryDirectory(prefix="yiping-bench-") as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(configuration(row, footage, CAMERAS), encoding="utf-8")
        with city(config, Path(folder) / "var") as running:
            assert running.process is not None
            time.sleep(seconds)
            parent = psutil.Process(running.process.pid)
            sizes = [process.memory_full_info() for process in (parent, *parent.children(recursive=True))]
    return sum(size.rss for size in sizes) / 2**20, sum(size.pss for size in sizes) / 2**20
