"""Sliding windows against a slow, obviously right reference, over series with late and repeated rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.accumulation import Recipe as Accumulation
from alerts.rate_of_rise import Recipe as RateOfRise
from alerts.threshold import Recipe as Threshold
from data.model.alert import Ended, Raised, Signal
from data.model.observation import Reading, Tick
from data.ports.recipe import Rule, RuleRecipe
from tests.alerts.timelines import CONTEXT, NOON, at, restarted

MINUTE = timedelta(minutes=1)
Row = tuple[int, float]
"""Minute and value."""

ROWS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12).map(float)), min_size=1, max_size=40)


def rain(minute: float, value: float, quantity: str = "rainfall") -> Reading:
    return Reading("gate-3", "gauge", quantity, value, at(60 * minute))


def feed(rule: Rule, *seen: Reading | Tick) -> list[Signal]:
    return [signal for one in seen for signal in rule.judge(one)]


def climbed(signals: list[Signal]) -> list[tuple[str, float]]:
    """Priority (or "ended") and minute of the decision."""
    return [(s.priority.value if isinstance(s, Raised) else "ended", (s.at - NOON) / MINUTE) for s in signals]


def last_of_each_minute(rows: list[Row], back: int) -> dict[int, float]:
    """What a gauge's series is worth: the last row of each time that did not come too late."""
    kept: dict[int, float] = {}
    for minute, value in rows:
        if not kept or minute > max(kept) - back:
            kept[minute] = value
    return kept


class Reference:
    """Bands without delays, by hand: on at the limit, off at four fifths of it, the most urgent one counts."""

    def __init__(self, limits: list[float], priorities: list[str]) -> None:
        self.limits, self.priorities = limits, priorities
        self.on = [False] * len(limits)
        self.said = ""

    def judge(self, values: list[float]) -> str:
        for i, (value, limit) in enumerate(zip(values, self.limits, strict=True)):
            self.on[i] = value >= limit or (self.on[i] and value > 0.8 * limit)
        holding = [p for p, on in zip(self.priorities, self.on, strict=True) if on]
        now = min(holding, default="ended")
        changed, self.said = now != (self.said or "ended"), now
        return now if changed else ""


def replayed(recipe: RuleRecipe, readings: list[Reading], restart_after: int) -> list[list[Signal]]:
    """What each row brought, with a restart in between."""
    rule, brought, latest = recipe.make(CONTEXT), [], None
    for number, reading in enumerate(readings):
        signals = list(rule.judge(reading))
        brought.append(signals)
        latest = next((None if isinstance(s, Ended) else s for s in reversed(signals)), latest)
        if number == restart_after:
            rule = restarted(recipe, rule, *([] if latest is None else [latest]))
    return brought


RAIN = Accumulation.model_validate(
    {
        "keep_firing_for": "0s",
        "bands": [
            {"above": 20, "over": "12min", "priority": "P4"},
            {"above": 20, "over": "6min", "priority": "P3"},
            {"above": 20, "over": "3min", "priority": "P2"},
            {"above": 30, "over": "3min", "priority": "P1"},
        ],
    }
)


