"""Reads the water level off a staff, wall or kerb that the user marked once in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.model.durations import Duration
from data.model.frame import Frame, Image
from data.model.observation import Observation, Quality, Reading
from data.model.units import convert
from data.model.zone import Fraction, Point
from data.ports.recipe import Context, Detector, DetectorRecipe
from detectors._scale import Scale
from detectors._waterline import CLEARLY, Surface, Unseen, waterline

_WORKING_WIDTH = 960  # wider pictures are scaled down to it
_EXTENSION_PX = 40  # looked at beyond both ends of the line, so that water outside is noticed as such
_ASIDE_CLEARLY = 2.0  # more is asked of a strip beside the line: each further look is a chance to err
_AGREE_PX = 8  # rows of two strips that are the same surface
_MARGIN_PX = 5  # a waterline nearer than this to an end of the line may as well lie outside


class Mark(BaseModel):
    """A height that is known: where in the picture, and how many centimetres."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: Annotated[Fraction, Field(description="Where the line has this height: fraction of the picture's height.")]
    cm: Annotated[float, Field(description="Height on the staff there, cm.")]


class Recipe(DetectorRecipe):
    """One reading per look, with its uncertainty; none when the water's surface cannot be told for certain."""

    title: ClassVar[str] = "水尺（摄像机读水位） / Staff gauge read by camera"

    kind: Annotated[Literal["staff_gauge"], Field(description="Water level on a marked line.")] = "staff_gauge"
    id: Annotated[str, Field(description="Name of its readings' `monitor`; the kind when left out.")] = ""
    line: Annotated[
        tuple[Point, ...],
        Field(
            min_length=2,
            description="Line along staff, wall or kerb from top to bottom, points [x, y] as fractions of the picture.",
        ),
    ]
    marks: Annotated[
        tuple[Mark, ...],
        Field(min_length=2, description="Known heights along the line; three or more account for perspective."),
    ]
    camera_roll_deg: Annotated[
        float, Field(gt=-45, lt=45, description="How far a level water surface falls to the right in the picture.")
    ] = 0.0
    beside: Annotated[
        float,
        Field(gt=0, le=0.5, description="How far left and right of the line the water is searched, of the width."),
    ] = 0.22
    quantity: Annotated[
        Literal["water_depth", "water_level"], Field(description="What the line shows: depth, or level in a datum.")
    ] = "water_depth"
    zero_m: Annotated[float, Field(description="Level of the staff's zero in the vertical datum, m.")] = 0.0
    vertical_datum: Annotated[str | None, Field(description="Zero of a water level, such as 吴淞 or 1985.")] = None
    every: Annotated[Duration, Field(ge=timedelta(0), description="Look at most this often.")] = timedelta(seconds=10)

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        turned = _levelled(np.array(self.line), self.camera_roll_deg)
        if not (np.diff(turned[:, 1]) > 0).all():
            raise ValueError("line: must run from top to bottom, every point below the one before")
        rows = [point[1] for point in self.line]
        try:
            Scale.fit([(mark.row, mark.cm) for mark in self.marks], min(rows), max(rows))
        except ValueError as error:
            raise ValueError(f"marks: {error}") from error
        if self.quantity == "water_depth" and (self.zero_m != 0 or self.vertical_datum is not None):
            raise ValueError("zero_m, vertical_datum: belong to quantity water_level")
        return self

    def make(self, context: Context) -> Detector:
        return StaffGauge(self, context.site.id)


