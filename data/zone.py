"""Zones: named polygons in a camera's picture, in fractions of its width and height."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]


class Zone(BaseModel):
    """A polygon in the picture, independent of its resolution."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, description="Name by which rules refer to the zone.")]
    polygon: Annotated[
        tuple[Point, ...],
        Field(min_length=3, description="Corners [x, y] as fractions of the picture's width and height, 0..1."),
    ]

    @model_validator(mode="after")
    def _has_area(self) -> Zone:
        points = np.array(self.polygon)
        shifted = np.roll(points, -1, axis=0)
        area = abs(float(np.sum(points[:, 0] * shifted[:, 1] - shifted[:, 0] * points[:, 1]))) / 2
        if area < 1e-6:
            raise ValueError("the polygon has no area; give at least three corners that are not on one line")
        return self

    def contains(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Which of the points, (n, 2) fractions, lie inside (even-odd rule): bool (n,)."""
        corners = np.array(self.polygon, dtype=np.float64)
        following = np.roll(corners, -1, axis=0)
        x, y = points[:, 0:1].astype(np.float64), points[:, 1:2].astype(np.float64)
        crosses = (corners[:, 1] > y) != (following[:, 1] > y)
        rise = np.where(following[:, 1] == corners[:, 1], 1.0, following[:, 1] - corners[:, 1])
        at_x = corners[:, 0] + (y - corners[:, 1]) * (following[:, 0] - corners[:, 0]) / rise
        inside: npt.NDArray[np.bool_] = (np.count_nonzero(crosses & (x < at_x), axis=1) % 2).astype(bool)
        return inside
