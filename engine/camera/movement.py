"""Where something moved before one camera since any of its last pictures: the motion gate of each of its streams, and
what it said of the last seconds. Detectors ask it which part of a picture must be looked at again."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from data.model.frame import Frame
from engine.camera.gate import Gate, Mask, Motion

GATE_EVERY = timedelta(seconds=0.1)
STALE = timedelta(seconds=60)  # the background of a stream not seen for so long begins anew
KEPT_MOTIONS = 64
_NEAR = timedelta(seconds=0.25)  # a picture's motion is that of the last one the gate saw, no older than that
_GAP = timedelta(seconds=0.5)  # between two that the gate saw: something may have come and gone unseen
_SLACK = timedelta(milliseconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Movement:
    """One camera's (implements `data.ports.recipe.Moves`). `see` from one thread, `between` from another."""

    def __init__(self, told: Callable[[datetime, Motion], None] = lambda _at, _motion: None) -> None:
        """`told`: who else hears of every picture's motion, on the thread of `see`."""
        self._told = told
        self._lock = threading.Lock()
        self._gates: dict[tuple[int, int], tuple[Gate, datetime]] = {}
        self._known: deque[tuple[datetime, Mask | None]] = deque(maxlen=KEPT_MOTIONS)
        self._due = _NEVER

    def due(self, at: datetime) -> bool:
        """Is it time to let the gate see a picture again? For cameras whose every picture comes by."""
        if at + _SLACK < self._due and self._due - at <= GATE_EVERY:
            return False
        self._due = at + GATE_EVERY
        return True

    def see(self, frame: Frame, stale: timedelta = STALE) -> Motion:
        """What moves in this picture. Pictures of one size are one stream; those that come again begin a new count."""
        size = (frame.width, frame.height)
        gate, last = self._gates.get(size, (Gate(), _NEVER))
        if frame.at - last > stale:
            gate = Gate()
        motion = gate.see(frame.luma(), frame.at)
        self._gates[size] = (gate, frame.at)
        self._told(frame.at, motion)
        with self._lock:
            if self._known and frame.at <= self._known[-1][0]:
                self._known.clear()
            self._known.append((frame.at, None if motion.warming or motion.global_change else motion.blocks))
        return motion

    def between(self, since: datetime, until: datetime) -> Mask | None:
        """Cells in which something moved in the picture of `since`, in that of `until` or between the two.

        Also where it was in the first one: from there it has gone. None when that is not known: the gate was warming
        up, all of the light changed, or it has not seen enough pictures in that time.
        """
        with self._lock:
            known = list(self._known)
        first = max((i for i, (at, _) in enumerate(known) if at <= since + _SLACK), default=-1)
        if since > until or first < 0 or since - known[first][0] > _NEAR:
            return None
        asked = [one for one in known[first:] if one[0] <= until + _SLACK]
        gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(asked)]
        if until - asked[-1][0] > _NEAR or any(gap > _GAP for gap in gaps):
            return None
        moved = asked[0][1]
        if moved is None:
            return None
        union = moved.copy()
        for _, blocks in asked[1:]:
            if blocks is None or blocks.shape != union.shape:
                return None
            np.logical_or(union, blocks, out=union)
        return union
