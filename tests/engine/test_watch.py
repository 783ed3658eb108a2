"""Watching on activity: the events of a full look at everything, from a fraction of the looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.model.frame import Frame
from data.model.geo import Location
from data.model.observation import Detection, Detections
from data.model.picture import ArrayFrame
from data.ports.recipe import Context, DetectorRecipe, RuleRecipe
from engine.analyze import analyze_frames
from engine.camera.watch import Attention, Watch

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
GRAINS = np.random.default_rng(5).normal(0, 2, (16, 180, 320)).astype(np.float32)


class BrightThing(DetectorRecipe):
    """Finds the one thing brighter than the street; its name changes when it was unseen for 2 s, as a tracker's."""

    kind: Literal["bright_thing"] = "bright_thing"

    def make(self, _: Context) -> BrightThingDetector:
        return BrightThingDetector()


class BrightThingDetector:
    def __init__(self) -> None:
        self.looks: list[float] = []
        self.track, self.last = 0, NOON - timedelta(hours=1)

    def find(self, frame: Frame) -> Sequence[Detections]:
        found = []
        rows, columns = np.nonzero(frame.luma() > 150)
        if len(rows) > 20:
            self.track += frame.at - self.last > timedelta(seconds=2)
            self.last = frame.at
            box = (columns.min() / 320, rows.min() / 180, columns.max() / 320, rows.max() / 180)
            found = [Detection(tuple(map(float, box)), 0.9, "car", self.track)]  # type: ignore[arg-type]
        return [Detections.of(frame.site, frame.at, found, 16 / 9)]


def film(seconds: float, *stays: tuple[float, float, float], fps: float = 25.0) -> Iterator[ArrayFrame]:
    """A grainy street. Each stay (from, stands from, until): a car drives in, stands, is gone."""
    for i in range(round(seconds * fps)):
        at_s = i / fps
        luma = np.clip(90 + GRAINS[i % 16], 0, 255)
        for come_s, stand_s, gone_s in stays:
            if come_s <= at_s < gone_s:
                left = round(10 + 150 * min(1.0, (at_s - come_s) / (stand_s - come_s)))
                luma[80:110, left : left + 50] = 190
        picture = np.repeat(luma.astype(np.uint8)[:, :, None], 3, axis=2)
        yield ArrayFrame("gate-3", NOON + timedelta(seconds=at_s), picture)


def site_of(detector: DetectorRecipe, *rules: RuleRecipe) -> tuple[SiteSettings, Context]:
    site = SiteSettings(id="gate-3", location=Location(lon=106.5, lat=29.6), detectors=(detector,), rules=rules)
    return site, Context(site=site.place)


PARKED = Dwell(id="parked", labels=("car",), at_least="20s")
THERE = Intrusion(id="there", labels=("car",), keep_firing_for="2s")


def told(watch: Watch | None, *stays: tuple[float, float, float], seconds: float = 90) -> list[dict[str, Any]]:
    site, context = site_of(BrightThing(), PARKED, THERE)
    return list(analyze_frames(film(seconds, *stays, fps=12.5), site, context, NOON, watch))


def inferred(attention: Attention) -> bool:
    return attention.look and not attention.still


def test_cars_that_come_park_and_go_are_the_events_of_a_full_look() -> None:
    """The second stands far longer than the background needs to absorb it."""
    stays = [(6.0, 8.0, 16.0), (24.0, 28.0, 70.0), (80.0, 81.0, 84.0)]
    every = told(None, *stays)
    active = told(Watch(5.0), *stays)
    assert [line["rule"] for line in every] == ["there", "there", "parked", "there"]
    assert [line["rule"] for line in active] == [line["rule"] for line in every]
    for one, other in zip(every, active, strict=True):
        assert other["started_s"] == pytest.approx(one["started_s"], abs=0.5)
        assert other["alerted_s"] == pytest.approx(one["alerted_s"], abs=1.2)
        assert other["ended_s"] == pytest.approx(one["ended_s"], abs=1.2)
    assert told(Watch(5.0), *stays) == active