@given(ROWS, st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_accumulated_rain_is_what_adding_up_each_window_gives(rows: list[Row], restart_after: int) -> None:
    reference = Reference([20, 20, 20, 30], ["P4", "P3", "P2", "P1"])
    brought = replayed(RAIN, [rain(*row) for row in rows], restart_after)
    kept: dict[int, float] = {}
    for number, signals in enumerate(brought):
        before, kept = kept, last_of_each_minute(rows[: number + 1], 72)
        if before == kept:
            assert signals == []
            continue
        newest = max(kept)
        sums = [sum(v for m, v in kept.items() if newest - over < m <= newest) for over in (12, 6, 3, 3)]
        expected = reference.judge(sums)
        assert [line for line, _ in climbed(signals)] == ([expected] if expected else []), (rows, number)


RISE = RateOfRise.model_validate(
    {
        "quantity": "water_level",
        "over": "10min",
        "keep_firing_for": "0s",
        "bands": [{"above": 3, "priority": "P3"}, {"above": 6, "priority": "P2"}],
    }
)


@given(ROWS, st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_a_rise_is_the_newest_less_the_lowest_of_the_window(rows: list[Row], restart_after: int) -> None:
    reference = Reference([3, 6], ["P3", "P2"])
    brought = replayed(RISE, [rain(m, v, "water_level") for m, v in rows], restart_after)
    kept: dict[int, float] = {}
    for number, signals in enumerate(brought):
        before, kept = kept, last_of_each_minute(rows[: number + 1], 10)
        if before == kept:
            assert signals == []
            continue
        newest = max(kept)
        rise = kept[newest] - min(v for m, v in kept.items() if newest - 10 < m <= newest)
        expected = reference.judge([rise, rise])
        assert [line for line, _ in climbed(signals)] == ([expected] if expected else []), (rows, number)


DEPTH = Threshold.model_validate(
    {
        "quantity": "water_depth",
        "samples": 1,
        "keep_firing_for": "0s",
        "bands": [{"above": 3, "priority": "P4"}, {"above": 6, "priority": "P3"}, {"above": 10, "priority": "P1"}],
    }
)


@given(ROWS, st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_bands_hold_as_their_limits_and_ways_back_say(rows: list[Row], restart_after: int) -> None:
    # after a restart late rows are kept away by whoever reads the store (engine/sensors.py)
    newest_before = max(minute for minute, _ in rows[: restart_after + 1])
    rows = rows[: restart_after + 1] + [row for row in rows[restart_after + 1 :] if row[0] > newest_before]
    reference = Reference([3, 6, 10], ["P4", "P3", "P1"])
    newest, said = -1, -1.0
    for (minute, value), signals in zip(
        rows, replayed(DEPTH, [rain(m, v, "water_depth") for m, v in rows], restart_after), strict=True
    ):
        corrects = minute == newest and value != said
        expected = reference.judge([value] * 3) if minute > newest or corrects else ""
        if minute >= newest:
            newest, said = minute, value
        assert [line for line, _ in climbed(signals)] == ([expected] if expected else []), rows


def test_the_four_levels_of_a_storm_by_default() -> None:
    rule = Accumulation().make(CONTEXT)
    hours = [(h, 5.0) for h in range(11)] + [(11, 10.0), (12, 25.0), (13, 25.0), (14, 60.0)]
    signals = feed(rule, *(rain(60 * hour, amount) for hour, amount in hours))
    assert climbed(signals) == [("P4", 540.0), ("P3", 720.0), ("P2", 780.0), ("P1", 840.0)]
    assert isinstance(signals[-1], Raised)
    assert (signals[-1].value, signals[-1].unit, signals[-1].label) == (110.0, "mm", "rainfall")


def test_a_counter_that_begins_anew_and_an_intensity_give_the_same_rain() -> None:
    bands = [{"above": 10, "over": "1h", "priority": "P3"}]
    total = Accumulation.model_validate({"given_as": "total", "bands": bands})
    counted = [(0, 996.0), (10, 999.0), (20, 3.0), (30, 6.0), (40, 7.5)]  # it went over 999 to 0
    signals = feed(total.make(CONTEXT), *(rain(m, v) for m, v in counted))
    assert climbed(signals) == [("P3", 40.0)]
    intensity = Accumulation.model_validate({"quantity": "rain_intensity", "bands": bands})
    steady = [rain(m, 15.0, "rain_intensity") for m in range(0, 60, 10)]
    assert climbed(feed(intensity.make(CONTEXT), *steady)) == [("P3", 40.0)]


def test_silence_does_not_dry_a_street() -> None:
    rule = RAIN.make(CONTEXT)
    assert climbed(feed(rule, rain(0, 25))) == [("P2", 0.0)]
    assert feed(rule, *(Tick("gate-3", at(60 * m)) for m in range(1, 40))) == []
    assert climbed(feed(rule, rain(41, 0))) == [("ended", 41.0)]


def test_a_level_that_comes_above_another_zero_has_not_risen() -> None:
    rule = RISE.make(CONTEXT)
    yellow = [Reading("gate-3", "g", "water_level", 10, at(60 * m), vertical_datum="yellow_sea") for m in (0, 1)]
    wusong = [Reading("gate-3", "g", "water_level", 14, at(60 * m), vertical_datum="wusong") for m in (2, 3)]
    assert feed(rule, *yellow, *wusong) == []


@pytest.mark.parametrize(
    ("model", "wrong", "said"),
    [
        (Accumulation, {"bands": []}, "at least 1 item"),
        (Accumulation, {"quantity": "rain_intensity", "given_as": "total"}, "belongs to quantity rainfall"),
        (Accumulation, {"priority": "P1"}, "each band has its own"),
        (RateOfRise, {"quantity": "water_level"}, "give either above or bands"),
        (RateOfRise, {"quantity": "water_level", "above": 1, "unit": "mm/h"}, "cannot be converted"),
    ],
)
def test_a_recipe_refuses_what_cannot_be_meant(model: type[RuleRecipe], wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        model.model_validate(wrong)
