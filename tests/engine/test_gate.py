"""The motion gate: what moves is seen at once, noise and light do not count, what stands is absorbed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from data.model.frame import Frame, Image
from data.model.geo import Location
from data.model.observation import Rejected, Sensed
from data.model.place import Place
from data.ports.recipe import Context
from engine.camera.gate import Gate, Motion
from monitors.video.video_file import Recipe as VideoFile

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
STREET = np.add.outer(np.linspace(60, 120, 360), 20 * np.sin(np.arange(640) / 9)).astype(np.float32)
GRAINS = np.random.default_rng(7).standard_normal((24, 360, 640), np.float32)
Drawn = Callable[[float, Image], None]


def watched(seconds: float, draw: Drawn, *, noise: float = 2.0, fps: float = 5.0) -> list[tuple[float, Motion]]:
    """The gate's word on each picture of a 640 × 360 street with Gaussian noise, into which `draw` paints."""
    gate, grains = Gate(), GRAINS * noise
    seen = []
    for i in range(round(seconds * fps)):
        picture = np.clip(STREET + grains[i * 7 % len(grains)], 0, 255).astype(np.uint8)
        draw(i / fps, picture)
        seen.append((i / fps, gate.see(picture, NOON + timedelta(seconds=i / fps))))
    return seen


def nothing(_: float, __: Image) -> None:
    pass


@pytest.mark.parametrize("noise", [0.0, 2.0, 10.0])
def test_a_minute_in_which_nothing_moves_is_idle_by_day_and_in_the_noise_of_the_night(noise: float) -> None:
    later = [motion for at_s, motion in watched(60, nothing, noise=noise) if at_s >= 2]
    assert [motion.active for motion in later] == [False] * len(later)
    assert [motion.xyxy for motion in later] == [None] * len(later)


@pytest.mark.parametrize(("fps", "wakes_within_s"), [(5.0, 0.41), (1.0, 1.01)])
def test_a_small_slow_walker_wakes_it_at_once_and_keeps_it_awake_and_is_where_it_says(
    fps: float, wakes_within_s: float
) -> None:
    """16 × 6 pixels, 8 pixels a second, a little brighter than the street."""

    def walk(at_s: float, picture: Image) -> None:
        if at_s >= 8:
            left = 200 + round((at_s - 8) * 8)
            picture[180:196, left : left + 6] = 150

    seen = watched(30, walk, fps=fps)
    woke_s = next(at_s for at_s, motion in seen if at_s >= 7 and motion.active)
    assert 8 <= woke_s <= 8 + wakes_within_s
    awake = [motion for at_s, motion in seen if at_s >= woke_s]
    assert all(motion.active for motion in awake)
    assert not any(motion.global_change for motion in awake)
    assert awake[0].xyxy is not None
    left, top, right, bottom = awake[0].xyxy
    assert left <= 200 / 640 <= right
    assert top <= 188 / 360 <= bottom
    assert (right - left) * (bottom - top) < 0.05


def test_a_long_walk_does_not_teach_it_to_ignore_walkers() -> None:
    def pace(at_s: float, picture: Image) -> None:
        if at_s >= 5:
            left = 300 + round(40 * np.sin(at_s))
            picture[150:200, left : left + 16] = 170

    seen = watched(60, pace)
    assert all(motion.active for at_s, motion in seen if at_s > 6)


def test_a_car_that_parks_is_absorbed_in_about_ten_seconds_and_its_leaving_is_seen() -> None:
    def park(at_s: float, picture: Image) -> None:
        if 6 <= at_s < 40:
            left = min(300, round((at_s - 6) * 150))
            picture[200:260, left : left + 120] = 160

    seen = watched(50, park)
    active = [at_s for at_s, motion in seen if motion.active and 6 <= at_s < 40]
    assert active[0] == pytest.approx(6, abs=0.21)
    assert 14 <= active[-1] <= 24
    assert next(at_s for at_s, motion in seen if at_s >= 39 and motion.active) == pytest.approx(40, abs=0.21)


@pytest.mark.parametrize("brighter", [25, -30])
def test_a_light_switch_is_a_global_change_once_and_then_it_is_idle_again(brighter: int) -> None:
    def switch(at_s: float, picture: Image) -> None:
        if at_s >= 10:
            picture[:] = np.clip(picture.astype(int) + brighter, 0, 255)

    seen = watched(30, switch)
    assert [at_s for at_s, motion in seen if motion.global_change] == [10.0]
    assert not any(motion.active for at_s, motion in seen if 2.5 < at_s < 10 or at_s > 13)


def test_noise_that_has_grown_at_dusk_does_not_keep_it_awake_for_ever() -> None:
    def dusk(at_s: float, picture: Image) -> None:
        if at_s >= 8:
            picture[:] = np.clip(picture + 12 * GRAINS[round(at_s * 5) * 5 % len(GRAINS)], 0, 255)

    assert not any(motion.active for at_s, motion in watched(40, dusk) if at_s > 22)


def frames(shared: Path, clip: str, until_s: float) -> list[Frame]:
    context = Context(Place(id="gate-3", location=Location(lon=106.5, lat=29.6)))
    given = VideoFile(path=shared / "clips" / clip, paced=False, start=NOON).make(context).observe()
    found: list[Frame] = []
    for frame in given:
        if frame is None or isinstance(frame, Sensed | Rejected):
            continue
        if frame.at > NOON + timedelta(seconds=until_s):
            break
        found.append(frame)
    return found


@pytest.mark.shared
def test_a_real_clip_is_idle_until_the_first_walker_comes_in_and_twice_the_same(shared: Path) -> None:
    def told() -> list[tuple[float, bool, bytes]]:
        gate = Gate()
        pictures = frames(shared, "intel_one-by-one-person.mp4", 9)
        motions = [(frame, gate.see(frame.luma(), frame.at)) for frame in pictures]
        return [((f.at - NOON).total_seconds(), m.active, m.blocks.tobytes()) for f, m in motions]

    first = told()
    assert not any(active for at_s, active, _ in first if 2.5 < at_s < 5.0)
    assert all(active for at_s, active, _ in first if at_s > 6.0), "he is in the picture from 6.2 s on"
    assert told() == first


def test_a_1080p_picture_costs_a_fraction_of_a_millisecond_and_is_read_in_place() -> None:
    random = np.random.default_rng(1)
    plane = np.clip(random.normal(100, 3, (1080, 2048)), 0, 255).astype(np.uint8)
    plane.flags.writeable = False
    gate = Gate()
    for i in range(30):
        gate.see(plane[:, :1920], NOON + timedelta(seconds=i / 5))
    began_s = time.thread_time()
    for i in range(30, 130):
        gate.see(plane[:, :1920], NOON + timedelta(seconds=i / 5))
    assert (time.thread_time() - began_s) / 100 < 0.001, "usually 0.2 ms; a factor for a busy machine"


def test_a_picture_of_another_size_begins_anew_and_one_too_small_is_refused() -> None:
    gate = Gate()
    for i in range(20):
        gate.see(np.full((360, 640), 90, np.uint8), NOON + timedelta(seconds=i))
    assert gate.see(np.full((720, 1280), 90, np.uint8), NOON + timedelta(seconds=21)).active
    with pytest.raises(ValueError, match=r"expected shape \(h, w\) of at least 16 pixels each, got \(8, 640\)"):
        gate.see(np.zeros((8, 640), np.uint8), NOON + timedelta(seconds=22))
