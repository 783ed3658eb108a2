"""Processor time by camera and stage (demux, decode, gate, convert, infer, track, encode), measured where it is spent.

One per process, shared by what lives there: `StageClock.of(context)`. Whoever reports it counts what was added.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from data.recipe import Context, Resources

Stage = tuple[str, str]
"""Site and stage."""


class StageClock:
    """Seconds of processor time of the threads that did the work; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent_s: dict[Stage, float] = {}

    @classmethod
    def of(cls, context: Context) -> StageClock:
        """The one of this process."""
        return cls.among(context.resources)

    @classmethod
    def among(cls, resources: Resources) -> StageClock:
        clock: StageClock = resources.share("stage clock", cls)
        return clock

    @contextmanager
    def measure(self, site: str, stage: str) -> Iterator[None]:
        """Count the calling thread's processor time until the end of the block, however it ends."""
        began_s = time.thread_time()
        try:
            yield
        finally:
            self.add(site, stage, time.thread_time() - began_s)

    def add(self, site: str, stage: str, seconds: float) -> None:
        with self._lock:
            self._spent_s[site, stage] = self._spent_s.get((site, stage), 0.0) + seconds

    def taken(self) -> dict[Stage, float]:
        """What was spent since this was asked last."""
        with self._lock:
            spent, self._spent_s = self._spent_s, {}
        return spent
