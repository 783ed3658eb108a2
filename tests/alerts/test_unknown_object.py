"""What cannot be named raises one probable alert; what is named, before or after, is left to the rules about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from alerts.unknown_object import Recipe
from data.model.alert import Because, Ended, Raised
from data.model.alert_life import Verification
from data.model.observation import Detection
from engine.judging.judgement import UnitOfWork, commit_unit
from tests.alerts.timelines import CONTEXT, at, play, restarted, seen, told
from tests.stores import new_store

YARD = Recipe(zone="lane", at_least="3s")


def unknown(x: float = 0.5, track: int = 9, height: float = 0.2) -> Detection:
    return seen(x, track=track, label="unknown", height=height)


def person(x: float = 0.5, confidence: float = 0.5) -> Detection:
    return seen(x, track=1, label="person", confidence=confidence, height=0.2)


def between(since: float, until: float, found: Callable[[], Detection] = unknown) -> Callable[[float], list[Detection]]:
    return lambda s: [found()] if since <= s < until else []


def test_it_raises_after_three_seconds_in_the_zone_and_ends_when_it_has_left() -> None:
    lines = play(YARD.make(CONTEXT), between(2.0, 9.0), until=40)
    assert told(lines) == [("raised", 1.9, 5.0), ("ended", 8.9, 19.0)]
    assert (lines[0].key.zone, getattr(lines[0], "kind", ""), getattr(lines[0], "label", "")) == (
        "lane", "unknown_object", "unknown",
    )  # fmt: skip


def test_what_passes_quickly_or_beside_the_zone_raises_nothing() -> None:
    assert play(YARD.make(CONTEXT), between(2.0, 4.5), until=20) == []
    assert play(YARD.make(CONTEXT), lambda _: [unknown(0.05)], until=20) == []


def test_what_a_detector_names_in_its_place_raises_nothing() -> None:
    assert play(YARD.make(CONTEXT), lambda _: [unknown(), person()], until=60) == []
    flickers = play(YARD.make(CONTEXT), lambda s: [unknown(), *([person()] if round(s * 5) % 7 == 0 else [])], until=60)
    assert flickers == []


def test_once_named_the_alert_ends_and_says_why_and_no_other_begins_while_the_name_holds() -> None:
    rule = YARD.make(CONTEXT)
    lines = play(rule, lambda s: [unknown(), *([person()] if s >= 10 else [])], until=60)
    assert told(lines) == [("raised", 0.0, 3.0), ("ended", 10.4, 10.4)]
    assert isinstance(lines[1], Ended)
    assert lines[1].because is Because.NAMED


def test_a_single_false_name_takes_nothing_over() -> None:
    lines = play(YARD.make(CONTEXT), lambda s: [unknown(), *([person()] if 1.0 <= s < 1.1 else [])], until=30)
    assert told(lines) == [("raised", 0.0, 3.2)]


def test_half_a_minute_after_its_last_name_it_is_unknown_again() -> None:
    lines = play(YARD.make(CONTEXT), lambda s: [unknown(), *([person()] if s < 10 else [])], until=60)
    assert told(lines) == [("raised", 0.0, 39.6)]


def test_somebody_named_elsewhere_does_not_hide_it() -> None:
    lines = play(YARD.make(CONTEXT), lambda _: [unknown(0.3), person(0.7)], until=10)
    assert told(lines) == [("raised", 0.0, 3.0)]


def test_no_other_rule_counts_what_has_no_name() -> None:
    for recipe in (Intrusion(zone="lane"), Dwell(zone="lane", at_least="2s")):
        assert play(recipe.make(CONTEXT), lambda _: [unknown()], until=20) == []


@pytest.mark.parametrize(("height", "alerts"), [(0.02, 0), (0.05, 1), (0.85, 0)])
def test_only_plausible_sizes_count(height: float, alerts: int) -> None:
    tall = YARD.model_copy(update={"zone": None})
    there = Detection((0.4, 0.95 - height, 0.5, 0.95), 0.8, "unknown", 9)
    assert len(play(tall.make(CONTEXT), lambda _: [there], until=10)) == alerts


def test_where_people_were_named_nothing_far_smaller_than_they_are_counts() -> None:
    def street(height: float) -> Callable[[float], list[Detection]]:
        def scene(s: float) -> list[Detection]:
            if s < 30:  # six people walk through, each known surely
                return [seen(0.2 + (s % 5) / 10, track=1 + int(s // 5), label="person", height=0.2)]
            return [unknown(height=height)] if s > 40 else []

        return scene

    assert play(YARD.make(CONTEXT), street(0.05), until=60) == []
    assert len(play(YARD.make(CONTEXT), street(0.12), until=60)) == 1


def test_a_restart_neither_forgets_what_stood_there_nor_its_name() -> None:
    before = YARD.make(CONTEXT)
    assert play(before, lambda _: [unknown()], until=2) == []
    after = restarted(YARD, before)
    assert len(play(after, lambda _: [unknown()], since=2.2, until=6)) == 1
    named = YARD.make(CONTEXT)
    play(named, lambda _: [unknown(), person()], until=10)
    assert play(restarted(YARD, named), lambda _: [unknown()], since=10.2, until=20) == []


def test_a_state_that_cannot_be_read_is_refused_and_changes_nothing() -> None:
    rule = YARD.make(CONTEXT)
    with pytest.raises(ValueError):
        rule.restore({"stays": None, "named": 3, "sizes": None})  # type: ignore[attr-defined]
    assert len(play(rule, lambda _: [unknown()], until=10)) == 1


def test_it_is_probable_with_its_first_commit(tmp_path: Path) -> None:
    (raised,) = play(YARD.make(CONTEXT), lambda _: [unknown()], until=5)
    store = new_store(tmp_path / "alerts.db")
    unit = UnitOfWork("gate-3.camera", (raised,), raised.at, number=1)
    store.write(lambda writer: commit_unit(writer, unit, raised.at + timedelta(seconds=1)))
    assert store.read(lambda reader: reader.alert(1)).verification is Verification.PROBABLE
    store.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 12)), min_size=1, max_size=12),
    st.sampled_from([2.0, 5.0]),
)
def test_there_is_never_more_than_one_alert_of_one_object_and_none_while_it_is_named(
    parts: list[tuple[bool, bool, int]], per_second: float
) -> None:
    """Parts of so many seconds in which the foreground sees it or not, and the network names it or not."""
    shown = [(there, name) for there, name, length in parts for _ in range(round(length * per_second))]

    def scene(s: float) -> list[Detection]:
        there, name = shown[min(len(shown) - 1, round(s * per_second))]
        return [*([unknown()] if there else []), *([person()] if name else [])]

    open_now, names = 0, list[float]()
    rule = YARD.make(CONTEXT)
    signals = play(rule, scene, until=len(shown) / per_second - 0.2, per_second=per_second)
    named_at = [i / per_second for i, (there, name) in enumerate(shown) if there and name]
    for signal in signals:
        open_now += 1 if isinstance(signal, Raised) else -1
        assert open_now in {0, 1}
        if isinstance(signal, Raised):
            second = (signal.at - at(0)).total_seconds()
            names = [s for s in named_at if second - 2.0 < s <= second]
            assert names == []
