"""The network as OpenVINO compiles it for this processor, as a file: made once, and taken up by every worker.

It is made in a process of its own, so that no worker keeps what only compiling needs (10 MiB). One file may hold the
network for several sizes of its input: their weights are the same, and so lie in the file and in a process once (22 MiB
less than two networks). OpenVINO itself writes every size's weights anew, in the order of the network; here each
constant is kept once, and the small ones, which are read at every inference, lie side by side: of a file's pages the
system maps sixteen around the one that is asked for, so a hundred scattered biases had made 6 MiB resident.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
import openvino.opset13 as ops
from filelock import FileLock

from detectors._export import MODEL

Precision = Literal["bf16", "f32"]

_LAYOUT = 1  # of the file; raise it when what is written changes
_MADE_WITHIN_S = 300.0
_REFUSED = 3  # exit status
_ALIGNED = 64  # bytes; a cache line
_OFFSETS = struct.Struct("<6Q")  # offset and size of: an empty part, the constants, the network; from here
_FIRST = 48  # the first of them: right behind themselves
_HEADER_WITHIN = 1024
_CONSTANT = re.compile(r'offset="(\d+)" size="(\d+)"')


class _Refused(RuntimeError):
    """It will not succeed the next time either."""


def compiling_options(threads: int, precision: Precision) -> dict[str, Any]:
    """For compiling and for taking up."""
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision,
        # Pinned, the models of two processes take the same core and halve each other.
        "ENABLE_CPU_PINNING": False,
        # What is written is the network as text, not scrambled.
        "CACHE_ENCRYPTION_CALLBACKS": [_as_it_is, _as_it_is],
    }


def compiled_file(core: ov.Core, folders: Sequence[Path], threads: int, precision: Precision) -> Path:
    """The file for the exported models of these folders, made now where there is none. Whoever asks meanwhile waits.

    Raises OSError where it cannot be written, RuntimeError when one network for all of them does not say exactly what
    each says by itself; that is kept as well, so that it is found out once.
    """
    processor = core.get_property("CPU", "FULL_DEVICE_NAME")
    what = [_LAYOUT, ov.get_version(), processor, threads, precision, *(folder.name for folder in folders)]
    path = folders[0] / f"compiled-{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}.blob"
    if path.is_file():
        return path
    refusal = path.with_suffix(".refused")
    with FileLock(path.with_suffix(".lock")):
        if refusal.is_file():
            raise RuntimeError(refusal.read_text(encoding="utf-8"))
        if not path.is_file():
            new = path.with_suffix(f".{os.getpid()}.new")
            try:
                _make_in_own_process(folders, threads, precision, new)
                new.replace(path)
            except _Refused as error:
                refusal.write_text(str(error), encoding="utf-8")
                raise
            finally:
                new.unlink(missing_ok=True)
    return path


def picture_model(core: ov.Core, folder: Path) -> ov.Model:
    """The exported model, which takes the uint8 picture as it is: colour order, type and scale are part of it."""
    steps = ov.preprocess.PrePostProcessor(core.read_model(folder / MODEL))
    picture = steps.input()
    picture.tensor().set_element_type(ov.Type.u8)
    picture.tensor().set_layout(ov.Layout("NHWC"))
    picture.tensor().set_color_format(ov.preprocess.ColorFormat.BGR)
    picture.model().set_layout(ov.Layout("NCHW"))
    picture.preprocess().convert_element_type(ov.Type.f32)
    picture.preprocess().convert_color(ov.preprocess.ColorFormat.RGB)
    picture.preprocess().scale([255.0, 255.0, 255.0])
    return steps.build()


class Network:
    """A compiled network for pictures of one or of several sizes, widths and heights in pixels. One thread only."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        inputs = compiled.inputs
        # A flag and a picture for each size but the last, then that one's picture: see `_joined`.
        self._places = [*range(1, len(inputs) - 1, 2), len(inputs) - 1]
        self.sizes = tuple((int(inputs[i].shape[2]), int(inputs[i].shape[1])) for i in self._places)
        hint = compiled.get_property("INFERENCE_PRECISION_HINT")
        self.precision: Precision = "bf16" if hint == ov.Type.bf16 else "f32"
        self._request = compiled.create_infer_request()
        self._yes, self._no = np.array([True]), np.array([False])

    def infer(self, canvas: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """float32 (n, 6). Raises ValueError for a picture of another size."""
        which = self.sizes.index((canvas.shape[1], canvas.shape[0]))
        given: dict[int, Any] = {2 * i: self._no for i in range(which)}
        if which < len(self.sizes) - 1:
            given[2 * which] = self._yes
        given[self._places[which]] = canvas[np.newaxis]
        self._request.infer(given, share_inputs=True)
        found: np.ndarray[Any, np.dtype[np.float32]] = self._request.get_output_tensor(0).data[0].copy()
        return found


def _as_it_is(content: bytes) -> bytes:
    return content


def _make_in_own_process(folders: Sequence[Path], threads: int, precision: Precision, path: Path) -> None:
    what = {"folders": [str(one.resolve()) for one in folders], "threads": threads, "precision": precision}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "detectors._compiled", json.dumps({**what, "path": str(path.resolve())})],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_MADE_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"it is not compiled within {_MADE_WITHIN_S:g} s") from error
    last = (done.stderr.strip().splitlines() or ["no output"])[-1]
    if done.returncode == _REFUSED:
        raise _Refused(last)
    if done.returncode != 0 or not path.is_file():
        raise RuntimeError(f"it cannot be compiled: {last}")


