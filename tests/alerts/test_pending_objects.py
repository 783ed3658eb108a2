"""What the rules on objects tell before they raise and before they end: each once, however often a sight blinks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from alerts.congestion import Recipe as Congestion
from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.model.alert import Standing
from data.model.alert_life import Condition
from data.model.observation import Detection, Detections, Tick
from data.ports.recipe import ReportsPending, Rule, RuleRecipe
from engine.judging.conditions import Conditions
from tests.alerts.timelines import CONTEXT, NOON, Scene, at, seen

Reported = tuple[str, int, int]
"""Condition, since which second, told at which."""


def watch(recipe: RuleRecipe, scene: Scene, until: int, *, per_second: int = 5) -> list[Reported]:
    """What reaches the store: signals and, from the same runtime that the processes have, changes of conditions."""
    rule = recipe.make(CONTEXT)
    assert isinstance(rule, ReportsPending)
    conditions, told = Conditions([rule], timedelta(seconds=10)), list[Reported]()
    for i in range(until * per_second):
        second = i / per_second
        found = scene(second)
        if found is not None:
            signals = rule.judge(Detections.of("gate-3", at(second), found, aspect=1.0))
            conditions.saw(at(second))
            conditions.note(signals)
            told += [(type(signal).__name__, -1, int(second)) for signal in signals]
        if i % per_second == per_second - 1:
            told += _changes(rule, conditions, Tick("gate-3", at(second), observable=found is not None))
    return told


def _changes(rule: Rule, conditions: Conditions, tick: Tick) -> list[Reported]:
    conditions.note(rule.judge(tick))
    return [_line(one, int((tick.at - NOON).total_seconds())) for one in conditions.changes(tick)]


def _line(one: Standing, second: int) -> Reported:
    return one.condition.value, int((one.since - NOON).total_seconds()), second


def words(told: Sequence[Reported]) -> list[str]:
    return [word for word, *_ in told]


def always(found: list[Detection]) -> Scene:
    return lambda _second: found


PARKING = Dwell(zone="lane", at_least="180s")


def test_a_vehicle_that_stands_is_pending_from_a_sixth_of_its_time_until_its_alert() -> None:
    told = watch(PARKING, always([seen(0.5)]), 190)
    assert told == [("pending", 0, 30), ("Raised", -1, 180)]


def test_one_that_drives_on_in_time_was_pending_and_one_that_only_stops_never() -> None:
    drives_on = watch(PARKING, lambda second: [seen(0.5)] if second < 90 else [], 140)
    assert words(drives_on) == ["pending", "normal"]
    assert watch(PARKING, lambda second: [seen(0.5)] if second < 25 else [], 90) == []


def test_a_vehicle_found_in_every_other_picture_is_told_of_twice_and_no_more() -> None:
    scene = lambda second: [seen(0.5)] if round(5 * second) % 2 == 0 else []  # noqa: E731
    assert words(watch(PARKING, scene, 200)) == ["pending", "Raised"]


def test_a_lane_of_passing_traffic_tells_nothing() -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.2 + 0.1 * (second % 6), track=int(second // 6))]

    assert watch(PARKING, scene, 300) == []


def test_a_parked_vehicle_hidden_for_long_is_clearing_and_active_again_when_it_is_seen() -> None:
    def scene(second: float) -> list[Detection]:
        blinks, hidden = 40 <= second < 44, 60 <= second < 80
        return [] if blinks or hidden or second >= 100 else [seen(0.5)]

    told = watch(Dwell(zone="lane", at_least="20s"), scene, 140)
    assert told[:3] == [("pending", 0, 3), ("Raised", -1, 20), ("clearing", 59, 74)]
    assert words(told[3:]) == ["active", "clearing", "Ended"]


def test_in_a_blind_time_nothing_that_was_pending_is_taken_back() -> None:
    told = watch(PARKING, lambda second: None if 60 <= second < 75 else [seen(0.5)], 210)
    assert words(told) == ["pending", "Raised"]


SWIMMERS = Intrusion(zone="lane", pictures=3, of=5)


def test_a_person_seen_in_two_of_five_pictures_is_pending_and_a_single_sight_is_not() -> None:
    swims = watch(SWIMMERS, lambda second: [seen(0.5, label="person")] if second % 5 < 2 else [], 40, per_second=1)
    assert words(swims) == ["pending", "normal"] * (len(swims) // 2) or words(swims) == ["pending"]
    assert swims[0] == ("pending", 0, 1)
    blinks = watch(SWIMMERS, lambda second: [seen(0.5, label="person")] if second in {3, 20} else [], 40)
    assert blinks == []


def test_a_person_who_stays_is_pending_until_the_time_allowed_is_over() -> None:
    recipe = Intrusion(zone="lane", at_least="12s")
    told = watch(recipe, lambda second: [seen(0.5, label="person")] if second < 20 else [], 40)
    assert told[:2] == [("pending", 0, 2), ("Raised", -1, 12)]
    assert words(told[2:]) == ["Ended"]


def test_who_may_raise_at_once_is_never_pending() -> None:
    told = watch(Intrusion(zone="lane"), lambda second: [seen(0.5, label="person")] if 3 < second < 9 else [], 30)
    assert words(told) == ["Raised", "Ended"]


@pytest.mark.parametrize("rule", [PARKING, SWIMMERS, Congestion(zone="lane")])
def test_outside_its_hours_nothing_is_pending(rule: RuleRecipe) -> None:
    recipe = type(rule).model_validate(rule.model_dump() | {"during": [{"start": "00:00", "end": "00:01"}]})
    cars = [seen(0.3 + 0.1 * i, track=i) for i in range(4)]
    assert watch(recipe, always(cars), 60) == []


def test_a_queue_is_pending_then_active_then_clearing() -> None:
    cars = [seen(0.3 + 0.1 * i, track=i) for i in range(4)]
    recipe = Congestion(zone="lane", at_least="60s", keep_firing_for="20s")
    told = watch(recipe, lambda second: cars if second < 80 else [], 160)
    assert words(told) == ["pending", "Raised", "clearing", "Ended"]
    assert 10 <= told[0][2] <= 13
    assert words(watch(recipe, lambda second: cars if second < 30 else [], 120)) == ["pending", "normal"]


def test_what_is_pending_says_what_it_waits_for() -> None:
    rule = PARKING.make(CONTEXT)
    assert isinstance(rule, ReportsPending)
    for second in range(60):
        rule.judge(Detections.of("gate-3", at(second), [seen(0.5)], aspect=1.0))
    (one,) = rule.standings()
    assert (one.condition, one.kind, one.priority.value) == (Condition.PENDING, "dwell", "P3")
    assert one.key[:3] == ("gate-3", "dwell", "lane")
    assert one.key.subject.startswith("20240712T040000.000-car")
