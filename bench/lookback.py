"""Maps of motion and previews: what keeping them costs, and how fast an hour is searched.

A part of `make bench-review`. The camera is a film of `YIPING_SHARED` or one that is named, read as fast as it goes.
`motion_core_share` and `preview_core_share` are the processor time that a camera's maps (without the gate, which runs
anyway) and its previews take, packing and disk included, as a share of a core; `…_mb_per_camera_day` what they take on
the disk if the camera is as busy as the film all day. `motion_search_s`: the slowest of three searches over an hour of
a camera that never rests, files included.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from data.local import motion_maps
from data.local.motion_maps import SEEN, packed, search_motion
from data.model.frame import Frame
from data.model.observation import Rejected
from data.model.recording import RecordingSettings
from engine.camera.gate import Motion
from engine.camera.movement import Movement
from engine.recording.lookback import FLUSH_S, PREVIEW_QUALITY, PREVIEW_WIDTH, CameraLookback, Lookback
from monitors.video._recording import Recording

START = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
FILM = Path(os.environ.get("YIPING_SHARED", "../shared")) / "clips" / "vtest_12s.mp4"
DAY_S, HOUR_S = 86_400, 3_600
CELLS = (45, 80)


def measure_lookback(film: Path = FILM, lasts_s: float = 60.0) -> dict[str, float | int | bool | str | None]:
    """All figures of this part."""
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder)
        lookback = Lookback(var, RecordingSettings(disk_reserve_mb=0), flush_s=HOUR_S)
        camera = lookback.camera("gate")
        spent = {"motion": 0.0, "preview": 0.0}
        passed_s = _film(film, lasts_s, camera, lookback, spent)
        lookback.close()
        size = {name: sum(path.stat().st_size for path in (var / name).rglob("*.*")) for name in ("motion", "previews")}
    return {
        "film": film.name,
        "motion_core_share": round(spent["motion"] / passed_s, 5),
        "motion_mb_per_camera_day": round(size["motion"] / passed_s * DAY_S / 1e6, 2),
        "preview_core_share": round(spent["preview"] / passed_s, 5),
        "preview_mb_per_camera_day": round(size["previews"] / passed_s * DAY_S / 1e6, 1),
        "motion_search_s": round(_search(), 4),
    }


def _film(film: Path, lasts_s: float, camera: CameraLookback, lookback: Lookback, spent: dict[str, float]) -> float:
    """Play the film; how many seconds of it there were."""

    def told(at: datetime, motion: Motion) -> None:
        began_s = time.thread_time()
        camera.moved(at, motion.blocks, warming=motion.warming, global_change=motion.global_change)
        spent["motion"] += time.thread_time() - began_s

    movement, flushed, last = Movement(told), START, START
    for frame in _frames(film, lasts_s):
        last = frame.at
        if movement.due(frame.at):
            movement.see(frame)
        began_s = time.thread_time()
        if camera.wants_preview(frame.at):
            camera.preview(frame.at, frame.jpeg(PREVIEW_WIDTH, PREVIEW_QUALITY))
        spent["preview"] += time.thread_time() - began_s
        if (frame.at - flushed).total_seconds() >= FLUSH_S:
            flushed = frame.at
            began_s = time.thread_time()
            lookback.flush()  # nearly all of it is the packing of maps
            spent["motion"] += time.thread_time() - began_s
    return (last - START).total_seconds()


def _frames(film: Path, lasts_s: float) -> Iterator[Frame]:
    recording = Recording("gate", "film", film, START, paced=False, loop=True)
    for item in recording.observe():
        if isinstance(item, Rejected) or item is None:
            continue
        if item.at - START > timedelta(seconds=lasts_s):
            recording.close()
            return
        yield item


def _search() -> float:
    """Something moves in a twentieth of the cells each second: nothing compresses worse."""
    chance, begin = np.random.default_rng(1), int(START.timestamp())
    with tempfile.TemporaryDirectory() as folder:
        for at in range(begin, begin + HOUR_S, round(FLUSH_S)):
            seconds = {at + i: (SEEN, chance.random(CELLS) < 0.05) for i in range(round(FLUSH_S))}
            motion_maps.append(Path(folder), at, packed(at, seconds, *CELLS))
        taken = []
        for _ in range(3):
            began_s = time.perf_counter()
            search_motion(Path(folder), begin, begin + HOUR_S, (0.4, 0.4, 0.6, 0.6))
            taken.append(time.perf_counter() - began_s)
    return max(taken)


if __name__ == "__main__":
    print(measure_lookback(Path(sys.argv[1])) if len(sys.argv) > 1 else measure_lookback())