def _make(folders: Sequence[Path], threads: int, precision: Precision, path: Path) -> None:
    core, how = ov.Core(), compiling_options(threads, precision)
    models = [picture_model(core, folder) for folder in folders]
    singles = [core.compile_model(model, "CPU", how) for model in models]
    whole = singles[0] if len(models) == 1 else core.compile_model(_joined(models), "CPU", how)
    content = compacted(whole.export_model().getvalue())
    again = Network(core.import_model(ov.Tensor(np.frombuffer(content, np.uint8)), "CPU", how))
    for single in (Network(one) for one in singles):
        width, height = single.sizes[0]
        noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
        if not np.array_equal(single.infer(noise), again.infer(noise)):
            raise RuntimeError(f"as a file it finds something else in a picture of {width} x {height} pixels")
    with path.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())  # before it gets its name: after a power cut it is whole, or not there


def _joined(models: Sequence[ov.Model]) -> ov.Model:
    """One network for whichever picture it is given: inputs are a flag and a picture for each but the last model, then
    that one's picture. The first flag that is set says which picture is looked at."""
    joined = models[-1]
    for model in reversed(models[:-1]):
        flag = ops.parameter([1], ov.Type.boolean)
        picture, *others = (
            ops.parameter(one.get_partial_shape(), one.get_element_type())
            for one in (model.get_parameters()[0], *joined.get_parameters())
        )
        either = ops.if_op(flag)
        either.set_then_body(model)
        either.set_else_body(joined)
        either.set_input(picture.output(0), model.get_parameters()[0], None)
        for outer, inner in zip(others, joined.get_parameters(), strict=True):
            either.set_input(outer.output(0), None, inner)
        found = either.set_output(model.get_results()[0], joined.get_results()[0])
        joined = ov.Model([ops.result(found)], [flag, picture, *others])
    return joined


def compacted(blob: bytes) -> bytes:
    """What OpenVINO exported, with each constant once and the small ones side by side.

    Raises RuntimeError when it is laid out in another way than that of the version this was written for.
    """
    for at in range(min(_HEADER_WITHIN, len(blob) - _FIRST)):
        first, _, constants, size, network, length = _OFFSETS.unpack_from(blob, at)
        if first == _FIRST and constants + size == network and at + network + length == len(blob):
            break
    else:
        raise RuntimeError("what OpenVINO exports is laid out in an unknown way")
    held = memoryview(blob)[at + constants : at + network]
    described = blob[at + network :].decode()

    def piece(found: re.Match[str]) -> bytes:
        return bytes(held[int(found[1]) : int(found[1]) + int(found[2])])

    new, places = bytearray(), dict[bytes, int]()
    for content in sorted(set(map(piece, _CONSTANT.finditer(described))), key=lambda one: (len(one), one)):
        new += bytes(-(at + constants + len(new)) % _ALIGNED)
        places[content] = len(new)
        new += content
    described = _CONSTANT.sub(lambda found: f'offset="{places[piece(found)]}" size="{found[2]}"', described)
    text = described.encode()
    _, second, *_ = _OFFSETS.unpack_from(blob, at)
    header = _OFFSETS.pack(_FIRST, second, constants, len(new), constants + len(new), len(text))
    return b"".join([blob[:at], header, blob[at + _FIRST : at + constants], new, text])


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    try:
        _make([Path(one) for one in asked["folders"]], asked["threads"], asked["precision"], Path(asked["path"]))
    except RuntimeError as refused:
        print(" ".join(str(refused).split()), file=sys.stderr)
        sys.exit(_REFUSED)
