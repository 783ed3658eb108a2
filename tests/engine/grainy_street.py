"""A grainy street in which bright things stand, picture by picture, and what a detector would say of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from data.model.observation import Detection, Detections
from data.model.picture import ArrayFrame

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
GRAINS = np.random.default_rng(5).normal(0, 2, (16, 180, 320)).astype(np.float32)
Box = tuple[int, int, int, int]


def frame(at_s: float, *boxes: Box, shade: float = 0.0, start: datetime = NOON) -> ArrayFrame:
    """A grainy street with bright things (left, top, right, bottom) and a cloud's shadow over its right third."""
    luma = 90 + GRAINS[round(at_s * 10) % 16]
    luma = luma.copy()
    luma[:, 220:] -= shade
    for left, top, right, bottom in boxes:
        luma[top:bottom, left:right] = 190
    picture = np.clip(luma, 0, 255).astype(np.uint8)
    return ArrayFrame("gate-3", start + timedelta(seconds=at_s), np.repeat(picture[:, :, None], 3, axis=2))


def seen(at_s: float, *boxes: Box, start: datetime = NOON) -> Detections:
    found = [
        Detection((left / 320, top / 180, right / 320, bottom / 180), 0.2, "car", None)
        for left, top, right, bottom in boxes
    ]
    return Detections.of("gate-3", start + timedelta(seconds=at_s), found, 16 / 9)
