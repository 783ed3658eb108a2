"""Replay: what keeping observations costs, how fast they are judged again, and whether the answer is right.

A part of `make bench-review`. The scenes are drawn by chance: five looks a second at a street with cars and people,
each with its appearance, a gauge, seconds. `observations_core_share` is the processor time that keeping takes for one
camera, thread and disk included, as a share of a core; `observations_mb_per_camera_hour` what it takes on the disk.
`replays_identical`: three replays of a scene with two restarts give the bytes that were decided live.
`whatif_wrong`: of limits whose difference can be told by hand, how many were told otherwise.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from alerts.threshold import Recipe as Threshold
from data.config.settings import Settings, SiteSettings
from data.local.observations import blocks
from data.model.geo import Location
from data.model.observation import Detection, Detections, Reading, Tick
from data.model.zone import Zone
from data.ports.recipe import Context
from engine.catalogue import load_catalogue
from engine.judging.pipeline import SitePipeline
from engine.replay.judging import Changes, RuleChange
from engine.replay.occurrences import as_text
from engine.replay.replayer import Replayer
from tests.engine.kept import LiveSite

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LOOKS_A_SECOND = 5
MINUTES = 20
LIMIT_CM = 25
LANE = Zone(id="lane", polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.95), (0.1, 0.95)))
STREET = SiteSettings(
    id="gate-3",
    location=Location(lon=106.5, lat=29.6),
    zones=(LANE,),
    rules=(
        Dwell(zone="lane", labels=("car",), at_least="60s"),
        Intrusion(zone="lane", labels=("person",), pictures=2, of=3),
        Threshold(id="depth", quantity="water_depth"),
    ),
)
DIP = SiteSettings(
    id="dip-1",
    location=Location(lon=106.5, lat=29.6),
    rules=(Threshold(id="depth", quantity="water_depth", above=LIMIT_CM),),
)


def street(chance: random.Random, minutes: int) -> Iterator[Detections | Reading | Tick]:
    """About four objects at any time, each staying a minute or so."""
    there: dict[int, tuple[float, float, int]] = {}
    for i in range(minutes * 60 * LOOKS_A_SECOND):
        at = NOON + timedelta(seconds=i / LOOKS_A_SECOND)
        if chance.random() < 0.014:
            there[i] = (chance.uniform(0.1, 0.8), chance.uniform(0.3, 0.8), i + chance.randrange(100, 500))
        there = {name: one for name, one in there.items() if one[2] > i}
        found = [
            Detection(
                (x, y - 0.1, x + 0.12, y + chance.uniform(0, 0.004)), chance.uniform(0.4, 0.95),
                "person" if name % 4 == 0 else "car", name, np.array([chance.random() for _ in range(26)], np.float32),
            )
            for name, (x, y, _) in there.items()
        ]  # fmt: skip
        yield Detections.of("gate-3", at, found)
        if i % LOOKS_A_SECOND == 0:
            yield Reading("gate-3", "road", "water_depth", 3 + chance.random(), at)
            yield Tick("gate-3", at)


def measure_replay() -> dict[str, float | int | bool | str | None]:
    """See above."""
    seen = list(street(random.Random(1), MINUTES))
    with tempfile.TemporaryDirectory(prefix="yiping-replay-") as folder:
        place = Path(folder)
        bare_s = min(_judged_without(seen) for _ in range(2))
        live, kept_s = _judged_and_kept(place / "kept", seen)
        size = sum(path.stat().st_size for path in blocks(place / "kept"))
        until = NOON + timedelta(minutes=MINUTES)
        begun_s = time.process_time()
        texts = {as_text(live.replayed(NOON, until).found) for _ in range(3)}
        replay_s = (time.process_time() - begun_s) / 3
        wrong, told = _wrong_what_ifs(place / "dip")
    return {
        "observations_mb_per_camera_hour": round(size / 1e6 * 60 / MINUTES, 2),
        "observations_core_share": round(max(0.0, kept_s - bare_s) / (MINUTES * 60), 5),
        "replays_identical": texts == {live.text(NOON, until)},
        "replay_speed": round(MINUTES * 60 / replay_s),
        "whatif_told": told,
        "whatif_wrong": wrong,
    }


def _judged_without(seen: Sequence[Detections | Reading | Tick]) -> float:
    """Processor seconds of the judging alone."""
    pipeline = SitePipeline(STREET, Context(STREET.place))
    begun_s = time.process_time()
    for one in seen:
        if isinstance(one, Detections):
            pipeline.look(one, (), (), one.at)
        elif isinstance(one, Reading):
            pipeline.read(one)
        else:
            pipeline.tick(one)
    return time.process_time() - begun_s


def _judged_and_kept(folder: Path, seen: Sequence[Detections | Reading | Tick]) -> tuple[LiveSite, float]:
    """Flushed every second of the scene's time, as live, though it passes faster; two restarts."""
    live = LiveSite(folder, STREET, flush_every_s=3600)
    begun_s = time.process_time()
    for number, one in enumerate(seen):
        live.give(one)
        if isinstance(one, Tick):
            live.log.flush()
        if number in {len(seen) // 3, len(seen) // 2}:
            live.restart()
    live.log.close()
    return live, time.process_time() - begun_s


def _wrong_what_ifs(folder: Path) -> tuple[int, int]:
    """The water rises by 0.1 cm a second: a limit that is 1 cm lower is reached 10 s earlier."""
    live = LiveSite(folder, DIP)
    for i in range(900):
        at = NOON + timedelta(seconds=i)
        live.give(Reading("dip-1", "gauge", "water_depth", max(0.0, min(i, 800 - i) / 10), at))
        live.give(Tick("dip-1", at))
    live.log.close()
    replayer, until = Replayer(folder, load_catalogue()), NOON + timedelta(seconds=900)
    limits = (5, 10, 15, 20, 24, 26, 30, 39)
    wrong = 0
    for limit in limits:
        other = Changes([RuleChange("dip-1", "depth", "above", limit)], load_catalogue())
        told = replayer.what_if(NOON, until, other, Settings()).described(NOON, until)
        by_s = [one.get("by_s") for one in told["alerts"]]
        wrong += by_s != [(limit - LIMIT_CM) * 10.0]
    return wrong, len(limits)
