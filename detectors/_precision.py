"""In which arithmetic the exported model runs: tried once on this processor, kept beside the model.

BF16 halves the time where the processor multiplies BF16 matrices (AMX); with AVX512-BF16 alone it depends on the
processor, and without either it only loses digits. So the names of features do not decide but a trial does, for
each model, processor and OpenVINO version. It takes CPU time, not wall time, and runs in a process of its own: the
cameras that a worker reads already would spoil the figures, and a second compiled model would stay in its memory.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from data.model.frame import Image
from detectors._compiled import Precision
from detectors._letterbox import Letterbox
from detectors._openvino import OpenVinoModel
from detectors._tracker import iou

_ROUNDS = 12
_WORTH_IT = 0.9  # of f32's time: what is hardly faster is not worth the digits
_SURE = 0.4  # certainty of the objects that both must find
_SAME_BOX = 0.9  # overlap
_SAME_CERTAINTY = 0.05
_TRIAL_WITHIN_S = 120.0

Arithmetic = Literal["amx", "avx512", "none"]


@dataclass(frozen=True, slots=True)
class Processor:
    """What the processor is and which BF16 arithmetic it has."""

    name: str
    bf16: Arithmetic

    @classmethod
    def read(cls, path: Path = Path("/proc/cpuinfo")) -> Processor:
        """From the kernel's list; an unreadable one counts as a processor without BF16."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError:
            return cls("unknown", "none")
        fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
        flags = set(fields.get("flags", "").split())
        bf16: Arithmetic = "amx" if "amx_bf16" in flags else "avx512" if "avx512_bf16" in flags else "none"
        return cls(fields.get("model name", "unknown"), bf16)


@dataclass(frozen=True, slots=True)
class Trial:
    """CPU-ms of one inference in each arithmetic, and whether both find the same in the sample pictures."""

    f32_ms: float
    bf16_ms: float
    alike: bool

    @property
    def wins(self) -> bool:
        return self.alike and self.bf16_ms <= _WORTH_IT * self.f32_ms


@dataclass(frozen=True, slots=True)
class Choice:
    precision: Precision
    why: str


def choose(folder: Path, wanted: Literal["auto", "bf16", "f32"], processor: Processor) -> Choice:
    """The arithmetic for the model in this folder, and why."""
    if wanted == "f32":
        return Choice("f32", "as configured")
    if processor.bf16 == "none":
        return Choice("f32", f"{processor.name} has no BF16 arithmetic")
    if wanted == "bf16":
        return Choice("bf16", f"as configured ({processor.bf16})")
    try:
        trial = _known_trial(folder, processor)
    except (OSError, ValueError, TypeError, subprocess.SubprocessError) as error:
        return Choice("f32", f"bf16 could not be tried: {error}")
    figures = f"{trial.bf16_ms:.1f} against {trial.f32_ms:.1f} CPU-ms an inference"
    if trial.wins:
        return Choice("bf16", f"faster on {processor.name} ({processor.bf16}): {figures}")
    reason = "not worth it" if trial.alike else "its findings differ"
    return Choice("f32", f"bf16 was tried on {processor.name} ({processor.bf16}), {reason}: {figures}")


def _known_trial(folder: Path, processor: Processor) -> Trial:
    """As found before for this processor, else by a trial now; who asks meanwhile waits for it."""
    mark = hashlib.sha256(f"{processor} {version('openvino')}".encode()).hexdigest()[:12]
    path = folder / f"precision-{mark}.json"
    with FileLock(path.with_suffix(".lock")):
        if not path.is_file():
            done = subprocess.run(
                [sys.executable, "-m", "detectors._precision", str(folder.resolve())],
                cwd=Path(__file__).resolve().parent.parent,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TRIAL_WITHIN_S,
                check=True,
            )
            new = path.with_suffix(".new")
            new.write_text(done.stdout.strip().splitlines()[-1], encoding="utf-8")
            new.replace(path)
        return Trial(**json.loads(path.read_text(encoding="utf-8")))


def compare(folder: Path) -> Trial:
    """Make both models, look at the sample pictures with both in turn, and time the last one. About two seconds."""
    models = [OpenVinoModel(folder, 1, precision) for precision in ("f32", "bf16")]
    pictures = [_fitted(picture, *models[0].size) for picture in _samples()]
    alike = bool(pictures) and models[1].precision == "bf16"
    sure = 0
    for picture in pictures:
        f32, bf16 = (model.infer(picture) for model in models)
        alike = alike and _within(f32, bf16) and _within(bf16, f32)
        sure += int((f32[:, 4] >= _SURE).sum())
    # A model that knows nothing in the samples was not compared, so the fewer digits are not trusted.
    f32_ms, bf16_ms = _times_ms(models)
    return Trial(f32_ms, bf16_ms, alike and sure > 0)


def _times_ms(models: list[OpenVinoModel]) -> list[float]:
    """The least of some rounds, in turn, so that whatever else runs here disturbs both alike."""
    width, height = models[0].size
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    best = [float("inf")] * len(models)
    for _ in range(_ROUNDS):
        for i, model in enumerate(models):
            begun_s = time.process_time()
            model.infer(noise)
            best[i] = min(best[i], (time.process_time() - begun_s) * 1000)
    return best


def _samples() -> list[Image]:
    """The two photographs that come with ultralytics, which is not imported for it."""
    import cv2  # noqa: PLC0415 - only the trial needs it

    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        return []
    paths = sorted((Path(spec.origin).parent / "assets").glob("*.jpg"))
    read = (cv2.imread(str(path)) for path in paths)
    return [np.asarray(image, np.uint8) for image in read if image is not None]


def _fitted(picture: Image, width: int, height: int) -> Image:
    from data.model.picture import ArrayFrame  # noqa: PLC0415 - likewise

    frame = ArrayFrame("sample", datetime.fromtimestamp(0, UTC), picture)
    return Letterbox.fit(frame.width, frame.height, width, height).canvas(frame)


def _within(these: npt.NDArray[np.float32], those: npt.NDArray[np.float32]) -> bool:
    """Is every sure object of `these` also in `those`, of the same class, at the same place, as certain?"""
    sure = these[these[:, 4] >= _SURE]
    overlap = iou(sure[:, :4].astype(np.float64), those[:, :4].astype(np.float64))
    same = (
        (overlap >= _SAME_BOX)
        & (sure[:, None, 5] == those[None, :, 5])
        & (np.abs(sure[:, None, 4] - those[None, :, 4]) <= _SAME_CERTAINTY)
    )
    return bool(same.any(axis=1).all())


if __name__ == "__main__":
    print(json.dumps(asdict(compare(Path(sys.argv[1])))))
