"""The exported model: made once by ultralytics, in a process of its own so that ours never load torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from data.errors import InputRejected
from data.model.place import InferenceSettings
from detectors._weights import Weights

MODEL = "model.xml"
LABELS = "labels.json"
_LAYOUT = 1  # of the folder; raise it when what is exported changes


def ultralytics_environment(cache_dir: Path) -> dict[str, str]:
    """What must stand in the environment before ultralytics is imported: no downloads, no installs, no home folder."""
    folder = (cache_dir / "ultralytics").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(folder),
        "YOLO_VERBOSE": "false",
    }


def exported_model(weights: Weights, inference: InferenceSettings, cache_dir: Path) -> Path:
    """Folder with the OpenVINO model (`model.xml`, `model.bin`) of static shape and its `labels.json`.

    Kept by the weights' hash and the shape; whoever asks first exports, others wait for it. The model gives
    float32 (1, 300, 6): left, top, right, bottom in input pixels, confidence, class; no NMS is needed.
    Raises InputRejected when the checkpoint cannot be exported.
    """
    shape = f"{inference.width}x{inference.height}"
    folder = cache_dir / "models" / f"{weights.path.stem}-{weights.sha256[:16]}-{shape}-f32-{_LAYOUT}"
    if (folder / MODEL).is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / MODEL).is_file():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as workshop:
                made = _export_in_own_process(weights, inference, Path(workshop), cache_dir)
                made.rename(folder)
    return folder


def _export_in_own_process(weights: Weights, inference: InferenceSettings, workshop: Path, cache_dir: Path) -> Path:
    # ultralytics writes beside the checkpoint it reads, so it reads a copy.
    checkpoint = workshop / "model.pt"
    shutil.copyfile(weights.path, checkpoint)
    command = [sys.executable, "-m", "detectors._export", str(checkpoint.resolve())]
    command += [str(inference.height), str(inference.width)]
    done = subprocess.run(
        command,
        cwd=Path(__file__).resolve().parent.parent,
        env={**os.environ, **ultralytics_environment(cache_dir)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    made = workshop / "model_openvino_model"
    if done.returncode != 0 or not (made / MODEL).is_file():
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise InputRejected(f"{weights.path} cannot be exported to OpenVINO: {last}")
    return made


def _export(checkpoint: Path, height: int, width: int) -> None:
    from ultralytics import YOLO  # noqa: PLC0415 - torch is loaded in this process only

    model = YOLO(str(checkpoint), task="detect")
    # YOLO26 has a second head that needs no NMS; the exporter keeps that one only when told nms=False.
    folder = Path(model.export(format="openvino", imgsz=(height, width), nms=False, dynamic=False, batch=1))
    (folder / LABELS).write_text(json.dumps([model.names[i] for i in range(len(model.names))]), encoding="utf-8")


if __name__ == "__main__":
    _export(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
