"""Finds and follows people, vehicles and the other COCO classes with YOLO26."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from data.catalogue import did_you_mean
from data.errors import InputRejected
from data.frame import Frame, Image
from data.labels import family
from data.observation import Detection, Detections, Observation
from data.recipe import Context, Detector, DetectorRecipe
from detectors._appearance import described
from detectors._backend import Model, load
from detectors._labels import COCO
from detectors._letterbox import Letterbox
from detectors._tracker import Tracker, iou

_UNCERTAIN = 0.1  # below this nothing is looked at; between this and `confidence` a track may go on
_SAME_OBJECT = 0.6  # overlap of two boxes of one family that are one object


class Recipe(DetectorRecipe):
    """Objects of the chosen classes, each with a `track_id` that follows it from picture to picture."""

    title: ClassVar[str] = "目标检测（人、车等） / Objects: people, vehicles, ..."

    kind: Annotated[Literal["yolo"], Field(description="Objects in pictures, by YOLO26.")] = "yolo"
    labels: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Classes to look for, COCO names. Name car, truck and bus together: from far they look alike.",
        ),
    ] = ("person", "car", "truck", "bus")
    confidence: Annotated[
        float, Field(ge=0.1, lt=1, description="How sure the model must be to begin to follow an object, 0..1.")
    ] = 0.3

    own_classes: Annotated[
        bool, Field(description="The labels are those of a checkpoint of your own, not COCO's; checked when it loads.")
    ] = False

    @model_validator(mode="after")
    def _known_labels(self) -> Recipe:
        for label in self.labels:
            if not self.own_classes and label not in COCO:
                raise ValueError(f"no COCO class {label!r}{did_you_mean(label, COCO)}")
        return self

    def make(self, context: Context) -> Detector:
        """Load the model, or share the one of this process.

        Raises InputRejected for a class the model does not know, UnverifiedWeights, DeviceLost (no weights to be had).
        """
        model: Model = context.resources.share("yolo", lambda: load(context.inference, context.base_dir))
        for label in self.labels:
            if label not in model.labels:
                raise InputRejected(f"the model knows no class {label!r}{did_you_mean(label, model.labels)}")
        return Yolo(self, context, model)


class Yolo:
    """The live detector of one camera."""

    def __init__(self, recipe: Recipe, context: Context, model: Model) -> None:
        self._site = context.site.id
        self._wanted = frozenset(recipe.labels)
        self._size = (context.inference.width, context.inference.height)
        self._model = model
        self._tracker = Tracker(recipe.confidence)

    def find(self, frame: Frame) -> Sequence[Observation]:
        """One Detections for the picture, also when it is empty."""
        canvas, box, wanted = self._objects(frame)
        picture = canvas[box.top : box.top + box.height, box.left : box.left + box.width]
        tracked = described(self._tracker.track(frame.at, wanted), picture)
        return [Detections.of(self._site, frame.at, tracked, aspect=frame.width / frame.height)]

    def glance(self, frame: Frame) -> Detections:
        """All of the wanted labels, however uncertain, without a track."""
        _, _, wanted = self._objects(frame)
        return Detections.of(self._site, frame.at, wanted, aspect=frame.width / frame.height)

    def _objects(self, frame: Frame) -> tuple[Image, Letterbox, list[Detection]]:
        box = Letterbox.fit(frame.width, frame.height, *self._size)
        canvas = box.canvas(frame)
        found = self._model.infer(canvas)
        found = found[found[:, 4] >= _UNCERTAIN]
        xyxy = box.fractions(found[:, :4])
        objects = [
            Detection((float(b[0]), float(b[1]), float(b[2]), float(b[3])), float(c), self._model.labels[int(k)], None)
            for b, c, k in zip(xyxy, found[:, 4], found[:, 5], strict=True)
            if b[2] > b[0] and b[3] > b[1]
        ]
        return canvas, box, [d for d in one_per_object(objects) if d.label in self._wanted]


def one_per_object(found: list[Detection]) -> list[Detection]:
    """Without the less certain of two boxes on one object (the model may call one van both car and truck)."""
    ranked = sorted(found, key=lambda d: (-d.confidence, d.label, d.xyxy))
    if len(ranked) < 2:
        return ranked
    boxes = np.array([d.xyxy for d in ranked], dtype=np.float64)
    overlap = iou(boxes, boxes)
    kept: list[int] = []
    for i, detection in enumerate(ranked):
        same = (j for j in kept if family(ranked[j].label) == family(detection.label))
        if all(overlap[i, j] < _SAME_OBJECT for j in same):
            kept.append(i)
    return [ranked[i] for i in kept]
