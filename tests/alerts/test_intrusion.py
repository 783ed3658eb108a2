"""The intrusion rule on literal timelines, five looks a second."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from alerts.intrusion import Recipe
from data.model.alert import Priority, Raised, Signal
from data.model.observation import Detection, Detections, Tick
from data.ports.recipe import Rule
from tests.alerts.timelines import CONTEXT, at, play, seen, stored, told

RIVER = Recipe(zone="lane", labels=("person",))


def swimmer(second: float, start: float, end: float) -> list[Detection]:
    return [seen(0.5, label="person")] if start <= second < end else []


def test_a_person_in_the_zone_raises_at_the_first_picture_and_ends_when_last_seen() -> None:
    lines = told(play(RIVER.make(CONTEXT), lambda s: swimmer(s, 2.0, 6.0), until=20))
    assert lines == [("raised", 1.9, 2.0), ("ended", 5.9, 11.0)]  # each in the middle between two pictures


def test_somebody_beside_the_zone_raises_nothing() -> None:
    assert play(RIVER.make(CONTEXT), lambda _: [seen(0.1, label="person"), seen(0.5, label="dog")], until=5) == []


def test_each_person_is_an_alert_of_its_own() -> None:
    people = [seen(0.3, track=1, label="person"), seen(0.7, track=2, label="person")]
    assert told(play(RIVER.make(CONTEXT), lambda _: people, until=5)) == [("raised", 0.0, 0.0), ("raised", 0.0, 0.0)]


def test_five_of_eight_pictures_ignores_flukes_and_accepts_flicker() -> None:
    careful = RIVER.model_copy(update={"pictures": 5, "of": 8})
    fluke = play(careful.make(CONTEXT), lambda s: swimmer(s, 1.0, 1.5) + swimmer(s, 20.0, 20.7), until=40)
    assert fluke == []
    flicker = play(careful.make(CONTEXT), lambda s: [] if round(s * 5) % 3 == 2 else swimmer(s, 0, 99), until=10)
    assert told(flicker) == [("raised", 0.0, 1.2)]  # seen at 0.0 0.2 0.6 0.8 1.2


def test_at_least_delays_the_alert() -> None:
    patient = RIVER.model_copy(update={"at_least": RIVER.keep_firing_for})  # 5 s
    assert told(play(patient.make(CONTEXT), lambda s: swimmer(s, 0, 99), until=8)) == [("raised", 0.0, 5.0)]
    assert play(patient.make(CONTEXT), lambda s: swimmer(s, 0, 4.5), until=20) == []


def test_after_a_restart_the_swimmer_who_moved_on_is_still_the_same_alert() -> None:
    (raised,) = play(RIVER.make(CONTEXT), lambda _: [seen(0.3, label="person")], until=3)
    again = RIVER.make(CONTEXT)
    again.resume([stored(raised)])
    lines = play(again, lambda s: [seen(0.7, label="person")] if s < 20 else [], since=10, until=40)
    assert told(lines) == [("ended", 19.9, 25.0)]
    assert lines[0].key == raised.key


def test_a_recipe_can_be_sent_to_another_process_and_refuses_the_impossible() -> None:
    assert pickle.loads(pickle.dumps(RIVER)) == RIVER
    with pytest.raises(ValidationError, match="5 can never be seen in the last of: 3"):
        Recipe(pictures=5, of=3)


def in_mode(rule: Rule, second: float, *modes: str) -> list[Signal]:
    return list(rule.judge(Tick("gate-3", at(second), modes=frozenset(modes))))


def doubtful(second: float) -> Detections:
    return Detections.of("gate-3", at(second), [seen(0.5, label="person", confidence=0.2)], aspect=1.0)


def test_while_the_crest_passes_lower_thresholds_hold_and_afterwards_the_rules_own() -> None:
    crest = {"flood-crest": {"confidence": 0.15, "pictures": 3, "of": 8, "priority": "P1"}}
    careful = RIVER.model_copy(update={"confidence": 0.3, "pictures": 5, "of": 8})
    rule = Recipe.model_validate({**careful.model_dump(), "in_mode": crest}).make(CONTEXT)
    quiet = [signal for i in range(20) for signal in rule.judge(doubtful(i / 5))]
    assert quiet == []
    in_mode(rule, 4.0, "flood-crest")
    raised = [signal for i in range(3) for signal in rule.judge(doubtful(4.2 + i / 5))]
    assert told(raised) == [("raised", 4.0, 4.6)]
    assert isinstance(raised[0], Raised)
    assert raised[0].priority is Priority.P1
    in_mode(rule, 5.0)
    over = [signal for i in range(40) for signal in rule.judge(doubtful(5.2 + i / 5))]
    assert [word for word, *_ in told(over)] == ["ended"]
    assert [signal for i in range(40) for signal in rule.judge(doubtful(20 + i / 5))] == []


def test_settings_of_a_mode_that_can_never_raise_are_refused() -> None:
    with pytest.raises(ValidationError, match="6 can never be seen in the last of: 5"):
        Recipe.model_validate(
            {"kind": "intrusion", "pictures": 1, "of": 5, "in_mode": {"flood-crest": {"pictures": 6}}}
        )
