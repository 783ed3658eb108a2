"""How much of a road is lost under water: an index of 0..1 for one camera, not a measured area."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Protocol

import cv2
import numpy as np
from pydantic import Field, model_validator

from data.config.catalogue import did_you_mean
from data.errors import InputRejected
from data.model.durations import Duration
from data.model.frame import Frame, Image
from data.model.observation import Observation, Quality, Reading
from data.model.zone import Zone
from data.ports.recipe import Context, Detector, DetectorRecipe
from detectors._structure import Lost, Mask, NotComparable, Structure
from detectors._water_model import WaterModel, WeightsSettings

_WORKING_WIDTH = 640  # wider pictures are scaled down to it
_FEW_CELLS = 12  # fewer structured places make an uncertain index


class Recipe(DetectorRecipe):
    """An index per look, with its uncertainty; none when the picture cannot be held against the references."""

    title: ClassVar[str] = "积水指数（道路结构被淹比例） / Flood index: road structure lost under water"

    kind: Annotated[Literal["flood_extent"], Field(description="How much of a road is lost under water.")] = (
        "flood_extent"
    )
    id: Annotated[str, Field(description="Name of its readings' `monitor`; the kind when left out.")] = ""
    zone: Annotated[str, Field(description="Zone of the road that may be flooded.")]
    fixed: Annotated[
        tuple[str, ...],
        Field(description="Zones of background that neither water nor traffic reaches: walls, poles, signs."),
    ] = ()
    references: Annotated[
        tuple[Path, ...],
        Field(description="Two or more pictures of this view without standing water; also of a wet road, by night."),
    ] = ()
    weights: Annotated[
        WeightsSettings | None, Field(description="Or a model of your own; see docs/water-models.md.")
    ] = None
    every: Annotated[Duration, Field(ge=timedelta(0), description="Look at most this often.")] = timedelta(seconds=10)

    @model_validator(mode="after")
    def _one_way(self) -> Recipe:
        if (self.weights is not None) == bool(self.references):
            raise ValueError("give either references or weights")
        if self.references and len(self.references) < 2:
            raise ValueError("references: at least two pictures are needed, so that one lamp or car does not decide")
        if self.references and not self.fixed:
            raise ValueError("fixed: name the zones of the background by which a moved or fogged view is noticed")
        return self

    @property
    def zones_looked_into(self) -> frozenset[str]:
        """The road, and the background that it is compared with."""
        return frozenset({self.zone, *self.fixed})

    def make(self, context: Context) -> Detector:
        """Raises InputRejected (zone, reference or class that is not there), UnverifiedWeights."""
        road = _zone(context, self.zone)
        if self.weights is not None:
            water = WaterModel.load(self.weights, context)
            return FloodExtent(self, context.site.id, _ByModel(water, road))
        fixed = [_zone(context, name) for name in self.fixed]
        pictures = [_grey(context.located(path)) for path in self.references]
        names = [path.name for path in self.references]
        return FloodExtent(self, context.site.id, _ByReferences(pictures, names, road, fixed))


class _Measure(Protocol):
    def __call__(self, frame: Frame) -> Lost | NotComparable: ...


class FloodExtent:
    """The live detector of one camera. `refused` says why the last look gave no index; None when it gave one."""

    def __init__(self, recipe: Recipe, site: str, measure: _Measure) -> None:
        self._recipe = recipe
        self._site = site
        self._measure = measure
        self._due: datetime | None = None
        self.refused: str | None = None

    def find(self, frame: Frame) -> Sequence[Observation]:
        """At most one Reading of `flood_index`; none between two looks and for pictures that are refused."""
        if self._due is not None and frame.at < self._due:
            return []
        self._due = frame.at + self._recipe.every
        found = self._measure(frame)
        if isinstance(found, NotComparable):
            self.refused = found.reason
            return []
        self.refused = None
        return [
            Reading(
                site=self._site,
                monitor=self._recipe.id or self._recipe.kind,
                quantity="flood_index",
                value=found.share,
                at=frame.at,
                quality=Quality.GOOD if found.cells >= _FEW_CELLS else Quality.UNCERTAIN,
                uncertainty=found.deviation,
            )
        ]


class _ByReferences:
    """Structure lost, at the size of the first reference."""

    def __init__(self, pictures: Sequence[Image], names: Sequence[str], road: Zone, fixed: Sequence[Zone]) -> None:
        height, width = pictures[0].shape
        scale = min(1.0, _WORKING_WIDTH / width)
        self._size = (round(width * scale), round(height * scale))
        for picture, name in zip(pictures, names, strict=True):
            if not self._same_shape(picture.shape[1], picture.shape[0]):
                raise InputRejected(f"references: {name} has another shape than {names[0]}")
        self._structure = Structure(
            [_scaled(picture, self._size) for picture in pictures],
            names,
            _mask([road], self._size),
            _mask(fixed, self._size),
        )

    def __call__(self, frame: Frame) -> Lost | NotComparable:
        if not self._same_shape(frame.width, frame.height):
            return NotComparable(f"the picture has another shape than the references: {frame.width} x {frame.height}")
        return self._structure.compare(_scaled(frame.luma(), self._size))

    def _same_shape(self, width: int, height: int) -> bool:
        return bool(abs(width * self._size[1] / (height * self._size[0]) - 1) < 0.01)


class _ByModel:
    """What the user's own model says of the road."""

    def __init__(self, model: WaterModel, road: Zone) -> None:
        self._model = model
        self._road = road

    def __call__(self, frame: Frame) -> Lost:
        scale = min(1.0, _WORKING_WIDTH / frame.width)
        size = (round(frame.width * scale), round(frame.height * scale))
        return self._model.share(frame.bgr(*size), _mask([self._road], size))


def _zone(context: Context, name: str) -> Zone:
    try:
        zone = context.site.zone(name)
    except KeyError as error:
        known = [zone.id for zone in context.site.zones]
        raise InputRejected(f"{context.site.id}: flood_extent: no zone {name!r}{did_you_mean(name, known)}") from error
    assert zone is not None
    return zone


def _grey(path: Path) -> Image:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise InputRejected(f"references: {path} is not there or is no picture")
    return np.asarray(picture, dtype=np.uint8)


def _scaled(grey: Image, size: tuple[int, int]) -> Image:
    if (grey.shape[1], grey.shape[0]) == size:
        return grey
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _mask(zones: Sequence[Zone], size: tuple[int, int]) -> Mask:
    drawn = np.zeros((size[1], size[0]), np.uint8)
    for zone in zones:
        cv2.fillPoly(drawn, [np.round(np.array(zone.polygon) * size).astype(np.int32)], (1,))
    return drawn.astype(np.bool_)
