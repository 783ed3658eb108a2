"""Rain out of counters with dips, spikes, zeros and resets, against the truth that the wrong rows were put into."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.accumulation import Recipe as Accumulation
from alerts.rain_counter import RainCounter
from alerts.series import Series
from data.model.alert import Raised
from data.model.observation import Reading
from data.model.plausible import most_rain_mm
from tests.alerts.timelines import CONTEXT, at

RESOLUTION = 0.5
Row = tuple[float, float]
"""Minute and counter."""


def total(rows: list[Row]) -> float:
    """What fell after the first row, mm, as it is known with the last."""
    series = Series(timedelta(hours=13))
    counter = RainCounter(series, RESOLUTION)
    for minute, value in rows:
        place = series.add(at(60 * minute), value)
        assert place is not None
        counter.count(place)
        counter.forget(series.drop())
    return round(counter.fallen(0), 6)


def every_five_minutes(*values: float) -> list[Row]:
    return [(5.0 * row, value) for row, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "fallen"),
    [
        ((215.6, 215.5, 215.6), 0.0),
        ((215.6, 215.5, 215.6, 215.5, 215.6, 215.5, 215.6), 0.0),
        ((80.0, 79.0, 80.0, 79.0, 80.0, 79.0, 80.2), 0.2),
        ((88.0, 0.0, 88.2), 0.2),
        ((88.0, 0.0, 0.0, 88.4), 0.4),
        ((9.0, 0.0, 0.0, 9.4), 0.4),
        ((88.0, 45.0, 88.0, 88.0), 0.0),
        ((0.0, 6553.5, 0.0), 0.0),
        ((0.0, 6553.5, 6553.5, 6553.7, 6553.9), 0.4),
        ((12.0, 40.0, 12.2, 12.4), 0.4),
        ((12.0, 40.0, 40.0, 12.2, 12.4), 0.4),
        ((12.0, 130.0, 12.0), 0.0),
        ((6553.5, 3.0, 3.2, 3.4), 0.4),
        ((50.0, 51.0, 52.0, 0.2, 0.6, 1.0), 3.0),
        ((50.0, 51.0, 52.0, 0.0, 0.0, 0.4, 0.8), 2.8),
        ((50.0, 51.0, 52.0, 0.2, 900.0, 0.6, 1.0), 3.0),
        ((500.0, 300.0, 300.0, 300.2), 0.2),
        ((0.0, 12.0, 24.0, 36.0), 36.0),
    ],
)
def test_what_is_wrong_in_a_counter_is_no_rain_and_a_reset_that_stays_is_one(
    values: tuple[float, ...], fallen: float
) -> None:
    assert total(every_five_minutes(*values)) == pytest.approx(fallen, abs=1e-6)


def test_a_cloudburst_counts_with_its_next_row_and_a_shower_at_once() -> None:
    assert total(every_five_minutes(10.0, 40.0)) == 30.0
    assert total(every_five_minutes(10.0, 10.0, 10.0, 110.0)) == 0.0
    assert total(every_five_minutes(10.0, 10.0, 10.0, 110.0, 115.0)) == 105.0
    assert total([(0, 10.0), (60, 160.0)]) == 150.0


wrong_rows = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["zero", "dip", "spike", "fill"]),
        st.integers(1, 2),
        st.floats(0.05, 1.0),
    ),
    max_size=6,
)


@given(
    first=st.integers(0, 3000),
    falls=st.lists(st.integers(0, 20), min_size=12, max_size=40),
    resets=st.sets(st.integers(0, 6)),
    wrong=wrong_rows,
)
@settings(max_examples=600, deadline=None)
def test_the_total_is_the_truth_whatever_wrong_rows_stand_in_the_series(
    first: int, falls: list[int], resets: set[int], wrong: list[tuple[int, str, int, float]]
) -> None:
    """Tenths of a millimetre every five minutes; the last rows are right.

    A reset comes every six rows at most, and only where it can be told from a wrong row: what is counted has stood for
    three rows before it, and the new count does not reach the old one within three.
    """
    counter, truth, rows = first, 0, [(0.0, first / 10)]
    puts = {place: (what, times, share) for place, what, times, share in wrong if place < len(falls) - 3}
    for number, fallen in enumerate(falls):
        fall = {2: fallen + 100, 3: 0, 4: 0}.get(number % 6, fallen)
        reset = number % 6 == 5 and number // 6 in resets and number < len(falls) - 3
        beside_reset = number % 6 in {3, 4, 5, 0}
        if number in puts and not beside_reset:
            what, times, share = puts[number]
            value = {
                "zero": 0.0, "dip": counter / 10 * (1 - share), "spike": counter / 10 + 5000 * share, "fill": 6553.5
            }[what]  # fmt: skip
            rows += [(rows[-1][0] + 1.0, value)] * 1 if times == 1 else [
                (rows[-1][0] + 1.0, value), (rows[-1][0] + 2.0, value)
            ]  # fmt: skip
        counter = fall if reset else counter + fall
        truth += fall
        rows.append((5.0 * (number + 1), counter / 10))
    allowed = RESOLUTION * (1 + len(resets)) if resets else RESOLUTION
    assert total(rows) == pytest.approx(truth / 10, abs=allowed + 1e-6), str([v for _, v in rows])


@given(st.lists(st.integers(0, 200), min_size=2, max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_rows_that_come_late_give_the_same_total_as_those_in_time(steps: list[int], random: object) -> None:
    rows = every_five_minutes(*(step / 10 for step in steps))
    shuffled = rows[1:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert total([*shuffled, rows[0]]) == pytest.approx(total(rows), abs=1e-6)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_right_counter_gives_all_of_its_rain_in_every_window(falls: list[int]) -> None:
    series = Series(timedelta(hours=2))
    counter = RainCounter(series, RESOLUTION)
    value = 0
    for number, fall in enumerate(falls):
        value += fall
        place = series.add(at(300 * number), value / 10)
        assert place is not None
        counter.count(place)
        counter.forget(series.drop())
        kept = list(series.values)
        for row in range(1, len(kept)):
            steps = sum(b - a for a, b in pairwise(kept[row - 1 :]))
            assert counter.fallen(row) == pytest.approx(steps, abs=1e-6)


def test_an_impossible_amount_or_step_raises_nothing_and_real_rain_does() -> None:
    def judged(given_as: str, *values: float) -> list[float]:
        rule = Accumulation.model_validate({"given_as": given_as}).make(CONTEXT)
        rows = [Reading("gate-3", "gauge", "rainfall", value, at(300 * row)) for row, value in enumerate(values)]
        return [s.value or 0.0 for row in rows for s in rule.judge(row) if isinstance(s, Raised)]

    assert judged("amount", 0.0, 6553.5, 0.0) == []
    assert judged("amount", 6553.5, 0.0) == []
    assert judged("total", 0.0, 6553.5, 0.0) == []
    assert judged("total", 215.6, 215.5, 215.6) == []
    assert judged("total", 215.6, 0.0, 215.6, 215.6) == []
    assert judged("amount", 0.0, 30.0, 30.0) == [60.0]
    assert judged("total", 0.0, 30.0, 60.0) == [60.0]


def test_the_most_rain_ever_is_above_the_world_s_records() -> None:
    for minutes, record_mm in ((1, 38), (8, 126), (20, 206), (42, 305), (60, 401), (540, 1087), (1440, 1825)):
        assert most_rain_mm(timedelta(minutes=minutes)) > record_mm
        assert most_rain_mm(timedelta(minutes=minutes)) < 2.5 * record_mm
