"""Counters and gauges of one process, left in a file for the server's `/metrics` to merge.

Each process writes `VAR/run/metrics-<name>.json` every few seconds, replaced in one step:
`{"counters": {name: {labels: value}}, "gauges": {name: {labels: value}}}`. A name is a Prometheus name (`yiping_…`);
`labels` is a JSON object with sorted keys, `{}` for none. A histogram is its `_bucket` (with `le`), `_sum` and
`_count` counters. A restarted process begins at zero, as Prometheus expects of counters.
Why not prometheus_client's own files: docs/adr/0028-own-meters.md. Names and help texts: data/local/meter_names.py.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from pathlib import Path

from data.local.whole_file import replace_file

Series = dict[str, dict[str, float]]
Labels = tuple[tuple[str, str], ...]

LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)
_BOUNDS = (*(f"{bound:g}" for bound in LATENCY_BUCKETS_S), "+Inf")


def _named(labels: Labels) -> str:
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)


class Meters:
    """Thread-safe counters and gauges. Texts are made when they are asked for: a picture is counted in microseconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._histograms: dict[str, dict[Labels, list[float]]] = {}  # of each bucket alone, then the sum of all

    def count(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        key = tuple(sorted(labels.items()))
        with self._lock:
            series = self._counters.setdefault(name, {})
            series[key] = series.get(key, 0.0) + by

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._gauges.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def forget_gauges(self, *labels: tuple[str, str]) -> None:
        """Of a site that has gone: gauges with one of these labels. What was counted stays counted."""
        with self._lock:
            for series in self._gauges.values():
                for key in [key for key in series if any(label in labels for label in key)]:
                    del series[key]

    def observe(self, name: str, seconds: float, times: int = 1, **labels: str) -> None:
        """Count a duration, so many times, into the buckets of a histogram."""
        key = tuple(sorted(labels.items()))
        with self._lock:
            found = self._histograms.setdefault(name, {})
            counts = found.get(key)
            if counts is None:
                counts = found[key] = [0.0] * (len(_BOUNDS) + 1)
            counts[bisect_left(LATENCY_BUCKETS_S, seconds)] += times
            counts[-1] += seconds * times

    def as_dict(self) -> dict[str, Series]:
        with self._lock:
            counters = {name: dict(series) for name, series in self._counters.items()}
            gauges = {name: dict(series) for name, series in self._gauges.items()}
            histograms = {
                name: {key: list(counts) for key, counts in found.items()} for name, found in self._histograms.items()
            }
        values: Series = {
            name: {_named(key): value for key, value in series.items()} for name, series in counters.items()
        }
        for name, found in histograms.items():
            for key, counts in found.items():
                _spell_out(values, name, key, counts)
        return {
            "counters": values,
            "gauges": {name: {_named(key): v for key, v in series.items()} for name, series in gauges.items()},
        }

    def save(self, path: Path) -> None:
        """Replace the file in one step. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(self.as_dict(), ensure_ascii=False).encode())


def _spell_out(values: Series, name: str, key: Labels, counts: list[float]) -> None:
    """A histogram as Prometheus has it: of each bucket all that is not above its bound."""
    up_to = 0.0
    for bound, count in zip(_BOUNDS, counts, strict=False):
        up_to += count
        values.setdefault(f"{name}_bucket", {})[_named((*key, ("le", bound)))] = up_to
    values.setdefault(f"{name}_sum", {})[_named(key)] = counts[-1]
    values.setdefault(f"{name}_count", {})[_named(key)] = up_to


def read_meters(run_dir: Path) -> dict[str, dict[str, Series]]:
    """What every process last wrote, by its name; a file that cannot be read is left out."""
    found: dict[str, dict[str, Series]] = {}
    for path in sorted(run_dir.glob("metrics-*.json")):
        try:
            found[path.stem.removeprefix("metrics-")] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
    return found
