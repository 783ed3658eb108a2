"""How long a camera's picture has waited here: its age beyond that of the quickest picture."""

from __future__ import annotations

from datetime import datetime

DRIFT = 0.001  # seconds a second: a camera whose clock runs slow is followed
JUMP_S = 10.0  # beyond that it is another recording, or the camera's clock was set


class FrameAge:
    """One camera's. The quickest picture so far counts as undelayed, so that a delay of the line sheds no looks.

    What waits in a decoder, in a queue or for the detector is seen. This is not the age that is shown and measured:
    that is the time since the picture was taken, with every delay in it.
    """

    def __init__(self) -> None:
        self._anchor_s: float | None = None
        self._arrived_s = 0.0

    def arrived(self, at: datetime, now_s: float) -> None:
        """A picture taken at `at` (the camera's time) has come; `now_s`: seconds since the epoch."""
        offset_s = now_s - at.timestamp()
        if self._anchor_s is None or abs(offset_s - self._anchor_s) > JUMP_S:
            self._anchor_s = offset_s
        else:
            eased_s = self._anchor_s + DRIFT * max(0.0, now_s - self._arrived_s)
            self._anchor_s = min(eased_s, offset_s)
        self._arrived_s = now_s

    def of(self, at: datetime, now_s: float) -> float:
        """Seconds; 0 before the first picture."""
        return 0.0 if self._anchor_s is None else max(0.0, now_s - at.timestamp() - self._anchor_s)
