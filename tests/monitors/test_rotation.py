"""A picture that says how it lies is judged upright: zones, detectors, tiles and evidence see it as people do."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image as Pictures

from data.model.frame import Image
from data.model.observation import Rejected, Sensed
from data.ports.recipe import Attentive, Context
from monitors.video._snapshots import decode_picture
from monitors.video.video_file import Recipe

FLOOD = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LYING = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 3),
    6: (False, 1),
    7: (True, 1),
    8: (False, 3),
}
"""EXIF orientation: mirrored left to right first, then so many quarters clockwise, and it stands upright."""


def upright() -> Image:
    """64 wide, 96 high; four fields of their own brightness, so that no two ways of lying look the same."""
    picture = np.full((96, 64), 40, np.uint8)
    picture[:48, 32:], picture[48:, :32], picture[48:, 32:] = 100, 160, 220
    return picture


def laid(orientation: int) -> Image:
    """As the sensor saw it, so that turning it as the orientation tells gives `upright`."""
    mirrored, quarters = LYING[orientation]
    lying = np.rot90(upright(), quarters)
    return np.ascontiguousarray(lying[:, ::-1] if mirrored else lying)


def filmed(path: Path, orientation: int, pictures: int = 12) -> Path:
    lying = laid(orientation)
    mirrored, quarters = LYING[orientation]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "4", "g": "5"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = lying.shape[1], lying.shape[0], "yuv420p"
        turned = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarters)
        matrix = (np.diag([-1, 1]) if mirrored else np.eye(2, dtype=int)) @ turned
        a, b, c, d = (int(value) << 16 for value in matrix.ravel())
        stream.set_display_matrix((a, b, 0, c, d, 0, 0, 0, 1 << 30))
        for number in range(pictures):
            frame = av.VideoFrame.from_ndarray(lying, format="gray").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def near(picture: Image) -> bool:
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return float(np.abs(grey.astype(int) - upright().astype(int)).mean()) < 12  # the coder's and the range's difference


@pytest.mark.parametrize("more", [{"paced": False}, {}, {"watch": "on_activity"}])
@pytest.mark.parametrize("orientation", LYING)
def test_a_film_is_seen_upright_however_the_camera_lay(
    context: Context, tmp_path: Path, orientation: int, more: dict[str, object]
) -> None:
    path = filmed(tmp_path / "lying.mp4", orientation, pictures=12 if "watch" in more else 2)
    monitor = Recipe.model_validate({"path": path, "start": FLOOD, **more}).make(context)
    seen = 0
    for frame in monitor.observe():
        if frame is None or isinstance(frame, Sensed | Rejected):
            continue
        seen += 1
        assert (frame.width, frame.height) == (64, 96)
        assert near(frame.luma())
        assert near(frame.bgr(64, 96))
        assert frame.bgr(32, 48).shape == (48, 32, 3)
        jpeg = cv2.imdecode(np.frombuffer(frame.jpeg(quality=95), np.uint8), cv2.IMREAD_COLOR)
        assert jpeg is not None
        assert near(np.asarray(jpeg, np.uint8))
        tile = cv2.imdecode(np.frombuffer(frame.jpeg(32), np.uint8), cv2.IMREAD_COLOR)
        assert tile is not None
        assert tile.shape == (48, 32, 3)
        if isinstance(monitor, Attentive):
            monitor.attend(False, frame.at)  # key pictures come from a decoder of their own
    assert seen >= 2


@pytest.mark.parametrize("orientation", LYING)
def test_a_snapshot_is_seen_upright_as_its_exif_tells(orientation: int) -> None:
    exif = Pictures.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    Pictures.fromarray(laid(orientation)).save(out, "JPEG", exif=exif, quality=95)
    picture = decode_picture(out.getvalue())
    assert picture.shape == (96, 64, 3)
    assert near(picture)


def test_an_orientation_that_does_not_exist_changes_nothing() -> None:
    exif = Pictures.Exif()
    exif[0x0112] = 77
    out = io.BytesIO()
    Pictures.fromarray(upright()).save(out, "JPEG", exif=exif, quality=95)
    assert near(decode_picture(out.getvalue()))


def test_grey_levels_of_sixteen_bits_are_scaled_and_not_white() -> None:
    out = io.BytesIO()
    Pictures.fromarray(upright().astype(np.uint16) * 257).save(out, "PNG")
    assert near(decode_picture(out.getvalue()))
