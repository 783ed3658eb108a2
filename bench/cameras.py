"""How many cameras, paced in real time, the real workers carry on this machine.

A trial starts supervisor, workers, clock and SQLite store (no web) on N `video_file` cameras of one clip in different
phase, waits until every camera gives pictures, leaves them 12 s, and reads the workers' metrics files and the store.
The trial is carried when
- the age of the pictures, when the look at them has ended, has a 95th percentile <= 500 ms (those that were kept
  back while a camera rested are looked at later by intent; their age is reported beside it);
- every camera was looked at >= 4.5 times a second (rows whose cameras are looked at on every tick);
- every event that the full run found in the measured time was found by the camera too (rows with pauses).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from bench.city import running
from bench.clip import GOP_S, RATE, Clip, rotated
from bench.readout import Readout, quantile, rates, read_workers
from bench.truth import LABELS, START, Event, matched, seen_from
from data.ports.store import AlertQuery
from data.sql.store import open_store

FRAME_AGE_MS = 500.0
LOOKS_A_SECOND = 4.5
READY_WITHIN_S = 90.0
SETTLE_S = 12.0  # all begin awake, with key intervals unmeasured; sustained is what is claimed
EDGE_S = 2.0  # events nearer to the beginning or the end of the measured time are not asked for
TOLD_WITHIN_S = GOP_S + 1.5  # a resting camera may tell an event so much later than one that never rests
AGE_METER = "yiping_look_age_seconds"
CATCH_UP_METER = "yiping_catch_up_age_seconds"
LOOKS_METER = "yiping_inferences_total"
FRAMES_METER = "yiping_frames_total"
STAGES_METER = "yiping_stage_cpu_seconds_total"
EVIDENCE_METER = "yiping_evidence_pictures_total"
COMMIT_METER = "yiping_alert_commit_seconds"


@dataclass(frozen=True)
class Row:
    """One configuration to be carried. `watch`: the camera's setting of that name. `small`: its substream, then
    looked at; such cameras are read over RTSP."""

    name: str
    clip: Clip
    must: int
    every_tick: bool = False
    watch: Literal["always", "on_activity"] = "always"
    small: Clip | None = None


@dataclass
class Outcome:
    """What one trial showed. Recall is None where no event was due."""

    cameras: int
    seconds: float
    slowest_a_second: float = 0.0
    looks_a_second: float = 0.0
    frame_age_ms_p95: float = float("inf")
    catch_up_ms_p95: float | None = None
    frames_share: float = 0.0
    expected: int = 0
    found: int = 0
    latency_ms_p95: float | None = None
    worker_rss_mib: float = 0.0
    descriptors: int = 0
    cpu_ms: float = 0.0
    stages_ms: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    full_evidence_share: float | None = None

    @property
    def carried(self) -> bool:
        return not self.failures

    @property
    def recall(self) -> float | None:
        return round(self.found / self.expected, 4) if self.expected else None

    def __str__(self) -> str:
        late = "" if self.catch_up_ms_p95 is None else f" (kept back: {self.catch_up_ms_p95:.0f} ms)"
        latency = "-" if self.latency_ms_p95 is None else f"{self.latency_ms_p95:.0f} ms"
        return (
            f"{self.cameras} cameras, {self.seconds:.0f} s: looks/s min {self.slowest_a_second:.2f} mean "
            f"{self.looks_a_second:.2f}, age p95 {self.frame_age_ms_p95:.0f} ms{late}, frames {self.frames_share:.0%}, "
            f"events {self.found}/{self.expected}, commit p95 {latency}, cpu {self.cpu_ms:.0f} ms a camera-second "
            f"({', '.join(f'{stage} {spent:.1f}' for stage, spent in sorted(self.stages_ms.items()))}), "
            f"worker {self.worker_rss_mib:.0f} MiB"
            + ("" if self.full_evidence_share is None else f", evidence in full {self.full_evidence_share:.0%}")
            + (f": NOT CARRIED ({'; '.join(self.failures)})" if self.failures else ": carried")
        )


@dataclass(frozen=True)
class Footage:
    """The clip's file and the events of its full run; where exported models are kept."""

    path: Path
    events: Sequence[Event]
    cache: Path


def small_of(name: str) -> str:
    """The name of a camera's substream on the RTSP server."""
    return f"{name}-sub"


def camera_names(count: int) -> list[str]:
    return [f"cam-{number:02d}" for number in range(count)]


def configuration(row: Row, footage: Footage, count: int, urls: Mapping[str, str] | None = None) -> str:
    """config.yaml of the trial. `urls`: of RTSP cameras by name, instead of files."""
    phases = row.clip.phases(count)
    labels = f"[{', '.join(LABELS)}]"
    lines = [f"inference: {{cache_dir: {footage.cache}}}", "sites:"]
    for number, name in enumerate(camera_names(count)):
        turned = rotated(footage.path, phases[number])
        monitor = f'kind: video_file, path: {turned}, loop: true, start: "{START.isoformat()}", watch: {row.watch}'
        if urls is not None:
            monitor = f'kind: rtsp_camera, url: "{urls[name]}", watch: {row.watch}'
            if row.small is not None:
                monitor += f', substream: "{urls[small_of(name)]}", looks: substream'
        lines += [
            f"  - id: {name}",
            "    location: {lon: 106.5, lat: 29.5}",
            f"    monitor: {{{monitor}}}",
            f"    detectors: [{{kind: yolo, labels: {labels}}}]",
            f"    rules: [{{kind: intrusion, labels: {labels}, pictures: 3, of: 5, keep_firing_for: 3s}}]",
        ]
    return "\n".join(lines) + "\n"


