"""When the network's smaller inputs are taken up."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import pytest

import detectors._backend as backend
from data.model.frame import Image
from data.model.place import InferenceSettings
from detectors._backend import BySize, windows


class Counting:
    """A back end that answers with the size of what it is given, and takes its time."""

    labels: tuple[str, ...] = ("person",)

    def __init__(self, busy_s: float = 0.0) -> None:
        self.windows: tuple[tuple[int, int], ...] = ()
        self._busy_s = busy_s

    def take_up(self) -> None:
        assert self.windows == (), "once is enough"
        self.windows = ((320, 384),)

    def infer(self, canvas: Image) -> npt.NDArray[np.float32]:
        until_s = time.thread_time() + self._busy_s
        while time.thread_time() < until_s:
            pass
        return np.array([[0, 0, canvas.shape[1], canvas.shape[0], self._busy_s, 0]], np.float32)


WHOLE = np.zeros((384, 640, 3), np.uint8)
PART = np.zeros((384, 320, 3), np.uint8)


def test_windows_that_are_not_smaller_than_the_input_are_left_out() -> None:
    inference = InferenceSettings(windows=((320, 384), (640, 384), (704, 192), (128, 128)))
    assert [(one.width, one.height) for one in windows(inference)] == [(320, 384), (128, 128)]
    assert windows(InferenceSettings(width=64, height=96)) == []
    with pytest.raises(ValueError, match="multiple of 32"):
        InferenceSettings(windows=((300, 192),))


def test_they_are_taken_up_when_a_camera_is_looked_at_in_full_pace_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend, "WEIGHED_OVER_S", 0.2)
    seldom, often = Counting(), Counting(0.05)
    seldom_asked, often_asked = BySize(seldom, seldom.take_up), BySize(often, often.take_up)
    deadline_s = time.monotonic() + 30
    while not often_asked.windows and time.monotonic() < deadline_s:
        often_asked.infer(WHOLE)
    for _ in range(3):
        seldom_asked.infer(WHOLE)
        time.sleep(0.5)
    assert often_asked.windows == ((320, 384),)
    assert seldom_asked.windows == ()
    often_asked.take_up()  # nothing is taken up again
    assert often_asked.infer(PART)[0, 2] == 320
