"""A camera that cannot see is told by zone, surely and soon, and once it can again, that it can."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from alerts.live_recall import LiveRecall, upper_bound
from alerts.perspective import Perspective
from data.model.alert import Ended, Priority, Raised, Signal
from data.model.live_recall import RecallSettings, Subject, Trial
from data.model.observation import Detection

NIGHT = datetime(2024, 7, 12, 14, 0, tzinfo=UTC)
BANK, ROAD = Subject("far-bank", "person"), Subject("road", "person")


def fed(recall: LiveRecall, found: str, subject: Subject = BANK, since: datetime = NIGHT) -> list[Signal]:
    """A trial each 20 s; `1` is found."""
    signals: list[Signal] = []
    for number, one in enumerate(found):
        signals += recall.judge([Trial(since + timedelta(seconds=20 * number), subject, one == "1")])
    return signals


def fresh() -> LiveRecall:
    return LiveRecall(RecallSettings(priority=Priority.P2), "river-1")


def test_five_targets_missed_in_a_row_are_an_alert_of_that_zone() -> None:
    assert fed(fresh(), "0000") == []
    (raised,) = fed(fresh(), "00000")
    assert isinstance(raised, Raised)
    assert raised.key == ("river-1", "live_recall", "far-bank", "person")
    assert (raised.kind, raised.label, raised.priority) == ("live_recall", "person", Priority.P2)
    assert (raised.started_at, raised.at) == (NIGHT, NIGHT + timedelta(seconds=80))
    assert raised.xyxy is None


def test_targets_of_one_picture_or_of_a_few_seconds_are_not_enough_to_be_sure() -> None:
    recall = fresh()
    assert recall.judge([Trial(NIGHT, BANK, found=False)] * 9) == []
    assert recall.judge([Trial(NIGHT + timedelta(seconds=59), BANK, found=False)] * 9) == []
    assert len(recall.judge([Trial(NIGHT + timedelta(seconds=61), BANK, found=False)])) == 1


def test_a_camera_that_finds_half_of_them_is_not_surely_blind() -> None:
    assert fed(fresh(), "01" * 20) == []
    assert len(fed(fresh(), "00100000")) == 1


def test_it_ends_when_the_newest_are_found() -> None:
    recall = fresh()
    fed(recall, "000000")
    ended = fed(recall, "0110111", since=NIGHT + timedelta(minutes=5))
    (end,) = ended
    assert isinstance(end, Ended)
    assert end.key.zone == "far-bank"
    assert fed(recall, "1111", since=NIGHT + timedelta(minutes=9)) == []


def test_what_was_long_ago_says_nothing_of_tonight() -> None:
    recall = fresh()
    fed(recall, "0000")
    assert fed(recall, "0000", since=NIGHT + timedelta(hours=3)) == []
    assert recall.recall(BANK) == (0, 4)


def test_a_camera_blind_in_all_zones_is_one_alert() -> None:
    recall = fresh()
    fed(recall, "11111")
    fed(recall, "11111", ROAD)
    signals: list[Signal] = []
    for number in range(40):
        at = NIGHT + timedelta(minutes=3, seconds=10 * number)
        signals += recall.judge([Trial(at, BANK if number % 2 else ROAD, found=False)])
    assert [signal.key.zone for signal in signals] == [""]


def test_after_a_restart_it_goes_on() -> None:
    recall = fresh()
    fed(recall, "000")
    following = fresh()
    following.restore(json.loads(json.dumps(recall.snapshot())))
    (raised,) = fed(following, "00", since=NIGHT + timedelta(minutes=2))
    assert isinstance(raised, Raised)
    again = fresh()
    again.restore(following.snapshot())
    again.follow(RecallSettings(), [raised.key])
    assert fed(again, "000", since=NIGHT + timedelta(minutes=4)) == []
    (ended,) = fed(again, "111111", since=NIGHT + timedelta(minutes=6))
    assert isinstance(ended, Ended)


def test_hours_are_counted_by_zone_and_kept_for_a_week() -> None:
    recall = fresh()
    fed(recall, "0011")
    fed(recall, "1", since=NIGHT + timedelta(hours=1))
    assert recall.snapshot()["hours"] == [
        ["2024-07-12T14:00:00+00:00", "far-bank", "person", 4, 2],
        ["2024-07-12T15:00:00+00:00", "far-bank", "person", 1, 1],
    ]
    fed(recall, "1", since=NIGHT + timedelta(days=8))
    assert [row[0] for row in recall.snapshot()["hours"]] == ["2024-07-20T14:00:00+00:00"]


def test_the_upper_bound_is_wilsons() -> None:
    assert upper_bound(0, 5) == pytest.approx(0.2473, abs=1e-4)
    assert upper_bound(5, 10) == pytest.approx(0.6878, abs=1e-4)


def seen(x: float, foot: float, height: float, label: str = "person", score: float = 0.9) -> Detection:
    return Detection((x - 0.02, foot - height, x + 0.02, foot), score, label, 1)


def test_heights_follow_from_who_walks_there_and_from_the_row_elsewhere() -> None:
    perspective = Perspective()
    assert perspective.height("person", 0.5, 0.5) is None
    for number in range(8):
        foot = 0.3 + 0.08 * number
        perspective.learn(seen(0.2, foot, 0.4 * (foot - 0.1)))
    assert perspective.height("person", 0.9, 0.5) == pytest.approx(0.16, abs=0.01)
    assert perspective.height("person", 0.2, 0.7) == pytest.approx(0.24, abs=0.03)
    assert perspective.height("vehicle", 0.9, 0.5) == pytest.approx(0.144, abs=0.01)


def test_nothing_is_learned_of_the_uncertain_the_cut_off_and_twice_of_who_stands() -> None:
    perspective = Perspective()
    perspective.learn(seen(0.5, 0.5, 0.1, score=0.4))
    perspective.learn(seen(0.0, 0.5, 0.1))
    assert perspective.feet("person") == []
    for _ in range(5):
        perspective.learn(seen(0.5, 0.5, 0.1))
    assert perspective.feet("person") == [(0.5, 0.5)]