class StaffGauge:
    """The live gauge of one camera. `unseen` says why the last look gave no reading; None when it gave one."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._site = site
        rows = [point[1] for point in recipe.line]
        self._scale = Scale.fit([(mark.row, mark.cm) for mark in recipe.marks], min(rows), max(rows))
        self._due: datetime | None = None
        self.unseen: str | None = None

    def find(self, frame: Frame) -> Sequence[Observation]:
        """At most one Reading; none between two looks and when the surface cannot be told."""
        if self._due is not None and frame.at < self._due:
            return []
        self._due = frame.at + self._recipe.every
        seen = self.look(frame.luma())
        if isinstance(seen, Unseen):
            self.unseen = seen.reason
            return []
        self.unseen = None
        row, deviation = seen
        quantity = self._recipe.quantity
        uncertainty_cm = math.hypot(deviation * self._scale.cm_per_row(row), self._scale.residual_cm)
        return [
            Reading(
                site=self._site,
                monitor=self._recipe.id or self._recipe.kind,
                quantity=quantity,
                value=convert(self._scale.cm(row), "cm", quantity) + self._recipe.zero_m,
                at=frame.at,
                quality=Quality.GOOD if self._scale.covers(row) else Quality.UNCERTAIN,
                uncertainty=convert(uncertainty_cm, "cm", quantity),
                vertical_datum=self._recipe.vertical_datum,
            )
        ]

    def look(self, luma: Image) -> tuple[float, float] | Unseen:
        """Row of the waterline on the line and its standard deviation, fractions of the picture's height.

        `luma`: brightness, uint8 (h, w).
        """
        height, width = luma.shape
        scale = min(1.0, _WORKING_WIDTH / width)
        size = (round(width * scale), round(height * scale))
        if scale < 1:
            luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        line = np.array(self._recipe.line) * size
        roll = self._recipe.camera_roll_deg
        if roll:
            luma, line = _upright(luma, line, roll)
        top = max(0, int(line[0, 1]) - _EXTENSION_PX)
        bottom = min(luma.shape[0], int(line[-1, 1]) + _EXTENSION_PX)
        surface = self._searched(luma[top:bottom], line[:, 0], self._recipe.beside * size[0])
        if isinstance(surface, Unseen):
            return surface
        row = surface.row + top
        if not line[0, 1] + _MARGIN_PX <= row <= line[-1, 1] - _MARGIN_PX:
            return Unseen("the water's surface is beyond the ends of the marked line")
        # Back to the picture: the waterline crosses the marked line at this share of its way.
        share = np.interp(row, line[:, 1], np.arange(len(line)))
        at = np.interp(share, np.arange(len(line)), [point[1] for point in self._recipe.line])
        return float(at), surface.deviation / size[1]

    @staticmethod
    def _searched(band: Image, columns: npt.NDArray[np.float64], beside: float) -> Surface | Unseen:
        """In the strip around the line; where that shows nothing, in the strips half as far to its right and left."""

        def seen(aside: float, clearly: float) -> Surface | Unseen:
            left, right = int(columns.min() + aside - beside), int(columns.max() + aside + beside)
            return waterline(band[:, max(0, left) : max(0, min(band.shape[1], right))], clearly)

        centre = seen(0.0, CLEARLY)
        if isinstance(centre, Surface):
            return centre
        found = [
            one
            for one in (seen(beside / 2, _ASIDE_CLEARLY), seen(-beside / 2, _ASIDE_CLEARLY))
            if isinstance(one, Surface)
        ]
        if not found:
            return centre
        if abs(found[0].row - found[-1].row) > _AGREE_PX:
            return Unseen("the strips to the right and left of the line show different rows")
        return max(found, key=lambda one: -one.deviation)


def _levelled(points: npt.NDArray[np.float64], roll_deg: float) -> npt.NDArray[np.float64]:
    """Points turned so that a surface falling to the right by `roll_deg` is level."""
    cos, sin = math.cos(math.radians(roll_deg)), math.sin(math.radians(roll_deg))
    turned: npt.NDArray[np.float64] = points @ np.array([[cos, -sin], [sin, cos]])
    return turned


def _upright(luma: Image, line: npt.NDArray[np.float64], roll_deg: float) -> tuple[Image, npt.NDArray[np.float64]]:
    """Picture and line turned about the picture's centre until water is level."""
    height, width = luma.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), roll_deg, 1.0)
    turned = cv2.warpAffine(luma, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, dtype=np.uint8), line @ turn[:, :2].T + turn[:, 2]
