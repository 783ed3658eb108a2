"""An alarm early enough to get there: when it comes, what it says, how it ends; its line against a slow reference."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import combinations
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.threshold import Recipe as Threshold
from alerts.time_to_threshold import Recipe
from alerts.trend import noise_of, trend
from bench.early_alarm import Tally, flood, tally
from data.config.settings import SiteSettings
from data.model.alert import Ended, Raised, Signal
from data.model.forecast import Outcome, Travel, forecast_of, forecast_values
from data.model.observation import Reading, Tick
from data.ports.recipe import Rule
from engine.judging.pipeline import SitePipeline
from tests.alerts.timelines import CONTEXT, NOON, at, restarted

RECIPE = Recipe(quantity="water_depth", above=30, travel=timedelta(minutes=9), margin=timedelta(minutes=3))


def depth(minute: float, value: float, monitor: str = "road-gauge") -> Reading:
    return Reading("gate-3", monitor, "water_depth", value, at(60 * minute))


def rising(minute: int) -> float:
    """2 cm until minute 20, then 1 cm a minute."""
    return 2.0 + max(0, minute - 20)


def fed(rule: Rule, minutes: range, level: object = rising) -> list[Signal]:
    assert callable(level)
    return [signal for minute in minutes for signal in rule.judge(depth(minute, level(minute)))]


def first(signals: list[Signal]) -> Raised:
    raised = next(signal for signal in signals if isinstance(signal, Raised))
    assert not raised.again
    return raised


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(-50, 50)), min_size=4, max_size=24, unique_by=lambda row: row[0]
    )
)
@settings(max_examples=60, deadline=None)
def test_the_line_is_the_middle_one_of_all_slopes_between_two_readings(rows: list[tuple[int, int]]) -> None:
    rows.sort()
    slopes = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(rows, 2))
    found = trend([float(time) for time, _ in rows], [float(value) for _, value in rows])
    assert found.slope == pytest.approx(median(slopes))
    assert slopes[0] <= found.slope_low <= found.slope <= found.slope_high <= slopes[-1]


def test_the_noise_of_a_gauge_is_neither_its_rise_nor_its_whole_centimetres_nor_one_wrong_reading() -> None:
    times = [60.0 * n for n in range(31)]
    chance = random.Random(4)
    noisy = [2.0 * n + chance.gauss(0, 0.5) for n in range(31)]
    assert 0.3 < noise_of(times, noisy) < 0.7
    assert 0.3 < noise_of(times, [*noisy[:15], 400.0, *noisy[16:]]) < 0.9
    assert noise_of(times, [2.0 * n for n in range(31)]) == 0
    assert 0.15 < noise_of(times, [float(round(0.31 * n)) for n in range(31)]) < 0.45  # a third of a centimetre
    assert noise_of(times[:2], [1.0, 2.0]) == 0


def test_it_is_raised_before_the_water_is_there_by_travel_time_and_margin() -> None:
    """30 cm are reached in minute 48; travel 9 min, margin 3, one reading later 1: minute 35 or before."""
    raised = first(fed(RECIPE.make(CONTEXT), range(48)))
    assert timedelta(minutes=34) <= raised.at - NOON <= timedelta(minutes=37)
    forecast = raised.forecast
    assert forecast is not None
    assert (forecast.limit, forecast.unit, forecast.monitor, forecast.outcome) == (30, "cm", "road-gauge", Outcome.OPEN)
    assert forecast.level == raised.value
    left_s = (NOON + timedelta(minutes=48) - raised.at).total_seconds()
    assert 9 * 60 <= forecast.at_least_s <= left_s <= forecast.at_most_s + 1 <= left_s + 60
    assert forecast.travel.travel_s == 9 * 60


def test_units_that_come_from_farther_away_are_called_earlier() -> None:
    near, far = RECIPE.make(CONTEXT), RECIPE.make(CONTEXT)
    far.judge(Tick("gate-3", NOON, travel={"time_to_threshold": Travel(15 * 60, "drainage", "drain-1", road=True)}))
    late, early = first(fed(near, range(48))), first(fed(far, range(48)))
    assert timedelta(minutes=4) <= late.at - early.at <= timedelta(minutes=8)
    assert early.forecast is not None
    assert early.forecast.travel.who == "drain-1"


def test_a_rise_that_stops_short_of_the_limit_is_withdrawn_with_its_reason() -> None:
    signals = fed(RECIPE.make(CONTEXT), range(100), lambda minute: min(21.0, rising(minute)))
    assert isinstance(signals[-1], Ended)
    assert signals[-1].forecast is not None
    assert signals[-1].forecast.outcome is Outcome.RECEDED
    assert sum(isinstance(signal, Raised) and not signal.again for signal in signals) == 1


def test_a_single_wrong_reading_raises_nothing() -> None:
    assert fed(RECIPE.make(CONTEXT), range(60), lambda minute: 28.0 if minute == 40 else 2.0) == []


def test_standing_water_just_below_the_limit_raises_nothing() -> None:
    assert fed(RECIPE.make(CONTEXT), range(120), lambda minute: 29.0 + 0.5 * (minute % 2)) == []


def test_harder_rain_than_before_calls_earlier() -> None:
    dry, wet = (Recipe(**dict(RECIPE) | {"rain": name}).make(CONTEXT) for name in (None, "rain"))
    signals: dict[str, list[Signal]] = {"dry": [], "wet": []}
    for minute in range(48):
        rain = Reading("gate-3", "rain", "rain_intensity", 10.0 if minute < 25 else 60.0, at(60 * minute))
        for name, rule in (("dry", dry), ("wet", wet)):
            signals[name] += [*rule.judge(rain), *rule.judge(depth(minute, rising(minute)))]
    assert first(signals["wet"]).at < first(signals["dry"]).at


def site_with_both() -> SitePipeline:
    over = Threshold(id="closed-road", quantity="water_depth", above=30, samples=2)
    site = SiteSettings(id="gate-3", location=CONTEXT.site.location, rules=(RECIPE, over))
    return SitePipeline(site, CONTEXT)


def told(signals: list[Signal]) -> list[tuple[str, str]]:
    news = [s for s in signals if isinstance(s, Ended) or not s.again]
    return [(s.key.rule, "raised" if isinstance(s, Raised) else "ended") for s in news]


def test_it_gives_way_to_the_limits_own_alert_and_is_not_raised_beside_it() -> None:
    pipeline = site_with_both()
    signals = [s for minute in range(60) for s in pipeline.read(depth(minute, rising(minute)))]
    assert told(signals) == [("time_to_threshold", "raised"), ("closed-road", "raised"), ("time_to_threshold", "ended")]
    ended = signals[-1]
    assert isinstance(ended, Ended)
    assert ended.forecast is not None
    assert ended.forecast.outcome is Outcome.SUPERSEDED
    # it falls to 27 cm, above the threshold's way back of 24, and rises again: the threshold's alert is still open
    again = [s for minute in range(60, 80) for s in pipeline.read(depth(minute, 27.0 + max(0, minute - 70) * 0.2))]
    assert again == []


def test_frozen_in_the_middle_of_a_rise_it_decides_the_same() -> None:
    whole, halved = site_with_both(), site_with_both()
    expected = [s for minute in range(60) for s in whole.read(depth(minute, rising(minute)))]
    came = [s for minute in range(30) for s in halved.read(depth(minute, rising(minute)))]
    after = site_with_both()
    after.thaw(halved.freeze())
    came += [s for minute in range(30, 60) for s in after.read(depth(minute, rising(minute)))]
    assert came == expected
    assert told(came) == told(expected) != []


def test_a_restart_in_the_middle_raises_nothing_twice_and_forgets_no_rise() -> None:
    rule = RECIPE.make(CONTEXT)
    assert fed(rule, range(30)) == []
    rule = restarted(RECIPE, rule)
    raised = first(fed(rule, range(30, 40)))
    rule = restarted(RECIPE, rule, raised)
    assert [s for s in fed(rule, range(40, 48)) if isinstance(s, Ended) or not s.again] == []


def test_a_gauge_that_falls_silent_while_it_rises_raises_by_its_last_readings() -> None:
    """The decision is made by the seconds that pass, as soon as the time left is too short."""
    rule = Recipe(**dict(RECIPE) | {"margin": timedelta(minutes=1)}).make(CONTEXT)
    assert fed(rule, range(35)) == []
    signals = [s for second in range(35 * 60, 45 * 60, 10) for s in rule.judge(Tick("gate-3", at(second)))]
    assert first(signals).at - NOON < timedelta(minutes=39)


def test_a_forecast_is_the_same_back_from_json() -> None:
    forecast = first(fed(RECIPE.make(CONTEXT), range(48))).forecast
    values = forecast_values(forecast)
    assert forecast_values(forecast_of(values)) == values


def test_a_limit_in_a_unit_of_something_else_is_refused() -> None:
    with pytest.raises(ValidationError, match="unit: water_depth is kept in cm"):
        Recipe(quantity="water_depth", above=3, unit="m³/s")


def test_generated_floods_are_told_in_time_and_seldom_falsely() -> None:
    """A thousand by `make early-alarm`; these are the first twelve of them."""
    whole = Tally()
    for seed in range(12):
        whole.add(tally(flood(seed), f"flood {seed}"))
    assert whole.tellable >= 5
    assert whole.missed == []
    assert whole.false <= 3
