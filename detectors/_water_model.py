"""A user's own water model, run by ultralytics: segmentation of water or classification of the road."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from data.config.catalogue import did_you_mean
from data.errors import InputRejected, UnverifiedWeights
from data.model.frame import Image
from data.ports.recipe import Context
from detectors._export import ultralytics_environment
from detectors._structure import Lost, Mask
from detectors._weights import sha256_of

_UNKNOWN_ERROR = 0.1  # of a model whose accuracy on this site nobody has told us
_CELLS = 1000  # a model looks at the whole road, not at single places


class WeightsSettings(BaseModel):
    """A checkpoint of your own and what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[Path, Field(description="The .pt file, relative to config.yaml.")]
    task: Annotated[
        Literal["seg", "cls"],
        Field(description="seg: water is outlined, the index is its share of the road. cls: the index is its score."),
    ]
    water_class: Annotated[str, Field(description="Name of the model's class that means water.")]
    licence: Annotated[
        str, Field(min_length=1, description="Under which licence you use the weights; shown in the setup.")
    ]
    threshold: Annotated[
        float, Field(gt=0, lt=1, description="seg: how sure the model must be of an outline, for this site.")
    ] = 0.25
    sha256: Annotated[
        str,
        Field(description="SHA-256 of the file. A .pt file can run code: only the file with this hash is loaded."),
    ] = ""


class WaterModel:
    """The loaded model; shared by the sites of a process that use the same file."""

    def __init__(self, settings: WeightsSettings, model: Any, lock: threading.Lock) -> None:
        self._settings = settings
        self._model = model
        self._lock = lock
        names: Mapping[int, str] = model.names
        wanted = [index for index, name in names.items() if name == settings.water_class]
        if not wanted:
            hint = did_you_mean(settings.water_class, list(names.values()))
            raise InputRejected(f"weights.water_class: {settings.path} knows no {settings.water_class!r}{hint}")
        self._water = wanted[0]

    @classmethod
    def load(cls, settings: WeightsSettings, context: Context) -> WaterModel:
        """Raises InputRejected for a missing file or class, UnverifiedWeights for a file of another hash."""
        path = context.located(settings.path)
        if not path.is_file():
            raise InputRejected(f"weights.path: there is no file {path}")
        sha256 = sha256_of(path)
        trusted = sha256 == settings.sha256 or (not settings.sha256 and context.inference.allow_unverified_weights)
        if not trusted:
            raise UnverifiedWeights(
                f"weights.sha256: {path} has SHA-256 {sha256}. A .pt file can run code when it is loaded; "
                "if you trust its origin, write that hash into weights.sha256"
            )

        def loaded() -> tuple[Any, threading.Lock]:
            os.environ.update(ultralytics_environment(context.base_dir / context.inference.cache_dir))
            import torch  # noqa: PLC0415 - half a gigabyte, only for users' own weights
            from ultralytics import YOLO  # noqa: PLC0415

            torch.set_num_threads(context.inference.threads)
            task = {"seg": "segment", "cls": "classify"}[settings.task]
            return YOLO(str(path), task=task), threading.Lock()

        model, lock = context.resources.share(f"water:{settings.task}:{sha256}", loaded)
        return cls(settings, model, lock)

    def share(self, picture: Image, road: Mask) -> Lost:
        """Index of one picture, BGR uint8 (h, w, 3); `road` bool (h, w)."""
        index = self._score(picture, road) if self._settings.task == "cls" else self._covered(picture, road)
        return Lost(index, _UNKNOWN_ERROR, _CELLS)

    def _score(self, picture: Image, road: Mask) -> float:
        """Of the road alone: what lies around it is grey."""
        rows, columns = np.flatnonzero(road.any(axis=1)), np.flatnonzero(road.any(axis=0))
        cut = np.where(road[..., None], picture, np.uint8(114))
        cut = cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        with self._lock:
            (result,) = self._model.predict(np.ascontiguousarray(cut), device="cpu", verbose=False)
        return float(result.probs.data[self._water])

    def _covered(self, picture: Image, road: Mask) -> float:
        with self._lock:
            (result,) = self._model.predict(
                picture, conf=self._settings.threshold, classes=[self._water], device="cpu", verbose=False
            )
        water = np.zeros(road.shape, np.uint8)
        for outline in result.masks.xy if result.masks is not None else ():
            if len(outline) >= 3:
                cv2.fillPoly(water, [np.round(outline).astype(np.int32)], (1,))
        return float((water.astype(np.bool_) & road).sum() / road.sum())
