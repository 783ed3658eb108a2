"""Pictures are made smaller by the mean of what each new pixel covers, as OpenCV does it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors._area import shrunk


def test_a_pixel_is_the_mean_of_those_it_covers_also_of_parts_of_them() -> None:
    picture = np.array([[0, 30, 60], [0, 30, 60]], np.uint8)
    assert shrunk(picture, 1, 1).tolist() == [[30]]
    assert shrunk(picture, 2, 1).tolist() == [[10, 50]]


@pytest.mark.parametrize("shape", [(180, 320), (77, 53, 3), (20, 13)])
def test_it_is_what_opencv_gives(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    theirs = cv2.resize(picture, (12, 11), interpolation=cv2.INTER_AREA).astype(int)
    assert int(np.abs(shrunk(picture, 12, 11).astype(int) - theirs).max()) <= 1


def test_a_picture_that_is_smaller_already_keeps_its_pixels() -> None:
    assert shrunk(np.array([[7, 200]], np.uint8), 4, 2).tolist() == [[7, 7, 200, 200], [7, 7, 200, 200]]