def trial(row: Row, footage: Footage, count: int, seconds: float, urls: Mapping[str, str] | None = None) -> Outcome:
    """Run `count` cameras; the measured time is `seconds` after all are ready and settled."""
    with tempfile.TemporaryDirectory(prefix="yiping-bench-") as folder:
        config, var = Path(folder) / "config.yaml", Path(folder) / "var"
        config.write_text(configuration(row, footage, count, urls), encoding="utf-8")
        outcome = Outcome(count, seconds)
        with running(config, var):
            begun_s = time.monotonic()
            if not ready(var / "run", count):
                outcome.failures.append(f"not all cameras gave pictures within {READY_WITHIN_S:.0f} s")
                return outcome
            ready_s = time.monotonic() - begun_s
            time.sleep(SETTLE_S)
            measure(outcome, var / "run", seconds)
            ended_s = time.monotonic() - begun_s
            time.sleep(TOLD_WITHIN_S)
        if urls is None and row.clip.pauses():
            # A camera's own time lies between that since it was ready and that since all was started.
            span = (ready_s + EDGE_S, ended_s - ready_s - EDGE_S)
            _recall(outcome, row.clip, footage.events, var / "yiping.db", span)
        _judge(outcome, row)
        return outcome


def ready(run_dir: Path, count: int) -> bool:
    """Wait until every camera has given pictures; False when that takes too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        workers = read_workers(run_dir).values()
        if sum(sum(looks > 0 for looks in one.by_camera(FRAMES_METER).values()) for one in workers) >= count:
            return True
        time.sleep(0.25)
    return False


def measure(outcome: Outcome, run_dir: Path, seconds: float) -> None:
    """Watch the running workers for `seconds` and note the figures."""
    before = read_workers(run_dir)
    processes = _workers(run_dir)
    cpu_s = _cpu_s(processes)
    began_s = time.monotonic()
    time.sleep(seconds)
    passed_s = time.monotonic() - began_s
    outcome.cpu_ms = (_cpu_s(processes) - cpu_s) * 1000 / passed_s / outcome.cameras
    outcome.worker_rss_mib = max((p.memory_info().rss / 2**20 for p in processes), default=0.0)
    outcome.descriptors = sum(p.num_fds() for p in processes)
    _figures(outcome, before, read_workers(run_dir))


def _figures(outcome: Outcome, before: Mapping[str, Readout], after: Mapping[str, Readout]) -> None:
    looks, frames = rates(before, after, LOOKS_METER), rates(before, after, FRAMES_METER)
    missing = [name for name in camera_names(outcome.cameras) if name not in frames]
    if missing:
        outcome.failures.append(f"no figures of {', '.join(missing)}")
    outcome.slowest_a_second = min((looks.get(name, 0.0) for name in camera_names(outcome.cameras)), default=0.0)
    outcome.looks_a_second = sum(looks.values()) / outcome.cameras
    outcome.frames_share = sum(frames.values()) / (RATE * outcome.cameras)
    age_s = quantile(before, after, AGE_METER, 0.95)
    outcome.frame_age_ms_p95 = float("inf") if age_s is None else age_s * 1000
    late_s = quantile(before, after, CATCH_UP_METER, 0.95)
    outcome.catch_up_ms_p95 = None if late_s is None else late_s * 1000
    spent = rates(before, after, STAGES_METER, "stage")
    outcome.stages_ms = {stage: share * 1000 / outcome.cameras for stage, share in spent.items()}
    pictures: dict[str, float] = {}
    for one in after.values():
        for stream, count in one.by("of", EVIDENCE_METER).items():
            pictures[stream] = pictures.get(stream, 0.0) + count
    if pictures:
        outcome.full_evidence_share = round(pictures.get("main", 0.0) / sum(pictures.values()), 4)
    commit_s = quantile(before, after, COMMIT_METER, 0.95)
    outcome.latency_ms_p95 = None if commit_s is None else commit_s * 1000


def _recall(outcome: Outcome, clip: Clip, events: Sequence[Event], store: Path, span: tuple[float, float]) -> None:
    phases = clip.phases(outcome.cameras)
    with closing(open_store(store, migrate=False)) as opened:
        for number, name in enumerate(camera_names(outcome.cameras)):
            alerts = opened.read(lambda reader, site=name: reader.alerts(AlertQuery(site=site, limit=1000)))  # type: ignore[misc]
            found = [
                Event((a.started_at - START).total_seconds(), (a.raised_at - START).total_seconds()) for a in alerts
            ]
            due = seen_from(events, clip, phases[number], span[1])
            expected = [event for event in due if event.started_s >= span[0]]
            outcome.expected += len(expected)
            outcome.found += matched(expected, found)


def _judge(outcome: Outcome, row: Row) -> None:
    if outcome.frame_age_ms_p95 > FRAME_AGE_MS:
        outcome.failures.append(f"frame age p95 {outcome.frame_age_ms_p95:.0f} ms > {FRAME_AGE_MS:.0f}")
    if row.every_tick and outcome.slowest_a_second < LOOKS_A_SECOND:
        outcome.failures.append(f"a camera had {outcome.slowest_a_second:.2f} looks a second < {LOOKS_A_SECOND}")
    if outcome.found < outcome.expected:
        outcome.failures.append(f"{outcome.expected - outcome.found} of {outcome.expected} events missed")


def _workers(run_dir: Path) -> list[psutil.Process]:
    return [psutil.Process(int(path.read_text())) for path in sorted(run_dir.glob("worker-*.pid"))]


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in processes)
