"""Canary targets: a blind camera is told within ten minutes, nothing leaks, and no more time is taken than allowed."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.local.cutouts import FOLDER, load_cutouts, save_cutout
from data.model.alert import Raised
from data.model.frame import Frame, Image
from data.model.geo import Location
from data.model.live_recall import CanaryTarget
from data.model.observation import Detection, Detections, Sensed, Tick
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from data.model.zone import Zone
from data.ports.recipe import Context, DetectorRecipe, MonitorRecipe
from data.stored.live_recall import put_recall, recall_state
from detectors.yolo import Recipe as Yolo
from engine.judging.canaries import CanaryBudget, SiteCanaries
from engine.judging.pipeline import SitePipeline
from tests.cutouts import walker
from tests.engine.live_worker import LiveWorker

NIGHT = datetime(2024, 7, 12, 14, 0, tzinfo=UTC)
BANK = Zone(id="far-bank", polygon=((0.1, 0.5), (0.9, 0.5), (0.9, 0.95), (0.1, 0.95)))
SITE = SiteSettings(
    id="river-1",
    location=Location(lon=106.5, lat=29.6),
    zones=(BANK,),
    detectors=(Yolo(labels=("person", "car")),),
    rules=(
        Intrusion(id="bank", zone="far-bank", labels=("person",), pictures=2, of=3),
        Dwell(id="parking", labels=("car",), at_least="5s"),
    ),
)


class RedBelts:
    """A back end that says person of everyone with a red belt: nothing else on the drawn street is red."""

    labels = ("person", "car")
    windows: tuple[tuple[int, int], ...] = ()
    seen = 0

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        blue, green, red = (canvas[..., k].astype(np.int16) for k in range(3))
        belts = ((red > green + 50) & (red > blue + 50)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(belts)
        found = [
            [x, y - 2 * high, x + wide, y + 3 * high, 0.9, 0.0] for x, y, wide, high, area in stats[1:] if area > 8
        ]
        self.seen += len(found)
        return np.array(found, np.float32).reshape(-1, 6)


def street(number: int) -> Image:
    """Black, white, blue and green stripes with a grain of its own in each picture."""
    picture = np.zeros((96, 128, 3), np.float32)
    for stripe, colour in enumerate([(10, 10, 10), (220, 40, 30), (40, 200, 30), (240, 240, 240)] * 4):
        picture[:, 8 * stripe : 8 * stripe + 8] = colour
    grain = np.random.default_rng(number).normal(0, 2, picture.shape)
    return np.asarray((picture + grain).clip(0, 255), np.uint8)


def built(site: SiteSettings = SITE) -> tuple[SitePipeline, RedBelts]:
    model = RedBelts()
    context = Context(site=site.place, inference=InferenceSettings(width=128, height=96))
    context.resources.share("yolo", lambda: model)
    return SitePipeline(site, context), model


def canaries_of(site: SiteSettings = SITE, seed: int = 1) -> SiteCanaries:
    return SiteCanaries(site, [walker(), walker("car", "car")], random.Random(seed))


def test_nothing_of_a_canary_target_reaches_detections_rules_or_the_picture() -> None:
    """YIPING_CANARIES=10000 tries so many (make canary-leaks)."""
    wanted = int(os.environ.get("YIPING_CANARIES", "300"))
    well = SITE.model_copy(update={"health": _no_health()})  # a drawn street hardly changes, as a frozen one
    (tried, model), (plain, _) = built(well), built(well)
    canaries, number = canaries_of(), 0
    while canaries.counted[0] < wanted:
        frame = ArrayFrame("river-1", NIGHT + timedelta(seconds=number), street(number))
        seen, as_it_is = tried.see(frame), plain.see(frame)
        assert_same(seen.detections, as_it_is.detections)
        assert seen.signals == as_it_is.signals == ()
        before = frame.image.copy()
        (canaries.attempt if canaries.is_armed else _arm(canaries))(frame, tried.detectors, seen.detections, number)
        assert np.array_equal(frame.image, before)
        tick = Tick("river-1", frame.at)
        assert tried.tick(tick) == plain.tick(tick)
        if number % 50 == 0:
            assert tried.freeze() == plain.freeze()
        number += 1
    assert tried.snapshot() == plain.snapshot()
    assert canaries.counted[1] > 0.3 * wanted  # the back end has really seen them
    assert model.seen > canaries.counted[1]


def _arm(canaries: SiteCanaries) -> Any:
    return lambda frame, detectors, _seen, _now: canaries.arm(frame, detectors)


def assert_same(a: Detections | None, b: Detections | None) -> None:
    assert a is not None
    assert b is not None
    assert [(d.xyxy, d.label, d.track_id) for d in a] == [(d.xyxy, d.label, d.track_id) for d in b]


@pytest.mark.parametrize("level", [3, 120])
def test_of_thirty_cameras_a_dark_or_covered_one_is_told_within_ten_minutes(level: int) -> None:
    """Each picture takes 0.1 s of a worker that gives one per cent: one of them in ten seconds, of thirty cameras."""
    pipeline, _ = built()
    canaries, budget, others = canaries_of(), CanaryBudget(0.01, 0.0), [0.0] * 29
    told: list[float] = []
    for now in range(900):
        if not budget.allows(float(now)):
            continue
        budget.spend(0.1, whole=True)
        if canaries.overdue_s(float(now)) < max(now - one for one in others):
            others[others.index(min(others))] = float(now)
            continue
        covered = np.full((96, 128, 3), level, np.uint8)
        frame = ArrayFrame("river-1", NIGHT + timedelta(seconds=now), covered)
        if canaries.attempt(frame, pipeline.detectors, None, float(now)):
            told.append(now)
    assert told
    assert told[0] <= 600


def test_no_more_time_is_taken_than_the_share() -> None:
    budget, spent = CanaryBudget(0.01, 0.0), 0.0
    chance = random.Random(4)
    for second in range(3600):
        while budget.allows(float(second)):
            cost = chance.uniform(0.02, 0.3)
            budget.spend(cost, whole=True)
            spent += cost
    assert 0.008 * 3600 < spent <= 0.0101 * 3600
    assert not CanaryBudget(0.0, 0.0).allows(1e6)


def test_targets_stand_in_their_zone_and_apart_from_whoever_is_there() -> None:
    canaries = canaries_of()
    there = Detections.of("river-1", NIGHT, [Detection((0.3, 0.4, 0.5, 0.8), 0.9, "person", 1)], aspect=4 / 3)
    placed = [one for _ in range(40) for one in canaries.targets(there, {"person", "vehicle"}, 4 / 3)]
    assert {one.subject for one in placed} == {("far-bank", "person"), ("", "vehicle")}
    for one in placed:
        left, top, right, bottom = one.xyxy
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        if one.zone:
            assert bool(BANK.contains(np.array([[(left + right) / 2, bottom]], np.float32))[0])
        assert right < 0.3 or left > 0.5 or bottom < 0.4 or top > 0.8


def test_targets_are_as_large_as_who_walks_there() -> None:
    canaries = canaries_of()
    for number in range(10):
        x = 0.1 + 0.08 * number
        who = Detection((x - 0.02, 0.6, x + 0.02, 0.7), 0.9, "person", number)
        canaries.learn(Detections.of("river-1", NIGHT + timedelta(seconds=2 * number), [who], aspect=4 / 3))
    placed = [one for _ in range(20) for one in canaries.targets(None, {"person"}, 4 / 3)]
    assert placed
    assert all(0.09 < one.xyxy[3] - one.xyxy[1] < 0.11 for one in placed)


def test_a_cut_out_is_kept_as_it_is_and_a_broken_file_is_named(tmp_path: Path) -> None:
    save_cutout(tmp_path, walker())
    (kept,) = load_cutouts(tmp_path)
    assert (kept.name, kept.label) == ("walker", "person")
    assert np.array_equal(kept.bgr, walker().bgr)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(Exception, match=r"broken\.npz"):
        load_cutouts(tmp_path)
    assert load_cutouts(tmp_path / "nowhere") == ()


class StillCamera(MonitorRecipe):
    """A dark street, ten times a second."""

    gives: ClassVar[Literal["frames", "readings"]] = "frames"
    kind: Literal["still_camera"] = "still_camera"

    def make(self, context: Context) -> Still:
        return Still(context.site.id)


class Still:
    def __init__(self, site: str) -> None:
        self._site, self._closed = site, False

    def observe(self) -> Iterator[Frame]:
        number = 0
        while not self._closed:
            number += 1
            yield ArrayFrame(self._site, datetime.now(UTC), street(number))
            time.sleep(0.1)

    def committed(self, reading: Sensed) -> None:
        pass

    def close(self) -> None:
        self._closed = True


class Blind(DetectorRecipe):
    """Finds nobody, whoever is there."""

    kind: Literal["blind"] = "blind"

    def make(self, context: Context) -> Sightless:
        return Sightless(context.site.id)


class Sightless:
    kinds = frozenset({"person"})

    def __init__(self, site: str) -> None:
        self._site = site

    def find(self, frame: Frame) -> Sequence[Detections]:
        return [Detections.of(self._site, frame.at, [], aspect=frame.width / frame.height)]

    def canary_picture(self, frame: Frame) -> Image:
        return frame.bgr(128, 96).copy()

    def find_canaries(
        self, frame: Frame, targets: Sequence[CanaryTarget], earlier: Image | None = None
    ) -> Sequence[bool]:
        assert earlier is not None
        assert earlier.shape[:2] == (96, 128)
        assert frame.site == self._site
        return [False for _ in targets]


def test_a_worker_tells_of_a_blind_camera_without_a_picture_and_keeps_what_it_counted(tmp_path: Path) -> None:
    save_cutout(tmp_path / "cache" / FOLDER, walker())
    site = SITE.model_copy(update={"monitor": StillCamera(), "detectors": (Blind(),), "health": _no_health()})
    inference = InferenceSettings(cache_dir=tmp_path / "cache", canaries=0.05)
    worker = LiveWorker(tmp_path, inference=inference)
    a_minute_ago = datetime.now(UTC) - timedelta(minutes=1)
    missed = {"trials": [["far-bank", "person", [[a_minute_ago.isoformat(), 0]]]], "hours": [], "sizes": {}}
    try:
        worker.store.write(lambda writer: put_recall(writer, "river-1", missed, a_minute_ago))
        worker.put_in_force(site)
        worker.wait_for(lambda: worker.alerts("river-1"), 30)
        (alert,) = worker.alerts("river-1")
        state = worker.store.read(lambda reader: recall_state(reader, "river-1"))
        worker.put_in_force(site.model_copy(update={"name": "The far bank"}))
        still_open = worker.alerts("river-1")
        worker.put_in_force(
            site.model_copy(update={"live_recall": site.live_recall.model_copy(update={"enabled": False})})
        )
        worker.wait_for(lambda: not worker.alerts("river-1"), 10)
    finally:
        worker.close()
    assert (alert.kind, alert.label, alert.key.zone) == ("live_recall", "person", "far-bank")
    assert (alert.evidence, alert.xyxy) == (None, None)
    assert [one.id for one in still_open] == [alert.id]
    assert state is not None
    assert sum(row[3] for row in state["hours"]) >= 5
    assert sum(row[4] for row in state["hours"]) == 0


def _no_health() -> Any:
    return SITE.health.model_copy(update={"enabled": False})


def test_a_signal_of_live_recall_has_no_box() -> None:
    pipeline, _ = built()
    canaries = canaries_of()
    black = np.zeros((96, 128, 3), np.uint8)
    signals = [
        one
        for second in range(0, 90, 10)
        for one in canaries.attempt(
            ArrayFrame("river-1", NIGHT + timedelta(seconds=second), black), pipeline.detectors, None, float(second)
        )
    ]
    assert signals
    assert all(isinstance(one, Raised) and one.xyxy is None for one in signals)
