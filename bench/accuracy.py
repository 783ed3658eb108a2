"""What the model loses on the way from the checkpoint to the workers: `python -m bench.accuracy`.

The COCO photographs of the reference material are looked at by the checkpoint in ultralytics and by the exported
model as a worker runs it, all at the configured input size, and scored by `bench.average_precision`. Prints a table
and one line of JSON; with --write the table goes into docs/ACCURACY.md. Exit status 1 when the drop is too great.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bench.average_precision import Found, Objects, Score, score
from data.model.picture import ArrayFrame
from data.model.place import InferenceSettings
from detectors._compiled import Precision
from detectors._export import exported_model, ultralytics_environment
from detectors._letterbox import Letterbox
from detectors._openvino import OpenVinoModel
from detectors._precision import Processor, choose
from detectors._weights import Weights, configured_weights
from tests.conftest import ROOT, shared_folder

LEAST_CERTAIN = 0.001
MUST_DROP_POINTS = 0.5
PAGE = ROOT / "docs" / "ACCURACY.md"
BEGIN, END = "<!-- bench.accuracy: model -->\n", "<!-- end of model -->\n"

Look = Callable[[ArrayFrame], Found]


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    frame: ArrayFrame
    truth: Objects


def photos(shared: Path) -> list[Photo]:
    """All COCO photographs with their labels in YOLO's format; one without a label file has no objects."""
    return [_photo(path) for path in sorted((shared / "coco").glob("*/images/*.jpg"))]


def _photo(path: Path) -> Photo:
    image = cv2.imread(str(path))
    if image is None:
        raise ValueError(f"{path} is no picture")
    labels = path.parent.parent / "labels" / f"{path.stem}.txt"
    lines = labels.read_text(encoding="utf-8").splitlines() if labels.is_file() else []
    rows = np.array([[float(field) for field in line.split()] for line in lines if line.strip()]).reshape(-1, 5)
    height, width = image.shape[:2]
    centre, half = rows[:, 1:3], rows[:, 3:5] / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1) * np.array([width, height, width, height])
    frame = ArrayFrame(path.stem, datetime.fromtimestamp(0, UTC), np.asarray(image, np.uint8))
    return Photo(frame, Objects(xyxy, rows[:, 0].astype(np.int64)))


def found(rows: npt.NDArray[np.float32], size: tuple[int, int]) -> Found:
    """From a model's rows (n, 6) in the pixels of a picture of this width and height."""
    sure = rows[rows[:, 4] >= LEAST_CERTAIN].astype(np.float64)
    xyxy = np.clip(sure[:, :4], 0, np.array([*size, *size]))
    return Found.ranked(xyxy, sure[:, 5].astype(np.int64), sure[:, 4])


def checkpoint_look(weights: Weights, inference: InferenceSettings, *, nms: bool) -> Look:
    """The checkpoint as ultralytics runs it, with its own letterbox of the full input size."""
    os.environ.update(ultralytics_environment(ROOT / inference.cache_dir))
    from ultralytics import YOLO  # noqa: PLC0415 - brings torch, and reads its environment

    model = YOLO(str(weights.path), task="detect")
    size = (inference.height, inference.width)

    def look(frame: ArrayFrame) -> Found:
        (result,) = model.predict(
            frame.image, imgsz=size, rect=False, conf=LEAST_CERTAIN, nms=nms, iou=0.7, device="cpu", verbose=False
        )
        return found(np.asarray(result.boxes.data.numpy(), np.float32).reshape(-1, 6), (frame.width, frame.height))

    return look


def exported_look(folder: Path, inference: InferenceSettings, precision: Precision) -> Look | None:
    """The exported model as a worker runs it; None where the processor has no such arithmetic."""
    model = OpenVinoModel(folder, 1, precision)
    if model.precision != precision:
        return None

    def look(frame: ArrayFrame) -> Found:
        box = Letterbox.fit(frame.width, frame.height, inference.width, inference.height)
        rows = model.infer(box.canvas(frame))
        size = np.array([frame.width, frame.height] * 2, np.float32)
        inside = np.concatenate([box.fractions(rows[:, :4]) * size, rows[:, 4:]], axis=1)
        return found(inside, (frame.width, frame.height))

    return look


