"""A canary target looks as the picture that it is put into: as dark, blurred, noisy and pale."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from bench.degraded import night_noise
from data.model.frame import Image
from data.model.live_recall import CanaryTarget
from detectors._canary import Rendering, with_targets
from tests.cutouts import walker

BOX = (0.4, 0.3, 0.5, 0.8)
PLACE = np.s_[108:288, 256:320]
"""BOX in a picture of 640 x 360."""


def street(seed: int = 0) -> Image:
    """Sharp-edged blocks of all tones and colours."""
    chance = np.random.default_rng(seed)
    blocks = chance.integers(0, 256, (9, 16, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(blocks, (640, 360), interpolation=cv2.INTER_NEAREST), np.uint8)


def target() -> CanaryTarget:
    return CanaryTarget(walker(), BOX)


def drawn(picture: Image, earlier: Image | None = None) -> npt.NDArray[np.float64]:
    """The place of the target in the copy."""
    return with_targets(picture, [target()], earlier)[PLACE].astype(np.float64)


def test_the_picture_itself_is_not_changed_and_the_copy_only_where_the_target_is() -> None:
    picture = street()
    before = picture.copy()
    copy = with_targets(picture, [target()])
    assert np.array_equal(picture, before)
    changed = (copy != picture).any(axis=2)
    assert changed[150:250, 270:310].mean() > 0.9
    changed[100:296, 248:328] = False
    assert not changed.any()


def test_in_a_sharp_bright_picture_it_looks_as_it_was_cut_out() -> None:
    place = drawn(street())
    assert place[20:60, 25:40].mean() > 170
    assert place[130:170, 25:40].mean() < 60


@pytest.mark.parametrize("level", [2, 12])
def test_in_the_dark_nothing_is_left_of_it(level: int) -> None:
    assert drawn(np.full((360, 640, 3), level, np.uint8)).max() <= level + 2


def test_at_night_it_is_dark_pale_and_noisy() -> None:
    clear = street()
    place = drawn(night_noise(clear, 1), night_noise(clear, 2))
    white, dark = place[20:60, 25:40], place[130:170, 25:40]
    assert 60 < white.mean() < 150
    assert white.mean() - dark.mean() > 30
    assert 8 < dark.std(axis=(0, 1)).mean() < 20  # night_noise adds 14 levels; what falls below black is cut off
    red = place[80:100, 25:40].mean(axis=(0, 1))
    assert red[2] - red[0] < 70  # it was 190


def test_its_edges_are_as_wide_as_those_of_the_picture() -> None:
    sharp, blurred = street(), np.asarray(cv2.GaussianBlur(street(), (0, 0), 4.0), np.uint8)

    def steepest(picture: Image) -> float:
        column = drawn(picture)[:, 25:40].mean(axis=(1, 2))
        return float(np.abs(np.diff(column)).max())

    assert steepest(blurred) < 0.4 * steepest(sharp)
    assert 3.0 < Rendering.of(blurred).blur < 5.5
    assert Rendering.of(sharp).blur < 1.0


def test_in_an_infrared_picture_it_has_no_colour() -> None:
    grey = np.repeat(street().mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    red = drawn(grey)[80:100, 25:40].mean(axis=(0, 1))
    assert np.ptp(red) < 3


def test_in_an_over_exposed_picture_it_is_over_exposed() -> None:
    bright = np.asarray(cv2.convertScaleAbs(street(), alpha=3.0), np.uint8)
    assert drawn(bright)[20:60, 25:40].min() > 240
    assert drawn(bright)[80:100, 25:40, 2].mean() > 240


def test_in_a_wholly_white_picture_nothing_is_left_of_it() -> None:
    assert drawn(np.full((360, 640, 3), 255, np.uint8)).min() >= 250


def test_rain_falls_before_it() -> None:
    picture = np.full((360, 640, 3), 100, np.uint8)
    picture[:, ::40] = 60
    rain = picture.copy()
    rain[:, 290:293] = 200
    wet, dry = drawn(rain, picture), drawn(rain)
    assert wet[120:170, 34:37].mean() - wet[120:170, 40:60].mean() > 40
    assert abs(dry[120:170, 34:37].mean() - dry[120:170, 40:60].mean()) < 10


def test_a_target_of_which_only_a_part_is_in_the_picture_is_cut_off() -> None:
    copy = with_targets(street(), [CanaryTarget(walker(), (-0.05, 0.8, 0.05, 1.2))])
    assert copy.shape == (360, 640, 3)
