"""Frames made from arrays, and JPEG encoding of arrays. Apart from `data.model.frame`, which needs no OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np

from data.model.frame import Image


@dataclass(frozen=True, slots=True, eq=False)
class ArrayFrame:
    """A frame from a BGR array (snapshots, composed pictures, tests)."""

    site: str
    at: datetime
    image: Image

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(f"ArrayFrame.image: expected shape (h, w, 3), got {self.image.shape}")

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    def luma(self) -> Image:
        return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    def bgr(self, width: int, height: int) -> Image:
        if (width, height) == (self.width, self.height):
            return self.image
        return np.asarray(cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def jpeg(self, width: int | None = None, quality: int = 80) -> bytes:
        return encode_jpeg(self.image, width, quality)


def encode_jpeg(image: Image, width: int | None, quality: int) -> bytes:
    """JPEG of a BGR picture, scaled down to `width` if it is wider. Raises ValueError if cv2 refuses it."""
    if width is not None and width < image.shape[1]:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ok, buffer = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"cannot encode a picture of shape {image.shape} as JPEG")
    return buffer.tobytes()
