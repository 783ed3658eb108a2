"""The compiled network as a file: one for several sizes finds exactly what each finds by itself."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from bench.films import clip_frames
from data.model.place import InferenceSettings
from detectors._backend import windows
from detectors._compiled import compacted, compiled_file
from detectors._export import exported_model
from detectors._letterbox import Letterbox
from detectors._openvino import OpenVinoModel
from detectors._weights import configured_weights

HEADER = b"made by a test;"


def blob(constants: bytes, network: str) -> bytes:
    """As OpenVINO lays it out: an empty part, constants, the network as text."""
    empty = b"<empty/>"
    begin = 48 + len(empty)
    offsets = struct.pack("<6Q", 48, len(empty), begin, len(constants), begin + len(constants), len(network))
    return HEADER + offsets + empty + constants + network.encode()


def constants_of(content: bytes) -> tuple[bytes, str]:
    _, _, begin, size, network, length = struct.unpack_from("<6Q", content, len(HEADER))
    assert len(HEADER) + network + length == len(content)
    return content[len(HEADER) + begin :][:size], content[len(HEADER) + network :].decode()


def exported(root: Path) -> tuple[Path, Path]:
    """The folders of the whole picture's model and of the window's."""
    inference = InferenceSettings()
    weights = configured_weights(inference, root)
    whole, window = (
        exported_model(weights, one, root / inference.cache_dir) for one in (inference, *windows(inference))
    )
    return whole, window


def linked(folder: Path, beside: Path) -> Path:
    """The exported model in a folder of its own, for a cache that nobody has filled yet."""
    own = beside / folder.name
    own.mkdir(parents=True)
    for name in ("model.xml", "model.bin", "labels.json"):
        (own / name).symlink_to(folder / name)
    return own


def test_each_constant_is_kept_once_and_the_small_ones_come_first() -> None:
    large, small = b"L" * 2000, b"s" * 8
    network = '<a offset="0" size="2000"/><b offset="2000" size="8"/><c offset="2008" size="2000"/>'
    constants, text = constants_of(compacted(blob(large + small + large, network)))
    found = [tuple(map(int, part.split('"')[1::2])) for part in text.split("/>")[:-1]]
    assert [constants[offset : offset + size] for offset, size in found] == [large, small, large]
    assert found[0] == found[2]
    assert found[1][0] < found[0][0]
    assert len(constants) < 2200


def test_what_is_laid_out_in_an_unknown_way_is_refused() -> None:
    with pytest.raises(RuntimeError, match="unknown way"):
        compacted(b"something else" * 100)
    whole = blob(b"L" * 200, '<a offset="0" size="200"/>')
    with pytest.raises(RuntimeError, match="unknown way"):
        compacted(whole[:-1])


@pytest.mark.model
@pytest.mark.shared
def test_one_network_for_two_sizes_finds_exactly_what_each_finds_by_itself(root: Path, shared: Path) -> None:
    whole, window = exported(root)
    apart, together = (OpenVinoModel(whole, 2), OpenVinoModel(window, 2)), OpenVinoModel(whole, 2)
    together.take_up([window])
    assert together.windows == ((320, 384),)
    sure = 0
    for frame in list(clip_frames(root, shared / "clips" / "intel_car-detection.mp4", 4.0, 8.0))[::10]:
        canvas = Letterbox.fit(frame.width, frame.height, 640, 384).canvas(frame)
        part = np.ascontiguousarray(canvas[:, 160:480])
        for picture, alone in ((canvas, apart[0]), (part, apart[1]), (canvas, apart[0])):
            found = together.infer(picture)
            np.testing.assert_array_equal(found, alone.infer(picture))
            sure += int((found[:, 4] > 0.5).sum())
    assert sure > 3


@pytest.mark.model
def test_a_file_for_two_sizes_is_hardly_larger_than_for_one(root: Path) -> None:
    core, (whole, window) = ov.Core(), exported(root)
    one, both = (compiled_file(core, folders, 2, "f32") for folders in ([whole], [whole, window]))
    assert both.stat().st_size < 1.1 * one.stat().st_size


@pytest.mark.model
def test_where_there_is_none_for_all_sizes_each_has_its_own_and_one_that_cannot_be_had_is_done_without(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, window = (linked(folder, tmp_path) for folder in exported(root))
    model = OpenVinoModel(whole, 2)
    compiled_file(ov.Core(), [whole, window], 2, "f32").write_bytes(b"half a file")
    model.take_up([window])
    assert model.windows == ((320, 384),)
    assert model.infer(np.zeros((384, 320, 3), np.uint8)).shape == (300, 6)
    assert "no network for all sizes" in caplog.text
    (window / "model.xml").unlink()
    for path in window.glob("*.blob"):
        path.unlink()
    again = OpenVinoModel(whole, 2)
    again.take_up([window])
    assert again.windows == ()
    assert again.infer(np.zeros((384, 640, 3), np.uint8)).shape == (300, 6)
