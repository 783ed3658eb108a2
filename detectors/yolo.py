"""Finds and follows people, vehicles and the other COCO classes with YOLO26."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from data.config.catalogue import did_you_mean
from data.errors import InputRejected
from data.local.stages import StageClock
from data.model.frame import Frame, Image, in_detail
from data.model.labels import family
from data.model.live_recall import CanaryTarget
from data.model.observation import Boxes, Detection, Detections, Observation
from data.model.place import Place
from data.model.zone import Zone
from data.ports.recipe import CloserSight, Context, Detector, DetectorRecipe, LookWanted, Moves
from detectors._appearance import described
from detectors._backend import Model, load
from detectors._canary import with_targets
from detectors._closer import CloserView
from detectors._labels import COCO
from detectors._letterbox import Letterbox
from detectors._scene import Scene
from detectors._tiles import Grid
from detectors._tracker import NESTED, SAME_GROUND, Tracker, iou, of_smaller

Rows = npt.NDArray[np.float32]

DETAIL_WITHIN_S = 0.3  # is waited for the large picture of a camera that is looked at by its substream
MOST_DECODED = 100  # coded pictures for a closer look, four seconds: others wait meanwhile
_UNCERTAIN = 0.1  # below this nothing is looked at; between this and `confidence` a track may go on
_SAME_LOOKS = 0.4  # the same of boxes from different looks
_SAME_PART = 0.75  # share of the smaller box within the larger one, from different looks
_SAME_OBJECT = 0.6  # overlap of two boxes of one family that are one object
_HINT = 0.01  # below this a closer look has seen nothing
_THERE = 0.3  # overlap with the object's box of what is found in its place by a closer look
_CANARY_THERE = 0.5  # overlap with a canary target's box of what is found there
_INSTEAD = 0.5  # the same of something else that is surely there
_SURE = 0.5  # the network says each object once: what it is sure of twice are two


class Recipe(DetectorRecipe):
    """Objects of the chosen classes, each with a `track_id` that follows it from picture to picture."""

    regions_of_interest: ClassVar[bool] = True
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

    closer: Annotated[
        tuple[str, ...],
        Field(
            description="Zones of the site that are also looked at by tiles in full resolution, for what is small "
            "there: a swimmer's head and shoulders. Each tile costs as much as the whole picture."
        ),
    ] = ()
    magnify: Annotated[
        float, Field(ge=0.5, le=4, description="Model pixels for a pixel of the camera in those tiles.")
    ] = 1.5
    tiles: Annotated[
        int, Field(ge=1, le=64, description="At most so many tiles; where more are needed, `magnify` becomes less.")
    ] = 8
    own_classes: Annotated[
        bool, Field(description="The labels are those of a checkpoint of your own, not COCO's; checked when it loads.")
    ] = False

    @model_validator(mode="after")
    def _known_labels(self) -> Recipe:
        for label in self.labels:
            if not self.own_classes and label not in COCO:
                raise ValueError(f"no COCO class {label!r}{did_you_mean(label, COCO)}")
        return self

    @property
    def zones_looked_into(self) -> frozenset[str]:
        """Those that are also looked at enlarged."""
        return frozenset(self.closer)

    def make(self, context: Context) -> Detector:
        """Load the model, or share the one of this process.

        Raises InputRejected for a class the model does not know or a zone the site does not have, UnverifiedWeights,
        DeviceLost (no weights to be had).
        """
        zones = _zones(self.closer, context.site)
        model: Model = context.resources.share("yolo", lambda: load(context.inference, context.base_dir))
        for label in self.labels:
            if label not in model.labels:
                raise InputRejected(f"the model knows no class {label!r}{did_you_mean(label, model.labels)}")
        return Yolo(self, context, model, zones)


class Yolo:
    """The live detector of one camera."""

    def __init__(self, recipe: Recipe, context: Context, model: Model, closer: Sequence[Zone]) -> None:
        self._recipe = recipe
        self._closer = closer
        self._grid: Grid | None = None
        self._site = context.site.id
        self._wanted = frozenset(recipe.labels)
        self._size = (context.inference.width, context.inference.height)
        self._model = model
        self._tracker = Tracker(recipe.confidence)
        self._stages = StageClock.of(context)
        self._whole_every = context.inference.whole_every
        self._scene: Scene | None = None

    def find(self, frame: Frame) -> Sequence[Observation]:
        """One Detections for the picture, also when it is empty."""
        return self._tracked(frame, *self._objects(frame))

    def find_near(self, frame: Frame, moves: Moves) -> Sequence[Observation]:
        """The same, from a look at a part of the picture where that will do."""
        scene = self._scene
        if scene is None and self._model.windows and not self._closer:  # with tiles, little could be saved
            families = [family(label) for label in self._model.labels]
            scene = self._scene = Scene(
                self._size, self._model.windows, families, sure=self._recipe.confidence, whole_every=self._whole_every
            )
        if scene is None:
            return self.find(frame)
        box, canvas = self._canvas(frame)
        moved = None if scene.looked_at is None else moves.between(scene.looked_at, frame.at)
        window = scene.window(frame.at, moved, box)
        rows = None
        if window is not None:
            rows = scene.part(frame.at, window, window.placed(self._inferred(window.cut(canvas))))
        if rows is not None:
            self._stages.part(self._site)
        else:
            rows = scene.whole(frame.at, self._inferred(canvas))
        return self._tracked(frame, canvas, box, self._wanted_of(rows, box, frame))

    def _tracked(self, frame: Frame, canvas: Image, box: Letterbox, wanted: list[Detection]) -> Sequence[Observation]:
        with self._stages.measure(self._site, "track"):
            picture = canvas[box.top : box.top + box.height, box.left : box.left + box.width]
            objects = by_object(wanted)
            followed = self._tracker.track(frame.at, [one[0] for one in objects], [one[1:] for one in objects])
            tracked = described(followed, picture)
            return [Detections.of(self._site, frame.at, tracked, aspect=frame.width / frame.height)]

    def glance(self, frame: Frame) -> Detections:
        """All of the wanted labels, however uncertain, without a track."""
        _, _, wanted = self._objects(frame)
        return Detections.of(self._site, frame.at, one_per_object(wanted), aspect=frame.width / frame.height)

    def look_closer(self, frame: Frame, wanted: LookWanted) -> CloserSight | None:
        """What is at this place, by a part of the full picture at twice the scale in which the object was found."""
        if wanted.label not in self._wanted:
            return None
        frame = in_detail(frame, DETAIL_WITHIN_S, MOST_DECODED)
        view = CloserView.around(wanted.xyxy, (frame.width, frame.height), self._size, self._scale_at(frame, wanted))
        with self._stages.measure(self._site, "convert"):
            canvas = view.cut(frame)
        with self._stages.measure(self._site, "infer"):
            found = self._model.infer(canvas)
        found = found[found[:, 4] >= _HINT]
        return closer_sight(wanted, self._named(view.fractions(found[:, :4]), found), view.magnify)

    @property
    def kinds(self) -> frozenset[str]:
        """The families of the labels that are looked for."""
        return frozenset(family(label) for label in self._wanted)

    def canary_picture(self, frame: Frame) -> Image:
        """The picture in the size in which it lies in the model's input; a copy."""
        box = Letterbox.fit(frame.width, frame.height, *self._size)
        return frame.bgr(box.width, box.height).copy()

    def find_canaries(
        self, frame: Frame, targets: Sequence[CanaryTarget], earlier: Image | None = None
    ) -> Sequence[bool]:
        """Which of the targets are found in a copy of the picture; nobody is followed, nothing is remembered.

        One inference for all of them, and one for each that is missed within a zone that is looked at by tiles.
        """
        box, canvas = self._canvas(frame)
        whole = canvas[box.top : box.top + box.height, box.left : box.left + box.width]
        drawn = canvas.copy()
        drawn[box.top : box.top + box.height, box.left : box.left + box.width] = with_targets(whole, targets, earlier)
        rows = self._model.infer(drawn)
        found = self._named(box.fractions(rows[:, :4]), rows)
        return [self._is_found(target, found) or self._is_found_closer(frame, target) for target in targets]

    def _is_found(self, target: CanaryTarget, found: Sequence[Detection]) -> bool:
        kind, place = target.cutout.kind, np.array([target.xyxy], np.float64)
        sure = [
            d
            for d in found
            if d.confidence >= self._recipe.confidence and d.label in self._wanted and family(d.label) == kind
        ]
        boxes = np.array([d.xyxy for d in sure], np.float64).reshape(-1, 4)
        return bool(sure) and float(iou(boxes, place).max()) >= _CANARY_THERE

    def _is_found_closer(self, frame: Frame, target: CanaryTarget) -> bool:
        """The same by the tile that shows the target best, where its zone is looked at by tiles."""
        left, _, right, bottom = target.xyxy
        foot = np.array([[(left + right) / 2, bottom]], np.float32)
        if self._grid is None or not any(bool(zone.contains(foot)[0]) for zone in self._closer):
            return False
        frame = in_detail(frame, DETAIL_WITHIN_S)
        tile = self._grid.around(target.xyxy)
        if tile is None or self._grid.picture != (frame.width, frame.height):
            return False
        canvas = tile.cut(frame.bgr(frame.width, frame.height), *self._size)
        size = np.array([frame.width, frame.height] * 2, np.float64)
        offset = np.array([tile.left, tile.top] * 2, np.float64)
        within = (np.array(target.xyxy) * size - offset) / np.array([tile.width, tile.height] * 2)
        left, top, right, bottom = (float(v) for v in within)
        placed = replace(target, xyxy=(left, top, right, bottom))
        rows = self._model.infer(with_targets(canvas, [placed]))
        xyxy, whole = self._grid.whole(tile, rows[:, :4])
        return self._is_found(target, self._named(xyxy[whole], rows[whole]))

    def _scale_at(self, frame: Frame, wanted: LookWanted) -> float:
        """Model pixels for a pixel of the camera, in the look that has found this object."""
        scale = Letterbox.fit(frame.width, frame.height, *self._size).width / frame.width
        left, _, right, bottom = wanted.xyxy
        foot = np.array([[(left + right) / 2, bottom]], np.float32)
        if self._grid is not None and any(bool(zone.contains(foot)[0]) for zone in self._closer):
            return max(scale, self._grid.magnify)
        return scale

    def _objects(self, frame: Frame) -> tuple[Image, Letterbox, list[Detection]]:
        box, canvas = self._canvas(frame)
        return canvas, box, self._wanted_of(self._inferred(canvas), box, frame)

    def _canvas(self, frame: Frame) -> tuple[Letterbox, Image]:
        box = Letterbox.fit(frame.width, frame.height, *self._size)
        with self._stages.measure(self._site, "convert"):
            return box, box.canvas(frame)

    def _wanted_of(self, found: Rows, box: Letterbox, frame: Frame) -> list[Detection]:
        with self._stages.measure(self._site, "track"):
            objects = self._named(box.fractions(found[:, :4]), found)
            if self._closer:
                objects = without_repeats([objects, *self._close_up(frame)])
            return [d for d in objects if d.label in self._wanted]

    def _inferred(self, canvas: Image) -> Rows:
        with self._stages.measure(self._site, "infer"):
            return self._sure(self._model.infer(canvas))

    def _close_up(self, frame: Frame) -> list[list[Detection]]:
        """What each tile shows whole."""
        frame = in_detail(frame, DETAIL_WITHIN_S)
        size = (frame.width, frame.height)
        if self._grid is None or self._grid.picture != size:
            self._grid = Grid.over(
                self._closer, size, self._size, magnify=self._recipe.magnify, at_most=self._recipe.tiles
            )
        with self._stages.measure(self._site, "convert"):
            picture = frame.bgr(*size)
        looks: list[list[Detection]] = []
        for tile in self._grid.tiles:
            with self._stages.measure(self._site, "convert"):
                canvas = tile.cut(picture, *self._size)
            found = self._inferred(canvas)
            xyxy, whole = self._grid.whole(tile, found[:, :4])
            looks.append(self._named(xyxy[whole], found[whole]))
        return looks

    @staticmethod
    def _sure(found: Rows) -> Rows:
        return found[found[:, 4] >= _UNCERTAIN]

    def _named(self, xyxy: Boxes, found: Rows) -> list[Detection]:
        return [
            Detection((float(b[0]), float(b[1]), float(b[2]), float(b[3])), float(c), self._model.labels[int(k)], None)
            for b, c, k in zip(xyxy, found[:, 4], found[:, 5], strict=True)
            if b[2] > b[0] and b[3] > b[1]
        ]


