"""What ties a child process to its supervisor: it beats while it works, and learns when to stop."""

from __future__ import annotations

import contextlib
import os
import threading
import time

BEAT_EVERY_S = 0.5


class Heart:
    """The child's end. `stopping` is set by SIGTERM; without a pipe (in a test) nobody hears the beats."""

    def __init__(self, pipe: int | None = None) -> None:
        self.stopping = threading.Event()
        self._pipe = pipe
        self._beaten_at = float("-inf")

    def beat(self) -> None:
        """I still work. Cheap and never blocking; call it at least once a second from the loop that does the work."""
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
