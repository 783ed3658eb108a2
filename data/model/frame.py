"""One picture from a camera, decoded no further than somebody asks.

A decoded video frame keeps its own pixel format; converting a 1080p picture to BGR costs more than looking at
it, so consumers ask for the strided luma plane or for a picture of the size they need.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


class Frame(Protocol):
    """A picture with its time (UTC, of the phenomenon) and size in pixels."""

    @property
    def site(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    def luma(self) -> Image:
        """Brightness, uint8 (height, width); may be a read-only, strided view. Do not keep it."""
        ...

    def bgr(self, width: int, height: int) -> Image:
        """The picture scaled to exactly this size, uint8 (height, width, 3) BGR."""
        ...

    def jpeg(self, width: int | None = None, quality: int = 80) -> bytes:
        """JPEG of the picture, scaled down to `width` pixels if it is wider; aspect kept."""
        ...
