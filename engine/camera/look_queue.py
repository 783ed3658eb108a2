"""Pictures of one camera that wait for the detectors; what is left out for want of time is told to those that follow.

`Watch` counts each picture that it calls worth a look, and tells of the next one what has happened since: that nothing
has moved (`still`), or until when nothing had (`calm_until`). A look that was left out shows nothing to the rules, so
the next one tells of the time since the look before both.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime

from data.model.frame import Frame

KEPT_PICTURES = 2  # waiting for the detector; each is 3 MB that the decoder will never give back
PATIENCE_S = 1.0  # for one of them to be taken up; a detector that is slower than that has fallen behind for good


@dataclass(frozen=True, slots=True)
class Received:
    """A frame and when it came: `at_s` monotonic seconds, `at` wall clock.

    `late`: it was kept back for a while. `glance`: only whether something of interest is there is asked. `still`:
    nothing has moved since the look before it. `calm_until`: see `engine.camera.watch.Attention`.
    """

    frame: Frame
    at_s: float
    at: datetime
    late: bool = False
    glance: bool = False
    still: bool = False
    calm_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Skipped:
    """What was known of looks that were left out: `still` and `calm_until` as of one."""

    still: bool
    calm_until: datetime | None


class LookQueue:
    """Filled by the camera's reading thread, emptied by the thread of the detectors."""

    def __init__(self) -> None:
        self._waiting: deque[Received] = deque()
        self._changed = threading.Condition()
        self._skipped: _Skipped | None = None  # looks since the last one that was put in

    def first(self) -> Received | None:
        """The next one, which stays in the queue."""
        with self._changed:
            return self._waiting[0] if self._waiting else None

    def remove(self, received: Received) -> None:
        """It is being looked at."""
        with self._changed:
            if self._waiting and self._waiting[0] is received:
                self._waiting.popleft()
                self._changed.notify_all()

    def clear(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._skipped = None

    def leave_out(self, received: Received) -> None:
        """A picture that is worth a look gets none."""
        with self._changed:
            self._skip(received)

    def put(self, received: Received, room: int | None = None) -> int:
        """Let it wait for the detectors; how many others are left out for it.

        Of the present only the newest counts; what was kept back goes when too many wait. `room`: wait up to a second
        until fewer than so many are left.
        """
        with self._changed:
            if room is not None:
                self._changed.wait_for(lambda: len(self._waiting) < room, PATIENCE_S)
            left_out = 0
            if self._waiting and not (self._waiting[-1].late or self._waiting[-1].glance):
                self._skip(self._waiting.pop())
                left_out = 1
            elif len(self._waiting) >= KEPT_PICTURES:
                self._drop_oldest()
                left_out = 1
            if self._skipped is not None and not received.glance:
                received = _after(self._skipped, received)
                self._skipped = None
            self._waiting.append(received)
            return left_out

    def _drop_oldest(self) -> None:
        oldest = self._waiting.popleft()
        if oldest.glance:
            return
        for place, following in enumerate(self._waiting):
            if not following.glance:
                self._waiting[place] = _after(_Skipped(oldest.still, oldest.calm_until), following)
                return
        self._skip(oldest)

    def _skip(self, received: Received) -> None:
        if not received.glance:
            known = received if self._skipped is None else _after(self._skipped, received)
            self._skipped = _Skipped(known.still, known.calm_until)


def _after(skipped: _Skipped, received: Received) -> Received:
    """What is known of a picture since the look before those that were left out."""
    calm_until = received.calm_until if skipped.still else skipped.calm_until
    return replace(received, still=received.still and skipped.still, calm_until=calm_until)
