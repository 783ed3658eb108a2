"""One picture from a camera, converted only as far as a consumer needs.

A decoded video frame keeps its own pixel format: converting a 1080p picture to BGR costs more than inference on it, so
consumers request the strided luma plane or a picture of the size they need.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Detailed(Protocol):
    """A picture of a camera's smaller stream, of which the large one can be had while it is new.

    Both show the same view, so a place told in fractions of width and height is the same in both.
    """

    def full(self) -> Callable[[float, int | None], Frame | None]:
        """What decodes the large picture of the same instant, give or take one: call it from any thread.

        Its arguments: seconds to wait for what has not arrived yet, and how many coded pictures it may decode, any
        number for None. It gives None where that does not do.
        """
        ...


def in_detail(frame: Frame, patience_s: float, most: int | None = None) -> Frame:
    """The large picture of the same instant, as `Detailed.full`; the picture itself where there is no other."""
    if not isinstance(frame, Detailed):
        return frame
    return frame.full()(patience_s, most) or frame
