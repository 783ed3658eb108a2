"""What the workers say of themselves: their metrics files, read as anybody outside could."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.local.meters import Series


@dataclass(frozen=True)
class Readout:
    """One worker's metrics as saved at `at_s` (seconds since the epoch)."""

    at_s: float
    counters: Mapping[str, Mapping[str, float]]
    gauges: Mapping[str, Mapping[str, float]]

    def by(self, label: str, name: str) -> dict[str, float]:
        """A counter or gauge, by one of its labels; series without it are left out, those alike in it added."""
        found: dict[str, float] = {}
        for labels, value in (self.counters.get(name) or self.gauges.get(name) or {}).items():
            which = json.loads(labels).get(label)
            if which:
                found[which] = found.get(which, 0.0) + value
        return found

    def by_camera(self, name: str) -> dict[str, float]:
        """A counter or gauge, by the camera's site."""
        return self.by("camera", name) or self.by("site", name)

    def buckets(self, name: str) -> dict[float, float]:
        """A histogram: count up to each bound, over all its labels."""
        found: dict[float, float] = {}
        for labels, value in self.counters.get(f"{name}_bucket", {}).items():
            bound = float(json.loads(labels)["le"])
            found[bound] = found.get(bound, 0.0) + value
        return found


def read_workers(run_dir: Path) -> dict[str, Readout]:
    """The newest file of each worker, by its name."""
    found: dict[str, Readout] = {}
    for path in sorted(run_dir.glob("metrics-worker-*.json")):
        try:
            at_s = path.stat().st_mtime
            said: dict[str, Series] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        found[path.stem.removeprefix("metrics-")] = Readout(at_s, said["counters"], said["gauges"])
    return found


def rates(
    before: Mapping[str, Readout], after: Mapping[str, Readout], name: str, label: str = "camera"
) -> dict[str, float]:
    """How much a counter rose a second, by camera or by another label; workers added."""
    found: dict[str, float] = {}
    for worker, late in after.items():
        early = before.get(worker)
        if early is None or late.at_s <= early.at_s:
            continue
        start, end = (one.by_camera(name) if label == "camera" else one.by(label, name) for one in (early, late))
        for which, value in end.items():
            found[which] = found.get(which, 0.0) + (value - start.get(which, 0.0)) / (late.at_s - early.at_s)
    return found


def quantile(before: Mapping[str, Readout], after: Mapping[str, Readout], name: str, share: float) -> float | None:
    """Quantile of a histogram's growth, seconds, as Prometheus estimates it (linear in the bucket); None if empty.

    Past the last bound it is infinite.
    """
    grown: dict[float, float] = {}
    for worker, late in after.items():
        early = before[worker].buckets(name) if worker in before else {}
        for bound, count in late.buckets(name).items():
            grown[bound] = grown.get(bound, 0.0) + count - early.get(bound, 0.0)
    bounds = sorted(grown)
    if not bounds or grown[bounds[-1]] <= 0:
        return None
    wanted = share * grown[bounds[-1]]
    low, below = 0.0, 0.0
    for bound in bounds:
        if grown[bound] >= wanted:
            if math.isinf(bound):
                return math.inf
            return low + (bound - low) * (wanted - below) / max(1e-9, grown[bound] - below)
        low, below = bound, grown[bound]
    return math.inf


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; infinite when there is nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf
