"""The place of one object, enlarged: a part of the picture at twice the scale of the first look, with its surroundings.

The surroundings stay in it, since the network knows a small car by its street; so the part is as large as the model's
input, and an object that is large already is enlarged less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.model.frame import Frame, Image
from data.model.observation import Boxes
from detectors._letterbox import GREY
from detectors._tiles import Tile

MAGNIFY = 2.0
_MOST_OF_CANVAS = 0.6  # of its sides the object may fill
_WHOLE_UP_TO_PX = 2560  # a picture scaled to this width is 11 MB; beyond, only the part is scaled


@dataclass(frozen=True, slots=True)
class CloserView:
    """left, top, width, height: the part, in pixels of the picture scaled by `scale`. left_px, top_px: where it lies in
    the canvas. magnify: its scale in that of the first look."""

    left: int
    top: int
    width: int
    height: int
    left_px: int
    top_px: int
    scale: float
    magnify: float
    picture: tuple[int, int]
    canvas: tuple[int, int]

    @classmethod
    def around(
        cls,
        xyxy: tuple[float, float, float, float],
        picture: tuple[int, int],
        canvas: tuple[int, int],
        first_scale: float,
    ) -> CloserView:
        """Of the object in this box (fractions). `first_scale`: model pixels for a pixel of the picture, so far."""
        box = np.array(xyxy) * np.array(picture * 2)
        sides = np.maximum(box[2:] - box[:2], 1.0)
        most = float((_MOST_OF_CANVAS * np.array(canvas) / sides).min())
        scale = max(first_scale, min(MAGNIFY * first_scale, most))
        whole = np.maximum(1, np.round(np.array(picture) * scale)).astype(int)
        size = np.minimum(whole, canvas)
        centre = (box[:2] + box[2:]) / 2 * scale
        corner = np.clip(np.round(centre - size / 2), 0, whole - size).astype(int)
        margin = (np.array(canvas) - size) // 2
        (left, top), (width, height), (left_px, top_px) = (map(int, pair) for pair in (corner, size, margin))
        return cls(left, top, width, height, left_px, top_px, scale, scale / first_scale, picture, canvas)

    def cut(self, frame: Frame) -> Image:
        """The model's input, uint8 (canvas height, canvas width, 3) BGR."""
        width, height = (max(1, round(side * self.scale)) for side in self.picture)
        if width <= _WHOLE_UP_TO_PX:
            part = frame.bgr(width, height)[self.top : self.top + self.height, self.left : self.left + self.width]
        else:
            part = self._tile().cut(frame.bgr(*self.picture), self.width, self.height)
        if part.shape[:2] == (self.canvas[1], self.canvas[0]):
            return np.ascontiguousarray(part)
        canvas = np.full((self.canvas[1], self.canvas[0], 3), GREY, np.uint8)
        canvas[self.top_px : self.top_px + part.shape[0], self.left_px : self.left_px + part.shape[1]] = part
        return canvas

    def fractions(self, xyxy: Boxes) -> Boxes:
        """Boxes in canvas pixels (n, 4) as fractions of the picture."""
        offset = np.array([self.left - self.left_px, self.top - self.top_px] * 2, np.float32)
        size = np.array(self.picture * 2, np.float32) * np.float32(self.scale)
        inside: Boxes = np.clip((xyxy + offset) / size, 0.0, 1.0).astype(np.float32)
        return inside

    def _tile(self) -> Tile:
        left, top, width, height = (round(v / self.scale) for v in (self.left, self.top, self.width, self.height))
        return Tile(left, top, min(width, self.picture[0] - left), min(height, self.picture[1] - top))
