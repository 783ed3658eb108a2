"""`/metrics`: what this process counted, and what the workers left in their files, as Prometheus reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from data.local.meter_names import METERS
from data.local.meters import Meters, read_meters

_HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")


class WebMeters:
    """What the server counts of itself."""

    def __init__(self) -> None:
        self.meters = Meters()
        self._open: dict[str, int] = {"events": 0, "wall": 0, "live": 0}

    def answered(self, area: str, status: int, seconds: float) -> None:
        self.meters.count("yiping_http_requests_total", area=area, status=f"{status // 100}xx")
        self.meters.observe("yiping_http_request_seconds", seconds, area=area)

    def delivered(self, seconds: float, changes: int = 1) -> None:
        """So many changes reached a socket, the first of them this long after its own time."""
        self.meters.observe("yiping_change_delivery_seconds", seconds, changes)

    def probed(self, seconds: float) -> None:
        """A commit of the store has taken this long."""
        self.meters.observe("yiping_store_commit_seconds", seconds)

    def tile(self) -> None:
        self.meters.count("yiping_wall_tiles_total")

    @contextmanager
    def socket(self, kind: str) -> Iterator[None]:
        """An open socket."""
        self._change(kind, 1)
        try:
            yield
        finally:
            self._change(kind, -1)

    def _change(self, kind: str, by: int) -> None:
        self._open[kind] += by
        self.meters.gauge("yiping_sockets", self._open[kind], socket=kind)


class _EveryProcess(Collector):
    """The meters of this process and the files of the others, each with its `process` label."""

    def __init__(self, own: Meters, run_dir: Path) -> None:
        self._own = own
        self._run_dir = run_dir

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        processes: dict[str, Mapping[str, Any]] = {"web": self._own.as_dict(), **read_meters(self._run_dir)}
        for process, meters in processes.items():
            counters = meters.get("counters", {})
            for name, series in counters.items():
                family, sample = _family(name, counters)
                kind = "histogram" if family != name and not name.endswith("_total") else "counter"
                _add(families, family, kind, sample, series, process)
            for name, series in meters.get("gauges", {}).items():
                _add(families, name, "gauge", name, series, process)
        return iter(families.values())


def metrics_text(own: Meters, run_dir: Path) -> bytes:
    """The exposition, read from the files just now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_EveryProcess(own, run_dir))
    return generate_latest(registry)


def _family(name: str, counters: Mapping[str, Any]) -> tuple[str, str]:
    """The family a counter belongs to, and its sample's name."""
    for part in _HISTOGRAM_PARTS:
        base = name.removesuffix(part)
        if base != name and f"{base}_bucket" in counters:
            return base, name
    base = name.removesuffix("_total")
    return (base, name) if base != name else (name, f"{name}_total")


def _add(  # noqa: PLR0917 - one series with all its names
    families: dict[str, Metric], family: str, kind: str, sample: str, series: Mapping[str, float], process: str
) -> None:
    help_text = METERS.get(sample) or METERS.get(family) or family.replace("_", " ")
    metric = families.setdefault(family, Metric(family, help_text, kind))
    for labels, value in series.items():
        metric.add_sample(sample, {**json.loads(labels), "process": process}, value)
