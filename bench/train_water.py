"""Train a water model of your own from your cameras' pictures: `python -m bench.train_water FOLDER --model FILE`.

Whole cameras are held out for the test, never single pictures: pictures of one camera are so alike that a random
split measures whether the model knows the camera. Both figures are printed with --also-random, to see the difference.
The layout of FOLDER and what to do with the result stand in docs/water-models.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputRejected
from data.model.place import InferenceSettings
from detectors._export import ultralytics_environment
from detectors._weights import sha256_of
from tests.conftest import ROOT

SUFFIXES = {".jpg", ".jpeg", ".png"}
CLASSES = ("dry", "water")


@dataclass(frozen=True, slots=True)
class Split:
    """Cameras by what they are used for."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def cameras(folder: Path, task: str) -> dict[str, list[Path]]:
    """Pictures by camera: the folders in `folder`. Raises InputRejected for fewer than two cameras."""
    below = CLASSES if task == "cls" else ("images",)
    found = {
        camera.name: sorted(p for name in below for p in (camera / name).glob("*") if p.suffix.lower() in SUFFIXES)
        for camera in sorted(folder.iterdir())
        if camera.is_dir()
    }
    found = {name: pictures for name, pictures in found.items() if pictures}
    if len(found) < 2:
        raise InputRejected(
            f"{folder} holds pictures of {len(found)} cameras; whole cameras are held out, so at least two are needed"
        )
    return found


def split_by_camera(pictures: Mapping[str, Sequence[Path]], share: float, seed: int) -> Split:
    """Cameras for the test until they hold `share` of all pictures; at least one on either side."""
    names = sorted(pictures)
    random.Random(seed).shuffle(names)
    wanted = share * sum(len(one) for one in pictures.values())
    test: list[str] = []
    for name in names[:-1]:
        if test and sum(len(pictures[one]) for one in test) >= wanted:
            break
        test.append(name)
    return Split(tuple(sorted(set(names) - set(test))), tuple(sorted(test)))


def auc(scores: Sequence[float], is_water: Sequence[bool]) -> float | None:
    """Chance that a picture with water scores above one without (ties count half); None when one kind is missing."""
    values, water = np.array(scores, dtype=np.float64), np.array(is_water, dtype=np.bool_)
    if water.all() or not water.any():
        return None
    above = values[water][:, None] - values[~water][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


def _link(pictures: Sequence[Path], folder: Path) -> None:
    """As ultralytics wants a classification set: one folder per class, both of them there."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        camera, kind = picture.parent.parent.name, picture.parent.name
        link = folder / kind / f"{camera}-{picture.name}"
        link.unlink(missing_ok=True)
        link.symlink_to(picture.resolve())


def _dataset(train: Sequence[Path], test: Sequence[Path], task: str, folder: Path) -> str:
    """Where ultralytics finds the two lists."""
    if task == "cls":
        _link(train, folder / "train")
        _link(test, folder / "val")
        return str(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, pictures in (("train", train), ("val", test)):
        lines = "\n".join(str(one.resolve()) for one in pictures)
        (folder / f"{name}.txt").write_text(lines + "\n", encoding="utf-8")
    described = f"path: {folder.resolve()}\ntrain: train.txt\nval: val.txt\nnames:\n  0: water\n"
    (folder / "data.yaml").write_text(described, encoding="utf-8")
    return str(folder / "data.yaml")


def train(train_on: Sequence[Path], test_on: Sequence[Path], options: argparse.Namespace, name: str) -> dict[str, Any]:
    """One training and its figure on `test_on`."""
    os.environ.update(ultralytics_environment(ROOT / InferenceSettings().cache_dir))
    from ultralytics import YOLO  # noqa: PLC0415 - brings torch, and reads its environment

    out = Path(options.out).resolve()
    data = _dataset(train_on, test_on, options.task, out / f"{name}-data")
    task = {"cls": "classify", "seg": "segment"}[options.task]
    YOLO(options.model, task=task).train(
        data=data, epochs=options.epochs, imgsz=options.imgsz, project=str(out), name=name, exist_ok=True, device="cpu",
        workers=0, plots=False, seed=options.seed, deterministic=True, verbose=False,
    )  # fmt: skip
    # The last epoch, not the best one: the best is chosen on the very cameras it is then tested on.
    weights = out / name / "weights" / "last.pt"
    best = YOLO(str(weights), task=task)
    if options.task == "seg":
        figures = best.val(data=data, device="cpu", plots=False, verbose=False)
        return {"weights": str(weights), "mask_map50": round(float(figures.seg.map50), 3)}
    water = next(index for index, label in best.names.items() if label == "water")
    results = [best.predict(str(p), imgsz=options.imgsz, device="cpu", verbose=False)[0] for p in test_on]
    scores = [float(one.probs.data[water]) for one in results]
    return {"weights": str(weights), "auc": auc(scores, [p.parent.name == "water" for p in test_on])}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.train_water", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="one folder per camera")
    parser.add_argument("--task", choices=("cls", "seg"), default="cls")
    parser.add_argument(
        "--model", required=True, help=".pt to start from, or a .yaml of ultralytics to start from none"
    )
    parser.add_argument("--out", default="var/water-model")
    parser.add_argument("--test-share", type=float, default=0.3, help="share of the pictures in held-out cameras")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--imgsz", type=int, default=224)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--also-random", action="store_true", help="train a second time on a random split, to compare")
    options = parser.parse_args(arguments)
    try:
        pictures = cameras(options.folder, options.task)
    except InputRejected as error:
        print(error, file=sys.stderr)
        return 2
    split = split_by_camera(pictures, options.test_share, options.seed)
    learnt, tested = ([p for name in names for p in pictures[name]] for names in (split.train, split.test))
    told: dict[str, Any] = {"train_cameras": split.train, "test_cameras": split.test}
    told.update(train(learnt, tested, options, "by-camera"))
    told["sha256"] = sha256_of(Path(told["weights"]))
    if options.also_random:
        everything = [p for one in pictures.values() for p in one]
        random.Random(options.seed).shuffle(everything)
        cut = len(learnt)
        told["random_split"] = train(everything[:cut], everything[cut:], options, "at-random")
    print(json.dumps(told, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