def test_an_empty_street_gets_a_rare_look_and_a_parked_car_one_a_second() -> None:
    watch = Watch(5.0)
    looked = [f.at for f in film(60, fps=12.5) if inferred(watch.see(f))]
    later = [(at - NOON).total_seconds() for at in looked if at > NOON + timedelta(seconds=5)]
    assert len(later) == 5, "one in ten seconds"
    assert len(looked) - len(later) <= 12, "two seconds of warm-up"
    watch, detector = Watch(5.0), BrightThingDetector()
    looked = []
    for frame in film(60, (8.0, 10.0, 99.0), fps=12.5):
        if watch.see(frame).look:
            looked.append(frame.at)
            watch.found(detector.find(frame)[0])
    standing = [(at - NOON).total_seconds() for at in looked if at > NOON + timedelta(seconds=40)]
    assert np.diff(standing) == pytest.approx([1.0] * (len(standing) - 1), abs=0.09)
    assert len(standing) >= 18
    assert detector.track == 1, "it was never out of sight for two seconds"


def test_the_first_picture_in_which_something_moves_is_looked_at_at_once_and_then_five_a_second() -> None:
    watch = Watch(5.0)
    seen = [(round((f.at - NOON).total_seconds(), 2), watch.see(f)) for f in film(20, (10.0, 16.0, 30.0))]
    looks = [at_s for at_s, attention in seen if inferred(attention) and at_s >= 9.5]
    assert looks[0] == pytest.approx(10.0, abs=0.21)
    assert not any(attention.awake for at_s, attention in seen if 2.5 < at_s < 9.9)
    awake = [at_s for at_s in looks if at_s < 15]
    assert len(awake) == pytest.approx(5 * (15 - awake[0]), abs=1.1)


def test_a_camera_stays_awake_until_its_gate_can_tell_what_moves() -> None:
    watch = Watch(5.0)
    seen = [(round((f.at - NOON).total_seconds(), 2), watch.see(f)) for f in film(5)]
    assert all(attention.awake for at_s, attention in seen if at_s < 1.9)
    assert not any(attention.awake for at_s, attention in seen if at_s > 2.5)
    resting = Watch(5.0)
    assert not any(resting.see(frame, resting=True).awake for frame in film(5)), "what rests is not woken by that"


def test_what_a_glance_shows_at_last_is_looked_at_from_its_first_motion_on() -> None:
    """The small picture of a resting camera may show it later than the pictures that were kept back."""
    watch, detector, asked = Watch(5.0), BrightThingDetector(), []
    for frame in film(20, (10.0, 60.0, 60.0)):
        if watch.see(frame, resting=True).glance:
            asked.append((frame.at - NOON).total_seconds())
            nothing = Detections.of(frame.site, frame.at, [], 16 / 9)
            since = watch.glanced(frame.at, detector.find(frame)[0] if len(asked) > 4 else nothing)
            if since is not None:
                break
    assert len(asked) == 5
    assert asked[4] > asked[0] + 0.9
    assert since is not None
    assert (since - NOON).total_seconds() == pytest.approx(asked[0], abs=0.11)


def test_before_an_empty_street_the_rules_are_told_so_without_a_look_and_a_beginning_keeps_its_time() -> None:
    """Awake for ten seconds after the car has gone: looks once a second, and the next car's beginning is exact."""
    watch, detector = Watch(5.0), BrightThingDetector()
    told: list[tuple[float, bool]] = []
    for frame in film(24, (6.0, 8.0, 10.0), (16.0, 18.0, 24.0)):
        attention = watch.see(frame)
        at_s = round((frame.at - NOON).total_seconds(), 2)
        if attention.look:
            told.append((at_s, attention.still))
            if not attention.still:
                watch.found(detector.find(frame)[0])
    moving = [still for at_s, still in told if 6.2 < at_s < 9.9 or 16.2 < at_s < 20]
    assert moving.count(True) == 0
    gone = [(at_s, still) for at_s, still in told if 10.4 < at_s < 11.9]
    assert [still for _, still in gone].count(False) <= 3, "the first one, and one a second"
    assert np.diff([at_s for at_s, _ in gone]) == pytest.approx([0.2] * (len(gone) - 1), abs=0.05)


