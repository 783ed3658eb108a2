"""One camera or sensor kept open: read on its own thread, opened again with pauses, lost and back said once each."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from data.errors import DeviceLost, InputRejected
from data.model.frame import Frame
from data.model.observation import Position, Reading, Rejected, Sensed
from data.model.warning import HazardWarning
from data.net.backoff import Backoff
from data.ports.recipe import (
    Answering,
    Attentive,
    Context,
    Monitor,
    MonitorRecipe,
    Replays,
    SharesThread,
    WarningSource,
)
from engine.process.connections import ConnectionBudget
from engine.process.shared_reader import SharedReader

log = logging.getLogger(__name__)

REJECTED_RETRY_S = 60.0
LONGEST_PAUSE_S = 10.0
LONGEST_CAMERA_PAUSE_S = 3.0  # they share a budget beside that
JUST_LOST_S = 300.0  # for so long it is tried before those that are dead
STEADY_S = 5.0  # what came for less than that was no recovery: the pauses go on growing
USUAL_TIMEOUT_S = 10.0
MARGIN_S = 5.0  # a read may exceed its time-out by so much before the device counts as hanging

KICK_GRACE_S = 3.0
CLOSING_S = 3.0  # so long the one in whose place it comes may need to let go; then it is opened all the same
FULLY_DECODED = 2  # decode state of a camera all of whose pictures are given; so they are in those above it

Item = Frame | Sensed | HazardWarning | Rejected


class DeviceHung(DeviceLost):
    """A read neither came back nor could be broken off; only a new process helps."""


def timeout_s(recipe: MonitorRecipe) -> float:
    """The recipe's own `timeout`, where it has one, in seconds."""
    timeout = getattr(recipe, "timeout", None)
    return timeout.total_seconds() if isinstance(timeout, timedelta) else USUAL_TIMEOUT_S


