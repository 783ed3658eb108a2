"""S5: cars stop at a school gate and the lane jams."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.congestion import Recipe as Congestion
from alerts.dwell import Recipe as Dwell
from alerts.lifecycle import end_alert, raise_alert
from data.model.alert import Ended, Raised, Signal
from data.model.observation import Detection
from tests.alerts.timelines import CONTEXT, NOON, play, seen
from tests.scenarios.town import Town

pytestmark = pytest.mark.scenario

LIMIT_S = 180
PARKING = Dwell(zone="lane", labels=("car", "bus"), at_least=f"{LIMIT_S}s", congestion_of=4)
QUEUE = Congestion(zone="lane", at_least="60s")


def three_park(second: float) -> list[Detection]:
    """Three cars stop beside each other's way at 5, 20 and 40 s and stay; the first leaves after 400 s."""
    stops = {1: (0.30, 0.35, 5.0), 2: (0.52, 0.55, 20.0), 3: (0.72, 0.75, 40.0)}
    found = []
    for track, (x, y, stop) in stops.items():
        gone = max(0.0, second - 400.0) if track == 1 else 0.0
        place = x - 0.1 * max(0.0, stop - second) + 0.1 * gone
        if 0 < place < 1:
            found.append(seen(place, y=y, track=track))
    return found


def a_queue(second: float) -> list[Detection]:
    """Six cars wait one behind the other at a light for 200 s."""
    spots = (0.72, 0.62, 0.52, 0.42, 0.32, 0.22)
    found = []
    for n, spot in enumerate(spots):
        x = spot - 0.1 * max(0.0, 4.0 + 3.0 * n - second) + 0.1 * max(0.0, second - 220.0 - 2.0 * n)
        if 0 < x < 1:
            found.append(seen(x, track=n))
    return found


def stored(town: Town, signals: list[Signal]) -> list[int]:
    """What the camera's worker commits, at the time of the decision."""
    numbers = []
    shift = town.now - NOON
    for signal in signals:
        at = signal.at + shift
        if isinstance(signal, Raised):
            alert = town.store.write(lambda writer, s=signal, at=at: raise_alert(writer, s, None, at))  # type: ignore[misc]
            assert alert is not None
            numbers.append(alert.id)
        elif isinstance(signal, Ended):
            town.store.write(lambda writer, s=signal, at=at: end_alert(writer, s, at))  # type: ignore[misc]
    return numbers


def test_S5_parked_cars_at_a_school_gate_bring_four_units_at_once_and_a_standing_measure(town: Town) -> None:  # noqa: N802
    signals = play(PARKING.make(CONTEXT), three_park, until=420)
    raised = [signal for signal in signals if isinstance(signal, Raised)]
    assert len({signal.key.subject for signal in raised}) == len(raised) == 3, "one alert for each vehicle"
    for signal in raised:
        late = (signal.at - signal.started_at).total_seconds() - LIMIT_S
        assert 0 <= late <= 10, f"the alert came {late} s after the limit"
    assert play(PARKING.make(CONTEXT), a_queue, until=300) == [], "a queue at a light is no parking"
    assert [type(one) for one in play(QUEUE.make(CONTEXT), a_queue, until=300)] == [Raised, Ended]

    alerts = stored(town, signals)
    operator, officer, head = town.by("li"), town.by("zhao"), town.by("qian")
    task = operator.post(f"alerts/{alerts[0]}/dispatch", {"responder": "jiao"})["task"]
    number = task["event"]
    event = operator.event(number)
    assert (event["state"], event["origin"], event["section"]) == ("dispatched", "alert", "safety")
    assert [step["step"] for step in event["steps"]] == ["file", "dispatch"], "the event of an alert is filed by itself"
    began = town.now
    for unit, part in (("school", "cooperating"), ("property", "cooperating"), ("police", "co_handler")):
        operator.post(f"events/{number}/tasks", {"unit": unit, "part": part, "title": "疏导家长车辆"})
    tasks = {one["unit"] or "traffic": one for one in operator.event(number)["tasks"]}
    assert set(tasks) == {"traffic", "school", "property", "police"}
    assert {one["state"] for one in tasks.values()} == {"offered"}
    assert town.now - began <= timedelta(seconds=1), "all at once"

    jiao = town.by("jiao")
    assert [one["id"] for one in jiao.get("tasks")["items"]] == [task["id"]], "the offer has reached the phone"
    for step in ("accept", "en-route", "on-scene"):
        town.wait(minutes=2)
        jiao.post(f"tasks/{task['id']}/{step}")
    jiao.report(task["id"], "车已开走")
    for unit, name in (("school", "xiao"), ("property", "wuye")):
        town.by(name).work(tasks[unit]["id"], "已疏导")
        officer.post(f"tasks/{tasks[unit]['id']}/verify")
    officer.post(f"tasks/{task['id']}/verify")
    assert operator.event(number)["state"] == "handling", "the police's task is still open"
    town.by("pai").work(tasks["police"]["id"], "已巡逻")
    head.step(number, "outcome", reason="上下学高峰交巡警与学校每日联合值守")
    assert head.step(number, "judge", status=409, lead="traffic").startswith(f"event {number} is handling")
    officer.post(f"tasks/{tasks['police']['id']}/verify")

    closed = operator.event(number)
    assert closed["state"] == "closed"
    assert [one["reason"] for one in closed["steps"] if one["step"] == "outcome"] == [
        "上下学高峰交巡警与学校每日联合值守"
    ]
    patrol = head.step(number, "hand_over", unit="traffic", title="高峰巡逻", every="1d")
    assert patrol["state"] == "closed"
    town.wait(days=1, minutes=1)
    newest = operator.get("events?limit=1")["items"][0]
    assert (newest["origin"], newest["title"], newest["lead"], newest["recurs"]) == (
        "upkeep", "高峰巡逻", "traffic", number,
    )  # fmt: skip
