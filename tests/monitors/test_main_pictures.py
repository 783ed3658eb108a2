"""Which picture of the main stream shows the moment of one of the substream, and whether both show the same view."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from data.model.frame import Image
from monitors.video._main_pictures import same_picture
from monitors.video._same_view import difference


def street(at: int = 0) -> Image:
    """160 x 90, a textured street, and something 12 pixels wide that goes two pixels a picture."""
    random = np.random.default_rng(3)
    coarse = random.integers(60, 190, (9, 16), np.uint8)
    picture = np.asarray(cv2.resize(coarse, (160, 90), interpolation=cv2.INTER_CUBIC), np.uint8)
    picture[40:60, 20 + 2 * at : 32 + 2 * at] = 240
    return picture


def grained(picture: Image, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(0, 2, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("at", [0, 7, 19])
def test_where_something_moves_the_moment_is_told_by_content(at: int) -> None:
    others = [grained(street(number), number) for number in range(20)]
    brighter = np.clip(grained(street(at), 99).astype(int) + 15, 0, 255).astype(np.uint8)
    found = same_picture(brighter, others)
    assert found is not None
    assert abs(found - at) <= 1


def test_where_nothing_moves_content_does_not_tell_and_time_must() -> None:
    others = [grained(street(5), number) for number in range(20)]
    assert same_picture(grained(street(5), 99), others) is None


def test_the_same_view_by_another_coder_is_no_difference() -> None:
    picture = street()
    soft = np.asarray(cv2.GaussianBlur(picture, (3, 3), 0), np.uint8)
    assert difference(grained(soft, 1), grained(picture, 2)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: np.ascontiguousarray(p[:, ::-1]), "the substream is the mirror image of the main stream"),
        (
            lambda p: cv2.resize(np.ascontiguousarray(p[9:-9, 16:-16]), (160, 90)),
            "the substream shows a part of the main stream's picture",
        ),
        (lambda p: np.ascontiguousarray(np.roll(p, (33, 71), (0, 1))), "the substream shows another view"),
    ],
)
def test_a_mirrored_a_cropped_and_another_view_are_told_apart(change, said: str) -> None:  # type: ignore[no-untyped-def]
    picture = street()
    assert difference(np.asarray(change(picture), np.uint8), picture).startswith(said)


def test_the_demo_street_is_itself_at_night_in_coarse_blocks(tmp_path: Path) -> None:
    picture = street()
    night = grained((picture * 0.25).astype(np.uint8), 4)
    path = tmp_path / "night.jpg"
    cv2.imwrite(str(path), night, [cv2.IMWRITE_JPEG_QUALITY, 30])
    coarse = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    assert difference(coarse, night) == ""
