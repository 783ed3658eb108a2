"""Times of live frames: even as the sender made them, never back, never ahead of arrival."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from monitors._live_video import ArrivalClock

NOON = 1_720_756_800.0  # 2024-07-12 04:00:00 UTC


def test_jitter_of_the_network_does_not_reach_the_times() -> None:
    clock, noise = ArrivalClock(), random.Random(7)
    arrivals = [NOON + place * 0.04 + noise.random() * 0.03 for place in range(500)]
    times = [clock.at(place * 0.04, arrived).timestamp() for place, arrived in enumerate(arrivals)]
    steps = [b - a for a, b in pairwise(times[100:])]
    assert steps == pytest.approx([0.04] * len(steps), abs=0.004)
    assert all(at <= arrived + 2e-6 for at, arrived in zip(times, arrivals, strict=True))


def test_frames_that_come_in_one_burst_are_not_ahead_of_time() -> None:
    clock = ArrivalClock()
    times = [clock.at(place * 0.1, NOON).timestamp() for place in range(20)]
    assert max(times) < NOON + 0.001
    assert times == sorted(set(times))


def test_a_camera_whose_clock_runs_slow_is_followed() -> None:
    clock = ArrivalClock()
    lags = [NOON + place * 1.0002 - clock.at(place * 1.0, NOON + place * 1.0002).timestamp() for place in range(20_000)]
    assert max(lags) < 0.01


def test_a_jump_of_the_cameras_clock_sets_a_new_anchor_and_time_never_goes_back() -> None:
    clock = ArrivalClock()
    before = clock.at(1000.0, NOON)
    after = clock.at(3.0, NOON + 0.1)
    assert after.timestamp() == pytest.approx(NOON + 0.1)
    stepped_back = clock.at(3.1, NOON - 5)
    assert before < after < stepped_back


def test_a_frame_without_a_time_of_its_own_has_that_of_its_arrival() -> None:
    assert ArrivalClock().at(None, NOON).timestamp() == NOON
