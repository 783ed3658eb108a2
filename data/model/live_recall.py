"""Live recall: which share of the cut-outs put into copies of a camera's pictures its detector finds, and settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Priority
from data.model.frame import Image
from data.model.labels import family
from data.model.observation import require_utc


class RecallSettings(BaseModel):
    """When a camera that cannot see people or vehicles raises an alert, by canary targets in copies of its pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: Annotated[bool, Field(description="Put canary targets into copies of this camera's pictures.")] = True
    least_share: Annotated[
        float,
        Field(gt=0, lt=1, description="Share of the targets that must be found; surely below it is an alert."),
    ] = 0.5
    priority: Annotated[Priority, Field(description="Priority of the alert that a camera cannot see.")] = Priority.P3


class Subject(NamedTuple):
    """What live recall is counted for: a zone's id, empty for the whole picture, and `person` or `vehicle`."""

    zone: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A person or vehicle cut out of a picture: `bgr` uint8 (h, w, 3), `alpha` uint8 (h, w), 255 where it covers."""

    name: str
    label: str
    bgr: Image
    alpha: Image

    def __post_init__(self) -> None:
        if self.bgr.ndim != 3 or self.bgr.shape[2] != 3 or self.bgr.dtype != np.uint8:
            raise ValueError(f"Cutout.bgr: expected uint8 (h, w, 3), got {self.bgr.dtype} {self.bgr.shape}")
        if self.alpha.shape != self.bgr.shape[:2] or self.alpha.dtype != np.uint8:
            raise ValueError(f"Cutout.alpha: expected uint8 {self.bgr.shape[:2]}, got {self.alpha.shape}")

    @property
    def kind(self) -> str:
        """`person` or `vehicle`."""
        return family(self.label)

    @property
    def aspect(self) -> float:
        """Width by height, in pixels."""
        return float(self.bgr.shape[1] / self.bgr.shape[0])


@dataclass(frozen=True, slots=True)
class CanaryTarget:
    """A cut-out and where it is put. xyxy: its box as fractions of the picture. mirrored: left and right exchanged."""

    cutout: Cutout
    xyxy: tuple[float, float, float, float]
    zone: str = ""
    mirrored: bool = False

    @property
    def subject(self) -> Subject:
        """What its being found or not is counted for."""
        return Subject(self.zone, self.cutout.kind)


@dataclass(frozen=True, slots=True)
class Trial:
    """One target in one picture, and whether the detector has found it."""

    at: datetime
    subject: Subject
    found: bool

    def __post_init__(self) -> None:
        require_utc(self.at, "Trial.at")
