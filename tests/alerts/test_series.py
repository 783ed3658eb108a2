"""A gauge's window in memory and as JSON: every row, in little space, whatever order they came in."""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.accumulation import Recipe as Accumulation
from alerts.series import Series
from data.model.alert import Raised, Signal
from data.model.observation import Reading
from data.ports.recipe import KeepsState
from tests.alerts.timelines import CONTEXT, at

SPAN = timedelta(seconds=30)
ROWS = st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0.0, 0.0, 0.0, 0.2])), min_size=1, max_size=60)


def rows_of(series: Series) -> list[tuple[float, float]]:
    """Seconds before the newest row, and value."""
    every = range(series.after(at(-1)), len(series))
    gaps = [0.0, *(series.passed(row).total_seconds() for row in every if row)]
    return list(zip(gaps, series.values, strict=True))


def again(series: Series) -> Series:
    fresh = Series(SPAN)
    fresh.restore(json.loads(json.dumps(series.snapshot())))
    return fresh


@given(ROWS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_row_is_there_after_each_row_and_after_each_restart(
    rows: list[tuple[int, float]], often_asked: bool
) -> None:
    series, kept = Series(SPAN), dict[int, float]()
    for second, value in rows:
        place = series.add(at(second), value)
        late = bool(kept) and second <= max(kept) - SPAN.total_seconds()
        assert (place is None) is (late or kept.get(second) == value)  # another value for a known time corrects it
        if place is not None:
            kept[second] = value
        if often_asked:
            series.snapshot()  # it is lengthened row by row
    assert list(series.values) == [kept[second] for second in sorted(kept)]
    fresh = again(series)
    assert (rows_of(fresh), fresh.newest) == (rows_of(series), at(max(kept)))


def test_old_rows_are_dropped_and_what_was_given_out_before_does_not_change() -> None:
    series = Series(SPAN)
    for second in range(20):
        series.add(at(second), 0.0)
    given_before = series.snapshot()
    assert given_before == [[at(0).isoformat(), 0.0, 1_000_000, 20]]
    series.add(at(20), 0.0)
    assert given_before[0][3] == 20
    for second in range(21, 200):
        series.add(at(second), 0.0)
        series.drop()
    assert 30 <= len(series) < 30 + 64
    assert len(series.snapshot()) == 1


def test_rows_written_one_by_one_can_be_read_and_disorder_is_refused() -> None:
    series = Series(SPAN)
    series.restore([[at(0).isoformat(), 1], [at(1).isoformat(), 2]])
    assert (list(series.values), series.newest) == ([1.0, 2.0], at(1))
    with pytest.raises(ValueError, match="order"):
        series.restore([[at(1).isoformat(), 1], [at(0).isoformat(), 2]])
    assert len(series) == 2


def test_a_rain_gauge_that_reports_every_second_for_twelve_hours_takes_little_room() -> None:
    """With a shower: a tip of 0.2 mm every ten seconds for an hour."""
    rule = Accumulation().make(CONTEXT)
    assert isinstance(rule, KeepsState)
    signals = list[Signal]()
    for second in range(13 * 3600):
        tip = 0.2 if second % 10 == 0 and 36_000 <= second < 39_600 else 0.0
        signals += rule.judge(Reading("gate-3", "gauge", "rainfall", tip, at(second)))
    assert [(s.priority.value, s.value) for s in signals if isinstance(s, Raised)] == [("P2", 50.0)]
    state = json.dumps(rule.snapshot())
    assert len(state) < 70_000
    fresh = Accumulation().make(CONTEXT)
    assert isinstance(fresh, KeepsState)
    fresh.restore(json.loads(state))
    assert fresh.snapshot() == rule.snapshot()
    series, rows = Series(timedelta(hours=13)), rule.snapshot()["rows"]["gauge"]
    tracemalloc.start()
    series.restore(rows)
    room, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(series) == 13 * 3600
    assert room < 1_000_000
