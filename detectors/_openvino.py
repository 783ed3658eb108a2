"""The exported model, run by OpenVINO without torch."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov

from data.frame import Image
from detectors._export import LABELS, MODEL


class OpenVinoModel:
    """One compiled model, shared by all cameras of a process.

    Takes the uint8 picture as it is: colour order, type and scale are part of the compiled graph.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.labels: tuple[str, ...] = tuple(json.loads((folder / LABELS).read_text(encoding="utf-8")))
        core = ov.Core()
        model = _with_picture_input(core.read_model(folder / MODEL))
        compiled = core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": "f32",
                # Pinned, the models of two processes take the same core and halve each other.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()
        # The first inference of a process, made in two threads at once, never returned: make it here.
        self.infer(np.zeros(tuple(compiled.input(0).shape)[1:], np.uint8))

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """float32 (n, 6): left, top, right, bottom in canvas pixels, confidence, class. `canvas` as exported."""
        with self._lock:
            self._request.infer({0: canvas[np.newaxis]}, share_inputs=True)
            found: npt.NDArray[np.float32] = self._request.get_output_tensor(0).data[0].copy()
        return found


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
