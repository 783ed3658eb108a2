"""One camera inside a worker: its newest frame for the detectors, and its tile for whoever looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from data.local.meters import Meters
from data.local.stages import StageClock
from data.model.alert import AlertKey, Raised, Signal
from data.model.frame import Frame
from data.model.observation import Detections, Rejected, Sensed
from data.model.warning import HazardWarning
from data.ports.feed import Box, FramePacket, FramePublisher
from data.ports.recipe import Context, MonitorRecipe
from engine.camera.admission import Admission
from engine.camera.device import FULLY_DECODED, Device, Item
from engine.camera.frame_age import FrameAge
from engine.camera.gate import Motion
from engine.camera.load import Tally
from engine.camera.movement import Movement
from engine.camera.watch import KEPT_PICTURES, LookQueue, Received, Watch
from engine.recording.lookback import PREVIEW_QUALITY, PREVIEW_WIDTH, CameraLookback

TILE_WIDTH = 640
TILE_QUALITY = 70
TILE_EVERY_S = 0.1
BOXES_LAST_S = 2.0  # older boxes are no longer drawn
UNSEEN_AFTER_S = 3.0
STALE_LOOK_S = 0.4  # older pictures of the present are looked at half as often: a newer one is about to come
LONGEST_GAP = timedelta(seconds=0.8)  # between looks while it catches up: further apart, nobody can be followed
CATCH_UP_S = 15.0  # so long after waking a picture may be one that was kept back
SPARING = 3  # decode state of a camera that would be awake if there were room


class Camera:
    """`take` is called on the main thread, everything else of the frame's way on the reader's thread."""

    def __init__(
        self,
        recipe: MonitorRecipe,
        context: Context,
        *,
        publisher: FramePublisher,
        meters: Meters,
        arrived: Callable[[], None],
        reject: Callable[[Rejected], None],
        admission: Admission | None = None,
        near: bool = False,
        tally: Tally | None = None,
        lookback: CameraLookback | None = None,
    ) -> None:
        """`admission`: who decides whether this camera may wake; it always may when left out.

        `near`: there are detectors that need not look where nothing moves. `tally`: of the camera before this one.
        `lookback`: who keeps its maps of motion and previews.
        """
        self.site = context.site.id
        self.device = Device(recipe, context, self._receive, idle_is_alive=False)
        self.pixels = threading.Lock()  # frames of one stream share their scalers: one thread at a time
        self._publisher = publisher
        self._meters = meters
        self._arrived = arrived
        self._reject = reject
        self._looks_per_second = context.inference.per_second
        self._lookback = lookback
        on_activity = getattr(recipe, "watch", "") == "on_activity"
        self.watch = Watch(self._looks_per_second, self._tell_motion) if on_activity else None
        self._moves = Movement(self._tell_motion)  # of a camera set to `watch: always`
        self.movement: Movement | None = None  # None: no detector asks where something moved
        self.look_near(near)
        self._queue = LookQueue()
        self._wake_lock = threading.Lock()
        self._admission = admission if admission is not None else Admission()
        self._awake = False
        self.sparing = False  # something goes on, but the machine is full: looked at on key frames
        self._stages = StageClock.of(context)
        self.tally = Tally() if tally is None else tally
        self._closed = False
        self._age = FrameAge()
        self._looked_age_s = 0.0
        self._untaken_s: float | None = None  # since when there is a picture that nobody has looked at
        self._newest: Received | None = None  # of a camera set to `watch: always`
        self._arrived_s: float | None = None  # when the last picture came
        self._taken_s = float("-inf")
        self._started_s = time.monotonic()
        self._present: tuple[datetime, float] | None = None  # time of the newest picture, and when it came
        self._kept_until = datetime.min.replace(tzinfo=UTC)  # its pictures up to then were kept back while it rested
        self._woken_s = float("-inf")
        self._kept_at = datetime.min.replace(tzinfo=UTC)  # the last picture given to the detector
        self._taken_at = datetime.min.replace(tzinfo=UTC)  # the last one it took
        self._lags = False  # since it was woken the present was not reached yet
        self._behind = timedelta(seconds=1.5 / context.inference.per_second)
        self._tile_due_s = 0.0
        self._tiles = 0
        self._boxes: tuple[Box, ...] = ()
        self._boxes_s = float("-inf")
        self._alerting: dict[AlertKey, int | None] = {}
        every = getattr(recipe, "every", None)
        every_s = every.total_seconds() if isinstance(every, timedelta) else 0.0
        self._unseen_after_s = max(UNSEEN_AFTER_S, 2 * every_s)

    def fresh(self) -> Received | None:
        """The newest frame unless it was taken already; on activity, the next of those that deserve a look."""
        if self.watch is not None:
            return self._queue.first()
        newest = self._newest
        return newest if newest is not None and newest.at_s > self._taken_s else None

    def catching_up(self) -> bool:
        """Is the next one of those that were kept back?"""
        following = self._queue.first()
        return following is not None and following.late

    def take(self, received: Received) -> None:
        self._taken_s = received.at_s
        self._untaken_s = None
        self._taken_at = received.frame.at
        self._queue.remove(received)

    def missed(self, due_s: float, period_s: float) -> int:
        """Looks that were due between `due_s` and now, while there were pictures to look at."""
        since_s = self._untaken_s
        return 0 if since_s is None else max(0, int((time.monotonic() - max(due_s, since_s)) / period_s))

    def looked(self, received: Received) -> None:
        """The look at this picture has ended."""
        self.tally.looks += 1
        age_s = self._true_age_s(received.frame.at)
        if received.late:
            self._meters.observe("yiping_catch_up_age_seconds", age_s, camera=self.site)
            return
        self._looked_age_s = age_s
        self._meters.observe("yiping_look_age_seconds", age_s, camera=self.site)

    def _true_age_s(self, at: datetime) -> float:
        """Seconds since the picture was taken, as the wall shows them: a delay that is always there counts, too."""
        now, shift = datetime.now(UTC), self.device.shift()
        return self._age.of(at, now.timestamp()) if shift is None else max(0.0, (now - at - shift).total_seconds())

    def frame_age_s(self) -> float:
        """Of the picture last looked at, when that look ended; while nothing comes, since the last picture."""
        return self._looked_age_s if self.observable() else self.age_s()

    def age_s(self) -> float:
        """Seconds since the last new frame arrived (since the start, before the first one)."""
        return time.monotonic() - (self._started_s if self._arrived_s is None else self._arrived_s)

    def observable(self) -> bool:
        return self._arrived_s is not None and self.age_s() < self._unseen_after_s

    def seen_yet(self) -> bool:
        """Has there been a frame, or the time for one?"""
        return self._arrived_s is not None or self.age_s() >= self._unseen_after_s

    def reason(self) -> str:
        """Why the site cannot be observed."""
        return self.device.trouble or f"no new picture for {self.age_s():.0f} s"

    @property
    def decode_state(self) -> int:
        """As `data.ports.recipe.Attentive`; 3 only key frames because the machine is full."""
        return SPARING if self.sparing else self.device.decode_state

    def now(self) -> datetime:
        """The present in the camera's own time: a recording's frames may be of another day."""
        present = self._present
        if present is None:
            return datetime.now(UTC)
        at, came_s = present
        return at + timedelta(seconds=time.monotonic() - came_s)

    def forget_times(self) -> None:
        """This computer's clock was set, and the times of the pictures with it: nothing is due by the old ones."""
        if self.watch is not None:
            self.watch = Watch(self._looks_per_second, self._tell_motion)
        self._moves = Movement(self._tell_motion)
        if self.movement is not None:
            self.movement = self._moves if self.watch is None else self.watch.movement
        never = datetime.min.replace(tzinfo=UTC)
        self._kept_until = self._kept_at = self._taken_at = never
        self._queue.clear()

    def look_near(self, near: bool) -> None:
        """Are there detectors now that need not look where nothing moves?"""
        if near and self.movement is None:
            self.movement = self._moves if self.watch is None else self.watch.movement
        elif not near:
            self.movement = None

    def close(self) -> None:
        """Stop reading, and make room for other cameras. Does not wait for the reading thread."""
        with self._wake_lock:
            self._closed, self._awake, self.sparing = True, False, False
            self._admission.leave(self.site)
        self.device.stop()
        self._queue.clear()
        self._newest = None

    def show(self, detections: Detections | None, signals: Sequence[Signal]) -> None:
        """What the next tiles have drawn over them."""
        if detections is None:
            return
        if self.watch is not None:
            self.watch.found(detections)
        found = list(detections)
        for signal in signals:
            if isinstance(signal, Raised):
                near = [d for d in found if signal.xyxy is not None and _overlap(d.xyxy, signal.xyxy) > 0.5]
                self._alerting[signal.key] = near[0].track_id if near else None
            else:
                self._alerting.pop(signal.key, None)
        tracks = {track for track in self._alerting.values() if track is not None}
        self._boxes = tuple(Box(d.xyxy, d.label, d.confidence, d.track_id, d.track_id in tracks) for d in found)
        self._boxes_s = time.monotonic()

    def _receive(self, _: Device, item: Item) -> None:
        if self._closed:
            return
        if isinstance(item, Rejected):
            self._reject(item)
            return
        if isinstance(item, Sensed | HazardWarning):  # no camera gives one
            return
        now_s, now = time.monotonic(), datetime.now(UTC)
        late = item.at <= self._kept_until and now_s - self._woken_s < CATCH_UP_S
        received = Received(item, now_s, now, late=late)
        if not late:
            self._present = item.at, now_s
            self._age.arrived(item.at, now.timestamp())
        self.tally.pictures += 1
        if self.watch is None:
            self._gate(item)
            if self._untaken_s is None:
                self._untaken_s = now_s
            self._newest, self._arrived_s = received, now_s
            self._arrived()
        else:
            self._enqueue_if_relevant(self.watch, received)
        self._tile(item, now_s)
        self._preview(item)

    def _gate(self, frame: Frame) -> None:
        kept = self._lookback is not None and self._lookback.keeps_maps
        if (self.movement is not None or kept) and self._moves.due(frame.at):
            with self.pixels, self._stages.measure(self.site, "gate"):
                self._moves.see(frame)

    def _tell_motion(self, at: datetime, motion: Motion) -> None:
        if self._lookback is not None:
            self._lookback.moved(at, motion.blocks, warming=motion.warming, global_change=motion.global_change)

    def _enqueue_if_relevant(self, watch: Watch, received: Received) -> None:
        """Keep it for the detector if it deserves a look, and let the device rest while nothing goes on."""
        frame, self._arrived_s = received.frame, received.at_s
        resting = self.device.decode_state < FULLY_DECODED
        with self.pixels, self._stages.measure(self.site, "gate"):
            attention = watch.see(frame, resting=resting, sparing=resting and self.sparing)
        if attention.global_change:
            self._meters.count("yiping_global_changes_total", camera=self.site)
        if self._set_awake(attention.awake, frame.at, quiet=attention.quiet):
            return
        if attention.look or attention.glance:
            glance, still, calm_until = attention.glance, attention.still, attention.calm_until
            received = replace(received, glance=glance, still=still, calm_until=calm_until)
            if not glance and self._sheds(received):
                self._queue.leave_out(received)
                self.tally.shed += 1
                return
            self._kept_at = frame.at
            self.tally.shed += self._queue.put(received, self._room_for(received))
            self._arrived()

    def _sheds(self, received: Received) -> bool:
        """True if it is left out: while it catches up with the present, looks are shed before it lags for long."""
        at = received.frame.at
        if received.late:
            return False
        stale = self._age.of(at, received.at.timestamp()) > STALE_LOOK_S
        self._lags = self._lags and stale and received.at_s - self._woken_s < CATCH_UP_S
        return stale and timedelta(0) < at - self._kept_at < self._behind

    def _room_for(self, received: Received) -> int | None:
        """Wait until fewer pictures than this wait for the detector, before this one does; None: do not wait.

        What was kept back waits, so that nothing of a beginning is lost; what comes next does where too much time would
        lie between two looks.
        """
        if received.late:
            return KEPT_PICTURES
        return 1 if self._lags and received.frame.at - self._taken_at > LONGEST_GAP else None

    def glanced(self, received: Received, seen: Detections | None) -> bool:
        """What a glance has shown. True: the camera may not wake, so look at this picture."""
        self._meters.count("yiping_glances_total", camera=self.site)
        since = self.watch.glanced(received.frame.at, seen) if self.watch is not None else None
        if self.watch is None or since is None:
            return False
        self._meters.count("yiping_wakes_total", camera=self.site)
        if self._set_awake(awake=True, since=since):
            return False
        self.watch.stay()
        return True

    def send_back(self) -> None:
        """To key frames: the machine is full."""
        with self._wake_lock:
            self._awake, self.sparing = False, True
            self.device.attend(False, datetime.now(UTC))

    def _set_awake(self, awake: bool, since: datetime, *, quiet: bool = False) -> bool:
        """Wake or rest the device; True if buffered frames will be replayed."""
        with self._wake_lock:
            if self._closed:
                return True  # a last picture of a camera that has gone: nobody looks at it
            if not awake:
                if self._awake or self.sparing:
                    self._admission.leave(self.site)
                self._awake = self.sparing = False
                # Each time: a device opened anew does not know yet that it may rest.
                self.device.attend(False, since, quiet=quiet)
                return False
            if self._awake and self.device.decode_state >= FULLY_DECODED:
                return False
            self._awake = self._admission.enter(self.site)
            self.sparing = not self._awake
            again = self.device.attend(self._awake, since)
            if again:
                self._kept_until, self._woken_s, self._lags = self.now(), time.monotonic(), True
            return again

    def _tile(self, frame: Frame, now_s: float) -> None:
        if now_s < self._tile_due_s or not self._publisher.wanted(self.site):
            return
        if not self.pixels.acquire(timeout=TILE_EVERY_S):
            return  # the detector has this camera's frames in hand: leave this tile out
        try:
            with self._stages.measure(self.site, "encode"):
                jpeg = frame.jpeg(TILE_WIDTH, TILE_QUALITY)
        finally:
            self.pixels.release()
        self._tile_due_s = max(self._tile_due_s + TILE_EVERY_S, now_s)
        self._tiles += 1
        width = min(TILE_WIDTH, frame.width)
        boxes = self._boxes if now_s - self._boxes_s < BOXES_LAST_S else ()
        height = round(frame.height * width / frame.width)
        at = frame.at + (self.device.shift() or timedelta(0))  # a recording of another day is shown as the present
        self._publisher.publish(FramePacket(self.site, at, self._tiles, width, height, jpeg, boxes))

    def _preview(self, frame: Frame) -> None:
        """One a second of the pictures that are decoded anyway."""
        if self._lookback is None or not self._lookback.wants_preview(frame.at):
            return
        if not self.pixels.acquire(timeout=TILE_EVERY_S):
            return
        try:
            with self._stages.measure(self.site, "encode"):
                jpeg = frame.jpeg(PREVIEW_WIDTH, PREVIEW_QUALITY)
        finally:
            self.pixels.release()
        self._lookback.preview(frame.at, jpeg)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
