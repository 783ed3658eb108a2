"""Which pictures of a camera set to `watch: on_activity` are worth a look: nothing moves, nothing is inferred.

Pure: it knows only the pictures, their times and what was found in them, so a recording gives the looks that the
camera gave. Where something moves before a resting camera, the detectors *glance* at that picture and follow nothing:
a cloud's shadow wakes nobody. Only when they see what may be an object where it moves, the camera wakes, and what was
kept back comes again. Awake, it is looked at in full pace until nothing of interest has moved for a while; once a
second while something stands there, so that it stays followed when the background has absorbed it; and now and then.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from data.model.frame import Frame
from data.model.observation import Detections
from engine.camera.blobs import Blob, blobs
from engine.camera.gate import Mask, Motion
from engine.camera.movement import GATE_EVERY, KEPT_MOTIONS, STALE, Movement

KEPT_PICTURES = 2  # waiting for the detector; each is 3 MB that the decoder will never give back
PATIENCE_S = 1.0  # for one of them to be taken up; a detector that is slower than that has fallen behind for good
AWAKE_FOR = timedelta(seconds=2)  # after something of interest has moved
GONE_FOR = timedelta(seconds=1)  # likewise, when the last look has shown nothing and nothing moves
STANDING_EVERY = timedelta(seconds=1)  # looks while something stands there
STANDING_FOR = timedelta(seconds=10)  # it may be hidden for so long and still be looked after
RARE_EVERY = timedelta(seconds=10)
GLANCES_EVERY = tuple(
    timedelta(seconds=s) for s in (0.2, 0.2, 0.4, 0.4, 1.0)
)  # while all are in vain, the last for ever
TRIAL_BACK = timedelta(seconds=2)  # of what was kept back is looked at, where glances were in vain
_TRAVELS_CELLS = 1.5
_SMALL_SHARE = 0.1  # of the cells; more is weather
FEW_BLOBS = 4  # more is water, or leaves
_CALM = timedelta(seconds=3)  # without motion: the next motion is another one
_STILL = timedelta(seconds=0.5)  # without motion
_PATIENCE = timedelta(seconds=5)  # for the answer to a glance, and for what was kept back
_MOVED_BY = 0.15  # box heights between two looks: it moves, though the gate may not have noticed
_SLACK = timedelta(milliseconds=1)  # picture times are rounded: 0.1999 s is due at 0.2 s
_NEVER = datetime.min.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STALE_AT_REST = timedelta(seconds=3)  # of the substream: what stands there since must not wake it again and again


@dataclass(frozen=True, slots=True)
class Attention:
    """What a picture deserves. `look`: let detectors and rules see it. `glance`: let the detectors see whether what
    moves there is of interest, and say so by `glanced`. `awake`: something goes on, decode every picture. `still`: the
    last look has shown nothing and nothing has moved since, so the rules may be told the same without looking.
    `quiet`: nothing is there and nothing moves, so do not wait for a key picture to rest. `calm_until`: the last look
    has shown nothing, and nothing moved from then until this earlier picture, so what is found now came after it."""

    look: bool
    awake: bool
    global_change: bool = False
    glance: bool = False
    still: bool = False
    quiet: bool = False
    calm_until: datetime | None = None


class Watch:
    """One camera's. `see` is called from one thread, `found` and `glanced` from another."""

    def __init__(
        self, looks_per_second: float, told: Callable[[datetime, Motion], None] = lambda _at, _motion: None
    ) -> None:
        """`looks_per_second`: at most so many while something goes on. `told`: see `Movement`."""
        self._period = timedelta(seconds=1 / looks_per_second)
        self._lock = threading.Lock()
        self.movement = Movement(told)
        self._gate_due = self._look_due = self._glance_due = _NEVER
        self._inferred_at = _NEVER  # the last look that was more than a repetition
        self._looked_at = self._last_at = self._moving_at = self._interest_at = self._present_at = _NEVER
        self._warming = True
        self._moving = False
        self._motion_at = _NEVER  # the last motion, in the order in which pictures came
        self._motions: deque[tuple[datetime, Mask]] = deque(maxlen=KEPT_MOTIONS)  # answers may come so many later
        self._motion_since = _NEVER  # something has moved since then, without calm
        self._unseen_since: datetime | None = None  # the first motion nobody has glanced at
        self._asked: tuple[datetime, datetime] | None = None  # the picture glanced at, and since when it moves
        self._vain = 0
        self._empty = False  # a look has been answered, and the last one has shown nothing
        self._calm = False  # nothing has moved since the last look
        self._calm_at = _NEVER  # the newest picture since then up to which nothing had moved
        self._strange: tuple[datetime, tuple[Blob, ...]] | None = None  # since when and where, while glances are vain
        self._expect_until = _NEVER  # what was kept back comes first, and nothing later is looked at before
        self._feet: dict[int, tuple[float, float]] = {}

    def see(self, frame: Frame, *, resting: bool = False, sparing: bool = False) -> Attention:
        """Pictures in the order of their times, of one or several sizes (main stream and substream).

        `resting`: what is not given now can come again. `sparing`: it may not wake, so look at what there is, at most
        once a second.
        """
        with self._lock:
            at, global_change = frame.at + _SLACK, False
            if frame.at <= self._last_at:  # those that were kept back: they are all part of what goes on
                self._gate_due = self._look_due = self._expect_until = self._motion_at = _NEVER
                # What had not moved in the small pictures may be seen to move in those that come again.
                self._calm, self._calm_at = self._calm_at >= frame.at, min(self._calm_at, frame.at)
            self._last_at = frame.at
            if at >= self._gate_due:
                self._gate_due = _next(self._gate_due, GATE_EVERY, at)
                global_change = self._gated(frame, resting=resting)
                self._calm = self._calm and not (self._warming or global_change) and self._motion_at < frame.at
                if self._calm:
                    self._calm_at = frame.at
            quiet = self._empty and at - self._motion_at >= _STILL and not self._warming
            if quiet and at - self._interest_at >= GONE_FOR:
                self._interest_at = _NEVER
            awake = at - self._interest_at < AWAKE_FOR or at < self._expect_until
            awake |= self._warming and not resting  # nothing is known yet that could wake it
            if awake and resting and not sparing and at >= self._expect_until:
                self._expect_until = at + _PATIENCE
            glance = resting and not awake and not sparing and self._glances(frame.at)
            look = not glance and self._looks(at, awake=awake, resting=resting, sparing=sparing)
            still = look and self._still(at, awake=awake)
            calm_until = None
            if look:
                calm = self._empty and not still and self._looked_at < self._calm_at < frame.at
                calm_until, self._calm = (self._calm_at if calm else None), True
                self._looked_at = at
                self._inferred_at = self._inferred_at if still else at
                self._look_due = _grid(at, self._period)
                self._unseen_since = None
            return Attention(look, awake, global_change, glance, still, quiet and not awake, calm_until)

    def found(self, detections: Detections) -> None:
        """What a look has shown: does anything stand there, or move?"""
        with self._lock:
            self._empty = not len(detections)
            if not self._empty:
                self._present_at = detections.at
            if self._of_interest(detections):
                self._interest_at = max(self._interest_at, detections.at)
            feet: dict[int, tuple[float, float]] = {}
            for detection in detections:
                if detection.track_id is None:
                    continue
                known = self._feet.get(detection.track_id, detection.foot)
                height = max(detection.xyxy[3] - detection.xyxy[1], 1e-6)
                across = (detection.foot[0] - known[0]) * detections.aspect
                if max(abs(across), abs(detection.foot[1] - known[1])) > _MOVED_BY * height:
                    known = detection.foot
                    self._interest_at = max(self._interest_at, detections.at)
                feet[detection.track_id] = known
            self._feet = feet

    def glanced(self, at: datetime, seen: Detections | None) -> datetime | None:
        """What the glance at the picture of `at` has shown; None: the detectors cannot tell, so all motion counts.

        The time since when it goes on, when the camera is to wake: those of its pictures that come again are not yet
        looked at, and nothing later is looked at before them.
        """
        with self._lock:
            asked, self._asked = self._asked, None
            if asked is None or asked[0] != at:
                return None
            since = asked[1]
            if seen is not None and not self._of_interest(seen):
                self._glance_due = at + GLANCES_EVERY[min(self._vain, len(GLANCES_EVERY) - 1)] - _SLACK
                self._vain += 1
                if not self._travels(asked):
                    return None
            if self._vain:  # it may have been there before the small picture showed it
                since = min(since, max(self._motion_since, at - TRIAL_BACK))
            self._vain, self._strange = 0, None
            self._interest_at = max(self._interest_at, at)
            self._expect_until = at + _PATIENCE
            return since

    def stay(self) -> None:
        """Nothing comes again after the glance: it may not wake."""
        with self._lock:
            self._expect_until = _NEVER

    def _gated(self, frame: Frame, *, resting: bool) -> bool:
        """Tells of a global change."""
        motion = self.movement.see(frame, _STALE_AT_REST if resting else STALE)
        self._warming = motion.warming
        self._moving = motion.active and not motion.warming
        if self._moving:
            if frame.at - self._moving_at > _CALM:
                self._vain, self._glance_due, self._strange = 0, _NEVER, None
                self._motion_since = frame.at
            self._moving_at = self._motion_at = frame.at
            if self._unseen_since is None:
                self._unseen_since = frame.at
        self._motions.append((frame.at, _where(motion)))
        return motion.global_change

    def _glances(self, at: datetime) -> bool:
        """Is this picture worth one? Only one waits for its answer."""
        if self._asked is not None and at - self._asked[0] < _PATIENCE:
            return False
        if not self._moving or at < self._glance_due or at < self._expect_until:
            return False
        self._asked, self._unseen_since = (at, self._unseen_since or at), None
        return True

    def _looks(self, at: datetime, *, awake: bool, resting: bool, sparing: bool) -> bool:
        if at <= self._looked_at or at < self._expect_until:
            return False
        if self._asked is not None and at - self._asked[0] < _PATIENCE:
            return False  # what it brings back is looked at before
        if sparing:
            active = awake or self._moving
            return at - self._looked_at >= (STANDING_EVERY if active or self._stands(at) else RARE_EVERY)
        if awake or (not resting and (self._warming or at - self._moving_at < AWAKE_FOR)):
            return at >= self._look_due
        # What is looked at now cannot be looked at again from before: glances tell whether what was there is back.
        waits = resting and self._vain > 0 and self._empty
        standing = (self._stands(at) and not waits) or self._warming
        due = at - self._inferred_at >= (STANDING_EVERY if standing else RARE_EVERY)
        told = at - self._looked_at >= STANDING_EVERY if resting else at >= self._look_due
        return due or (told and self._still(at, awake=False))

    def _still(self, at: datetime, *, awake: bool) -> bool:
        """The last look has shown nothing, and nothing has moved since."""
        if self._warming or not self._empty or self._motion_at >= self._looked_at - _SLACK:
            return False
        return at - self._inferred_at < (STANDING_EVERY if awake or self._stands(at) else RARE_EVERY)

    def _stands(self, at: datetime) -> bool:
        return at - self._present_at < STANDING_FOR

    def _travels(self, asked: tuple[datetime, datetime]) -> bool:
        """Has what nobody could name gone on from where it was? Then it may be an object that is seldom recognised."""
        blocks = self._moved_at(asked[0])
        found = blobs(blocks, FEW_BLOBS) if blocks is not None else ()
        if blocks is None or not found or sum(blob.cells for blob in found) > _SMALL_SHARE * blocks.size:
            return False
        if self._strange is None:
            self._strange = (asked[1], found)
            return False
        return any(min(blob.distance(one) for one in self._strange[1]) >= _TRAVELS_CELLS for blob in found)

    def _moved_at(self, at: datetime) -> Mask | None:
        moved = [blocks for gated_at, blocks in list(self._motions) if gated_at <= at + _SLACK]
        return moved[-1] if moved else None

    def _of_interest(self, seen: Detections) -> bool:
        """Is anything where it moved then?"""
        blocks = self._moved_at(seen.at)
        if blocks is None or not blocks.any():
            return False
        rows, columns = blocks.shape
        for left, top, right, bottom in seen.xyxy:
            across = slice(max(0, int(left * columns) - 1), int(right * columns) + 2)
            if blocks[max(0, int(top * rows) - 1) : int(bottom * rows) + 2, across].any():
                return True
        return False


