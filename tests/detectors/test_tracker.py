"""The tracker on literal boxes, and the way from the model's canvas back to the picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from data.model.observation import Detection
from data.model.picture import ArrayFrame
from detectors._letterbox import Letterbox
from detectors._tracker import Tracker
from detectors.yolo import one_per_object

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def box(x: float, label: str = "person", confidence: float = 0.8, y: float = 0.4) -> Detection:
    """0.1 wide, 0.2 high, its left top corner at (x, y)."""
    return Detection((x, y, x + 0.1, y + 0.2), confidence, label, None)


def ids(tracked: list[Detection]) -> list[int | None]:
    return [d.track_id for d in tracked]


def test_a_walker_keeps_his_id_also_when_he_leaves_his_own_box_at_every_step() -> None:
    tracker = Tracker(0.3)
    names = [ids(tracker.track(at(i / 5), [box(0.05 + 0.11 * i)])) for i in range(8)]
    assert names == [[1]] * 8


def test_two_who_pass_each_other_keep_their_ids() -> None:
    tracker = Tracker(0.3)
    for i in range(21):
        second = i / 5
        found = [box(0.1 + 0.03 * i), box(0.7 - 0.03 * i, y=0.45)]
        tracked = tracker.track(at(second), found)
        assert ids(tracked) == [1, 2], f"at {second} s"
        assert tracked[0].xyxy[0] == pytest.approx(0.1 + 0.03 * i)


def test_an_uncertain_detection_continues_a_track_but_begins_none() -> None:
    tracker = Tracker(0.3)
    assert tracker.track(at(0), [box(0.5, confidence=0.2)]) == []
    assert ids(tracker.track(at(0.2), [box(0.5, confidence=0.4)])) == [1]
    assert ids(tracker.track(at(0.4), [box(0.5, confidence=0.15)])) == [1]


@pytest.mark.parametrize(("gap_s", "name"), [(1.8, 1), (2.2, 2)])
def test_a_track_is_kept_for_two_seconds_of_event_time(gap_s: float, name: int) -> None:
    tracker = Tracker(0.3)
    tracker.track(at(0), [box(0.5)])
    assert ids(tracker.track(at(gap_s), [box(0.5)])) == [name]


def test_a_vehicle_called_car_and_truck_in_turn_is_one_track_with_its_likelier_name() -> None:
    tracker = Tracker(0.3)
    names = [("car", 0.8), ("truck", 0.5), ("car", 0.7), ("truck", 0.6)]
    tracked = [tracker.track(at(i / 5), [box(0.5, n, c)])[0] for i, (n, c) in enumerate(names)]
    assert [(d.track_id, d.label) for d in tracked] == [(1, "car")] * 4
    assert ids(tracker.track(at(1), [box(0.5, "person")])) == [2]


def test_two_boxes_on_one_vehicle_are_one_but_a_rider_and_his_bicycle_are_two() -> None:
    twice = [box(0.5, "truck", 0.6), box(0.51, "car", 0.7), box(0.5, "person"), box(0.5, "bicycle")]
    assert [d.label for d in one_per_object(twice)] == ["bicycle", "person", "car"]


@pytest.mark.parametrize(
    ("width", "height", "bars"),
    [(768, 432, (0, 12)), (1920, 1080, (0, 12)), (480, 640, (176, 0)), (640, 384, (0, 0)), (3000, 100, (0, 181))],
)
def test_a_picture_of_any_shape_lies_centred_in_the_canvas_and_boxes_find_back(
    width: int, height: int, bars: tuple[int, int]
) -> None:
    fit = Letterbox.fit(width, height, 640, 384)
    assert (fit.left, fit.top) == bars
    picture = np.zeros((height, width, 3), np.uint8)
    canvas = fit.canvas(ArrayFrame("gate-3", NOON, picture))
    assert canvas.shape == (384, 640, 3)
    assert np.count_nonzero(canvas[:, :, 0] == 0) == fit.width * fit.height
    whole = np.array([[fit.left, fit.top, fit.left + fit.width, fit.top + fit.height]], np.float32)
    assert fit.fractions(whole).tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert fit.fractions(np.array([[0, 0, 640, 384]], np.float32)).tolist() == [[0.0, 0.0, 1.0, 1.0]]
