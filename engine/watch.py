"""Which pictures of a camera set to `watch: on_activity` are worth a look: nothing moves, nothing is inferred.

Pure: it knows only the pictures, their times and what was found in them, so a recording gives the looks the camera
gave. Lets pass: pictures in which something moves and for a while after; those of the gate's warm-up; now and then
one while something stands there, so that it stays followed when the background has absorbed it; and a rare one anyhow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from data.frame import Frame
from data.observation import Detections
from engine.gate import Gate

GATE_EVERY = timedelta(seconds=0.1)
AWAKE_FOR = timedelta(seconds=2)  # after the last motion
STANDING_EVERY = timedelta(seconds=1)  # looks while something stands there
STANDING_FOR = timedelta(seconds=10)  # it may be hidden for so long and still be looked after
RARE_EVERY = timedelta(seconds=10)
_MOVED_BY = 0.15  # box heights between two looks: it moves, though the gate may not have noticed
_SLACK = timedelta(milliseconds=1)  # picture times are rounded: 0.1999 s is due at 0.2 s
_NEVER = datetime.min.replace(tzinfo=UTC)
_STALE = timedelta(seconds=5)  # the background of a stream not seen for so long (the substream, while awake)


@dataclass(frozen=True, slots=True)
class Attention:
    """What a picture deserves. `look`: let the detectors see it. `awake`: something goes on, decode every picture."""

    look: bool
    awake: bool
    global_change: bool = False


class Watch:
    """One camera's. `see` and `found` may be called from two threads, each from one."""

    def __init__(self, looks_per_second: float) -> None:
        """`looks_per_second`: at most so many while something goes on."""
        self._period = timedelta(seconds=1 / looks_per_second)
        self._gates: dict[tuple[int, int], tuple[Gate, datetime]] = {}
        self._gate_due = self._look_due = self._looked_at = _NEVER
        self._triggered_at = _NEVER
        self._warming = self._awake = True
        self._moved_at = self._present_at = _NEVER  # set by `found`
        self._feet: dict[int, tuple[float, float]] = {}

    def see(self, frame: Frame) -> Attention:
        """Pictures in the order of their times, of one or several sizes (main stream and substream)."""
        at, global_change = frame.at + _SLACK, False
        if at >= self._gate_due:
            self._gate_due = _next(self._gate_due, GATE_EVERY, at)
            global_change = self._gated(frame)
        moving = at - max(self._triggered_at, self._moved_at) < AWAKE_FOR
        self._awake = moving
        if self._looks(at, moving or self._warming):
            self._looked_at = at
            self._look_due = _next(self._look_due, self._period, at)
            return Attention(True, self._awake, global_change)
        return Attention(False, self._awake, global_change)

    def rewind(self) -> None:
        """Pictures from before the last one come again: they are all part of what goes on."""
        self._gate_due = self._look_due = _NEVER

    def found(self, detections: Detections) -> None:
        """What a look has shown: does anything stand there, or move too slowly for the gate?"""
        if len(detections):
            self._present_at = detections.at
        feet: dict[int, tuple[float, float]] = {}
        for detection in detections:
            if detection.track_id is None:
                continue
            known = self._feet.get(detection.track_id, detection.foot)
            height = max(detection.xyxy[3] - detection.xyxy[1], 1e-6)
            across = (detection.foot[0] - known[0]) * detections.aspect
            if max(abs(across), abs(detection.foot[1] - known[1])) > _MOVED_BY * height:
                self._moved_at, known = detections.at, detection.foot
            feet[detection.track_id] = known
        self._feet = feet

    def _gated(self, frame: Frame) -> bool:
        """Tells of a global change."""
        size = (frame.width, frame.height)
        gate, last = self._gates.get(size, (Gate(), _NEVER))
        if frame.at - last > _STALE:
            gate = Gate()
        motion = gate.see(frame.luma(), frame.at)
        self._gates[size] = (gate, frame.at)
        self._warming = motion.warming
        if motion.global_change or (motion.active and not motion.warming):
            self._triggered_at = frame.at
        return motion.global_change

    def _looks(self, at: datetime, active: bool) -> bool:
        if active:
            return at >= self._look_due
        standing = at - self._present_at < STANDING_FOR
        return at - self._looked_at >= (STANDING_EVERY if standing else RARE_EVERY)


def _next(due: datetime, step: timedelta, at: datetime) -> datetime:
    """The next time on the grid, a new grid when `at` is far off it."""
    return due + step if at - due < step else at - _SLACK + step
