"""A picture of any shape fitted into the model's input, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.model.frame import Frame, Image
from data.model.observation import Boxes

GREY = 114  # what the model saw around pictures in training


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture of (width, height) pixels lies in a canvas of (canvas_width, canvas_height) pixels.

    The aspect is kept, the rest is grey; left and top are the bars' sizes.
    """

    canvas_width: int
    canvas_height: int
    width: int
    height: int
    left: int
    top: int

    @classmethod
    def fit(cls, width: int, height: int, canvas_width: int, canvas_height: int) -> Letterbox:
        scale = min(canvas_width / width, canvas_height / height)
        inner_width = max(1, min(canvas_width, round(width * scale)))
        inner_height = max(1, min(canvas_height, round(height * scale)))
        left, top = (canvas_width - inner_width) // 2, (canvas_height - inner_height) // 2
        return cls(canvas_width, canvas_height, inner_width, inner_height, left, top)

    def canvas(self, frame: Frame) -> Image:
        """The model's input, uint8 (canvas_height, canvas_width, 3) BGR."""
        picture = frame.bgr(self.width, self.height)
        if picture.shape[:2] == (self.canvas_height, self.canvas_width):
            return np.ascontiguousarray(picture)
        canvas = np.full((self.canvas_height, self.canvas_width, 3), GREY, np.uint8)
        canvas[self.top : self.top + self.height, self.left : self.left + self.width] = picture
        return canvas

    def fractions(self, xyxy: Boxes) -> Boxes:
        """Boxes in canvas pixels, (n, 4), as fractions of the picture, cut off at its edges."""
        offset = np.array([self.left, self.top, self.left, self.top], np.float32)
        size = np.array([self.width, self.height, self.width, self.height], np.float32)
        inside: Boxes = np.clip((xyxy - offset) / size, 0.0, 1.0).astype(np.float32)
        return inside
