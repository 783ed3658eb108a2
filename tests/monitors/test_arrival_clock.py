"""Times of live frames: even as the sender made them, never back, never ahead of arrival."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.video._arrival_clock import ArrivalClock

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


def test_times_follow_our_own_clock_when_it_is_put_back_by_an_hour() -> None:
    clock = ArrivalClock()
    clock.at(1.0, NOON)
    times = [clock.at(1.0 + place / 10, NOON - 3600 + place / 10).timestamp() for place in range(1, 30)]
    assert times == pytest.approx([NOON - 3600 + place / 10 for place in range(1, 30)], abs=0.001)


def test_a_frame_without_a_time_of_its_own_has_that_of_its_arrival() -> None:
    assert ArrivalClock().at(None, NOON).timestamp() == NOON


@pytest.mark.parametrize("fps", [1.0, 10.0, 25.0])
@pytest.mark.parametrize("rate", [0.97, 0.98, 0.995, 1.0, 1.005, 1.02, 1.03, 0.5, 2.0, 0.0, -1.0])
def test_a_clock_that_runs_wrong_adds_less_than_half_a_second(rate: float, fps: float) -> None:
    """`rate`: of the camera's clock to ours; 0: all stamps are the same."""
    clock = ArrivalClock()
    arrivals = [NOON + place / fps for place in range(round(600 * min(fps, 10)))]
    times = [clock.at(place / fps * rate, arrived).timestamp() for place, arrived in enumerate(arrivals)]
    ages = [arrived - at for at, arrived in zip(times, arrivals, strict=True)]
    assert -1e-5 < min(ages) <= max(ages) < 0.5
    assert times == sorted(set(times))


def test_a_clock_that_runs_wrong_is_told_once_and_a_true_one_never() -> None:
    noise = random.Random(7)
    said: dict[float, list[str]] = {}
    for rate in (1.0, 0.9995, 0.97, 1.03, 0.0):
        clock = ArrivalClock()
        for place in range(-40, 0):  # what the camera had kept comes in one burst
            clock.at(place * 0.04, NOON)
        for place in range(2_000):
            clock.at(place * 0.04 * rate, NOON + place * 0.04 + noise.random() * 0.03)
            said.setdefault(rate, []).extend(word for word in [clock.oddity()] if word)
    assert said[1.0] == said[0.9995] == []
    assert len(said[0.97]) == len(said[1.03]) == len(said[0.0]) == 1
    assert said[0.97][0].endswith("% slow")
    assert said[1.03][0].endswith("% fast")
    assert said[0.0] == ["repeat their time stamps"]


def test_what_the_network_held_up_is_as_old_as_it_is() -> None:
    clock = ArrivalClock()
    for place in range(100):
        clock.at(place * 0.04, NOON + place * 0.04)
    held = [(place, NOON + max(place * 0.04, 6.0)) for place in range(100, 200)]  # from 4.0 to 6.0 s nothing comes
    ages = [arrived - clock.at(place * 0.04, arrived).timestamp() for place, arrived in held]
    assert ages[0] == pytest.approx(2.0, abs=0.01)
    assert ages[25] == pytest.approx(1.0, abs=0.01)
    assert ages[-1] == pytest.approx(0.0, abs=0.01)


def test_what_our_own_reading_holds_up_is_as_old_as_it_is() -> None:
    """Each packet lay in the socket already: a reader that needs 50 ms for each of 25 a second falls behind."""
    clock = ArrivalClock()
    clock.at(0.0, NOON)
    ages = []
    for place in range(1, 500):
        arrived = NOON + place * 0.05
        ages.append(arrived - clock.at(place * 0.04, arrived, waited=False).timestamp())
    assert ages[-1] == pytest.approx(499 * 0.01, abs=0.1)
    caught_up = NOON + 499 * 0.05
    for place in range(500, 700):
        caught_up = max(caught_up, NOON + place * 0.04)
        age = caught_up - clock.at(place * 0.04, caught_up).timestamp()
    assert age < 0.1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-1e7, 1e7, allow_nan=False) | st.integers(0, 300).map(lambda n: n / 25),
            st.floats(0, 0.2, allow_nan=False),
        ),
        max_size=80,
    )
)
def test_whatever_the_stamps_times_rise_and_are_never_old(frames: list[tuple[float | None, float]]) -> None:
    clock, arrived, last = ArrivalClock(), NOON, 0.0
    for pts_s, wait_s in frames:
        arrived += wait_s
        at = clock.at(pts_s, arrived).timestamp()
        assert last < at <= arrived + 1e-4
        assert arrived - at < 0.5
        last = at
