"""The features of a picture by which its camera's health is judged, and the settings of that judgement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Priority
from data.model.durations import Duration
from data.model.frame import Image
from data.model.observation import require_utc

GRID = (28, 48)
"""Rows and columns of `PictureFeatures.scene`."""

Grid = npt.NDArray[np.float32]


class CameraFault(StrEnum):
    """A fault of a camera's picture; named after the alarm types of GB/T 28181 where one exists."""

    VIDEO_LOSS = "video_loss"  # 视频丢失: the source is gone, or silent
    BLACK = "video_black"  # 黑屏
    WHITE = "video_white"  # 白屏
    FROZEN = "video_frozen"  # 画面冻结
    OCCLUSION = "video_occlusion"  # 视频遮挡
    DEFOCUS = "video_defocus"  # 虚焦
    SCENE_CHANGE = "scene_change"  # 场景变更


class HealthSettings(BaseModel):
    """When a camera itself raises an alert. While one is open, the results of its detectors are not judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: Annotated[bool, Field(description="Judge the camera's health.")] = True
    priority: Annotated[Priority, Field(description="Priority of the camera's own alerts.")] = Priority.P3
    frozen: Annotated[
        bool, Field(description="Repeated pictures are a fault; not so where pictures are drawn, and honestly still.")
    ] = True
    lost_for: Annotated[
        Duration, Field(ge=timedelta(0), description="A loss of the source shorter than this is no alert.")
    ] = timedelta(seconds=1)
    bad_for: Annotated[
        Duration,
        Field(
            ge=timedelta(seconds=3),
            description="Alert when the picture was black, white, frozen, covered, out of focus or of another scene "
            "for so long.",
        ),
    ] = timedelta(seconds=15)
    well_for: Annotated[
        Duration, Field(ge=timedelta(0), description="The alert ends when the camera was well for so long.")
    ] = timedelta(seconds=3)


@dataclass(frozen=True, slots=True, eq=False)
class PictureFeatures:
    """The features of one picture.

    scene: float32 GRID, mean brightness (0..255) of the picture's cells.
    sample: uint8 (m, n), brightness of single pixels spread evenly; the same pixels in every picture of a size.
    edges: share of pixels (0..1) at which the brightness jumps. steepness: how much of an edge's rise lies within two
    pixels (0..1, 1 = sharp); None where there are too few edges to tell.
    """

    site: str
    at: datetime
    scene: Grid
    sample: Image
    edges: float
    steepness: float | None

    def __post_init__(self) -> None:
        require_utc(self.at, "PictureFeatures.at")
        if self.scene.shape != GRID:
            raise ValueError(f"PictureFeatures.scene: expected shape {GRID}, got {self.scene.shape}")
