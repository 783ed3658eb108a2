"""A part of the picture looked at closer: tiles of the model's input size, for objects that are small in the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.model.frame import Image
from data.model.observation import Boxes
from data.model.zone import Zone

_OVERLAP_PX = 96  # of the model's input: what is lower than this is whole in one tile at least
_LESS = 0.93  # the next lower magnification that is tried
_NEAR_BORDER_PX = 3  # of the model's input: a box so near to a tile's border is of an object cut by it


@dataclass(frozen=True, slots=True)
class Tile:
    """left, top, width, height in pixels of the picture."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, picture: Image, width: int, height: int) -> Image:
        """This part of the picture in the model's size, uint8 (height, width, 3)."""
        import cv2  # noqa: PLC0415 - only who looks closer needs it; it is 26 MiB

        part = picture[self.top : self.top + self.height, self.left : self.left + self.width]
        return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


@dataclass(frozen=True, slots=True)
class Grid:
    """The tiles over one or several zones of a picture of this size, and the model's input size, pixels."""

    tiles: tuple[Tile, ...]
    magnify: float
    picture: tuple[int, int]
    canvas: tuple[int, int]

    @classmethod
    def over(
        cls, zones: Sequence[Zone], picture: tuple[int, int], canvas: tuple[int, int], *, magnify: float, at_most: int
    ) -> Grid:
        """As magnified as asked, or as `at_most` tiles allow."""
        while True:
            tiles = _tiles(zones, picture, canvas, magnify)
            if len(tiles) <= at_most:
                return cls(tiles, magnify, picture, canvas)
            magnify *= _LESS

    def around(self, xyxy: tuple[float, float, float, float]) -> Tile | None:
        """The tile that has this box, fractions of the picture, with the most room around it; None where none does."""
        left, top, right, bottom = (v * side for v, side in zip(xyxy, (*self.picture, *self.picture), strict=True))

        def room(tile: Tile) -> float:
            across = min(left - tile.left, tile.left + tile.width - right)
            return min(across, top - tile.top, tile.top + tile.height - bottom)

        best = max(self.tiles, key=room, default=None)
        return best if best is not None and room(best) >= 0 else None

    def whole(self, tile: Tile, xyxy: Boxes) -> tuple[Boxes, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Boxes in pixels of the model's input as fractions of the picture, and which of them the tile shows whole.

        A border of the tile that is the picture's own cuts nothing.
        """
        inner = np.array([tile.left > 0, tile.top > 0, False, False])
        inner[2] = tile.left + tile.width < self.picture[0]
        inner[3] = tile.top + tile.height < self.picture[1]
        to_border = np.concatenate([xyxy[:, :2], np.array(self.canvas, np.float32) - xyxy[:, 2:]], axis=1)
        whole = ~((to_border < _NEAR_BORDER_PX) & inner).any(axis=1)
        scale = np.array([tile.width / self.canvas[0], tile.height / self.canvas[1]] * 2, np.float32)
        offset = np.array([tile.left, tile.top] * 2, np.float32)
        size = np.array(self.picture * 2, np.float32)
        fractions: Boxes = np.clip((xyxy * scale + offset) / size, 0.0, 1.0).astype(np.float32)
        return fractions, whole


def _tiles(
    zones: Sequence[Zone], picture: tuple[int, int], canvas: tuple[int, int], magnify: float
) -> tuple[Tile, ...]:
    """Rows and columns over the zones' bounding boxes; those that touch a zone. Feet are in a zone, heads above."""
    width, height = (min(round(c / magnify), p) for c, p in zip(canvas, picture, strict=True))
    overlap = _OVERLAP_PX / magnify
    found: list[Tile] = []
    for zone in zones:
        corners = np.array(zone.polygon, np.float64) * np.array(picture)
        left, top = corners.min(axis=0)
        right, bottom = corners.max(axis=0)
        xs = _starts(left - overlap / 2, right + overlap / 2, width, overlap, picture[0])
        ys = _starts(top - overlap, bottom, height, overlap, picture[1])
        tiles = [Tile(x, y, width, height) for y in ys for x in xs]
        found += [tile for tile in tiles if tile not in found and _touches(tile, corners)]
    return tuple(found)


def _starts(begin: float, end: float, length: int, overlap: float, limit: int) -> list[int]:
    """Where tiles of this length begin so that they cover begin..end within 0..limit, overlapping so much at least."""
    begin, end = max(0.0, begin), min(float(limit), end)
    step = max(1.0, length - overlap)
    count = max(1, math.ceil((end - begin - overlap) / step))
    span = end - begin - length
    if count == 1:
        return [int(min(max(0.0, begin + span / 2), limit - length))]
    return [int(min(begin + span * i / (count - 1), limit - length)) for i in range(count)]


def _touches(tile: Tile, corners: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bool:
    import cv2  # noqa: PLC0415 - likewise

    covered = np.zeros((tile.height, tile.width), np.uint8)
    shifted = np.round(corners - [tile.left, tile.top]).astype(np.int32)
    cv2.fillPoly(covered, [shifted], (1,))
    return bool(covered.any())
