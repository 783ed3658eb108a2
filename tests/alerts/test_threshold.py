"""The threshold rule on literal series."""

from __future__ import annotations

import csv
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.threshold import Recipe
from data.model.alert import Alert, AlertKey, Priority, Raised, Signal
from data.model.observation import Quality, Reading, Tick
from data.model.units import convert
from data.ports.recipe import KeepsState, Rule
from tests.alerts.timelines import CONTEXT, at, restarted, stored, told

DEPTH = Recipe(quantity="water_depth", above=25)  # cm; normal again at 20


def depth(value: float, second: float, monitor: str = "gauge", quality: Quality = Quality.GOOD) -> Reading:
    return Reading("gate-3", monitor, "water_depth", value, at(second), quality)


def feed(rule: Rule, *seen: Reading | Tick) -> list[Signal]:
    return [signal for one in seen for signal in rule.judge(one)]


def test_a_flood_raises_one_alert_and_clears_it_at_four_fifths() -> None:
    series = [depth(v, 60.0 * i) for i, v in enumerate([3, 12, 25, 31, 24, 26, 21, 20, 4])]
    signals = feed(DEPTH.make(CONTEXT), *series)
    assert told(signals) == [("raised", 120.0, 120.0), ("ended", 420.0, 420.0)]
    raised = signals[0]
    assert isinstance(raised, Raised)
    assert (raised.value, raised.unit, raised.label, raised.key.subject, raised.key.zone) == (
        25,
        "cm",
        "water_depth",
        "",
        "",
    )


def test_below_alarms_downwards() -> None:
    rule = Recipe(quantity="flow", below=10).make(CONTEXT)
    series = [Reading("gate-3", "g", "flow", v, at(i)) for i, v in enumerate([20, 10, 9, 12, 12.5, 30])]
    assert told(feed(rule, *series)) == [("raised", 1.0, 1.0), ("ended", 4.0, 4.0)]


def test_methane_is_grave_from_a_fifth_of_the_explosive_limit_without_any_limit_written() -> None:
    rule = Recipe(quantity="methane", samples=1, keep_firing_for=at(0) - at(0))
    signals = feed(
        rule.make(CONTEXT), *(Reading("gate-3", "g", "methane", v, at(i)) for i, v in enumerate([4.9, 5, 12, 20, 3]))
    )
    assert [one.priority for one in signals if isinstance(one, Raised)] == [Priority.P3, Priority.P2, Priority.P1]
    assert told(signals)[-1] == ("ended", 4.0, 4.0)
    assert [(rung.limit, rung.priority) for rung in Recipe(quantity="hydrogen_sulfide").rungs] == [
        (7.0, Priority.P3), (20.0, Priority.P2), (50.0, Priority.P1),
    ]  # fmt: skip


def test_limits_are_converted_once_from_the_unit_they_are_written_in() -> None:
    rule = Recipe(quantity="water_depth", above=0.25, clear_at=0.1, unit="m")
    assert rule.limits == pytest.approx((25.0, 10.0))
    assert Recipe(quantity="water_level", above=20, unit="ft").limits == pytest.approx((6.096, 4.8768))


def test_pending_for_waits_and_forgets_a_short_peak() -> None:
    rule = DEPTH.model_copy(update={"pending_for": at(60) - at(0)})
    series = [depth(30, 0), depth(3, 30), depth(30, 40), depth(30, 90), depth(30, 100), depth(30, 130)]
    assert told(feed(rule.make(CONTEXT), *series)) == [("raised", 40.0, 100.0)]


def test_pending_for_passes_on_ticks_but_not_on_blind_ones() -> None:
    rule = DEPTH.model_copy(update={"pending_for": at(10) - at(0)})
    watched = feed(rule.make(CONTEXT), depth(30, 0), *(Tick("gate-3", at(s)) for s in range(1, 15)))
    assert told(watched) == [("raised", 0.0, 10.0)]
    ticks = [Tick("gate-3", at(s), observable=not 3 <= s < 63) for s in range(1, 90)]
    assert told(feed(rule.make(CONTEXT), depth(30, 0), *ticks)) == [("raised", 0.0, 71.0)]


def test_three_samples_or_sixty_seconds_whichever_comes_first() -> None:
    rule = DEPTH.model_copy(update={"samples": 3, "pending_for": at(60) - at(0)})
    assert told(feed(rule.make(CONTEXT), *(depth(30, 5.0 * i) for i in range(5)))) == [("raised", 0.0, 10.0)]
    assert told(feed(rule.make(CONTEXT), *(depth(30, 50.0 * i) for i in range(5)))) == [("raised", 0.0, 100.0)]


def test_keep_firing_for_wants_the_value_normal_for_so_long() -> None:
    rule = DEPTH.model_copy(update={"keep_firing_for": at(300) - at(0)}).make(CONTEXT)
    series = [depth(30, 0), depth(10, 60), depth(23, 200), depth(10, 260), depth(9, 500), depth(8, 560)]
    assert told(feed(rule, *series)) == [("raised", 0.0, 0.0), ("ended", 260.0, 560.0)]


