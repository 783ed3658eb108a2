"""Is a picture repeated? Live pictures differ by the sensor's noise, unless compression takes it away."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import numpy as np

from data.model.camera_health import PictureFeatures

_STILL = 0.03  # levels a pixel, from picture to picture: less is no live sensor
_REFRESH = 1.0  # levels a pixel: more is another picture, and not the same one coded anew
_MOST_REFRESHES = 0.55  # of the looks
_LIVELY = 0.7  # of the looks before: a camera whose pictures always changed
_RUNS = 3.0  # a camera that was honestly still for n s freezes only after so many times n
_LOOKS = 30  # by which a camera's liveliness is known
_QUIET_S = 180.0  # of a camera whose pictures hardly change anyway (a calm night, strongly compressed)


class Stillness:
    """Fed with every picture looked at. What a camera did before is forgiven it.

    since: when the present still time began, None while the pictures change.
    """

    def __init__(self, longest_s: float) -> None:
        """`longest_s`: a still time that ended by itself before it was so long is the camera's way."""
        self._longest_s = longest_s
        self._last: PictureFeatures | None = None
        self._usual_s = 0.0
        self._changed: deque[bool] = deque(maxlen=_LOOKS)
        self._lively = False
        self._looks = self._refreshes = 0
        self.since: datetime | None = None

    def pause(self) -> None:
        """The source was away: pictures before and after are not compared."""
        self._last = self.since = None

    def look(self, picture: PictureFeatures) -> bool:
        """Is this picture suspiciously like the last ones?"""
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
        """A repeated picture that is coded anew now and then differs a little each time; a live one always does."""
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
