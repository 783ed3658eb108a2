"""The exported model, run by OpenVINO without torch."""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import openvino as ov

from data.model.frame import Image
from detectors._export import LABELS, MODEL

Precision = Literal["bf16", "f32"]

log = logging.getLogger(__name__)


class OpenVinoModel:
    """One compiled model, shared by all cameras of a process.

    Takes the uint8 picture as it is: colour order, type and scale are part of the compiled graph. `precision` is
    what it really runs in: asked for BF16, OpenVINO takes f32 where the processor has none. `size` is the input's
    width and height, pixels. Raises RuntimeError (OpenVINO's) when the model cannot be compiled.
    """

    def __init__(self, folder: Path, threads: int, precision: Precision = "f32") -> None:
        self.windows: tuple[tuple[int, int], ...] = ()
        self.labels: tuple[str, ...] = tuple(json.loads((folder / LABELS).read_text(encoding="utf-8")))
        compiled, pages = _compiled(
            folder,
            {
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": precision,
                # Pinned, the models of two processes take the same core and halve each other.
                "ENABLE_CPU_PINNING": False,
            },
        )
        runs_in = compiled.get_property("INFERENCE_PRECISION_HINT")
        self.precision: Precision = "bf16" if runs_in == ov.Type.bf16 else "f32"
        _, height, width, _ = compiled.input(0).shape
        self.size = (int(width), int(height))
        self._request = compiled.create_infer_request()
        self._pages = pages  # after what refers to it, so that it goes after it
        self._lock = threading.Lock()
        # The first inference of a process, made in two threads at once, never returned: make it here.
        self.infer(np.zeros((height, width, 3), np.uint8))

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """float32 (n, 6): left, top, right, bottom in canvas pixels, confidence, class. `canvas` as exported."""
        with self._lock:
            self._request.infer({0: canvas[np.newaxis]}, share_inputs=True)
            found: npt.NDArray[np.float32] = self._request.get_output_tensor(0).data[0].copy()
        return found


def _compiled(folder: Path, how: dict[str, Any]) -> tuple[ov.CompiledModel, object]:
    """As compiled before on this processor, else now, and kept for the next process; and what must live as long.

    Taking up what was compiled leaves a process about 10 MiB smaller than compiling it.
    """
    core = ov.Core()
    here = f"{ov.get_version()} {core.get_property('CPU', 'FULL_DEVICE_NAME')} {sorted(how.items())}"
    kept = folder / f"compiled-{hashlib.sha256(here.encode()).hexdigest()[:12]}.blob"
    if kept.is_file():
        try:
            return _taken_up(core, kept, how)
        except (OSError, RuntimeError) as error:
            log.warning("the compiled model %s cannot be taken up and is made anew: %s", kept.name, error)
    compiled = core.compile_model(_with_picture_input(core.read_model(folder / MODEL)), "CPU", how)
    try:
        new = kept.with_suffix(f".{os.getpid()}.new")
        new.write_bytes(compiled.export_model().getvalue())
        new.replace(kept)
    except OSError as error:
        log.warning("the compiled model cannot be kept: %s", error)
    return compiled, None


def _taken_up(core: ov.Core, kept: Path, how: dict[str, Any]) -> tuple[ov.CompiledModel, object]:
    """From the file itself: the weights stay in its pages, which the processes share and which may be given back."""
    with kept.open("rb") as blob:
        pages = mmap.mmap(blob.fileno(), 0, access=mmap.ACCESS_COPY)  # never written; OpenVINO asks for writable ones
    content = np.frombuffer(pages, np.uint8)
    tensor = ov.Tensor(content, shared_memory=True)
    compiled = core.import_model(tensor, "CPU", how)
    if hasattr(pages, "madvise"):
        pages.madvise(mmap.MADV_DONTNEED)  # what was needed has been copied; the rest is read again when asked for
    return compiled, (tensor, content)


def _with_picture_input(model: ov.Model) -> ov.Model:
    steps = ov.preprocess.PrePostProcessor(model)
    picture = steps.input()
    picture.tensor().set_element_type(ov.Type.u8)
    picture.tensor().set_layout(ov.Layout("NHWC"))
    picture.tensor().set_color_format(ov.preprocess.ColorFormat.BGR)
    picture.model().set_layout(ov.Layout("NCHW"))
    picture.preprocess().convert_element_type(ov.Type.f32)
    picture.preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
    picture.preprocess().scale([255.0, 255.0, 255.0])
    return steps.build()
