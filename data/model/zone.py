"""Zones: named polygons in a camera's picture, in fractions of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

TOUCHES = 1e-6  # a corner this near to a side lies on it: 1/500 of a pixel in a picture 1920 pixels wide

Fraction = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]


class Zone(BaseModel):
    """A polygon in the picture, independent of its resolution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, description="Name by which rules refer to the zone.")]
    polygon: Annotated[
        tuple[Point, ...],
        Field(
            min_length=3,
            max_length=500,
            description="Corners [x, y] as fractions of the picture's width and height, 0..1.",
        ),
    ]

    @model_validator(mode="after")
    def _has_area(self) -> Zone:
        if crossing := _crossing(self.polygon):
            raise PydanticCustomError(
                "setting.zone.crosses",
                "the polygon crosses itself: the side after corner {first} cuts the side after corner {second}; list "
                "the corners in order around the zone",
                {"first": crossing[0] + 1, "second": crossing[1] + 1},
            )
        points = np.array(self.polygon)
        shifted = np.roll(points, -1, axis=0)
        area = abs(float(np.sum(points[:, 0] * shifted[:, 1] - shifted[:, 0] * points[:, 1]))) / 2
        if area < 1e-6:
            raise PydanticCustomError(
                "setting.zone.no_area",
                "the polygon has no area; give at least three corners that are not on one line",
            )
        if touching := _touching(self.polygon):
            raise PydanticCustomError(
                "setting.zone.touches",
                "the polygon touches itself: corner {corner} lies on the side after corner {side}; move it off, or "
                "make two zones of it",
                {"corner": touching[0] + 1, "side": touching[1] + 1},
            )
        return self

    @field_validator("id")
    @classmethod
    def _can_be_seen(cls, name: str) -> str:
        if name != name.strip() or not name.isprintable():
            raise PydanticCustomError(
                "setting.zone.name",
                "{name} begins or ends with a space, or holds a character that cannot be seen",
                {"name": ascii(name)},
            )
        return name

    def contains(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Whether each of the points, (n, 2) fractions, lies inside (even-odd rule): bool (n,)."""
        corners = np.array(self.polygon, dtype=np.float64)
        following = np.roll(corners, -1, axis=0)
        x, y = points[:, 0:1].astype(np.float64), points[:, 1:2].astype(np.float64)
        crosses = (corners[:, 1] > y) != (following[:, 1] > y)
        rise = np.where(following[:, 1] == corners[:, 1], 1.0, following[:, 1] - corners[:, 1])
        at_x = corners[:, 0] + (y - corners[:, 1]) * (following[:, 0] - corners[:, 0]) / rise
        inside: npt.NDArray[np.bool_] = (np.count_nonzero(crosses & (x < at_x), axis=1) % 2).astype(bool)
        return inside


def _crossing(corners: Sequence[Point]) -> tuple[int, int] | None:
    """Two sides that cross, by the corners they begin at; None if the outline is simple.

    Sides that only meet in a corner, as neighbours do, do not cross.
    """
    sides = [(start, corners[(number + 1) % len(corners)]) for number, start in enumerate(corners)]
    for first, (a, b) in enumerate(sides):
        for second in range(first + 2, len(sides)):
            if second - first < len(sides) - 1 and _cut(a, b, *sides[second]):
                return first, second
    return None


def _touching(corners: Sequence[Point]) -> tuple[int, int] | None:
    """A corner and another side on which it lies (by the corner that side begins at); None if there is none.

    A corner given twice in succession, such as the first one at the end of a closed ring, counts once.
    """
    kept = [number for number, corner in enumerate(corners) if corner != corners[number - 1]]
    points = np.array([corners[number] for number in kept], dtype=np.float64)
    starts, along = points, np.roll(points, -1, axis=0) - points
    offsets = points[:, None, :] - starts[None, :, :]  # (corner, side, 2)
    share = np.clip(np.sum(offsets * along, axis=2) / np.sum(along * along, axis=1), 0.0, 1.0)
    apart = np.linalg.norm(offsets - share[:, :, None] * along, axis=2)
    count = len(points)
    for corner, side in np.argwhere(apart < TOUCHES):
        if corner not in {side, (side + 1) % count}:
            return kept[int(corner)], kept[int(side)]
    return None


def _cut(a: Point, b: Point, c: Point, d: Point) -> bool:
    """True if the segments cross in a point inside both."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, point: Point) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
