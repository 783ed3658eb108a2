"""Which back end runs the network: the fastest that works here, and a line in the log that says which and why."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from data.errors import InputRejected
from data.model.frame import Image
from data.model.place import InferenceSettings
from detectors._weights import Weights, configured_weights

log = logging.getLogger(__name__)

WEIGHED_OVER_S = 10.0
BUSY = 4.5  # looks a second: one camera that is looked at in full pace


class Model(Protocol):
    """A back end: one network, whoever runs it.

    `windows`: widths and heights, pixels, of the smaller canvases it takes by now beside the configured one.
    """

    labels: tuple[str, ...]

    @property
    def windows(self) -> tuple[tuple[int, int], ...]: ...

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """float32 (n, 6): left, top, right, bottom in canvas pixels, confidence, class."""
        ...


def load(inference: InferenceSettings, base_dir: Path) -> Model:
    """The configured network, ready to run: exported in BF16, exported in f32, or as ultralytics runs it.

    Each is tried when the one before cannot be made here. Raises UnverifiedWeights, InputRejected, DeviceLost.
    """
    weights = configured_weights(inference, base_dir)
    cache_dir = base_dir / inference.cache_dir
    if inference.backend == "ultralytics":
        return _plain(weights, cache_dir, inference.threads, "as configured")
    try:
        return _exported(weights, inference, cache_dir)
    except (ImportError, RuntimeError) as error:  # OpenVINO's own errors are RuntimeErrors
        return _plain(weights, cache_dir, inference.threads, f"OpenVINO cannot run the exported model: {error}")


def _exported(weights: Weights, inference: InferenceSettings, cache_dir: Path) -> Model:
    from detectors._export import exported_model  # noqa: PLC0415
    from detectors._openvino import OpenVinoModel  # noqa: PLC0415 - brings openvino
    from detectors._precision import Choice, Processor, choose  # noqa: PLC0415

    folder = exported_model(weights, inference, cache_dir)
    choice = choose(folder, inference.precision, Processor.read())
    try:
        model = OpenVinoModel(folder, inference.threads, choice.precision)
    except RuntimeError as error:
        if choice.precision == "f32":
            raise
        choice = Choice("f32", f"bf16 cannot be compiled: {error}")
        model = OpenVinoModel(folder, inference.threads, choice.precision)
    if model.precision != choice.precision:
        choice = Choice(model.precision, f"OpenVINO did not take {choice.precision}")
    log.info("inference: OpenVINO %s, %s", choice.precision, choice.why)

    sizes = windows(inference)
    if not sizes:
        return model
    folders = [exported_model(weights, one, cache_dir) for one in sizes]  # takes long where not done beforehand
    model.prepare(folders)
    return BySize(model, partial(model.take_up, folders))


class BySize:
    """The network at several sizes of its input; each picture goes to the one of its size.

    The smaller ones are taken up (20 MiB) when it has looked 4.5 times a second for ten seconds: a process that looks
    seldom has nothing to gain by them.
    """

    def __init__(self, model: Model, take_up: Callable[[], None]) -> None:
        """`take_up`: from then on the model takes its windows, too. Raises RuntimeError when no size is left."""
        self.labels = model.labels
        self.precision = getattr(model, "precision", "")
        self._model = model
        self._take_up: Callable[[], None] | None = take_up
        self._lock = threading.Lock()
        self._looks, self._since_s = 0, time.monotonic()

    @property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """As `Model`; none before they are taken up."""
        return self._model.windows

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """As `Model`."""
        if self._take_up is not None:
            self._weigh()
        return self._model.infer(canvas)

    def take_up(self) -> None:
        """Have the smaller ones now."""
        with self._lock:
            take_up, self._take_up = self._take_up, None
            if take_up is not None:
                take_up()

    def _weigh(self) -> None:
        self._looks += 1
        passed_s = time.monotonic() - self._since_s
        if passed_s < WEIGHED_OVER_S:
            return
        if self._looks >= BUSY * passed_s:
            self.take_up()
        self._looks, self._since_s = 0, time.monotonic()


def windows(inference: InferenceSettings) -> list[InferenceSettings]:
    """The settings with each window's size as the input; windows that are not smaller than the input are left out."""
    whole = (inference.width, inference.height)
    fitting = [w for w in inference.windows if w[0] <= whole[0] and w[1] <= whole[1] and w != whole]
    return [inference.model_copy(update={"width": width, "height": height}) for width, height in fitting]


def _plain(weights: Weights, cache_dir: Path, threads: int, why: str) -> Model:
    from detectors._ultralytics import UltralyticsModel  # noqa: PLC0415

    try:
        model = UltralyticsModel(weights, cache_dir, threads)  # brings torch
    except ImportError as error:
        raise InputRejected(f"inference: no back end works here: {why}; ultralytics: {error}") from error
    log.log(logging.INFO if why == "as configured" else logging.WARNING, "inference: plain ultralytics, %s", why)
    return model