def scored(look: Look, pictures: Sequence[Photo]) -> Score:
    return score([(look(photo.frame), photo.truth) for photo in pictures])


def measure(pictures: Sequence[Photo], inference: InferenceSettings) -> dict[str, Any]:
    """Scores by name, and what `auto` takes on this processor."""
    weights = configured_weights(inference, ROOT)
    folder = exported_model(weights, inference, ROOT / inference.cache_dir)
    looks: dict[str, Look | None] = {
        "pt": checkpoint_look(weights, inference, nms=False),
        "pt_nms": checkpoint_look(weights, inference, nms=True),
        "exported_f32": exported_look(folder, inference, "f32"),
        "exported_bf16": exported_look(folder, inference, "bf16"),
    }
    scores = {name: scored(look, pictures) for name, look in looks.items() if look is not None}
    return {"scores": scores, "auto": choose(folder, "auto", Processor.read()).precision}


def table(scores: dict[str, Score]) -> str:
    titles = {
        "pt": "checkpoint in ultralytics, one-to-one head (no NMS): the reference",
        "pt_nms": "checkpoint in ultralytics, one-to-many head + NMS 0.7",
        "exported_f32": "exported, f32",
        "exported_bf16": "exported, BF16",
    }
    lines = ["| model | mAP50-95 | mAP50 | mAP50-95 less than the reference, points |", "|---|---|---|---|"]
    for name, one in scores.items():
        drop = 100 * (scores["pt"].map50_95 - one.map50_95)
        lines.append(f"| {titles[name]} | {100 * one.map50_95:.2f} | {100 * one.map50:.2f} | {drop:+.2f} |")
    return "\n".join(lines)


def figures(scores: dict[str, Score], auto: Precision, pictures: int) -> dict[str, Any]:
    """The line of JSON: mAP50-95 in percent, drops in points; `map_exported` is what `auto` takes here."""
    percent = {name: round(100 * one.map50_95, 2) for name, one in scores.items()}
    exported = percent[f"exported_{auto}"]
    return {
        "processor": Processor.read().name,
        "pictures": pictures,
        "objects": scores["pt"].objects,
        "precision": auto,
        "map_pt": percent["pt"],
        "map_exported": exported,
        "map_drop": round(100 * (scores["pt"].map50_95 - scores[f"exported_{auto}"].map50_95), 2),
        **{f"map_{name}": value for name, value in percent.items() if name != "pt"},
    }


def write_section(page: Path, text: str) -> None:
    """Replace what stands between the two marks of the page."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{page} has no section between {BEGIN.strip()} and {END.strip()}")
    page.write_text(f"{before}{mark}{text}\n{end}{after}", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    shared = shared_folder()
    if shared is None:
        print("no reference material (YIPING_SHARED): nothing measured")
        return 0
    inference = InferenceSettings()
    pictures = photos(shared)
    measured = measure(pictures, inference)
    scores: dict[str, Score] = measured["scores"]
    shown = table(scores)
    result = figures(scores, measured["auto"], len(pictures))
    size = f"{inference.width}x{inference.height}"
    about = (
        f"{result['pictures']} photographs, {result['objects']} objects of {scores['pt'].classes} classes, "
        f"{inference.weights} at {size}, on {result['processor']}, where `precision: auto` takes {result['precision']}."
    )
    print(f"{about}\n\n{shown}")
    if "--write" in arguments:
        write_section(PAGE, f"{about}\n\n{shown}")
    print(json.dumps(result, ensure_ascii=False))
    return int(result["map_drop"] > MUST_DROP_POINTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
