"""The heartbeat of a child process to its supervisor, and the signal to stop."""

from __future__ import annotations

import contextlib
import os
import threading
import time

BEAT_EVERY_S = 0.5


class Heart:
    """The child's side. `stopping` is set by SIGTERM. Without a pipe (in tests) beats go nowhere."""

    def __init__(self, pipe: int | None = None) -> None:
        self.stopping = threading.Event()
        self._pipe = pipe
        self._beaten_at = float("-inf")

    def beat(self) -> None:
        """Report that the process still works. Cheap, never blocks; called at least once a second by the main loop."""
        now = time.monotonic()
        if self._pipe is None or now - self._beaten_at < BEAT_EVERY_S:
            return
        self._beaten_at = now
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._pipe, b".")

    def rest(self, seconds: float) -> bool:
        """Beat, then wait; True as soon as it is time to stop."""
        deadline = time.monotonic() + seconds
        while True:
            self.beat()
            left = deadline - time.monotonic()
            if self.stopping.wait(max(0.0, min(left, BEAT_EVERY_S))):
                return True
            if left <= BEAT_EVERY_S:
                return False
