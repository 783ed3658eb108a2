"""A long run at part load: do memory, descriptors or latency grow?"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.cameras import SETTLE_S, Footage, Outcome, Row, configuration, measure, ready
from bench.city import running

PART_S = 60.0


def soak(row: Row, footage: Footage, cameras: int, seconds: float) -> tuple[Outcome, Outcome]:
    """The first and the last minute (or third, when it is shorter) of a run. Raises RuntimeError."""
    part_s = min(PART_S, seconds / 3)
    first, last = Outcome(cameras, part_s), Outcome(cameras, part_s)
    with tempfile.TemporaryDirectory(prefix="yiping-bench-") as folder:
        config, var = Path(folder) / "config.yaml", Path(folder) / "var"
        config.write_text(configuration(row, footage, cameras), encoding="utf-8")
        with running(config, var):
            if not ready(var / "run", cameras):
                raise RuntimeError("soak: not all cameras gave pictures")
            time.sleep(SETTLE_S)
            measure(first, var / "run", part_s)
            time.sleep(max(0.0, seconds - 2 * part_s))
            measure(last, var / "run", part_s)
    return first, last