def test_late_and_bad_readings_and_other_quantities_are_not_judged() -> None:
    rule = DEPTH.make(CONTEXT)
    rain = Reading("gate-3", "gauge", "rainfall", 99, at(20))
    signals = feed(rule, depth(5, 100), depth(80, 50), depth(80, 110, quality=Quality.BAD), rain, depth(6, 120))
    assert signals == []
    assert told(feed(rule, depth(30, 130, quality=Quality.UNCERTAIN))) == [("raised", 130.0, 130.0)]


def test_of_several_monitors_the_worst_counts_unless_one_is_named() -> None:
    series = [depth(30, 0, "gauge"), depth(5, 1, "camera"), depth(31, 2, "gauge"), depth(5, 3, "gauge")]
    assert told(feed(DEPTH.make(CONTEXT), *series)) == [("raised", 0.0, 0.0), ("ended", 3.0, 3.0)]
    assert feed(DEPTH.model_copy(update={"monitor": "camera"}).make(CONTEXT), *series) == []


def test_after_a_restart_an_open_alert_is_not_raised_again_and_still_ends() -> None:
    (raised,) = feed(DEPTH.make(CONTEXT), depth(30, 0))
    assert isinstance(raised, Raised)
    again = DEPTH.make(CONTEXT)
    again.resume([Alert(raised.key, raised.kind, raised.priority, raised.started_at, raised.at, id=1)])
    assert told(feed(again, depth(40, 60), depth(4, 120))) == [("ended", 120.0, 120.0)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"quantity": "water_depth", "above": 3, "unit": "mm/h"}, "unit: water_depth is kept in cm; 'mm/h' cannot"),
        ({"quantity": "water_dept", "above": 3}, "no quantity 'water_dept', did you mean 'water_depth'"),
        ({"quantity": "flow"}, "give either above or below, or bands, or stages"),
        ({"quantity": "water_depth", "above": 3, "below": 1}, "give either above or below"),
        ({"quantity": "water_depth", "above": 3, "clear_at": 4}, "clear_at: lies on the alarming side"),
        ({"quantity": "water_depth", "above": 3, "zone": "lane"}, "zone: this rule judges readings"),
    ],
)
def test_a_recipe_refuses_what_cannot_be_meant(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Recipe.model_validate(wrong)


ROAD = Recipe(quantity="water_depth")  # 5, 15, 25, 50 cm


def climbed(signals: list[Signal]) -> list[tuple[str, str, float]]:
    """Priority (or "ended"), value and second of the decision."""
    return [
        (s.priority.value, f"{s.value:g}", (s.at - at(0)).total_seconds())
        if isinstance(s, Raised)
        else ("ended", "", (s.at - at(0)).total_seconds())
        for s in signals
    ]


def test_a_road_has_its_bands_without_being_told_and_they_are_one_alert() -> None:
    assert [(r.limit, r.clear, r.priority.value) for r in ROAD.rungs] == [
        (5, 4, "P4"),
        (15, 12, "P3"),
        (25, 20, "P2"),
        (50, 40, "P1"),
    ]
    values = [6, 7, 8, 18, 19, 20, 27, 30, 31, 55, 56, 57]
    signals = feed(ROAD.make(CONTEXT), *(depth(v, 10.0 * i) for i, v in enumerate(values)))
    assert climbed(signals) == [("P4", "8", 20.0), ("P3", "20", 50.0), ("P2", "31", 80.0), ("P1", "57", 110.0)]
    assert len({s.key for s in signals}) == 1


def test_a_leap_over_several_bands_raises_once_with_the_highest() -> None:
    signals = feed(ROAD.make(CONTEXT), *(depth(60, 10.0 * i) for i in range(4)))
    assert climbed(signals) == [("P1", "60", 20.0)]


def test_a_fall_eases_band_by_band_and_ends_after_five_minutes_at_four_fifths_of_the_lowest() -> None:
    rule = ROAD.make(CONTEXT)
    feed(rule, *(depth(60, 10.0 * i) for i in range(3)))
    falling = [(39, 60), (39, 360), (22, 420), (13, 480), (11, 540), (11, 840), (4.5, 900), (4, 960), (3, 1260)]
    signals = feed(rule, *(depth(v, s) for v, s in falling))
    assert climbed(signals) == [("P2", "39", 360.0), ("P4", "11", 840.0), ("ended", "", 1260.0)]


def test_a_level_between_the_limit_and_its_way_back_changes_nothing() -> None:
    rule = ROAD.make(CONTEXT)
    feed(rule, *(depth(30, 10.0 * i) for i in range(3)))
    assert feed(rule, *(depth(21 if i % 2 else 29, 30.0 + 60 * i) for i in range(20))) == []


def test_stages_carry_their_datum_and_end_two_tenths_of_a_metre_below() -> None:
    rule = Recipe.model_validate(
        {
            "quantity": "water_level",
            "vertical_datum": "yellow_sea",
            "stages": {"warning": 181.0, "guaranteed": 184.0, "record": 186.2},
        }
    )
    assert [(r.limit, round(r.clear, 3), r.priority.value) for r in rule.rungs] == [
        (181.0, 180.8, "P3"),
        (184.0, 183.8, "P2"),
        (186.2, 186.0, "P1"),
    ]
    without = {"quantity": "water_level", "stages": {"warning": 181.0}}
    with pytest.raises(ValidationError, match="need the `vertical_datum`"):
        Recipe.model_validate(without)


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ([{"above": 5, "priority": "P3"}, {"above": 3, "priority": "P2"}], "not above the band before"),
        ([{"above": 5, "priority": "P3"}, {"above": 9, "priority": "P3"}], "not more urgent than the band before"),
        ([{"above": 5, "priority": "P3", "clear_at": 6}], "it never ends"),
    ],
)
def test_bands_that_do_not_rise_are_refused(bands: list[dict[str, object]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Recipe.model_validate({"quantity": "water_depth", "bands": bands})


def test_an_alert_resumed_in_its_band_worsens_and_eases_from_there() -> None:
    rule = ROAD.make(CONTEXT)
    raised = feed(rule, *(depth(30, 10.0 * i) for i in range(3)), depth(60, 40), depth(60, 50))
    assert climbed(raised) == [("P2", "30", 20.0)]
    again = restarted(ROAD, rule, stored(raised[0]))
    assert climbed(feed(again, depth(61, 60))) == [("P1", "61", 60.0)]
    feed(again, depth(30, 120), depth(30, 400))
    worse = replace(stored(raised[0]), priority=Priority.P1)
    eased = feed(restarted(ROAD, again, worse), Tick("gate-3", at(410)), Tick("gate-3", at(430)))
    assert climbed(eased) == [("P2", "30", 430.0)]


def test_a_recipe_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(DEPTH)) == DEPTH


@pytest.mark.shared
def test_a_real_flood_peak_with_late_rows_and_a_dip_raises_exactly_one_alert(shared: Path) -> None:
    """Buffalo Bayou, August 2017: over 20 ft, a dip to 19.94 ft, rows out of order (data: WaterNet, MIT)."""
    rule = Recipe(quantity="water_level", above=20, clear_at=18, unit="ft").make(CONTEXT)
    with (shared / "series" / "harvey_buffalo_bayou_stage.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    signals: list[Signal] = []
    for moment, value in ((row[0], row[1]) for row in rows if len(row) > 1 and row[1].strip()):
        when = datetime.strptime(moment, "%m/%d/%y %H:%M").replace(tzinfo=UTC)
        feet = convert(float(value), "ft", "water_level")
        signals += rule.judge(Reading("gate-3", "gauge", "water_level", feet, when))
    assert [type(signal).__name__ for signal in signals][:1] == ["Raised"]
    assert sum(isinstance(signal, Raised) for signal in signals) == 1


def test_what_was_pending_goes_on_after_a_restart_and_the_time_away_does_not_count() -> None:
    slow = Recipe(quantity="water_depth", above=25, pending_for="60s")
    rule = slow.make(CONTEXT)
    assert feed(rule, *(depth(30, 10.0 * i) for i in range(5)), Tick("gate-3", at(40))) == []
    again = restarted(slow, rule)
    signals = feed(again, *(depth(30, 100.0 + 10 * i) for i in range(10)))
    assert told(signals) == [("raised", 0.0, 120.0)]  # 40 s before, 60 s away, 20 s after


def test_samples_in_a_row_are_counted_over_a_restart() -> None:
    rows = Recipe(quantity="water_depth", above=25, samples=3)
    rule = rows.make(CONTEXT)
    feed(rule, depth(30, 0), depth(30, 60))
    assert told(feed(restarted(rows, rule), depth(31, 120))) == [("raised", 0.0, 120.0)]


def test_a_return_to_normal_that_was_pending_ends_the_alert_after_the_restart() -> None:
    calm = Recipe(quantity="water_depth", above=25, keep_firing_for="60s")
    rule = calm.make(CONTEXT)
    (raised,) = feed(rule, depth(30, 0), depth(10, 10), depth(10, 40))
    again = restarted(calm, rule, stored(raised))
    assert told(feed(again, depth(10, 50), depth(10, 70), depth(10, 95))) == [("ended", 10.0, 95.0)]


def test_where_state_and_store_differ_the_open_alert_is_right_and_nothing_pending_is_not_kept() -> None:
    slow = Recipe(quantity="water_depth", above=25, pending_for="60s")
    rule = slow.make(CONTEXT)
    assert isinstance(rule, KeepsState)
    assert rule.snapshot() is None
    feed(rule, depth(30, 0))
    opened = Alert(
        AlertKey("gate-3", "threshold", "", ""), "threshold", slow.priority, at(0), at(60), "water_depth", id=1
    )
    assert feed(restarted(slow, rule, opened), depth(31, 90), depth(31, 200)) == []
    with pytest.raises(ValueError, match="cannot be read"):
        rule.restore({"time": {}})
