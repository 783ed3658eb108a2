"""Impossible jumps: a single one is stored and judged by nothing, one that is confirmed counts with its own time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.out_of_range import Recipe as OutOfRange
from alerts.rate_of_rise import Recipe as RateOfRise
from alerts.silence import Recipe as Silence
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import Ended, Raised
from data.model.geo import Location
from data.model.observation import Quality, Reading, Tick
from data.ports.recipe import Context, RuleRecipe
from engine.judging.jumps import JumpFilter, usual_limits
from engine.judging.pipeline import SitePipeline
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
FLOOD = Threshold(quantity="water_level", above=180.0, clear_at=179.0)


def level(minute: float, value: float, quantity: str = "water_level") -> Reading:
    return Reading("quay", "stage", quantity, value, NOON + timedelta(minutes=minute))


def site(*rules: RuleRecipe, **gauge: object) -> SitePipeline:
    plain = {"id": "stage", "host": "h", "topic": "t", "quantity": "water_level", **gauge}
    place = SiteSettings(
        id="quay", location=Location(lon=106.5, lat=29.6), monitor=MqttGauge.model_validate(plain), rules=rules
    )
    return SitePipeline(place, Context(place.place))


def told(pipeline: SitePipeline, *readings: Reading) -> list[tuple[str, float]]:
    """Rule, or its end, and the minute at which it began or ended."""
    lines = []
    for reading in readings:
        for signal in pipeline.read(reading):
            if isinstance(signal, Raised | Ended):
                lines.append((_word(signal), (_moment(signal) - NOON) / timedelta(minutes=1)))
    return lines


def _word(signal: Raised | Ended) -> str:
    return signal.key.rule if isinstance(signal, Raised) else f"{signal.key.rule} ends"


def _moment(signal: Raised | Ended) -> datetime:
    return signal.started_at if isinstance(signal, Raised) else signal.ended_at


@pytest.mark.parametrize(
    "values",
    [(176.1, 0.0, 176.1), (176.1, 0.0, 176.1, 0.0, 176.2), (176.1, 195.0, 176.2), (176.1, 900.0, 400.0, 176.1),
     (176.1, 195.0), (176.1, 999.9, 999.9, 999.9, 176.1), (176.1, 327.67, 327.67, 327.67)],
)  # fmt: skip
def test_a_single_impossible_level_raises_nothing(values: tuple[float, ...]) -> None:
    pipeline = site(FLOOD, RateOfRise(quantity="water_level", above=0.5))
    assert told(pipeline, *(level(5 * row, value) for row, value in enumerate(values))) == []


def test_what_is_not_confirmed_is_said_once_and_marked_suspect() -> None:
    pipeline = site(FLOOD)
    spike = level(5, 195.0)
    told(pipeline, level(0, 176.1), spike)
    assert pipeline.marked(spike).quality is Quality.SUSPECT
    assert pipeline.refused() == []
    told(pipeline, level(10, 176.2))
    (refused,) = pipeline.refused()
    assert refused.reason == (
        "195 m of 2026-07-12T04:05:00+00:00 is +18.9 m off the reading of 2026-07-12T04:00:00+00:00 and the next one "
        "did not confirm it: stored as suspect, not judged (`jump`)"
    )
    assert pipeline.marked(level(10, 176.2)).quality is Quality.GOOD


def test_a_jump_that_the_next_reading_confirms_counts_with_its_own_time() -> None:
    pipeline = site(FLOOD)
    assert told(pipeline, level(0, 176.1), level(5, 195.0), level(10, 195.2)) == [("threshold", 5.0)]
    assert told(pipeline, level(15, 176.0), level(20, 176.1)) == [("threshold ends", 15.0)]
    assert pipeline.refused() == []


def test_a_level_that_falls_to_exactly_zero_waits_and_one_that_stays_there_counts() -> None:
    drought = Threshold(quantity="water_level", below=0.1)
    assert told(site(drought), level(0, 1.6), level(60, 0.0), level(120, 1.6)) == []
    assert told(site(drought), level(0, 1.6), level(60, 0.0), level(120, 0.0)) == [("threshold", 60.0)]
    assert told(site(drought), level(0, 0.2), level(60, 0.0)) == [("threshold", 60.0)]


def test_a_flood_wave_is_not_held_up() -> None:
    wave = [level(minute, 176.0 + 0.8 * minute) for minute in range(12)]
    assert told(site(FLOOD), *wave) == [("threshold", 5.0)]


def test_values_that_differ_wildly_but_stay_above_are_believed_at_the_third() -> None:
    assert told(site(FLOOD), level(0, 176.0), level(1, 183.0), level(2, 190.0), level(3, 184.0)) == [("threshold", 1.0)]


def test_rules_about_the_gauge_see_a_jump_at_once() -> None:
    pipeline = site(OutOfRange(quantity="water_level", highest=190.0), Silence(after=timedelta(minutes=7)))
    assert told(pipeline, level(0, 176.0), level(5, 195.0)) == [("out_of_range", 5.0)]
    assert pipeline.tick(Tick("quay", NOON + timedelta(minutes=10))) == []


def test_a_correction_of_the_same_time_and_a_late_reading_are_judged_and_late_spikes_are_not() -> None:
    assert told(site(FLOOD), level(0, 176.31), level(0, 180.99)) == [("threshold", 0.0)]
    jumps = JumpFilter(lambda reading: usual_limits(reading.quantity))
    for reading, judged in [
        (level(0, 176.31), [176.31]),
        (level(0, 180.99), [180.99]),
        (level(20, 181.5), [181.5]),
        (level(10, 181.2), [181.2]),
        (level(15, 0.0), []),
        (level(15, 900.0), []),
        (level(25, 181.6), [181.6]),
    ]:
        assert [one.value for one in jumps.take(reading).judged] == judged


def test_a_gauge_has_its_own_limit_or_none() -> None:
    assert told(site(FLOOD, jump=False), level(0, 176.1), level(5, 195.0)) == [("threshold", 5.0)]
    careful = {"jump": {"step": 100, "per_second": 0.0}, "unit": "cm"}
    assert told(site(FLOOD, **careful), level(0, 179.5), level(5, 180.6)) == []
    assert told(site(FLOOD, **careful), level(0, 179.5), level(5, 180.4)) == [("threshold", 5.0)]
    with pytest.raises(ValidationError, match="step"):
        site(FLOOD, jump={"per_second": 1})


def test_depth_rain_and_gas_have_limits_of_their_own() -> None:
    deep = Threshold(quantity="water_depth", above=50.0)
    for first in (655.35, 327.67):
        readings = [level(minute, first, "water_depth") for minute in range(3)]
        assert told(site(deep, quantity="water_depth"), *readings) == []
    flooded = [level(0, 0.0, "water_depth"), level(1, 60.0, "water_depth")]
    assert told(site(deep, quantity="water_depth"), *flooded) == [("threshold", 1.0)]
    rain = Threshold(quantity="rainfall", above=50.0)
    assert told(site(rain, quantity="rainfall"), level(0, 0, "rainfall"), level(5, 600, "rainfall")) == []
    assert told(site(rain, quantity="rainfall"), level(0, 0, "rainfall"), level(5, 60, "rainfall")) == [
        ("threshold", 5)
    ]
    gas = Threshold(quantity="gas_concentration", above=1000.0)
    leak = [level(0, 0.0, "gas_concentration"), level(0.02, 40_000.0, "gas_concentration")]
    assert told(site(gas, quantity="gas_concentration"), *leak) == [("threshold", 0.02)]


steps = st.lists(st.floats(-0.9, 0.9), min_size=1, max_size=30)
spikes = st.dictionaries(st.integers(0, 30), st.sampled_from([0.0, 60.0, 250.0, 999.9, -40.0, 5000.0]), max_size=15)


@given(steps, spikes, st.integers(0, 60))
@settings(max_examples=200, deadline=None)
def test_single_spikes_are_never_judged_and_every_true_reading_is(
    changes: list[float], wrong: dict[int, float], restart_after: int
) -> None:
    """A reading every minute from 150 m on; before some a spike, and somewhere a restart."""
    jumps = JumpFilter(lambda reading: usual_limits(reading.quantity))
    value, dropped, came = 150.0, 0, 0
    true: list[Reading] = []
    judged: list[Reading] = []
    for minute, change in enumerate(changes):
        readings = [level(minute + 0.5, wrong[minute])] if minute in wrong and minute else []
        value += change
        true.append(level(minute + 0.9, value))
        for reading in [*readings, true[-1]]:
            taken = jumps.take(reading)
            judged += taken.judged
            dropped += len(taken.dropped)
            came += 1
            if came == restart_after:
                state = json.loads(json.dumps(jumps.snapshot()))
                jumps = JumpFilter(lambda reading: usual_limits(reading.quantity))
                jumps.restore(state, "quay")
    assert judged == true
    assert dropped == sum(1 for minute in wrong if 0 < minute < len(changes))


@given(st.lists(st.tuples(st.floats(-5, 260), st.integers(1, 120)), min_size=1, max_size=25))
@settings(max_examples=200, deadline=None)
def test_every_reading_is_judged_in_order_or_said_to_be_dropped_or_still_held(rows: list[tuple[float, int]]) -> None:
    jumps = JumpFilter(lambda reading: usual_limits(reading.quantity))
    minute, readings = 0, []
    judged: list[Reading] = []
    dropped: list[Reading] = []
    for value, minutes in rows:
        minute += minutes
        readings.append(level(minute, value))
        taken = jumps.take(readings[-1])
        judged += taken.judged
        dropped += [one for one, _ in taken.dropped]
    held = [one for one in readings if jumps.is_held(one)]
    assert judged == sorted(judged, key=lambda one: one.at)
    assert sorted([*judged, *dropped, *held], key=lambda one: one.at) == readings
