"""Counters and gauges of one process, left in a file for the server's `/metrics` to merge.

Each process writes `VAR/run/metrics-<name>.json` every few seconds, replaced in one step:
`{"counters": {name: {labels: value}}, "gauges": {name: {labels: value}}}`. A name is a Prometheus name (`yiping_…`);
`labels` is a JSON object with sorted keys, `{}` for none. A histogram is its `_bucket` (with `le`), `_sum` and
`_count` counters. A restarted process begins at zero, as Prometheus expects of counters.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path

Series = dict[str, dict[str, float]]

LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)


def _labels(labels: Mapping[str, str]) -> str:
    return json.dumps(labels, sort_keys=True, ensure_ascii=False)


class Meters:
    """Thread-safe counters and gauges."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: Series = {}
        self._gauges: Series = {}

    def count(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        with self._lock:
            series = self._counters.setdefault(name, {})
            key = _labels(labels)
            series[key] = series.get(key, 0.0) + by

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._gauges.setdefault(name, {})[_labels(labels)] = value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Count a duration into the buckets of a histogram."""
        for bound in LATENCY_BUCKETS_S:
            self.count(f"{name}_bucket", float(seconds <= bound), **{**labels, "le": f"{bound:g}"})
        self.count(f"{name}_bucket", 1.0, **{**labels, "le": "+Inf"})
        self.count(f"{name}_sum", seconds, **labels)
        self.count(f"{name}_count", 1.0, **labels)

    def as_dict(self) -> dict[str, Series]:
        with self._lock:
            return {
                "counters": {name: dict(series) for name, series in self._counters.items()},
                "gauges": {name: dict(series) for name, series in self._gauges.items()},
            }

    def save(self, path: Path) -> None:
        """Replace the file in one step. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(self.as_dict(), ensure_ascii=False), encoding="utf-8")
        new.replace(path)


def read_meters(run_dir: Path) -> dict[str, dict[str, Series]]:
    """What every process last wrote, by its name; a file that cannot be read is left out."""
    found: dict[str, dict[str, Series]] = {}
    for path in sorted(run_dir.glob("metrics-*.json")):
        try:
            found[path.stem.removeprefix("metrics-")] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return found