def closer_sight(wanted: LookWanted, found: Sequence[Detection], magnify: float) -> CloserSight:
    """The surest of the same kind that stands where the wanted object does, and what is surely there in its stead."""
    kind, place = family(wanted.label), np.array([wanted.xyxy], np.float64)
    boxes = np.array([d.xyxy for d in found], np.float64).reshape(-1, 4)
    overlaps = iou(boxes, place)[:, 0] if len(found) else np.zeros(0)
    there = [d for d, share in zip(found, overlaps, strict=True) if share >= _THERE and family(d.label) == kind]
    others = [
        d
        for d, share in zip(found, overlaps, strict=True)
        if share >= _INSTEAD and family(d.label) != kind and d.confidence >= _SURE
    ]
    best = max(there, key=lambda d: d.confidence, default=None)
    other = max(others, key=lambda d: d.confidence, default=None)
    instead = other.label if other is not None and (best is None or other.confidence > best.confidence) else ""
    return CloserSight(
        score=0.0 if best is None else best.confidence,
        label=wanted.label if best is None else best.label,
        magnify=magnify,
        instead=instead,
    )


def _zones(ids: Sequence[str], place: Place) -> tuple[Zone, ...]:
    known = {zone.id: zone for zone in place.zones}
    for zone_id in ids:
        if zone_id not in known:
            raise InputRejected(f"site {place.id}, detector yolo: no zone {zone_id!r}{did_you_mean(zone_id, known)}")
    return tuple(known[zone_id] for zone_id in ids)


