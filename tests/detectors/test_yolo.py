"""The real network on real pictures."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from data.errors import InputRejected
from data.model.geo import Location
from data.model.observation import Detections
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings, Place
from data.ports.recipe import Context
from detectors._labels import COCO
from detectors._tracker import iou
from detectors.yolo import Recipe

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
SITE = Place(id="gate-3", location=Location(lon=106.5, lat=29.6))


def context(root: Path, backend: str = "openvino", precision: str = "f32") -> Context:
    settings = {"backend": backend, "precision": precision}
    return Context(site=SITE, inference=InferenceSettings.model_validate(settings), base_dir=root)


def picture(path: Path) -> ArrayFrame:
    return ArrayFrame("gate-3", NOON, np.asarray(cv2.imread(str(path)), dtype=np.uint8))


def found(recipe: Recipe, where: Context, frames: Sequence[ArrayFrame]) -> list[Detections]:
    """What a fresh detector finds in each picture alone."""
    results = []
    for frame in frames:
        (seen,) = recipe.make(where).find(frame)
        assert isinstance(seen, Detections)
        results.append(seen)
    return results


def test_an_unknown_class_is_refused_when_the_configuration_is_read() -> None:
    with pytest.raises(ValidationError, match=r"no COCO class 'persn', did you mean 'person'"):
        Recipe(labels=("persn",))
    assert pickle.loads(pickle.dumps(Recipe())) == Recipe()


def test_reading_a_recipe_loads_neither_torch_nor_openvino(root: Path) -> None:
    code = "import sys, detectors.yolo; print({'torch', 'openvino', 'ultralytics'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.model
def test_the_live_detector_loads_no_torch_and_knows_the_coco_names(root: Path, shared: Path) -> None:
    code = (
        "import sys, pathlib, tests.detectors.test_yolo as t; "
        "print(t.Recipe().make(t.context(pathlib.Path('.')))._model.labels == t.COCO, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.model
def test_a_class_the_checkpoint_does_not_know_is_refused_when_it_loads(root: Path) -> None:
    with pytest.raises(InputRejected, match="the model knows no class 'septic tank'"):
        Recipe(labels=("septic tank",), own_classes=True).make(context(root))


@pytest.mark.model
@pytest.mark.shared
def test_the_exported_model_finds_what_ultralytics_finds(root: Path, shared: Path) -> None:
    """12 photographs of all shapes: the same objects, boxes alike to 0.99, certainty to 0.005."""
    paths = sorted((shared / "coco" / "train2017" / "images").glob("*.jpg"))[:12]
    frames = [picture(path) for path in paths]
    recipe = Recipe(labels=COCO, confidence=0.25)
    ours = found(recipe, context(root), frames)
    reference = found(recipe, context(root, "ultralytics"), frames)
    assert sum(len(seen) for seen in reference) >= 20
    for path, mine, theirs in zip(paths, ours, reference, strict=True):
        assert sorted(mine.labels) == sorted(theirs.labels), path.name
        overlap = iou(mine.xyxy.astype(np.float64), theirs.xyxy.astype(np.float64))
        same = np.array([[a == b for b in theirs.labels] for a in mine.labels]).reshape(overlap.shape)
        best = np.where(same, overlap, 0.0)
        for i, j in enumerate(best.argmax(axis=1) if len(mine) else []):
            assert best[i, j] >= 0.99, (path.name, mine.labels[i], float(best[i, j]))
            assert mine.confidence[i] == pytest.approx(theirs.confidence[j], abs=0.005), path.name
