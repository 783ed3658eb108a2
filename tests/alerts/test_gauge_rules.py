"""The rules about the gauges themselves, on literal series: silence, a stuck value, a value that cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from alerts.out_of_range import Recipe as OutOfRange
from alerts.silence import Recipe as Silence
from alerts.stuck import Recipe as Stuck
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import Raised, Signal
from data.model.observation import Quality, Reading, Tick
from data.ports.recipe import Context, Rule, RuleRecipe
from engine.judging.pipeline import SitePipeline
from tests.alerts.timelines import CONTEXT, at, restarted, told

QUIET = Silence.model_validate({"after": "60s"})
STILL = Stuck.model_validate({"quantity": "water_level", "after": "100s", "readings": 3})
RANGE = OutOfRange(quantity="water_depth", lowest=0, highest=300)


def reading(
    value: float, second: float, monitor: str = "gauge", quantity: str = "water_depth", quality: Quality = Quality.GOOD
) -> Reading:
    return Reading("gate-3", monitor, quantity, value, at(second), quality)


def feed(rule: Rule, *seen: Reading | Tick) -> list[Signal]:
    return [signal for one in seen for signal in rule.judge(one)]


def ticks(first: int, last: int, *, observable: bool = True) -> list[Tick]:
    return [Tick("gate-3", at(second), observable) for second in range(first, last + 1)]


def test_silence_is_one_alert_for_each_gap_from_the_last_reading_to_the_next() -> None:
    signals = feed(QUIET.make(CONTEXT), reading(1, 0), *ticks(1, 200), reading(1, 200), *ticks(201, 300))
    assert told(signals) == [("raised", 0.0, 61.0), ("ended", 200.0, 200.0), ("raised", 200.0, 261.0)]
    assert {s.key.subject for s in signals} == {"gauge/water_depth"}


def test_a_gauge_that_cannot_be_reached_is_silent_too() -> None:
    signals = feed(QUIET.make(CONTEXT), reading(1, 0), *ticks(1, 70, observable=False))
    assert told(signals) == [("raised", 0.0, 61.0)]


def test_a_gap_that_no_tick_has_seen_is_found_when_the_series_goes_on() -> None:
    rows = [reading(1, s) for s in (0, 30, 60, 200, 230, 290)]
    assert told(feed(QUIET.make(CONTEXT), *rows)) == [("raised", 60.0, 200.0), ("ended", 200.0, 200.0)]


def test_late_and_repeated_rows_neither_end_a_silence_nor_begin_one() -> None:
    rule = QUIET.make(CONTEXT)
    assert told(feed(rule, reading(1, 0), *ticks(1, 70))) == [("raised", 0.0, 61.0)]
    assert feed(rule, reading(1, 0), reading(1, -50)) == []
    assert told(feed(rule, reading(1, 75), reading(1, 40))) == [("ended", 75.0, 75.0)]


def test_bad_readings_are_a_sign_of_life() -> None:
    bad = [reading(1, 20.0 * i, quality=Quality.BAD) for i in range(8)]
    assert feed(QUIET.make(CONTEXT), *bad, *ticks(141, 150)) == []


def test_each_gauge_of_a_site_is_missed_by_itself() -> None:
    rows = [reading(1, 30.0 * i, "a") for i in range(4)]
    signals = feed(QUIET.make(CONTEXT), *ticks(-60, -1), reading(1, 0, "b"), *rows, *ticks(91, 100))
    assert [s.key.subject for s in signals] == ["b/water_depth"]


def test_a_gauge_that_never_spoke_is_silent_from_the_start_where_its_readings_come() -> None:
    here = replace(CONTEXT, gauges={"c": "water_depth", "d": "rain_intensity"})
    signals = feed(QUIET.make(here), *ticks(0, 70), reading(1, 80, "c"))
    assert told(signals) == [("raised", 0.0, 61.0), ("raised", 0.0, 61.0), ("ended", 80.0, 80.0)]
    assert {s.key.subject for s in signals} == {"c", "d"}
    depth = Silence.model_validate({"after": "60s", "quantity": "water_depth"}).make(here)
    assert [s.key.subject for s in feed(depth, *ticks(0, 70))] == ["c"]
    named = Silence.model_validate({"after": "60s", "monitor": "d"})
    assert [s.key.subject for s in feed(named.make(here), *ticks(0, 70))] == ["d"]
    assert feed(named.make(CONTEXT), *ticks(0, 70)) == []  # in a camera's process: its readings come elsewhere


def test_a_silence_goes_on_over_a_restart_and_what_was_said_meanwhile_is_waited_for() -> None:
    rule = QUIET.make(CONTEXT)
    (raised,) = feed(rule, reading(1, 0), *ticks(1, 61))
    assert told(feed(restarted(QUIET, rule, raised), *ticks(90, 130), reading(1, 131))) == [("ended", 131.0, 131.0)]
    spoke = QUIET.make(CONTEXT)
    feed(spoke, reading(1, 0), *ticks(1, 20))
    away = restarted(QUIET, spoke)
    assert feed(away, *ticks(500, 510), reading(1, 505), *ticks(511, 540)) == []
    silent = restarted(QUIET, spoke)
    assert told(feed(silent, *ticks(500, 540))) == [("raised", 0.0, 530.0)]


def test_a_stuck_value_raises_after_its_time_and_ends_when_it_moves() -> None:
    rows = [
        reading(3.4, 0, quantity="water_level"),
        *(reading(3.5, 60.0 * i, quantity="water_level") for i in (1, 2, 3)),
    ]
    rule = STILL.make(CONTEXT)
    signals = feed(rule, *rows, reading(3.5, 240, quantity="water_level"), reading(3.51, 300, quantity="water_level"))
    assert told(signals) == [("raised", 60.0, 180.0), ("ended", 300.0, 300.0)]
    assert isinstance(signals[0], Raised)
    assert (signals[0].value, signals[0].unit) == (3.5, "m")


def test_few_readings_late_ones_and_a_dry_road_are_not_stuck() -> None:
    two = [reading(3.5, s, quantity="water_level") for s in (0, 900)]
    assert feed(STILL.make(CONTEXT), *two) == []
    late = [reading(3.5, s, quantity="water_level") for s in (900, 0, 100, 200, 300)]
    assert feed(STILL.make(CONTEXT), *late) == []
    road = Stuck.model_validate({"quantity": "water_depth", "after": "100s", "readings": 3})
    assert feed(road.make(CONTEXT), *(reading(0, 60.0 * i) for i in range(20))) == []
    assert told(feed(road.make(CONTEXT), *(reading(7, 60.0 * i) for i in range(20)))) == [("raised", 0.0, 120.0)]


def test_a_run_goes_on_over_a_restart() -> None:
    rule = STILL.make(CONTEXT)
    feed(rule, *(reading(3.5, 60.0 * i, quantity="water_level") for i in range(2)))
    again = restarted(STILL, rule)
    (raised,) = feed(again, reading(3.5, 120, quantity="water_level"))
    assert told([raised]) == [("raised", 0.0, 120.0)]
    moved = restarted(STILL, again, raised)
    assert told(feed(moved, reading(3.6, 180, quantity="water_level"))) == [("ended", 180.0, 180.0)]


def test_a_value_that_cannot_be_raises_and_a_possible_one_ends_it() -> None:
    signals = feed(RANGE.make(CONTEXT), reading(5, 0), reading(9999, 60), reading(9999, 120), reading(6, 180))
    assert told(signals) == [("raised", 60.0, 60.0), ("ended", 180.0, 180.0)]
    twice = RANGE.model_copy(update={"samples": 2})
    rows = [reading(v, 60.0 * i) for i, v in enumerate([-5, 3, -5, -5, 3, -5, 3, 3])]
    assert told(feed(twice.make(CONTEXT), *rows)) == [("raised", 120.0, 180.0), ("ended", 360.0, 420.0)]


def test_an_alert_of_an_impossible_value_goes_on_over_a_restart() -> None:
    rule = RANGE.make(CONTEXT)
    (raised,) = feed(rule, reading(9999, 0))
    again = restarted(RANGE, rule, raised)
    assert told(feed(again, reading(9999, 60), reading(5, 120))) == [("ended", 120.0, 120.0)]


def test_what_cannot_be_is_not_judged_as_deep_water_but_counts_as_life() -> None:
    flood = Threshold(quantity="water_depth", above=25)
    site = SiteSettings(id="gate-3", location=CONTEXT.site.location, rules=(flood, RANGE, QUIET))
    pipeline = SitePipeline(site, Context(site=site.place))
    seen = [signal for v, s in ((5, 0), (9999, 50), (9999, 100), (30, 150)) for signal in pipeline.read(reading(v, s))]
    assert [(s.key.rule, type(s).__name__) for s in seen] == [
        ("out_of_range", "Raised"),
        ("threshold", "Raised"),
        ("out_of_range", "Ended"),
    ]


@pytest.mark.parametrize(
    ("model", "wrong", "said"),
    [
        (Silence, {"after": "60s", "quantity": "water_dept"}, "did you mean 'water_depth'"),
        (Silence, {"after": "60s", "zone": "lane"}, "zone: this rule judges readings"),
        (Stuck, {"quantity": "depth"}, "no quantity 'depth'"),
        (OutOfRange, {"quantity": "water_depth"}, "give lowest, highest or both"),
        (OutOfRange, {"quantity": "water_depth", "lowest": 9, "highest": 3}, "is not below highest"),
        (OutOfRange, {"quantity": "water_depth", "lowest": 0, "vertical_datum": "wusong"}, "belongs to quantity"),
    ],
)
def test_a_recipe_refuses_what_cannot_be_meant(model: type[RuleRecipe], wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        model.model_validate(wrong)
