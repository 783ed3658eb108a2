"""A stay's length is an interval: what was seen of it at least, what it may have been at most, and the unseen parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.dwell import Recipe
from data.model.alert import Ended, Raised, Signal
from data.model.observation import Detection
from data.model.sightings import DwellTime
from tests.alerts.timelines import CONTEXT, NOON, at, play, restarted, seen, told

PARKING = Recipe(zone="lane", labels=("car",), at_least="10s")


def dwells(signals: Sequence[Signal]) -> list[DwellTime]:
    found = [signal.dwell for signal in signals]
    assert all(one is not None for one in found)
    return [one for one in found if one is not None]


def parts(dwell: DwellTime) -> list[tuple[float, float]]:
    """Unseen parts, in seconds."""
    return [((a - NOON).total_seconds(), (b - NOON).total_seconds()) for a, b in dwell.unseen]


def comes_at(second: float, come: float, *, gone: float = 1e9) -> list[Detection]:
    """Stands at one spot from its first picture on."""
    return [seen(0.5)] if come <= second < gone else []


def test_without_anything_unseen_the_two_ends_are_one_picture_apart() -> None:
    (raised,) = dwells(play(PARKING.make(CONTEXT), lambda s: comes_at(s, 5.0), until=20))
    assert raised.at_least_s == pytest.approx(10.0)
    assert raised.at_most_s == pytest.approx(10.2)
    assert raised.as_of == at(15.0)
    assert raised.unseen == ()


def test_what_stood_there_when_watching_began_has_no_longest_time() -> None:
    (raised,) = dwells(play(PARKING.make(CONTEXT), lambda _: [seen(0.5)], until=20))
    assert (raised.at_least_s, raised.at_most_s) == (10.0, None)


def test_a_blind_gap_of_62_s_lies_between_least_and_most() -> None:
    """Comes at 1 s, seen for 6 s, blind for 62 s: the limit is reached at 73 s."""

    def scene(second: float) -> list[Detection] | None:
        return None if 7 < second < 69 else comes_at(second, 1.0)

    (raised,) = dwells(play(PARKING.make(CONTEXT), scene, until=90))
    assert raised.at_least_s == pytest.approx(10.0, abs=0.21)
    assert raised.at_most_s is not None
    assert raised.at_most_s - raised.at_least_s == pytest.approx(62.2, abs=0.21)
    assert parts(raised) == [(7.0, 69.2)]  # the tick at 69.0 still says that nothing could be seen
    assert raised.unseen_s == pytest.approx(62.2)


def test_what_came_while_nobody_could_see_may_have_stood_there_since_the_gap_began() -> None:
    def scene(second: float) -> list[Detection] | None:
        return None if 5 < second < 25 else comes_at(second, 25.0)

    (raised,) = dwells(play(PARKING.make(CONTEXT), scene, until=40))
    assert raised.at_least_s == pytest.approx(10.0)
    assert raised.at_most_s == pytest.approx(30.2)
    assert parts(raised) == [(5.0, 25.2)]


def test_hidden_for_four_seconds_it_has_stood_there_and_for_twenty_it_may_have_been_exchanged() -> None:
    def hidden(second: float, length: float) -> list[Detection]:
        return [] if 4 <= second < 4 + length else [seen(0.5, track=1 if second < 4 else 9)]

    ((_, _, short),) = told(play(PARKING.make(CONTEXT), lambda s: hidden(s, 4.0), until=40))
    signals = play(PARKING.make(CONTEXT), lambda s: hidden(s, 20.0), until=40)
    ((_, started, decided),) = told(signals)
    assert short == 10.0
    assert started == 0.0
    assert decided == pytest.approx(30.2, abs=0.01)
    (raised,) = dwells(signals)
    assert raised.at_least_s == pytest.approx(10.0)
    assert parts(raised) == [(3.8, 24.0)]


def test_the_end_tells_the_whole_stay_and_that_what_vanished_may_be_hidden() -> None:
    signals = play(PARKING.make(CONTEXT), lambda s: comes_at(s, 5.0, gone=25.0), until=70)
    raised, ended = dwells(signals)
    assert [type(signal) for signal in signals] == [Raised, Ended]
    assert ended.at_least_s == pytest.approx(19.8)
    assert ended.at_most_s == pytest.approx(50.2, abs=0.3)
    ((since, until),) = parts(ended)
    assert since == 24.8
    assert until == pytest.approx(55.0, abs=0.3)
    assert raised.at_least_s == 10.0


def test_of_one_that_was_seen_driving_off_the_end_is_known() -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.5 + 0.1 * max(0.0, second - 25.0))] if 5 <= second < 29 else []

    _, ended = dwells(play(PARKING.make(CONTEXT), scene, until=40))
    assert ended.at_least_s == pytest.approx(20.0, abs=0.3)
    assert ended.at_most_s == pytest.approx(20.2, abs=0.3)
    assert ended.unseen == ()


def test_a_restart_is_an_unseen_part_and_the_interval_goes_on() -> None:
    rule = PARKING.make(CONTEXT)
    assert play(rule, lambda s: comes_at(s, 1.0), until=6) == []
    again = restarted(PARKING, rule)
    (raised,) = dwells(play(again, lambda s: comes_at(s, 1.0), since=16, until=40))
    assert raised.at_least_s == pytest.approx(10.0, abs=0.21)
    assert raised.at_most_s is not None
    assert raised.at_most_s - raised.at_least_s == pytest.approx(10.2, abs=0.21)
    assert parts(raised) == [(6.0, 16.0)]


def test_after_a_restart_without_its_state_only_what_was_seen_since_counts_as_least() -> None:
    first = play(PARKING.make(CONTEXT), lambda s: comes_at(s, 1.0), until=15)
    fresh = restarted(PARKING, PARKING.make(CONTEXT), *first)
    signals = play(fresh, lambda s: comes_at(s, 1.0, gone=40.0), since=30, until=80)
    (ended,) = dwells(signals)
    assert ended.at_least_s == pytest.approx(9.8, abs=0.21)
    assert ended.at_most_s is not None
    assert ended.at_most_s >= 39.0


blind_parts = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=3)


@settings(max_examples=60, deadline=None)
@given(come=st.integers(1, 20), stay=st.integers(12, 60), blind=blind_parts, rate=st.sampled_from([1.0, 2.0, 5.0]))
def test_the_true_time_lies_between_least_and_most(
    come: int, stay: int, blind: list[tuple[int, int]], rate: float
) -> None:
    """Whatever was blind, and however few pictures a second there are."""

    def scene(second: float) -> list[Detection] | None:
        if any(start < second < start + length for start, length in blind):
            return None
        return comes_at(second, float(come), gone=float(come + stay))

    signals = play(PARKING.make(CONTEXT), scene, until=come + stay + 60, per_second=rate)
    for signal, dwell in zip(signals, dwells(signals), strict=True):
        true_s = min((dwell.as_of - at(come)).total_seconds(), stay)
        assert dwell.at_least_s <= true_s + 1e-6
        assert dwell.at_most_s is None or dwell.at_most_s >= true_s - 1e-6
        if isinstance(signal, Raised):
            assert dwell.at_least_s >= 10.0
            assert dwell.as_of - signal.started_at >= timedelta(seconds=10)
