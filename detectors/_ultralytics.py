"""The checkpoint run by ultralytics and torch: the reference the exported model is compared with."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.model.frame import Image
from detectors._reference import yolo_class
from detectors._weights import Weights


class UltralyticsModel:
    """One model, shared by all cameras of a process."""

    def __init__(self, weights: Weights, cache_dir: Path, threads: int) -> None:
        yolo = yolo_class(cache_dir)
        import torch  # noqa: PLC0415 - half a gigabyte, only for this back end

        torch.set_num_threads(threads)
        self.windows: tuple[tuple[int, int], ...] = ()  # a smaller picture would run as well, but not much faster
        self._model = yolo(str(weights.path), task="detect")
        names = self._model.names
        self.labels: tuple[str, ...] = tuple(names[i] for i in range(len(names)))
        self._lock = threading.Lock()

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """float32 (n, 6): left, top, right, bottom in canvas pixels, confidence, class."""
        with self._lock:
            # nms=False: the head that needs none, the one that is exported.
            (result,) = self._model.predict(
                canvas, imgsz=canvas.shape[:2], conf=0.01, nms=False, device="cpu", verbose=False
            )
        return np.asarray(result.boxes.data.numpy(), dtype=np.float32).reshape(-1, 6)