def without_repeats(looks: Sequence[Sequence[Detection]]) -> list[Detection]:
    """Of several looks at the same place: each object once, where it was found with the most certainty.

    Two looks see an object's edges differently, and the one that sees it smaller may see a part of it.
    """
    numbered = [(detection, n) for n, look in enumerate(looks) for detection in look]
    ranked = sorted(numbered, key=lambda one: (-one[0].confidence, one[0].label, one[0].xyxy))
    boxes = np.array([d.xyxy for d, _ in ranked], dtype=np.float64).reshape(-1, 4)
    same = (of_smaller(boxes, boxes) >= _SAME_PART) | (iou(boxes, boxes) >= _SAME_LOOKS)
    kept: list[int] = []
    for i, (detection, look) in enumerate(ranked):
        other_looks = (j for j in kept if ranked[j][1] != look)
        if not any(same[i, j] and family(ranked[j][0].label) == family(detection.label) for j in other_looks):
            kept.append(i)
    return [ranked[i][0] for i in kept]


def one_per_object(found: list[Detection]) -> list[Detection]:
    """Without the less certain of two boxes on one object (the model may call one van both car and truck)."""
    return [boxes[0] for boxes in by_object(found)]


def by_object(found: list[Detection]) -> list[list[Detection]]:
    """All boxes of each object, the surest one first; the objects from the surest on.

    A box within another of its family that stands on the same ground is of the same object, unless the model is sure
    of both: of a lorry's cab it may say car, of lorry and sign together bus. What stands in front of another has its
    foot lower in the picture.
    """
    ranked = sorted(found, key=lambda d: (-d.confidence, d.label, d.xyxy))
    if len(ranked) < 2:
        return [[one] for one in ranked]
    boxes = np.array([d.xyxy for d in ranked], dtype=np.float64)
    overlap, within = iou(boxes, boxes), of_smaller(boxes, boxes)
    heights = boxes[:, 3] - boxes[:, 1]
    lower = np.minimum(heights[:, None], heights[None, :])
    same_ground = np.abs(boxes[:, None, 3] - boxes[None, :, 3]) <= SAME_GROUND * lower
    nested = (within >= NESTED) & same_ground
    kept: list[list[int]] = []
    for i, detection in enumerate(ranked):
        kind = family(detection.label)
        nests = kind == "vehicle" and detection.confidence < _SURE
        for one in kept:
            j = one[0]
            if family(ranked[j].label) == kind and (overlap[i, j] >= _SAME_OBJECT or (nests and nested[i, j])):
                one.append(i)
                break
        else:
            kept.append([i])
    return [[ranked[i] for i in one] for one in kept]