def _where(motion: Motion) -> Mask:
    """Where something moved; nowhere while the gate cannot tell."""
    if motion.warming:
        return np.zeros_like(motion.blocks)
    return np.ones_like(motion.blocks) if motion.global_change else motion.blocks


def _grid(at: datetime, step: timedelta) -> datetime:
    """The next whole step of the clock, whenever the last look was: looks after a rest are those of no rest."""
    return _EPOCH + ((at - _EPOCH) // step + 1) * step


def _next(due: datetime, step: timedelta, at: datetime) -> datetime:
    """The next time on the grid, a new grid when `at` is far off it."""
    return due + step if at - due < step else at - _SLACK + step


@dataclass(frozen=True, slots=True)
class Received:
    """A frame and when it came: `at_s` monotonic seconds, `at` wall clock.

    `late`: it was kept back for a while. `glance`: only whether something of interest is there is asked. `still`:
    nothing has moved since the look before it. `calm_until`: see `Attention`.
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
    """Pictures of one camera that wait for the detectors: filled by its reading thread, emptied by theirs.

    `Watch` counts each picture that it calls worth a look, and tells of the next one what has happened since: that
    nothing has moved (`still`), or until when nothing had (`calm_until`). A look that was left out for want of time
    shows nothing to the rules, so the next one tells of the time since the look before both.
    """

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
