"""A queue is one congestion, no parking; who stays when it has left is parked."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from alerts.congestion import Recipe as Congestion
from alerts.dwell import Recipe as Dwell
from data.model.alert import Ended, Raised, Signal
from data.model.observation import Detection, Detections, Tick
from data.ports.recipe import KeepsState
from tests.alerts.timelines import CONTEXT, at, play, seen, stored, told

QUEUE = Congestion(zone="lane", at_least="60s")
PARKING = Dwell(zone="lane", labels=("car", "truck", "bus"), at_least="180s", congestion_of=4)
SPOTS = (0.72, 0.62, 0.52, 0.42, 0.32, 0.22)


def waiting(second: float, leaves: float = 220.0, stays: int | None = None) -> list[Detection]:
    """Six cars come one after the other from the left, wait from about 20 s on, and leave, the first first."""
    found = []
    for i, spot in enumerate(SPOTS):
        arrives = 4.0 + 3.0 * i
        gone = float("inf") if i == stays else leaves + 2.0 * i
        x = spot - 0.1 * max(0.0, arrives - second) + 0.1 * max(0.0, second - gone)
        y = 0.5 if i == stays or second < gone else 0.45
        if 0.0 < x < 1.0:
            found.append(seen(x, y=y, track=i))
    return found


def test_six_vehicles_that_wait_at_a_light_for_200_s_are_one_congestion_and_no_parking() -> None:
    assert told(play(PARKING.make(CONTEXT), waiting, until=300)) == []
    raised, ended = play(QUEUE.make(CONTEXT), waiting, until=300)
    assert isinstance(raised, Raised)
    assert isinstance(ended, Ended)
    assert (raised.kind, raised.label, raised.key.zone, raised.key.subject) == ("congestion", "vehicle", "lane", "")
    started, decided = told([raised])[0][1:]
    assert started == pytest.approx(13.0 + 2.0, abs=0.5)  # the fourth stands
    assert decided == pytest.approx(started + 60.0, abs=0.3)
    assert told([ended])[0][1] == pytest.approx(224.0, abs=2.0)  # the third has gone
    assert raised.xyxy is not None
    assert raised.xyxy == pytest.approx((0.18, 0.4, 0.76, 0.5), abs=0.01)


def test_without_the_setting_the_same_queue_would_be_six_parked_cars() -> None:
    rule = PARKING.model_copy(update={"congestion_of": None}).make(CONTEXT)
    assert [line[0] for line in told(play(rule, waiting, until=225))].count("raised") == 6


def test_one_that_stays_when_the_queue_has_left_is_one_parking() -> None:
    def scene(second: float) -> list[Detection]:
        return waiting(second, stays=3)

    (raised,) = play(PARKING.make(CONTEXT), scene, until=450)
    assert isinstance(raised, Raised)
    assert raised.xyxy == pytest.approx((0.38, 0.4, 0.46, 0.5))
    assert told([raised])[0][2] == pytest.approx(224.0 + 180.0, abs=8.0)
    assert [line[0] for line in told(play(QUEUE.make(CONTEXT), scene, until=450))] == ["raised", "ended"]


def test_a_short_wait_and_four_cars_far_from_each_other_are_no_congestion() -> None:
    assert told(play(QUEUE.make(CONTEXT), lambda s: waiting(s, leaves=60.0), until=120)) == []
    corners = [
        seen(x, y=y, track=i) for i, (x, y) in enumerate(((0.22, 0.31), (0.76, 0.31), (0.22, 0.78), (0.76, 0.78)))
    ]
    assert told(play(QUEUE.make(CONTEXT), lambda _: corners, until=120)) == []


def test_a_blind_gap_neither_counts_nor_ends_the_congestion() -> None:
    def scene(second: float) -> list[Detection] | None:
        return None if 40 < second < 100 else waiting(second)

    raised, ended = play(QUEUE.make(CONTEXT), scene, until=300)
    assert isinstance(raised, Raised)
    ((start, end),) = raised.gaps
    assert start == at(40)
    assert (end - at(100)).total_seconds() == pytest.approx(0.0, abs=0.2)
    assert (raised.at - raised.started_at).total_seconds() == pytest.approx(120.0, abs=0.5)
    assert isinstance(ended, Ended)


def test_a_restart_goes_on_with_the_queue_and_with_its_alert() -> None:
    first = QUEUE.make(CONTEXT)
    play(first, waiting, until=50)
    second = QUEUE.make(CONTEXT)
    assert isinstance(first, KeepsState)
    assert isinstance(second, KeepsState)
    second.restore(json.loads(json.dumps(first.snapshot())))
    (raised,) = play(second, waiting, since=55, until=120)
    assert (raised.at - at(80)).total_seconds() == pytest.approx(0.0, abs=0.5)
    third = QUEUE.make(CONTEXT)
    third.resume([stored(raised)])
    assert [type(signal) for signal in play(third, waiting, since=125, until=300)] == [Ended]


def test_an_open_congestion_that_is_gone_after_a_restart_ends() -> None:
    rule = QUEUE.make(CONTEXT)
    (raised,) = play(rule, waiting, until=120)
    fresh = QUEUE.make(CONTEXT)
    fresh.resume([stored(raised)])
    signals: list[Signal] = []
    for second in range(130, 150):
        signals += fresh.judge(Tick("gate-3", at(second)))
        signals += fresh.judge(Detections.of("gate-3", at(second + 0.5), [], aspect=1.0))
    assert [type(signal) for signal in signals] == [Ended]


def test_a_queue_is_at_least_two() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        Congestion(vehicles=1)