class Device:
    """`take` gets whatever the monitor gives, on the device's own thread (`run`).

    `trouble` says why it cannot be read now, empty while it can; None before anything is known.
    """

    def __init__(
        self, recipe: MonitorRecipe, context: Context, take: Callable[[Device, Item], None], *, idle_is_alive: bool
    ) -> None:
        """`idle_is_alive`: a connection on which nothing comes is all right (a gauge), or tells nothing (a camera)."""
        self.site = context.site.id
        self.name = f"{self.site}/{recipe.name}"
        self.trouble: str | None = None
        self.ended = False
        self.losses = 0
        self.recipe = recipe
        self._context = context
        self._take = take
        self._idle_is_alive = idle_is_alive
        self._timeout_s = timeout_s(recipe)
        connects = recipe.connects
        self._budget = ConnectionBudget.of(context) if connects else None
        self._backoff = Backoff(random.random, cap_s=LONGEST_CAMERA_PAUSE_S if connects else LONGEST_PAUSE_S)
        self._failures = 0  # attempts in a row that brought nothing
        self._alive_s: float | None = None  # since when something comes
        self._seen_s: float | None = None  # when something came last
        self._stopping = threading.Event()
        self._monitor: Monitor | None = None
        self._kicked = False
        self._kicked_s: float | None = None
        self._pause_s = 0.0  # before it is opened again
        self._thread = threading.current_thread()
        self._before: Device | None = None
        self._progress_s = time.monotonic()
        self._lost_s = 0.0
        self._shared: SharesThread | None = None  # open, and read on the thread that many devices share
        self._shared_s = 0.0
        self._opening = False  # it, which may take as long as a read
        self._serving = False
        self._pausing = False  # without a thread, until it is opened again

    def start(self, after: Device | None = None) -> None:
        """Read on a thread of its own, or on one that many share where the recipe `opens_at_once`.

        `after`: a stopped one in whose place it comes; many serve one client only.
        """
        if self.recipe.opens_at_once:
            self._pausing = True
            SharedReader.that_opens(self._context).later(self._pause_s, self._open)
            return
        self._before = after
        self._thread = threading.Thread(target=self.run, name=f"read-{self.name}", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Read until stopped or until the source has an end."""
        before, self._before = self._before, None
        if before is not None and before._thread is not threading.current_thread():
            before._thread.join(CLOSING_S)
            self._note_progress()
        self._rest(self._pause_s)
        while not self._stopping.is_set() and not self.ended:
            pause_s = 0.0
            try:
                self._read()
            except DeviceLost as error:
                pause_s = self._pause_after(error)
            except InputRejected as error:
                self._lose(f"rejected: {error}", logging.ERROR)
                pause_s = REJECTED_RETRY_S
            if self._shared is not None:
                return
            self._rest(pause_s)  # not above: the frames of the error's traceback hold pictures and containers
        if self._stopping.is_set():
            self._monitor = None  # a decoder and its buffers

    def _open(self) -> None:
        """On the thread that opens all that never waits; again after a pause while it cannot be opened."""
        if self._stopping.is_set():
            return
        try:
            self._read()
        except DeviceLost as error:
            pause_s = self._pause_after(error)
        except InputRejected as error:
            self._lose(f"rejected: {error}", logging.ERROR)
            pause_s = REJECTED_RETRY_S
        except Exception:  # the restart loop of one device: it is opened anew, and all others are opened
            log.exception("%s: opening ended by an error that was not foreseen", self.name)
            self._lose("an error that was not foreseen; the log has it", logging.ERROR)
            pause_s = self._backoff.pause()
        else:
            return
        self._pausing = True
        SharedReader.that_opens(self._context).later(pause_s, self._open)

    def _pause_after(self, loss: DeviceLost) -> float:
        """Seconds until it is opened again."""
        self._lose(str(loss), logging.WARNING)
        if self._alive_s is not None and time.monotonic() - self._alive_s >= STEADY_S:
            self._backoff.reset()
        return self._backoff.pause()

    def check(self) -> None:
        """Call it about once a second: reading goes on after a defect, and a hanging read is broken off.

        Raises DeviceHung when even that does not help.
        """
        if self._shared is not None:
            answering = self._shared if isinstance(self._shared, Answering) else None
            if time.monotonic() - self._shared_s > self._timeout_s and self._is_alive_idle(answering):
                self._alive()
        elif self._pausing:
            SharedReader.of(self._context).keep_on()
            SharedReader.that_opens(self._context).keep_on()
        elif not (self._thread.is_alive() or self.ended or self._stopping.is_set()):
            self._pause_s = self._backoff.pause()
            self._lose("an error that was not foreseen; the log has it", logging.ERROR)
            self.start()
        if not self.hanging_s():
            self._kicked_s = None
        elif self._kicked_s is None:
            log.error("%s: a read has exceeded its time-out and is broken off", self.name)
            self._kicked_s = time.monotonic()
            threading.Thread(target=self.kick, name=f"kick-{self.name}", daemon=True).start()
        elif time.monotonic() - self._kicked_s > KICK_GRACE_S:
            raise DeviceHung(f"{self.name}: a read does not come back; its process starts anew")

    def hanging_s(self) -> float:
        """How long the present step has exceeded what a step may take; 0 while all is well."""
        if self.ended or self._pausing or (self._shared is not None and not self._serving and not self._opening):
            return 0.0
        return max(0.0, time.monotonic() - self._progress_s - self._timeout_s - MARGIN_S)

    def kick(self) -> None:
        """Close the monitor under a blocked read; the device is then opened again."""
        self._kicked = True
        self._close()

    def committed(self, given: Sensed | HazardWarning) -> None:
        """The store has this reading, position or warning."""
        monitor = self._monitor
        if isinstance(given, Reading | Position):
            if monitor is not None:
                monitor.committed(given)
        elif isinstance(monitor, WarningSource):
            monitor.warned(given)

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        """Tell a camera that something goes on since the picture taken at `at`, or that nothing does.

        `quiet`: nothing is there and nothing moves.

        True: that picture and those before it, as far as they were not given, come again.
        """
        monitor = self._monitor
        return monitor.attend(awake, at, quiet=quiet) if isinstance(monitor, Attentive) else False

    @property
    def decode_state(self) -> int:
        """As `data.ports.recipe.Attentive`; 2 of a camera that never rests."""
        monitor = self._monitor
        return monitor.decode_state if isinstance(monitor, Attentive) else FULLY_DECODED

    def shift(self) -> timedelta | None:
        """From a picture's time to our clock; zero for what is live. None: that cannot be told."""
        monitor = self._monitor
        return monitor.shift if isinstance(monitor, Replays) else timedelta(0)

    def stop(self) -> None:
        """End reading soon, without waiting for it: closing may block as well. From any thread."""
        self._stopping.set()
        if self.recipe.opens_at_once:
            self._close()
            return
        threading.Thread(target=self._close, name=f"close-{self.name}", daemon=True).start()

    def _read(self) -> None:
        """From opening to the end or the loss of the source."""
        self._progress_s = opened_s = time.monotonic()
        self._kicked, self._alive_s = False, None
        if not self._may_connect(opened_s):
            return
        self._failures += 1
        self._note_progress()
        self._monitor = self.recipe.make(self._context)
        if isinstance(self._monitor, SharesThread):
            self._share(self._monitor)
            return
        # Asked once: to ask a protocol takes longer than all else that a quiet gauge costs in a second.
        source = self._monitor if isinstance(self._monitor, WarningSource) else None
        answering = self._monitor if isinstance(self._monitor, Answering) else None
        try:
            for item in self._monitor.observe():
                self._progress_s = now_s = time.monotonic()
                if self._stopping.is_set():
                    return
                self._take_warnings(source)
                if item is not None:
                    self._alive()
                    self._take(self, item)
                elif now_s - opened_s > self._timeout_s and self._is_alive_idle(answering):
                    self._alive()
                del item  # not kept in hand while the next one is awaited: a picture has 3 MB
        finally:
            self._close()
        if self._kicked:
            raise DeviceLost(f"{self.site}: a read took longer than its time-out and was broken off")
        if not self._stopping.is_set():
            self.ended = True
            self.trouble = "the recording has ended"
            log.info("%s: the source has ended", self.name)

    def _share(self, monitor: SharesThread) -> None:
        """From now on the shared thread reads it: what has come, whenever something has."""
        reader = SharedReader.of(self._context)
        self._shared_s = time.monotonic()
        self._shared, self._opening = monitor, True  # first: what has come may wake it at once
        self._pausing = False
        try:
            monitor.wake_by(lambda: reader.wake(self))
        except DeviceLost:
            self._shared = None
            raise
        finally:
            self._opening = False
        if self._stopping.is_set():
            self._close()  # it was stopped while it was made

    def serve(self) -> None:
        """Take what has come at a monitor that shares a thread, on that thread; after a loss it is opened again."""
        monitor = self._shared
        if monitor is None or self._stopping.is_set():
            return
        self._note_progress()
        self._serving = True
        try:
            for item in monitor.waiting():
                self._note_progress()
                if self._stopping.is_set():
                    return
                self._alive()
                self._take(self, item)
        except DeviceLost as error:
            self._pausing = True  # first: what neither is shared nor pauses has a thread
            self._shared = None
            self._close()
            pause_s = self._pause_after(error)
            if self.recipe.opens_at_once:
                SharedReader.that_opens(self._context).later(pause_s, self._open)
            else:
                SharedReader.of(self._context).later(pause_s, self._open_again)
        finally:
            self._serving = False

    def _open_again(self) -> None:
        """On a thread of its own until it is open, as that may block."""
        if not self._stopping.is_set():
            self._pause_s = 0.0  # it has paused
            self._note_progress()
            self.start()
        self._pausing = False

    def _take_warnings(self, source: WarningSource | None) -> None:
        if source is not None:
            for warning in source.warnings():
                self._take(self, warning)

    def _is_alive_idle(self, answering: Answering | None) -> bool:
        """A device that accepts a connection and never answers is not back; who is only listened to is."""
        return self._idle_is_alive and (answering is None or answering.has_answered)

    def _may_connect(self, now_s: float) -> bool:
        """Wait until the budget of connections allows it. False when stopping."""
        if self._budget is None:
            return True
        just_lost = self._seen_s is not None and now_s - self._seen_s < JUST_LOST_S
        return self._budget.wait(self._failures, self._stopping, self._note_progress, just_lost=just_lost)

    def _close(self) -> None:
        monitor = self._monitor
        if monitor is not None:
            monitor.close()

    def _alive(self) -> None:
        if self.trouble:
            log.info("%s is back after %.1f s", self.name, time.monotonic() - self._lost_s)
        self.trouble = ""
        self._seen_s = time.monotonic()
        if self._alive_s is None:
            self._alive_s = time.monotonic()
            self._failures = 0
            if self._budget is not None:
                self._budget.succeeded()

    def _note_progress(self) -> None:
        self._progress_s = time.monotonic()

    def _lose(self, reason: str, level: int) -> None:
        if self._stopping.is_set():
            return
        if not self.trouble:
            self.losses += 1
            self._lost_s = time.monotonic()
            log.log(level, "%s is lost: %s", self.name, reason)
        elif reason.startswith("rejected: ") and reason != self.trouble:
            log.log(level, "%s: %s", self.name, reason)
        self.trouble = reason

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            self._progress_s = time.monotonic()
            self._stopping.wait(min(left, 1.0))
