"""The scorer of stays, by hand."""

from __future__ import annotations

import pytest

from bench.events import Event, EventScore, score_events

BAY = (0.1, 0.1, 0.2, 0.2)
NEXT_BAY = (0.2, 0.1, 0.3, 0.2)
PARKED = Event("car", 10.0, 70.0, BAY)


def scored(*found: Event, true: tuple[Event, ...] = (PARKED,)) -> tuple[int, int, int]:
    score = score_events(found, true, 600.0)
    return score.right, score.false, score.missed


def test_same_place_and_time_is_right_and_the_error_of_its_length_counts() -> None:
    score = score_events([Event("truck", 11.0, 68.0, (0.11, 0.1, 0.21, 0.2))], [PARKED], 600.0)
    assert (score.right, score.false, score.missed) == (1, 0, 0)
    assert score.dwell_errors_s == (3.0,)
    assert (score.precision, score.recall, score.false_per_hour) == (1.0, 1.0, 0.0)


def test_another_place_another_time_and_another_family_are_false_and_leave_it_missed() -> None:
    assert scored(Event("car", 10.0, 70.0, NEXT_BAY)) == (0, 1, 1)
    assert scored(Event("car", 50.0, 110.0, BAY)) == (0, 1, 1)
    assert scored(Event("person", 10.0, 70.0, BAY)) == (0, 1, 1)
    assert scored(Event("car", 10.0, 70.0, None)) == (0, 1, 1)


def test_one_stay_told_twice_is_once_right_and_once_false() -> None:
    assert scored(Event("car", 10.0, 45.0, BAY), Event("car", 46.0, 70.0, BAY)) == (1, 1, 0)


def test_a_true_event_without_a_box_is_anywhere_and_each_takes_one() -> None:
    anywhere = (Event("person", 0.0, 10.0), Event("person", 20.0, 30.0))
    assert scored(Event("person", 21.0, 30.0, BAY), true=anywhere) == (1, 0, 1)
    assert scored(Event("person", 0.0, 9.0), Event("person", 21.0, 30.0, BAY), true=anywhere) == (2, 0, 0)


def test_pairs_are_those_of_the_greatest_overlap_in_sum() -> None:
    true = (Event("car", 0.0, 10.0), Event("car", 3.0, 13.0))
    assert scored(Event("car", 2.5, 12.5), Event("car", -3.0, 8.0), true=true) == (2, 0, 0)


def test_scores_of_recordings_are_added_and_nothing_found_has_no_precision() -> None:
    empty = score_events([], [], 1800.0)
    assert (empty.precision, empty.recall, empty.dwell_error_s) == (None, None, None)
    both = empty + score_events([Event("car", 0.0, 9.0, BAY)], [], 1800.0)
    assert both.false_per_hour == pytest.approx(1.0)
    assert EventScore().false_per_hour is None
