"""How an object looks: alike in another light, a little moved or partly hidden; unlike another of another colour."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from alerts.likeness import UNLIKE, unlike
from data.model.frame import Image
from data.model.geo import Location
from data.model.observation import Detection, Detections, Vectors
from data.model.picture import ArrayFrame
from data.model.place import Place
from data.ports.recipe import Context
from detectors._appearance import LENGTH, described
from detectors.yolo import Recipe

RED, WHITE, BLACK, BLUE = (40, 40, 200), (225, 230, 230), (35, 30, 30), (190, 90, 30)
BOX = (0.3, 0.3, 0.6, 0.7)


def street(colour: tuple[int, int, int], gain: float = 1.0, seed: int = 0) -> Image:
    """A car of this colour with a dark window on a grey-green street, with noise."""
    picture = np.full((360, 640, 3), (105, 120, 110), np.float64)
    picture[110:250, 195:380] = colour
    picture[118:160, 220:350] = (60, 55, 50)
    noise = np.random.default_rng(seed).normal(0, 6, picture.shape)
    return np.clip((picture + noise) * gain, 0, 255).astype(np.uint8)


def looks(picture: Image, box: tuple[float, float, float, float] = BOX) -> Vectors:
    (found,) = described([Detection(box, 0.9, "car", 1)], picture)
    assert found.appearance is not None
    return found.appearance


def apart(a: Vectors, b: Vectors) -> float:
    return float(np.abs(a - b).sum()) / 2


def test_looks_are_shares_of_one() -> None:
    vector = looks(street(RED))
    assert vector.shape == (LENGTH,)
    assert vector.dtype == np.float32
    assert vector.sum() == pytest.approx(1.0, abs=1e-5)
    assert described([], street(RED)) == []


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.1])
@pytest.mark.parametrize("colour", [RED, WHITE, BLACK, BLUE])
def test_the_same_car_in_another_light_a_little_aside_and_half_hidden_is_alike(
    colour: tuple[int, int, int], gain: float
) -> None:
    assert apart(looks(street(colour)), looks(street(colour, gain, seed=1))) < 0.2
    assert apart(looks(street(colour)), looks(street(colour, seed=1), (0.32, 0.32, 0.62, 0.7))) < 0.25
    assert apart(looks(street(colour)), looks(street(colour, seed=1), (0.3, 0.3, 0.45, 0.7))) < UNLIKE


def test_cars_of_different_colours_are_unlike() -> None:
    colours = (RED, WHITE, BLACK, BLUE)
    for i, one in enumerate(colours):
        for other in colours[:i]:
            assert unlike(looks(street(one)), looks(street(other, seed=1))), (one, other)


def test_what_is_too_small_or_without_colour_is_like_everything() -> None:
    assert not looks(street(RED), (0.3, 0.3, 0.305, 0.31)).any()
    infrared = np.repeat(street(WHITE).mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert not looks(infrared).any()
    assert not unlike(looks(street(RED)), looks(infrared))
    assert not unlike(None, looks(street(RED)))


class _OneCar:
    """A back end that finds one car in the middle of every canvas."""

    labels = ("car",)
    windows: tuple[tuple[int, int], ...] = ()

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        height, width = canvas.shape[:2]
        return np.array([[0.3 * width, 0.3 * height, 0.6 * width, 0.7 * height, 0.9, 0]], np.float32)


def test_the_detector_describes_what_it_finds_whatever_the_shape_of_the_picture() -> None:
    place = Place(id="gate-3", location=Location(lon=106.5, lat=29.6))
    context = Context(site=place)
    context.resources.share("yolo", _OneCar)
    detector = Recipe(labels=("car",), own_classes=True).make(context)
    noon = datetime(2024, 7, 12, 4, tzinfo=UTC)
    for size in ((640, 360), (300, 400)):
        frame = ArrayFrame("gate-3", noon, np.asarray(cv2.resize(street(RED), size), np.uint8))
        (found,) = detector.find(frame)
        assert isinstance(found, Detections)
        (car,) = found
        assert car.appearance is not None
        assert apart(car.appearance, looks(frame.image, car.xyxy)) < 0.1
