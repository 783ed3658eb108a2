"""Camera health on real clips that were made bad, and what it means for the site's pipeline."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

import cv2
import numpy as np
import pytest

from alerts.dwell import Recipe as Dwell
from data.config.settings import SiteSettings
from data.model.alert import Alert, Ended, Raised, Signal
from data.model.camera_health import HealthSettings
from data.model.frame import Image
from data.model.geo import Location
from data.model.observation import Tick
from data.ports.recipe import Context, MonitorRecipe
from detectors._picture_features import picture_features
from engine.judging.health import HealthWatch
from engine.judging.pipeline import SitePipeline
from tests.engine.degraded import (
    BAD,
    START,
    Change,
    LumaFrame,
    bad_between,
    dimmed,
    each_second,
    lamp_lit,
    looped,
    noisy,
    verdicts,
)
from tests.engine.kinds import Anything

CLIPS = (
    "vtest_12s.mp4",
    "intel_one-by-one-person.mp4",
    "intel_car-detection.mp4",
    "intel_person-bicycle-car.mp4",
)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("fault", BAD)
def test_each_fault_is_told_within_30_s_by_its_name_and_ends_after_it(shared: Path, clip: str, fault: str) -> None:
    pictures = bad_between(looped(each_second(shared / "clips" / clip), 110), 30, 80, BAD[fault])
    (raised_at, raised, name), (ended_at, ended, same) = verdicts(pictures)
    assert (raised, name, ended, same) == ("raised", fault, "ended", fault)
    assert 45 <= raised_at <= 59
    assert 80 <= ended_at <= 85


@pytest.mark.parametrize("clip", CLIPS)
def test_a_picture_that_is_repeated_is_frozen(shared: Path, clip: str) -> None:
    pictures = looped(each_second(shared / "clips" / clip), 100)
    still = bad_between(pictures, 30, 70, lambda *_: pictures[30])
    assert verdicts(still) == [(45, "raised", "video_frozen"), (73, "ended", "video_frozen")]


@pytest.mark.parametrize("clip", CLIPS)
def test_a_camera_that_is_well_is_never_called_ill(shared: Path, clip: str) -> None:
    assert verdicts(looped(each_second(shared / "clips" / clip), 300)) == []


@pytest.mark.parametrize("clip", CLIPS[:2])
def test_light_that_is_switched_off_and_on_is_no_fault(shared: Path, clip: str) -> None:
    pictures = looped(each_second(shared / "clips" / clip), 150)
    assert verdicts(bad_between(pictures, 40, 90, lambda y, i: dimmed(y, 0.15, 2, i))) == []
    assert verdicts(bad_between(pictures, 0, 60, lambda y, i: dimmed(y, 0.2, 2, i))) == []


OTHER_VIEWS: dict[str, Change] = {
    "mirrored": lambda y, _: np.ascontiguousarray(y[:, ::-1]),
    "nearer": lambda y, _: np.asarray(
        cv2.resize(y[y.shape[0] // 4 : -y.shape[0] // 4, y.shape[1] // 4 : -y.shape[1] // 4], y.shape[::-1]), np.uint8
    ),
}


@pytest.mark.parametrize("clip", CLIPS[1:3])
@pytest.mark.parametrize("view", OTHER_VIEWS)
def test_another_view_is_a_scene_change_and_no_cover(shared: Path, clip: str, view: str) -> None:
    pictures = bad_between(looped(each_second(shared / "clips" / clip), 65), 30, 65, OTHER_VIEWS[view])
    ((raised_at, raised, name),) = verdicts(pictures)
    assert (raised, name) == ("raised", "scene_change")
    assert 45 <= raised_at <= 60


@pytest.mark.parametrize("clip", [CLIPS[1], CLIPS[3]])
def test_a_street_lamp_that_lights_a_part_of_the_dark_goes_on_and_off_without_a_fault(shared: Path, clip: str) -> None:
    pictures = looped(each_second(shared / "clips" / clip), 90)
    assert verdicts(bad_between(pictures, 40, 90, lamp_lit)) == []
    assert verdicts(bad_between(pictures, 0, 50, lamp_lit)) == []


def test_a_calm_night_that_the_camera_compresses_to_nothing_is_not_frozen(shared: Path) -> None:
    street = each_second(shared / "clips" / CLIPS[0])[5]
    refreshed = [
        dimmed(street, 0.2, 3, second // 50) for second in range(600)
    ]  # a key frame every 50 s, then no change
    assert verdicts(refreshed[20:]) == []


def test_the_scene_outlives_the_process_that_learned_it(shared: Path) -> None:
    pictures = looped(each_second(shared / "clips" / CLIPS[1]), 30)
    first = HealthWatch(HealthSettings(), "gate-1", (), camera="rtsp")
    kept = None
    for second, plane in enumerate(pictures):
        first.see(LumaFrame("gate-1", START + timedelta(seconds=second), plane))
        kept = first.scene() or kept
    state = json.loads(json.dumps(kept))
    assert len(json.dumps(kept)) < 60_000, "it is written every ten minutes for every camera"
    turned = [np.ascontiguousarray(plane[:, ::-1]) for plane in pictures]
    for source, expected in (("rtsp", ["scene_change"]), ("another camera", [])):
        second_watch = HealthWatch(HealthSettings(), "gate-1", (), camera=source, scene=state)
        said = [
            signal.key.subject
            for second, plane in enumerate(turned)
            for signal in second_watch.see(LumaFrame("gate-1", START + timedelta(seconds=60 + second), plane))
        ]
        assert said == expected
    assert HealthWatch(
        HealthSettings(), "gate-1", (), camera="rtsp", scene={"camera": "rtsp", "view": "", "scene": 7}
    ).well


def test_a_camera_that_was_turned_on_purpose_is_well_again_when_somebody_says_so(shared: Path) -> None:
    pictures = looped(each_second(shared / "clips" / CLIPS[1]), 60)
    turned = bad_between(looped(pictures, 100), 30, 100, lambda y, _: np.ascontiguousarray(y[:, ::-1]))
    watch = HealthWatch(HealthSettings(), "gate-1", ())
    said = []
    for second, plane in enumerate(turned):
        if second == 65:
            watch.turned("2026-07-13T01:00:00+00:00")
        said += [
            (second, type(s).__name__) for s in watch.see(LumaFrame("gate-1", START + timedelta(seconds=second), plane))
        ]
    assert [name for _, name in said] == ["Raised", "Ended"]
    assert 65 < said[1][0] < 90


def blocky(plane: Image, _: int) -> Image:
    coded = cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, 12])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


@pytest.mark.parametrize("clip", CLIPS)
def test_exposure_that_jumps_rain_of_noise_and_jpeg_blocks_are_no_fault(shared: Path, clip: str) -> None:
    pictures = looped(each_second(shared / "clips" / clip), 120)
    jumps = [(y * (1.0 if i // 7 % 2 else 1.5)).clip(0, 255).astype(np.uint8) for i, y in enumerate(pictures)]
    assert verdicts(jumps) == []
    assert verdicts([noisy(y, 6, i) for i, y in enumerate(pictures)]) == []
    blocks = bad_between(pictures, 40, 80, blocky)
    assert verdicts(blocks) == []


@pytest.mark.parametrize("clip", CLIPS[:2])
def test_ten_minutes_of_a_still_night_scene_raise_nothing(shared: Path, clip: str) -> None:
    scene = each_second(shared / "clips" / clip)[5]
    night = [dimmed(scene, 0.15, 3, seed) for seed in range(50)]
    assert verdicts(looped(night, 600)) == []


def test_a_marsh_from_dusk_to_infrared_stays_the_same_scene(shared: Path) -> None:
    files = sorted((shared / "water_level" / "grime2_2012-05").glob("*.jpg"))
    photos = [np.asarray(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), np.uint8) for file in files]
    assert len(photos) == 24
    pictures = [noisy(photo, 1, second) for photo in photos for second in range(20)]
    assert verdicts(pictures) == []
    other = sorted((shared / "waterlogging" / "silveira_martins").glob("*.jpg"))[0]
    street = np.asarray(cv2.resize(cv2.imread(str(other), 0), photos[0].shape[::-1]), np.uint8)  # type: ignore[arg-type]
    turned = bad_between(pictures[:80], 40, 80, lambda _, i: noisy(street, 1, i))
    assert [said[1:] for said in verdicts(turned)] == [("raised", "scene_change")]


def test_the_features_of_a_1080p_picture_cost_little(shared: Path) -> None:
    plane = np.asarray(cv2.resize(each_second(shared / "clips" / CLIPS[0])[0], (1920, 1080)), np.uint8)
    frame = LumaFrame("gate-1", START, plane)
    picture_features(frame)
    begun_s = time.process_time()
    for _ in range(100):
        picture_features(frame)
    assert (time.process_time() - begun_s) / 100 < 0.002, "0.5 ms on a machine that does nothing else"


class NoCamera(MonitorRecipe):
    """Only says that the site has a camera."""

    gives: ClassVar[Literal["frames", "readings"]] = "frames"
    kind: Literal["no_camera"] = "no_camera"


def a_site(health: HealthSettings) -> SiteSettings:
    return SiteSettings(
        id="gate-1",
        location=Location(lon=106.5, lat=29.6),
        monitor=NoCamera(),
        detectors=(Anything(),),
        rules=(Dwell(labels=("scene",), at_least=timedelta(seconds=20)),),
        health=health,
    )


def run(site: SiteSettings, black: range, seconds: range, open_alerts: Sequence[Alert] = ()) -> list[Signal]:
    """What a site says of a noisy scene that is black for a while; the detector finds its "scene" in any picture."""
    pipeline = SitePipeline(site, Context(site=site.place), open_alerts)
    scene = np.asarray(cv2.resize(np.random.default_rng(1).integers(30, 220, (9, 16), np.uint8), (320, 180)), np.uint8)
    said: list[Signal] = []
    for second in seconds:
        at = START + timedelta(seconds=second)
        plane = np.zeros_like(scene) if second in black else noisy(scene, 3, second)
        seen = pipeline.see(LumaFrame(site.id, at, plane))
        said += seen.signals
        health = [s for s in (*open_alerts, *said) if s.key.rule == "camera_health"]
        ill = bool(health) and not isinstance(health[-1], Ended)
        assert (seen.detections is None) == ill
        said += pipeline.tick(Tick(site.id, at + timedelta(seconds=0.5)))
    return said


def told(signals: Sequence[Signal]) -> list[tuple[str, str, float]]:
    return [(s.key.subject or s.key.rule, type(s).__name__, (s.at - START).total_seconds()) for s in signals]


def test_while_a_health_alert_is_open_nothing_is_detected_and_no_time_counts() -> None:
    site = a_site(HealthSettings())
    assert [(kind, at) for _, kind, at in told(run(site, range(0), range(40)))] == [("Raised", 20.0)]
    black = told(run(site, range(2, 60), range(100)))
    assert black[:2] == [("video_black", "Raised", 17.0), ("video_black", "Ended", 63.0)]
    assert black[2][1] == "Raised"
    assert black[2][2] >= 20 + (63 - 17), "the blind time does not count"


def test_health_can_be_switched_off() -> None:
    off = told(run(a_site(HealthSettings(enabled=False)), range(2, 60), range(40)))
    assert [kind for _, kind, _ in off] == ["Raised"]
    assert off[0][0] != "video_black"


def test_after_a_restart_the_open_alert_goes_on_and_ends_once() -> None:
    site = a_site(HealthSettings())
    raised = run(site, range(2, 60), range(30))[-1]
    assert isinstance(raised, Raised)
    alert = Alert(raised.key, raised.kind, raised.priority, raised.started_at, raised.at, label=raised.label, id=7)
    again = [s for s in run(site, range(2, 60), range(35, 90), [alert]) if s.key.rule == "camera_health"]
    assert told(again) == [("video_black", "Ended", 63.0)]
