"""The length of a stay does not depend on how many pictures a second there are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.dwell import Recipe
from data.model.observation import Detection
from tests.alerts.timelines import CONTEXT, play, seen, told

PRESENT = Recipe(zone="lane", labels=("person",), at_least="10s", motion="any", occluded_for="3s")


@settings(max_examples=60, deadline=None)
@given(
    start=st.floats(3.0, 6.0),
    length=st.floats(14.0, 20.0),
    per_second=st.sampled_from([25.0, 10.0, 5.0, 2.0, 1.0]),
)
def test_it_is_told_to_one_sample_interval(start: float, length: float, per_second: float) -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.5, label="person")] if start <= second < start + length else []

    lines = told(play(PRESENT.make(CONTEXT), scene, until=start + length + 8, per_second=per_second))
    (_, started, _), (_, ended, _) = lines
    assert ended - started == pytest.approx(length, abs=1 / per_second + 0.002)
    assert started == pytest.approx(start, abs=0.5 / per_second + 0.002)


def test_sights_of_half_a_person_at_the_edge_of_the_picture_do_not_lengthen_it() -> None:
    """Found now and then with little confidence before 6.0 s and from 20.0 s on: by chance, so no measure."""

    def scene(second: float) -> list[Detection]:
        if 6.0 <= second < 20.0:
            return [seen(0.5, label="person", confidence=0.9)]
        half = round(second * 5) % 3 == 0 and 5.0 <= second < 21.0
        return [seen(0.5, label="person", confidence=0.32)] if half else []

    (_, started, _), (_, ended, _) = told(play(PRESENT.make(CONTEXT), scene, until=40))
    assert (started, ended) == (5.9, 19.9)


def test_an_object_always_found_with_little_confidence_stays_until_its_last_sight() -> None:
    """As in the dusk: nine in ten sights of the first half minute are sure, none of the second."""

    def scene(second: float) -> list[Detection]:
        return [seen(0.5, label="person", confidence=0.9 if second < 30 else 0.3)] if second < 60 else []

    lines = told(play(PRESENT.make(CONTEXT), scene, until=80))
    assert [(word, when) for word, when, _ in lines] == [("raised", 0.0), ("ended", 59.9)]


def test_nothing_is_guessed_across_a_blind_gap() -> None:
    def scene(second: float) -> list[Detection] | None:
        if 10 <= second < 20 or 40 <= second < 50:
            return None
        return [seen(0.5, label="person")] if 15 <= second < 45 else []

    (_, started, _), (_, ended, _) = told(play(PRESENT.make(CONTEXT), scene, until=80))
    assert (started, ended) == (20.0, 39.8)
