"""A resting camera wakes for what is of interest, not for what merely moves; and from its beginning."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from data.model.observation import Detections
from engine.camera.watch import Attention, Watch
from tests.engine.grainy_street import NOON, frame, seen


def rested(watch: Watch, until_s: float, step_s: float, *boxes: tuple[int, int, int, int]) -> float:
    """Warmed up, and then at rest on one picture each `step_s`; the time of the next."""
    for i in range(30):
        watch.see(frame(i / 10, *boxes))
    at_s = 3.0
    while at_s < until_s:
        watch.see(frame(at_s, *boxes), resting=True)
        at_s = round(at_s + step_s, 1)
    return at_s


def test_a_cloud_is_glanced_at_ever_more_rarely_and_wakes_nobody() -> None:
    watch = Watch(5.0)
    at_s, glances = rested(watch, 20, 0.1), []
    while at_s < 24:
        attention = watch.see(frame(at_s, shade=8 * (at_s - 20)), resting=True)
        if attention.glance:
            glances.append(at_s)
            assert watch.glanced(NOON + timedelta(seconds=at_s), seen(at_s)) is None
        assert not attention.awake
        at_s = round(at_s + 0.1, 1)
    assert 3 <= len(glances) <= 8
    assert np.diff(glances)[0] < 0.35
    assert np.diff(glances)[-1] > 0.95


def test_a_car_that_stands_elsewhere_does_not_make_the_shadow_interesting() -> None:
    standing = (20, 80, 70, 110)
    watch = Watch(5.0)
    at_s = rested(watch, 20, 0.1, standing)
    glanced = 0
    while at_s < 22:
        attention = watch.see(frame(at_s, standing, shade=8 * (at_s - 20)), resting=True)
        if attention.glance:
            glanced += 1
            assert watch.glanced(NOON + timedelta(seconds=at_s), seen(at_s, standing)) is None
        at_s = round(at_s + 0.1, 1)
    assert glanced
    assert not watch.see(frame(22, standing, shade=40), resting=True).awake


def woken(answer: Callable[[float], Detections | None]) -> tuple[Watch, float, datetime | None]:
    """Key frames every 2 s; a car is at the picture's edge from 20.5 s on."""
    watch = Watch(5.0)
    at_s = rested(watch, 20.5, 2.0)
    attention = watch.see(frame(at_s, (0, 80, 30, 110)), resting=True)
    assert attention.glance
    assert not attention.look, "what is kept back comes first"
    return watch, at_s, watch.glanced(NOON + timedelta(seconds=at_s), answer(at_s))


def test_an_uncertain_object_wakes_and_the_kept_pictures_are_looked_at_before_any_later_one() -> None:
    watch, at_s, since = woken(lambda at_s: seen(at_s, (0, 80, 30, 110)))
    assert since == NOON + timedelta(seconds=at_s)
    later = watch.see(frame(at_s + 2.0, (40, 80, 90, 110)), resting=True)
    assert (later.look, later.glance, later.awake) == (False, False, True)
    looks: list[Attention] = [
        watch.see(frame(round(at_s - 1.8 + 0.2 * i, 2), (0, 80, 5 + 3 * i, 110))) for i in range(9)
    ]
    assert all(attention.look and attention.awake for attention in looks)


def test_detectors_that_cannot_tell_wake_for_all_that_moves() -> None:
    _, at_s, since = woken(lambda _: None)
    assert since == NOON + timedelta(seconds=at_s)


def test_only_one_glance_waits_for_its_answer_and_nothing_is_looked_at_meanwhile() -> None:
    watch = Watch(5.0)
    at_s = rested(watch, 20.5, 0.1)
    first = watch.see(frame(at_s, (0, 80, 30, 110)), resting=True)
    assert first.glance
    for i in range(1, 10):
        attention = watch.see(frame(at_s + i / 10, (0, 80, 30 + 3 * i, 110)), resting=True)
        assert (attention.glance, attention.look) == (False, False)
    since = watch.glanced(NOON + timedelta(seconds=at_s), seen(at_s, (0, 80, 30, 110)))
    assert since == NOON + timedelta(seconds=at_s)


def test_a_camera_that_may_not_wake_is_looked_at_once_a_second_at_most() -> None:
    watch = Watch(5.0)
    at_s, looks = rested(watch, 20, 0.1), []
    while at_s < 30:
        box = (round(20 * (at_s - 20)), 80, round(20 * (at_s - 20)) + 50, 110)
        attention = watch.see(frame(at_s, box), resting=True, sparing=True)
        assert not attention.glance
        if attention.look:
            looks.append(at_s)
            watch.found(seen(at_s, box))
        at_s = round(at_s + 0.1, 1)
    assert 9 <= len(looks) <= 11


def strange(travels: bool) -> list[datetime]:
    """What something is taken back to that moves, is small and is never recognised, at key frames one second apart."""
    watch, back = Watch(5.0), []
    at_s = rested(watch, 20, 1.0)
    for i in range(5):  # then what has stood there is background
        left = 40 + 20 * i if travels else 40 + 4 * (i % 2)
        attention = watch.see(frame(at_s + i, (left, 60, left + 16, 100)), resting=True)
        if attention.glance:
            since = watch.glanced(NOON + timedelta(seconds=at_s + i), seen(at_s + i))
            if since is not None:
                back.append(since)
                break
    return back


def test_what_travels_is_looked_at_from_where_it_began_though_no_glance_recognised_it() -> None:
    assert strange(travels=True) == [NOON + timedelta(seconds=20)]


def test_what_flutters_on_the_spot_is_not() -> None:
    assert strange(travels=False) == []
