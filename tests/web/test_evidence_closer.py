"""What nothing can name is shown enlarged and brightened, from the kept picture, which stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from data.errors import InputRejected
from data.model.picture import encode_jpeg
from tests.web.city import Running
from web.closer_picture import closer_picture

_BOX = (0.5, 0.5, 0.53, 0.6)


def night(height: int = 720) -> bytes:
    """A dark yard, 14 levels, with noise; in the box somebody who is brighter by 8."""
    width = height * 16 // 9
    picture = np.full((height, width, 3), 14.0, np.float32)
    left, top, right, bottom = (round(side * (width, height)[i % 2]) for i, side in enumerate(_BOX))
    picture[top:bottom, left:right] += 8
    picture += np.random.default_rng(1).normal(0, 1.5, (height, width, 1))
    return encode_jpeg(picture.clip(0, 255).astype(np.uint8), None, 95)


def test_somebody_in_the_dark_stands_out_in_the_middle_of_the_enlarged_part() -> None:
    part = cv2.imdecode(np.frombuffer(closer_picture(night(), _BOX), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert part is not None
    assert part.shape == (480, 640)
    somebody, ground = float(part[200:280, 300:340].mean()), float(part[:, :120].mean())
    assert somebody - ground > 40  # 8 in the kept picture
    assert somebody > 100


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.02, 0.05), (0.97, 0.9, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)])
def test_at_the_edges_and_of_the_whole_there_is_a_picture_of_the_same_size(
    box: tuple[float, float, float, float],
) -> None:
    part = cv2.imdecode(np.frombuffer(closer_picture(night(360), box), np.uint8), cv2.IMREAD_COLOR)
    assert part is not None
    assert part.shape == (480, 640, 3)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(InputRejected, match="cannot be read"):
        closer_picture(b"\xff\xd8 the quay at night", _BOX)


def test_it_is_served_beside_the_kept_picture_which_does_not_change(running: Running) -> None:
    kept = running.deps.vault.keep(night(360), "image/jpeg", datetime.now(UTC), "quay")
    running.store.write(lambda writer: writer.add_evidence(kept))
    with running.client("zhao") as client:
        whole, part = (client.get(f"/media/evidence/{kept.id}{asked}") for asked in ("", "?closer=0.5,0.5,0.53,0.6"))
        assert (whole.status_code, part.status_code) == (200, 200)
        assert whole.content == night(360) != part.content
        assert part.headers["content-type"] == "image/jpeg"
        assert part.headers["etag"] != whole.headers["etag"]
        for wrong in ("0.5,0.5,0.4,0.6", "0,0,2,1", "nan,0,1,1", "0,0,1", "a"):
            assert client.get(f"/media/evidence/{kept.id}?closer={wrong}").status_code == 422