def test_whoever_has_left_an_empty_street_is_waited_for_one_second_and_where_leaves_move_two() -> None:
    def rests_at(*more: tuple[float, float, float]) -> float:
        watch, detector = Watch(5.0), BrightThingDetector()
        for frame in film(20, (6.0, 10.0, 10.0), *more):
            attention = watch.see(frame)
            if attention.look and not attention.still:
                seen = detector.find(frame)[0]
                watch.found(seen if frame.at < NOON + timedelta(seconds=10) else Detections.of("gate-3", frame.at, []))
            if not attention.awake and frame.at > NOON + timedelta(seconds=10):
                assert attention.quiet is not bool(more)
                return round((frame.at - NOON).total_seconds(), 2)
        return 99.0

    assert rests_at() == pytest.approx(11.0, abs=0.25)
    assert rests_at((10.0, 14.0, 14.0)) == pytest.approx(12.0, abs=0.25), "something goes on that nobody recognises"


def test_what_has_been_looked_at_is_not_asked_for_again_when_the_next_motion_wakes() -> None:
    """Something moved while the camera was awake; it was looked at, so the ring need not be decoded that far."""
    watch, detector = Watch(5.0), BrightThingDetector()
    pictures = list(film(24, (6.0, 8.0, 9.0), (19.5, 23.0, 24.0)))
    for frame in pictures[: 12 * 25]:
        if watch.see(frame).look:
            watch.found(detector.find(frame)[0])
    for number in range(12 * 25, 20 * 25 + 1, 50):
        frame = pictures[number]
        attention = watch.see(frame, resting=True)
        assert attention.glance is (number == 20 * 25)
    car = Detection((0.1, 0.44, 0.26, 0.62), 0.9, "car", None)
    since = watch.glanced(frame.at, Detections.of("gate-3", frame.at, [car], 16 / 9))
    assert since == NOON + timedelta(seconds=20)


def test_where_no_detector_looks_for_objects_nothing_is_repeated_and_looks_at_rest_stay_rare() -> None:
    """A waterline is read, no look is ever answered: it is not known that anything is empty."""
    watch = Watch(5.0)
    pictures = list(film(40))
    for frame in pictures[:100]:
        watch.see(frame)
    found = [watch.see(pictures[number], resting=True) for number in range(100, 1000, 50)]
    assert sum(attention.look for attention in found) <= 4, "one in ten seconds"
    assert not any(attention.still or attention.quiet for attention in found)


def test_a_resting_camera_of_an_empty_street_tells_so_at_each_key_picture() -> None:
    watch, detector = Watch(5.0), BrightThingDetector()
    pictures = list(film(40))
    for frame in pictures[:100]:
        if watch.see(frame).look:
            watch.found(detector.find(frame)[0])
    found = [(number, watch.see(pictures[number], resting=True)) for number in range(150, 1000, 50)]
    assert all(attention.look for _, attention in found)
    looked = [number / 25 for number, attention in found if not attention.still]
    assert np.diff(looked) == pytest.approx([10.0] * (len(looked) - 1), abs=0.01), "a look of its own every ten seconds"


def test_the_first_look_at_what_came_tells_until_when_all_was_calm() -> None:
    """A resting camera whose every picture is given is looked at once a second: what came lies closer than that."""
    watch, looks = Watch(5.0), []
    for frame in film(14.0, (10.0, 13.0, 20.0), fps=10):
        at_s = (frame.at - NOON).total_seconds()
        attention = watch.see(frame, resting=at_s > 3)
        there = [Detection((0.02, 0.4, 0.5, 0.65), 0.9, "car", 1)] if at_s >= 10 else []
        if attention.glance:
            assert watch.glanced(frame.at, Detections.of("gate-3", frame.at, there, 16 / 9)) == frame.at
            attention = watch.see(frame)  # it wakes, and the picture comes again
        if attention.look:
            watch.found(Detections.of("gate-3", frame.at, there, 16 / 9))
            looks.append((at_s, attention.calm_until))
    before, first = next(pair for pair in pairwise(looks) if pair[1][0] >= 10)
    assert before[0] < 10
    assert first == (10.0, NOON + timedelta(seconds=9.9))
