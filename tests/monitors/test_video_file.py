"""Video files as cameras: every frame, at its time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import DeviceLost, InputRejected
from data.model.frame import Frame
from data.model.observation import Rejected, Sensed
from data.ports.recipe import Context
from monitors.video.video_file import Recipe

FLOOD = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.shared


def frames_of(recipe: Recipe, context: Context) -> list[Frame]:
    seen = recipe.make(context).observe()
    return [frame for frame in seen if frame is not None and not isinstance(frame, Rejected | Sensed)]


@pytest.mark.parametrize(
    ("clip", "count", "step_s"),
    [
        ("vtest_12s.mp4", 120, 0.1),
        ("intel_car-detection.mp4", 377, 0.08),
        ("intel_person-bicycle-car.mp4", 459, 1 / 12),  # its edit list leaves out the first 8 of 467
    ],
)
def test_every_frame_comes_once_at_its_time(
    shared: Path, context: Context, clip: str, count: int, step_s: float
) -> None:
    recipe = Recipe(path=shared / "clips" / clip, paced=False, start=FLOOD)
    times = [frame.at for frame in frames_of(recipe, context)]
    assert len(times) == count
    assert times[0] == FLOOD
    off = [abs((at - FLOOD).total_seconds() - place * step_s) for place, at in enumerate(times)]
    assert max(off) < 0.001
    assert [frame.at for frame in frames_of(recipe, context)] == times


def test_a_frame_gives_luma_colour_and_jpeg_of_the_same_picture(shared: Path, context: Context) -> None:
    clip = shared / "clips" / "intel_car-detection.mp4"
    frame = frames_of(Recipe(path=clip, paced=False, start=FLOOD), context)[0]
    capture = cv2.VideoCapture(str(clip))
    _, truth = capture.read()
    assert (frame.site, frame.width, frame.height) == ("gate-3", 768, 432)
    luma = frame.luma()
    assert luma.shape == (432, 768)
    assert luma.dtype == np.uint8
    assert not luma.flags.writeable
    grey = cv2.cvtColor(truth, cv2.COLOR_BGR2GRAY).astype(int)
    full_range = (luma.astype(int) - 16) * 255 / 219
    assert np.abs(full_range - grey).mean() < 2
    small = frame.bgr(640, 384)
    assert small.shape == (384, 640, 3)
    assert np.abs(small.astype(int) - cv2.resize(truth, (640, 384), interpolation=cv2.INTER_AREA)).mean() < 3
    tile = cv2.imdecode(np.frombuffer(frame.jpeg(320), np.uint8), cv2.IMREAD_COLOR)
    assert tile is not None
    assert tile.shape == (180, 320, 3)
    whole = cv2.imdecode(np.frombuffer(frame.jpeg(4000, quality=95), np.uint8), cv2.IMREAD_COLOR)
    assert whole is not None
    assert whole.shape == (432, 768, 3)
    assert np.abs(whole.astype(int) - truth).mean() < 4


def test_a_paced_video_takes_its_time_and_says_none_while_waiting(context: Context) -> None:
    slow = context.base_dir / "slow.avi"
    writer = cv2.VideoWriter(str(slow), cv2.VideoWriter.fourcc(*"MJPG"), 0.5, (64, 48))
    for grey in (10, 60, 110):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()
    began = time.monotonic()
    seen = [(time.monotonic() - began, frame) for frame in Recipe(path=slow, start=FLOOD).make(context).observe()]
    given = [
        (round(after), frame.at - FLOOD) for after, frame in seen if frame and not isinstance(frame, Rejected | Sensed)
    ]
    assert given == [(place * 2, timedelta(seconds=2 * place)) for place in range(3)]
    gaps = [b - a for (a, _), (b, _) in pairwise(seen)]
    assert max(gaps) < 1.0


def test_a_loop_goes_on_in_time_by_the_videos_length(shared: Path, context: Context) -> None:
    clip = context.base_dir / "short.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for grey in range(10):
        writer.write(np.full((48, 64, 3), grey * 20, np.uint8))
    writer.release()
    monitor = Recipe(path=clip, loop=True, start=FLOOD).make(context)
    times = []
    for frame in monitor.observe():
        if frame is not None and not isinstance(frame, Rejected | Sensed):
            times.append((frame.at - FLOOD).total_seconds())
        if len(times) == 25:
            monitor.close()
    assert len(times) == 25
    assert times == pytest.approx([place * 0.05 for place in range(25)], abs=0.001)


def test_a_slow_observer_gets_fewer_frames_whose_times_stay_near_the_present(shared: Path, context: Context) -> None:
    monitor = Recipe(path=shared / "clips" / "vtest_12s.mp4").make(context)
    lags = []
    for frame in monitor.observe():
        if frame is None or isinstance(frame, Rejected | Sensed):
            continue
        lags.append((datetime.now(UTC) - frame.at).total_seconds())
        time.sleep(0.45)
        if len(lags) == 10:
            monitor.close()
    assert max(lags) < 2.1
    assert min(lags) >= 0


def test_a_hole_in_a_video_is_reported_once_and_the_rest_goes_on(shared: Path, context: Context) -> None:
    content = bytearray((shared / "clips" / "vtest_12s.mp4").read_bytes())
    third = len(content) // 3
    content[third : third + 60_000] = b"\x55" * 60_000
    broken = context.base_dir / "hole.mp4"
    broken.write_bytes(content)
    seen = list(Recipe(path=broken, paced=False, start=FLOOD).make(context).observe())
    rejected = [item for item in seen if isinstance(item, Rejected)]
    assert len(rejected) == 1
    assert "hole.mp4 cannot be decoded" in rejected[0].reason
    assert 100 < len(seen) < 121


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", b"dear diary, it rained\n" * 200, "no video that can be read"),
        ("notes.mp4", b"dear diary, it rained\n" * 200, "no video that can be read"),
        ("empty.mp4", b"", "no video that can be read"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/secret.ts\n", "no video that can be read"),
    ],
)
def test_what_is_no_video_is_refused_clearly(context: Context, name: str, content: bytes, said: str) -> None:
    (context.base_dir / name).write_bytes(content)
    with pytest.raises(InputRejected, match=f"gate-3: .*{name} is {said}"):
        Recipe(path=Path(name)).make(context)


def test_half_a_video_is_refused_and_a_missing_one_is_lost(shared: Path, context: Context) -> None:
    content = (shared / "clips" / "vtest_12s.mp4").read_bytes()
    (context.base_dir / "half.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputRejected, match=r"half\.mp4 is no video"):
        Recipe(path=Path("half.mp4")).make(context)
    with pytest.raises(DeviceLost, match=r"gate-3: there is no file .*gone\.mp4"):
        Recipe(path=Path("gone.mp4")).make(context)


def test_a_loop_without_pace_is_refused() -> None:
    with pytest.raises(ValueError, match="set `paced: true`"):
        Recipe(path=Path("clip.mp4"), paced=False, loop=True)
