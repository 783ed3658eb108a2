"""A budget for failing connection attempts, shared by all processes: 100 dead cameras make 2 attempts a second in all.

Successful attempts are free, so a healthy city connects at once. The most recently lost device is tried first.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import math
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from data.ports.recipe import Context

log = logging.getLogger(__name__)

ATTEMPTS_PER_S = 1.5
BURST = 4.0  # attempts at once; on average over ten seconds or more less than two a second
_FILE = "connections"
_STATE = struct.Struct("<dd")  # available attempts, and when that was computed: seconds of the system's clock
_LOCK_TRIES = 20
_LOCK_PAUSE_S = 0.01
_ASK_EVERY_S = 0.5


class SharedBucket:
    """A token bucket in a file, which processes lock for a moment; without the file, a bucket of this process alone."""

    def __init__(
        self,
        path: Path | None,
        *,
        rate: float = ATTEMPTS_PER_S,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: must be the same for all processes of the machine, like CLOCK_MONOTONIC."""
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._own = _STATE.pack(burst, clock())
        self._file: int | None = None
        if path is not None:
            try:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                log.warning("connection attempts are limited for this process alone: %s", error)

    def take(self) -> float:
        """Take one attempt: 0 if it may be made now, else seconds until it may."""
        return self._change(-1.0)

    def give_back(self) -> None:
        """Give back a successful attempt."""
        self._change(1.0)

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _change(self, by: float) -> float:
        locked = self._lock()
        try:
            held, since_s = self._read()
            now_s = self._clock()
            # A state with a later time is from before the machine was started.
            passed_s = now_s - since_s if 0 <= since_s <= now_s else 0.0
            held = min(self._burst, max(0.0, held) + passed_s * self._rate)
            if held + by < 0:
                self._write(held, now_s)
                return (-by - held) / self._rate
            self._write(min(self._burst, held + by), now_s)
            return 0.0
        finally:
            if locked and self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock(self) -> bool:
        """Lock the file. False, to go on without the lock, if another process was stopped while holding it."""
        if self._file is None:
            return False
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(_LOCK_PAUSE_S)
            else:
                return True
        return False

    def _read(self) -> tuple[float, float]:
        content = self._own
        if self._file is not None:
            try:
                content = os.pread(self._file, _STATE.size, 0)
            except OSError:
                content = self._own
        if len(content) != _STATE.size:
            return self._burst, self._clock()
        held, since_s = _STATE.unpack(content)
        return (held, since_s) if math.isfinite(held) and math.isfinite(since_s) else (self._burst, self._clock())

    def _write(self, held: float, now_s: float) -> None:
        self._own = _STATE.pack(held, now_s)
        if self._file is not None:
            try:
                os.pwrite(self._file, self._own, 0)
            except OSError as error:
                log.debug("connections: %s", error)


class ConnectionBudget:
    """One process's queue for the shared bucket. Thread-safe."""

    def __init__(self, bucket: SharedBucket) -> None:
        self._bucket = bucket
        self._changed = threading.Condition()
        self._waiting: set[tuple[bool, int, int]] = set()
        self._numbers = itertools.count()

    @classmethod
    def of(cls, context: Context) -> ConnectionBudget:
        """This process's budget, on the bucket that all processes of this VAR folder share."""
        folder = context.var_dir / "run"

        def make() -> ConnectionBudget:
            return cls(SharedBucket(folder / _FILE if folder.is_dir() else None))

        budget: ConnectionBudget = context.resources.share("connection budget", make)
        return budget

    def wait(
        self, failures: int, stopping: threading.Event, alive: Callable[[], None], *, just_lost: bool = False
    ) -> bool:
        """Wait until an attempt may be made. False when stopping.

        Devices that were `just_lost` go first; among equals those with the fewest `failures` in a row.
        `alive` is called at least twice a second meanwhile.
        """
        ticket = (not just_lost, failures, next(self._numbers))
        with self._changed:
            self._waiting.add(ticket)
            try:
                while not stopping.is_set():
                    alive()
                    pause_s = _ASK_EVERY_S
                    if ticket == min(self._waiting):
                        pause_s = self._bucket.take()
                        if pause_s == 0:
                            return True
                    self._changed.wait(min(pause_s, _ASK_EVERY_S))
                return False
            finally:
                self._waiting.discard(ticket)
                self._changed.notify_all()

    def succeeded(self) -> None:
        """Give back an attempt that succeeded: it is free."""
        with self._changed:
            self._bucket.give_back()
            self._changed.notify_all()
