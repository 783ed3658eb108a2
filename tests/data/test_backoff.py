"""Pauses between attempts."""

from __future__ import annotations

import random

from data.net.backoff import Backoff


def test_pauses_double_up_to_the_cap_and_begin_again_after_a_success() -> None:
    backoff = Backoff(lambda: 0.5, first_s=0.5, cap_s=4.0)
    assert [backoff.pause() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    backoff.reset()
    assert backoff.pause() == 0.5


def test_pauses_are_spread_by_the_jitter_and_never_over_the_cap() -> None:
    pauses = [Backoff(random.Random(seed).random, first_s=10, cap_s=11, jitter=0.3).pause() for seed in range(200)]
    assert 7.0 <= min(pauses) < 7.5
    assert 10.5 < max(pauses) <= 11.0
