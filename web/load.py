"""What the workers say of their cameras: what each costs, what it gets, and what is shed. From their metrics files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.local.meters import Series, read_meters

_FIGURES = {
    "yiping_pictures_per_second": "pictures_per_second",
    "yiping_looks_per_second": "looks_per_second",
    "yiping_looks_shed_share": "shed_share",
    "yiping_window_looks_share": "window_share",
    "yiping_frames_dropped_per_second": "dropped_per_second",
    "yiping_frame_age_seconds": "age_s",
    "yiping_decode_state": "decode_state",
}
_STAGE = "yiping_camera_cpu_ms_per_second"


def load_view(run_dir: Path) -> dict[str, Any]:
    """`cameras`: one entry each, by site; `processes`: memory, MiB. `at` of a process: when it last wrote, ISO 8601."""
    found = read_meters(run_dir)
    return {
        "processes": [_process_view(run_dir, name, metrics["gauges"]) for name, metrics in found.items()],
        "cameras": sorted(
            (camera for name, metrics in found.items() for camera in _camera_views(name, metrics["gauges"])),
            key=lambda camera: str(camera["site"]),
        ),
    }


def _process_view(run_dir: Path, name: str, gauges: Series) -> dict[str, Any]:
    try:
        at = datetime.fromtimestamp((run_dir / f"metrics-{name}.json").stat().st_mtime, UTC).isoformat()
    except OSError:
        at = None
    resident = gauges.get("yiping_process_resident_bytes", {}).get("{}")
    return {
        "name": name,
        "at": at,
        "resident_mib": None if resident is None else round(resident / 2**20),
        "shedding": bool(gauges.get("yiping_shedding", {}).get("{}", 0.0)),
    }


def _camera_views(process: str, gauges: Series) -> Iterator[dict[str, Any]]:
    sites: dict[str, dict[str, Any]] = {}
    for name, figure in _FIGURES.items():
        for site, _, value in _labelled(gauges.get(name, {})):
            sites.setdefault(site, {})[figure] = value
    for site, labels, value in _labelled(gauges.get(_STAGE, {})):
        sites.setdefault(site, {}).setdefault("cpu_ms", {})[labels.get("stage", "")] = value
    for site, figures in sites.items():
        yield {"site": site, "process": process, "cpu_ms": {}, **figures}


def _labelled(series: Mapping[str, float]) -> Iterator[tuple[str, dict[str, str], float]]:
    for text, value in series.items():
        labels: dict[str, str] = json.loads(text)
        if site := labels.get("camera"):
            yield site, labels, value
