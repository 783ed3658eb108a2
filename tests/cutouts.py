"""Drawn cut-outs for tests of canary targets."""

from __future__ import annotations

import cv2
import numpy as np

from data.model.live_recall import Cutout


def walker(name: str = "walker", label: str = "person") -> Cutout:
    """A figure of 40 x 100 pixels: white above, dark below, red in the middle."""
    bgr = np.zeros((100, 40, 3), np.uint8)
    bgr[:40], bgr[40:60], bgr[60:] = 230, (30, 30, 220), 25
    alpha = np.zeros((100, 40), np.uint8)
    cv2.rectangle(alpha, (2, 0), (37, 99), 255, -1)
    return Cutout(name, label, bgr, alpha)
