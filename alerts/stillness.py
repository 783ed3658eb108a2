"""Frozen pictures: live pictures differ by the sensor's noise, unless compression removes it."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import numpy as np

from data.model.camera_health import PictureFeatures

_STILL = 0.03  # levels per pixel between pictures: below it the sensor is not live
_REFRESH = 1.0  # levels per pixel: above it the picture is another, not the same one encoded again
_MOST_REFRESHES = 0.55  # of the looks
_LIVELY = 0.7  # share of earlier pictures that changed, for a camera with live noise
_RUNS = 3.0  # a camera that was once still for n s counts as frozen after this many times n
_LOOKS = 30  # by which a camera's liveliness is known
_QUIET_S = 180.0  # for a camera whose pictures hardly change (a calm night, strong compression)


class Stillness:
    """Detects a frozen camera. Feed it every picture; still times that the camera has had before are tolerated.

    since: when the present still time began; None while the pictures change.
    """

    def __init__(self, longest_s: float) -> None:
        """`longest_s`: a shorter still time that ended by itself counts as usual for the camera."""
        self._longest_s = longest_s
        self._last: PictureFeatures | None = None
        self._usual_s = 0.0
        self._changed: deque[bool] = deque(maxlen=_LOOKS)
        self._lively = False
        self._looks = self._refreshes = 0
        self.since: datetime | None = None

    def pause(self) -> None:
        """The source was lost: pictures before and after are not compared."""
        self._last = self.since = None

    def look(self, picture: PictureFeatures) -> bool:
        """True if this picture is suspiciously like the last ones."""
        last, self._last = self._last, picture
        if last is None or last.sample.shape != picture.sample.shape:
            return False
        change = np.abs(picture.sample.astype(np.int16) - last.sample)
        calm, mean = float(np.median(change)) == 0, float(change.mean())
        changed = not calm or mean >= _STILL
        self._changed.append(changed)
        if changed and not self._refreshed(refresh=calm and mean < _REFRESH):
            self._note_run(last.at)
            return False
        if self.since is None:
            self.since, self._looks, self._refreshes = last.at, 0, 0
            self._lively = sum(self._changed) >= _LIVELY * max(10, len(self._changed))
        self._looks += 1
        still_s = (picture.at - self.since).total_seconds()
        return still_s >= (_RUNS * self._usual_s if self._lively else _QUIET_S)

    def _refreshed(self, *, refresh: bool) -> bool:
        """True if the change is only that of a repeated picture encoded again, which differs a little now and then."""
        if self.since is None or not refresh:
            return False
        self._refreshes += 1
        return self._refreshes <= 1 + _MOST_REFRESHES * self._looks

    def _note_run(self, until: datetime) -> None:
        if self.since is not None:
            run_s = (until - self.since).total_seconds()
            if run_s < self._longest_s:
                self._usual_s = max(self._usual_s, run_s)
        self.since = None
