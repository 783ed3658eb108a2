"""The exported model, run by OpenVINO without torch."""

from __future__ import annotations

import contextlib
import json
import logging
import mmap
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov

from data.model.frame import Image
from detectors._compiled import Network, Precision, compiled_file, compiling_options, picture_model
from detectors._export import LABELS

log = logging.getLogger(__name__)


class OpenVinoModel:
    """One compiled model, shared by all cameras of a process.

    Takes the uint8 picture as it is: colour order, type and scale are part of the compiled graph. `precision` is
    what it really runs in: asked for BF16, OpenVINO takes f32 where the processor has none. `size` is the input's
    width and height, pixels, `windows` those of the smaller ones that were taken up. Raises RuntimeError (OpenVINO's)
    when the model cannot be compiled.
    """

    def __init__(self, folder: Path, threads: int, precision: Precision = "f32") -> None:
        self.windows: tuple[tuple[int, int], ...] = ()
        self.labels: tuple[str, ...] = tuple(json.loads((folder / LABELS).read_text(encoding="utf-8")))
        self._folder, self._threads = folder, threads
        self._core = ov.Core()
        self._lock = threading.Lock()
        network = self._network(folder, precision)
        self.precision: Precision = network.precision
        self.size = network.sizes[0]
        self._networks = {self.size: network}

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        """float32 (n, 6): left, top, right, bottom in canvas pixels, confidence, class. `canvas` as exported."""
        with self._lock:
            network = self._networks.get((canvas.shape[1], canvas.shape[0])) or self._networks[self.size]
            return network.infer(canvas)

    def prepare(self, folders: Sequence[Path]) -> None:
        """Do now what takes long about `take_up`: seconds, once on a machine. Its errors come again there."""
        try:
            compiled_file(self._core, [self._folder, *folders], self._threads, self.precision)
        except (OSError, RuntimeError):
            for folder in folders:
                with contextlib.suppress(OSError, RuntimeError):
                    compiled_file(self._core, [folder], self._threads, self.precision)

    def take_up(self, folders: Sequence[Path]) -> None:
        """Take pictures of these exported models' sizes, too: by one network for all, or by one for each.

        A size that cannot be had is done without. Nothing can be looked at meanwhile, about a second.
        """
        with self._lock:
            self._networks.clear()  # before the next comes: a process need not have room for both
            try:
                try:
                    together = self._taken_up([self._folder, *folders], self.precision)
                    self._networks = dict.fromkeys(together.sizes, together)
                except (OSError, RuntimeError, ValueError) as error:
                    log.warning("inference: no network for all sizes of the picture: %s", error)
                    for folder in folders:
                        self._take_up_alone(folder)
            finally:
                if self.size not in self._networks:
                    self._networks[self.size] = self._network(self._folder, self.precision)
            self.windows = tuple(size for size in self._networks if size != self.size)

    def _take_up_alone(self, folder: Path) -> None:
        try:
            network = self._network(folder, self.precision)
        except (OSError, RuntimeError) as error:
            log.warning("inference: no window %s: %s", folder.name, error)
        else:
            self._networks[network.sizes[0]] = network

    def _network(self, folder: Path, precision: Precision) -> Network:
        """From its file, else compiled here: that leaves a process about 10 MiB larger."""
        try:
            return self._taken_up([folder], precision)
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("the compiled model cannot be taken up and is made anew: %s", error)
        how = compiling_options(self._threads, precision)
        return _warmed(Network(self._core.compile_model(picture_model(self._core, folder), "CPU", how)))

    def _taken_up(self, folders: Sequence[Path], precision: Precision) -> Network:
        """From the file itself: the weights stay in its pages, which the processes share and which may be given back.

        Raises OSError, RuntimeError, ValueError (the file is empty).
        """
        with compiled_file(self._core, folders, self._threads, precision).open("rb") as blob:
            # Never written; OpenVINO asks for writable ones.
            pages = mmap.mmap(blob.fileno(), 0, access=mmap.ACCESS_COPY)
        tensor = ov.Tensor(np.frombuffer(pages, np.uint8), shared_memory=True)
        how = compiling_options(self._threads, precision)
        network = _warmed(_Mapped(self._core.import_model(tensor, "CPU", how), tensor))
        if hasattr(pages, "madvise"):
            pages.madvise(mmap.MADV_DONTNEED)  # what was needed has been copied; the rest is read again when asked for
        return network


class _Mapped(Network):
    """A network whose constants are a file's pages, which go after what refers to them."""

    def __init__(self, compiled: ov.CompiledModel, pages: ov.Tensor) -> None:
        super().__init__(compiled)
        self._pages = pages


def _warmed(network: Network) -> Network:
    """The first inference of a process, made in two threads at once, never returned: make it here."""
    for width, height in network.sizes:
        network.infer(np.zeros((height, width, 3), np.uint8))
    return network
