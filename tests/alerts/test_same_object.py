"""One physical object, one alert: whatever hides it, renames it or makes the camera blind; another is another."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable

import numpy as np
import pytest

from alerts.dwell import Recipe
from data.model.alert import Raised, Signal
from data.model.observation import Detection, Detections, Tick, Vectors
from data.ports.recipe import KeepsState, Rule
from tests.alerts.timelines import CONTEXT, at, ended_keys, play, seen, stored, told

STANDING = Recipe(zone="lane", labels=("car", "truck"), at_least="60s")


def painted(*shares: float) -> Vectors:
    return np.array(shares, np.float32)


RED, WHITE = painted(0.8, 0.1, 0.1), painted(0.0, 0.2, 0.8)


def raises(signals: list[Signal]) -> list[Raised]:
    return [signal for signal in signals if isinstance(signal, Raised)]


def test_a_name_changed_six_times_is_one_alert_two_seconds_off_at_most() -> None:
    changes = (7.0, 15.2, 15.6, 31.0, 44.4, 52.0)

    def scene(second: float) -> list[Detection]:
        names = sum(second >= change for change in changes)
        lost = any(change - 0.8 <= second < change for change in changes)  # the tracker lets go before it renames
        return [] if lost else [seen(0.5, track=1 + names)]

    ((word, started, decided),) = told(play(STANDING.make(CONTEXT), scene, until=100))
    assert (word, started) == ("raised", 0.0)
    assert decided == pytest.approx(60.0, abs=2.0)


def test_hidden_for_thirty_seconds_by_another_that_drives_by_slowly_is_one_alert() -> None:
    def scene(second: float) -> list[Detection]:
        if not 20 <= second < 49.8:
            return [seen(0.5, track=1 if second < 20 else 9, looks=RED)]
        return [seen(0.35 + 0.01 * (second - 20), y=0.6, track=5, label="truck", looks=WHITE)]

    lines = told(play(STANDING.make(CONTEXT), scene, until=100))
    assert lines == [("raised", 0.0, 90.0)]  # hidden for so long it may have been exchanged: that does not count


def test_a_van_that_stops_in_front_hides_the_car_and_does_not_replace_it() -> None:
    def scene(second: float) -> list[Detection]:
        if not 20 <= second < 45:
            return [seen(0.5, track=1 if second < 20 else 9)]
        return [seen(0.5 - 0.1 * max(0.0, 22 - second), y=0.53, track=5, height=0.15)]

    lines = told(play(STANDING.make(CONTEXT), scene, until=100))
    assert lines == [("raised", 0.0, 85.2)]


def test_unseen_for_longer_than_that_it_has_left() -> None:
    lines = told(
        play(STANDING.make(CONTEXT), lambda s: [] if 20 <= s < 55 else [seen(0.5, track=1 + (s > 50))], until=130)
    )
    assert [line[:2] for line in lines] == [("raised", 54.9)]


@pytest.mark.parametrize("gap", [1.6, 10.0, 25.0])
def test_another_car_in_the_same_place_after_an_unseen_change_is_a_second_alert(gap: float) -> None:
    def scene(second: float) -> list[Detection]:
        if second < 80:
            return [seen(0.5, track=1, looks=RED)]
        return [] if second < 80 + gap else [seen(0.5, track=2, looks=WHITE)]

    signals = play(STANDING.make(CONTEXT), scene, until=200)
    assert [line[0] for line in told(signals)] == ["raised", "ended", "raised"]
    first, second = raises(signals)
    assert first.key.subject != second.key.subject
    assert ended_keys(signals) == [first.key.subject]
    assert (second.at - at(80 + gap)).total_seconds() == pytest.approx(60.0, abs=0.5)


def test_a_car_exchanged_while_the_camera_was_blind_is_a_second_alert() -> None:
    def scene(second: float) -> list[Detection] | None:
        looks = RED if second < 90 else WHITE
        return None if 90 < second < 300 else [seen(0.5, track=1 + (second > 100), looks=looks)]

    signals = play(STANDING.make(CONTEXT), scene, until=450)
    assert len({raised.key.subject for raised in raises(signals)}) == 2


def test_the_same_car_in_slowly_changing_light_stays_the_same() -> None:
    def scene(second: float) -> list[Detection]:
        dusk = np.float32(min(1.0, second / 200))
        return [] if second % 20 > 17 else [seen(0.5, track=int(second / 20), looks=RED + dusk * (WHITE - RED))]

    rule = Recipe(zone="lane", at_least="200s").make(CONTEXT)
    assert told(play(rule, scene, until=230)) == [("raised", 0.0, 200.0)]


def test_the_record_of_the_alert_shows_the_gap_of_sixty_seconds() -> None:
    def scene(second: float) -> list[Detection] | None:
        return None if 30 < second < 90 else [seen(0.5, track=1 if second < 60 else 2)]

    (raised,) = raises(play(STANDING.make(CONTEXT), scene, until=200))
    assert raised.started_at == at(0)
    ((start, end),) = raised.gaps
    assert start == at(30.0)
    assert (end - at(90)).total_seconds() == pytest.approx(0.0, abs=0.2)
    assert (raised.at - at(120)).total_seconds() == pytest.approx(0.0, abs=0.5)


def resampled(rate: float, keep: Callable[[int], bool]) -> list[tuple[str, float, float]]:
    """A scene of three cars at this many looks a second, of which only those that `keep` names are there."""

    def shown(second: float) -> list[Detection]:
        found = []
        for track, (arrives, leaves, y) in enumerate(((5.0, 105.0, 0.5), (20.0, 61.0, 0.35), (30.0, 140.0, 0.7))):
            x = 0.5 - 0.1 * max(0.0, arrives - second) + 0.1 * max(0.0, second - leaves)
            if 0.0 < x < 1.0:
                found.append(seen(x, y=y, track=track))
        return found

    rule = STANDING.make(CONTEXT)
    signals: list[Signal] = []
    for i in range(round(180 * rate)):
        if keep(i):
            signals += rule.judge(Detections.of("gate-3", at(i / rate), shown(i / rate), aspect=1.0))
        if i % round(rate) == 0:
            signals += rule.judge(Tick("gate-3", at(i / rate)))
    return sorted(told(signals))


@pytest.mark.parametrize("rate", [25.0, 10.0, 5.0, 2.0])
def test_any_frame_rate_gives_the_same_events_and_dwell(rate: float) -> None:
    same_stays(resampled(rate, lambda _: True), 1 / rate)


@pytest.mark.parametrize("seed", range(5))
def test_half_of_the_frames_dropped_at_random_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    kept = [i for i in range(180 * 10) if chance.random() < 0.5]
    longest = max(later - earlier for earlier, later in itertools.pairwise(kept))
    same_stays(resampled(10.0, set(kept).__contains__), longest / 10)


def same_stays(lines: list[tuple[str, float, float]], interval: float) -> None:
    truth = resampled(25.0, lambda _: True)
    assert [line[0] for line in lines] == [line[0] for line in truth] == ["ended", "ended", "raised", "raised"]
    for line, expected in zip(lines, truth, strict=True):
        assert line[1] == pytest.approx(expected[1], abs=interval + 1e-6)
        assert line[2] == pytest.approx(expected[2], abs=3.1)  # of an end: out of the zone 1 s, or unseen 2 s


def again(rule: Rule, raised: list[Raised]) -> Rule:
    """A new process takes up what the old one kept, by way of JSON."""
    assert isinstance(rule, KeepsState)
    kept = json.loads(json.dumps(rule.snapshot()))
    fresh = STANDING.make(CONTEXT)
    fresh.resume([stored(one) for one in raised])
    assert isinstance(fresh, KeepsState)
    fresh.restore(kept)
    return fresh


def test_a_restart_in_mid_stay_is_one_alert_that_counts_on() -> None:
    rule = STANDING.make(CONTEXT)
    assert play(rule, lambda _: [seen(0.5, looks=RED)], until=40) == []
    fresh = again(rule, [])
    (raised,) = raises(play(fresh, lambda _: [seen(0.5, looks=RED)], since=50, until=100))
    assert raised.started_at == at(0)
    assert raised.at == at(70)
    assert raised.gaps == ((at(40), at(50)),)


def test_after_a_restart_another_car_in_the_place_is_another() -> None:
    rule = STANDING.make(CONTEXT)
    play(rule, lambda _: [seen(0.5, looks=RED)], until=40)
    (raised,) = raises(play(again(rule, []), lambda _: [seen(0.5, looks=WHITE)], since=50, until=130))
    assert raised.started_at == at(50)


def test_a_state_older_than_the_alert_gives_no_second_one() -> None:
    rule = STANDING.make(CONTEXT)
    play(rule, lambda _: [seen(0.5)], until=59)
    assert isinstance(rule, KeepsState)
    kept = rule.snapshot()
    raised = raises(play(rule, lambda _: [seen(0.5)], since=59.2, until=70))
    fresh = STANDING.make(CONTEXT)
    fresh.resume([stored(raised[0])])
    assert isinstance(fresh, KeepsState)
    fresh.restore(kept)
    signals = play(fresh, lambda s: [seen(0.5)] if s < 90 else [], since=72, until=140)
    assert [line[0] for line in told(signals)] == ["ended"]


def test_a_state_from_later_than_the_first_look_is_left_aside() -> None:
    rule = STANDING.make(CONTEXT)
    play(rule, lambda _: [seen(0.5)], since=500, until=540)
    assert told(play(again(rule, []), lambda _: [seen(0.5)], until=80)) == [("raised", 0.0, 60.0)]
