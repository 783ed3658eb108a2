"""The benchmark's table and its last line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.machine import cores, has_amx_bf16, processor

Figures = dict[str, Any]
KEYS = (
    "naive_cameras", "best_ultralytics_cameras", "all_ticks_cameras", "active30_cameras", "active10_cameras",
    "substream30_cameras", "all_ticks_h265_cameras", "active30_h265_cameras", "latency_ms_p95", "worker_rss_mib",
    "system8_rss_mib", "map_drop", "active30_recall", "active10_recall",
    "sub_all_ticks_cameras", "full_evidence_share", "main_to_sub_cost",
    "sub_events_recall", "machine_limit_cameras", "overload_cameras", "overload_age_ms_p95", "overload_min_share",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A line of the table. `figure` gives None where it was not measured."""

    title: str
    must: str
    figure: Callable[[Figures], float | None]
    holds: Callable[[float], bool] = lambda _: True


def ratio(over: str, under: str) -> Callable[[Figures], float | None]:
    """One figure over another; None where one is missing."""

    def figure(figures: Figures) -> float | None:
        a, b = figures.get(over), figures.get(under)
        return None if a is None or not b else round(a / b, 2)

    return figure


def plain(name: str) -> Callable[[Figures], float | None]:
    def figure(figures: Figures) -> float | None:
        found = figures.get(name)
        return None if found is None else float(found)

    return figure


LINES = (
    Line("naive: `YOLO().track(stream=True)`, cameras", "", plain("naive_cameras")),
    Line("ultralytics at its best, cameras", "", plain("best_ultralytics_cameras")),
    Line("cameras, 5 looks a second each", "≥ 7", plain("all_ticks_cameras"), lambda v: v >= 7),
    Line("÷ naive", "≥ 10", ratio("all_ticks_cameras", "naive_cameras"), lambda v: v >= 10),
    Line(
        "÷ processors for decoding and 5 looks alone",
        "≥ 0.85",
        ratio("all_ticks_cameras", "machine_limit_cameras"),
        lambda v: v >= 0.85,
    ),
    Line("cameras, 30 % active, all events", "≥ 12", plain("active30_cameras"), lambda v: v >= 12),
    Line("÷ naive", "≥ 18", ratio("active30_cameras", "naive_cameras"), lambda v: v >= 18),
    Line("÷ ultralytics at its best", "≥ 2", ratio("active30_cameras", "best_ultralytics_cameras"), lambda v: v >= 2),
    Line("events found, 30 % active", "1", plain("active30_recall"), lambda v: v >= 1),
    Line("cameras, 10 % active, on_activity", "≥ 20", plain("active10_cameras"), lambda v: v >= 20),
    Line("÷ naive", "≥ 30", ratio("active10_cameras", "naive_cameras"), lambda v: v >= 30),
    Line("events found, 10 % active", "1", plain("active10_recall"), lambda v: v >= 1),
    Line("cameras, 640×360, 30 % active", "≥ 40", plain("substream30_cameras"), lambda v: v >= 40),
    Line("cameras, 1080p + 640×360, 5 looks a second each by the substream", "", plain("sub_all_ticks_cameras")),
    Line("÷ by the main stream", "≥ 2.2", ratio("sub_all_ticks_cameras", "all_ticks_cameras"), lambda v: v >= 2.2),
    Line("evidence at full resolution", "1", plain("full_evidence_share"), lambda v: v >= 1),
    Line("events by the substream, of those by the main stream", "1", plain("sub_events_recall"), lambda v: v >= 1),
    Line("one camera by its main stream ÷ by its substream, processor time", "", plain("main_to_sub_cost")),
    Line("cameras, H.265, 5 looks a second each", "", plain("all_ticks_h265_cameras")),
    Line("cameras, H.265, 30 % active", "", plain("active30_h265_cameras")),
    Line("overload: cameras, 5 looks a second wanted of each", "", plain("overload_cameras")),
    Line("overload: age p95 of what is looked at, ms", "≤ 500", plain("overload_age_ms_p95"), lambda v: v <= 500),
    Line(
        "overload: looks of the camera that gets fewest ÷ mean",
        "≥ 0.5",
        plain("overload_min_share"),
        lambda v: v >= 0.5,
    ),
    Line("cost of a camera at the maximum ÷ alone", "0.85-1.15", plain("cost_ratio"), lambda v: 0.85 <= v <= 1.15),
    Line("frame → alert committed p95 at 80 % load, ms", "≤ 300", plain("latency_ms_p95"), lambda v: v <= 300),
    Line("memory of a worker, MiB", "≤ 260", plain("worker_rss_mib"), lambda v: v <= 260),
    Line("memory of 8 cameras with web, MiB", "≤ 1229", plain("system8_rss_mib"), lambda v: v <= 1229),
    Line("exported vs .pt, points of mAP50-95 lost", "≤ 0.5", plain("map_drop"), lambda v: v <= 0.5),
)


def table(figures: Figures) -> str:
    """Markdown."""
    has = "with" if figures["amx_bf16"] else "without"
    rows = [f"{figures['processor']}, {figures['cores']} cores, {has} AMX-BF16", ""]
    rows += ["| figure | must | measured | |", "|---|---|---|---|"]
    for line in LINES:
        value = line.figure(figures)
        verdict = "" if value is None or not line.must else "holds" if line.holds(value) else "**misses**"
        rows.append(f"| {line.title} | {line.must} | {'-' if value is None else f'{value:g}'} | {verdict} |")
    return "\n".join(rows)


def complete(figures: Figures) -> Figures:
    """All keys of the last line, None where not measured, and the machine."""
    where = {"processor": processor(), "cores": cores(), "amx_bf16": has_amx_bf16()}
    return {**dict.fromkeys(KEYS), **where, **figures}


def last_line(figures: Figures) -> str:
    return json.dumps(figures, ensure_ascii=False)
