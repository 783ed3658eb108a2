"""The closer look: where its part of the picture lies, and what the real network sees in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.model.geo import Location
from data.model.observation import Detection
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings, Place
from data.ports.recipe import Context, LookWanted
from detectors._closer import CloserView
from detectors.yolo import Recipe, Yolo, closer_sight

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
CANVAS = (640, 384)
CAR = (0.4, 0.4, 0.5, 0.5)


@pytest.mark.parametrize("picture", [(1920, 1080), (640, 360), (720, 1280), (3840, 2160)])
@pytest.mark.parametrize("box", [CAR, (0.0, 0.0, 0.05, 0.1), (0.93, 0.85, 1.0, 1.0)])
def test_the_place_of_the_object_is_shown_at_twice_the_scale_wherever_it_is(
    picture: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    """A white box in a black picture: its corners in the canvas lead back to where it is."""
    first = min(CANVAS[0] / picture[0], CANVAS[1] / picture[1])
    image = np.zeros((picture[1], picture[0], 3), np.uint8)
    left, top, right, bottom = (round(v * s) for v, s in zip(box, picture * 2, strict=True))
    image[top:bottom, left:right] = 255
    view = CloserView.around(box, picture, CANVAS, first)
    canvas = view.cut(ArrayFrame("gate-3", NOON, image))
    assert canvas.shape == (384, 640, 3)
    rows, columns = np.nonzero(canvas[..., 0] > 200)
    found = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    assert view.magnify == pytest.approx(2.0)
    assert view.fractions(found)[0] == pytest.approx(box, abs=3 / 640)
    assert (columns.max() - columns.min()) == pytest.approx(2 * first * (right - left), abs=3)


def test_what_is_large_already_is_enlarged_less_and_never_made_smaller() -> None:
    half = CloserView.around((0.2, 0.2, 0.6, 0.6), (1920, 1080), CANVAS, 1 / 3)
    assert half.magnify == pytest.approx(1.5)
    most = CloserView.around((0.05, 0.05, 0.95, 0.95), (1920, 1080), CANVAS, 1 / 3)
    assert most.magnify == 1.0


def test_beyond_2560_pixels_only_the_part_is_scaled() -> None:
    """A tile of the river at one and a half model pixels for one of a 4K camera is enlarged to three."""
    image = np.zeros((2160, 3840, 3), np.uint8)
    image[1000:1020, 2000:2010] = 255
    box = (2000 / 3840, 1000 / 2160, 2010 / 3840, 1020 / 2160)
    view = CloserView.around(box, (3840, 2160), CANVAS, 1.5)
    canvas = view.cut(ArrayFrame("quay-1", NOON, image))
    rows, columns = np.nonzero(canvas[..., 0] > 128)
    found = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    assert view.magnify == pytest.approx(2.0)
    assert view.fractions(found)[0] == pytest.approx(box, abs=3 / 3840)
    assert (rows.max() - rows.min()) == pytest.approx(60, abs=4)


def wanted(label: str = "car") -> LookWanted:
    return LookWanted("one", label, CAR)


def found(label: str, confidence: float, shift: float = 0.0) -> Detection:
    return Detection((CAR[0] + shift, CAR[1], CAR[2] + shift, CAR[3]), confidence, label, None)


def test_a_vehicle_of_any_name_at_the_place_counts_and_one_beside_it_does_not() -> None:
    sight = closer_sight(wanted(), [found("truck", 0.6), found("car", 0.9, shift=0.1), found("car", 0.2)], 2.0)
    assert (sight.score, sight.label, sight.instead) == (0.6, "truck", "")
    assert closer_sight(wanted(), [], 2.0).score == 0.0


def test_something_else_that_is_surely_there_is_named() -> None:
    sight = closer_sight(wanted("person"), [found("sports ball", 0.7), found("person", 0.05)], 2.0)
    assert (sight.score, sight.instead) == (0.05, "sports ball")
    assert closer_sight(wanted("person"), [found("dog", 0.4), found("person", 0.05)], 2.0).instead == ""


@pytest.mark.model
@pytest.mark.shared
def test_the_network_sees_again_who_is_there_and_nobody_over_empty_ground(root: Path, shared: Path) -> None:
    clip = cv2.VideoCapture(str(shared / "clips" / "vtest_12s.mp4"))
    _, image = clip.read()
    frame = ArrayFrame("gate-3", NOON, np.asarray(image, np.uint8))
    context = Context(Place(id="gate-3", location=Location(lon=106.5, lat=29.6)), InferenceSettings(), base_dir=root)
    detector = Recipe(labels=("person", "car")).make(context)
    assert isinstance(detector, Yolo)
    people = [d for d in detector.glance(frame) if d.label == "person" and d.confidence >= 0.5]
    assert people
    for person in people:
        sight = detector.look_closer(frame, LookWanted("one", "person", person.xyxy))
        assert sight is not None
        assert sight.score >= 0.3
        assert sight.magnify == pytest.approx(2.0)
    left, top, right, bottom = people[0].xyxy
    size = (right - left, bottom - top)
    nowhere = (0.01, 0.02, 0.01 + size[0], 0.02 + size[1])
    empty = detector.look_closer(frame, LookWanted("one", "person", nowhere))
    assert empty is not None
    assert empty.score < 0.1
    assert detector.look_closer(frame, LookWanted("one", "boat", nowhere)) is None
