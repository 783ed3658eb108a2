"""A picture scaled far down is the mean of what it covers; nothing of it is skipped."""

from __future__ import annotations

from datetime import UTC, datetime

import av
import numpy as np

from monitors.video._video import AvFrame, Scalers


def test_every_pixel_of_1080p_counts_in_640x360() -> None:
    """Noise of single pixels: each result is the mean of its 3 x 3 block, to 2 grey levels."""
    grey = np.random.default_rng(3).integers(40, 200, (1080, 1920), dtype=np.uint8)
    raw = av.VideoFrame.from_ndarray(grey, format="gray")
    frame = AvFrame("gate-3", datetime(2024, 7, 12, tzinfo=UTC), raw, Scalers())
    expected = grey.reshape(360, 3, 640, 3).mean(axis=(1, 3))
    scaled = frame.bgr(640, 360)
    assert scaled.shape == (360, 640, 3)
    assert np.abs(scaled[..., 1].astype(float) - expected).max() <= 2.0


def picture(grey: int = 90) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.full((720 * 3 // 2, 1280), grey, np.uint8), format="yuv420p")


def test_an_encoder_is_kept_while_pictures_are_asked_for_and_no_longer() -> None:
    now_s = [100.0]
    scalers = Scalers(lambda: now_s[0])
    first = scalers.jpeg(picture(), 640, 360, 80)
    assert scalers.encoders == 0  # one picture, as evidence of an alert is
    for _ in range(10):
        now_s[0] += 0.1
        assert scalers.jpeg(picture(), 640, 360, 80) == first
    assert scalers.encoders == 1
    now_s[0] += 60
    assert scalers.jpeg(picture(), 1280, 720, 80).startswith(b"\xff\xd8")
    assert scalers.encoders == 0
