"""Processor time by camera and stage, measured where it is spent, and the pictures that were left out on the way.

One per process, shared by what lives there: `StageClock.of(context)`. Whoever reports it counts what was added.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

from data.ports.recipe import Context, Resources

STAGES = ("demux", "record", "decode", "detail", "gate", "convert", "infer", "track", "judge", "encode")

Stage = tuple[str, str]
"""Site and stage."""


class _Nested(threading.local):
    """Of the calling thread: what was counted inside the block that is being measured."""

    inner_s = 0.0


class Measure:
    """Counts the calling thread's processor time until the end of the block, without that of blocks inside it."""

    __slots__ = ("_began_s", "_clock", "_outer_s", "_stage")

    def __init__(self, clock: StageClock, stage: Stage) -> None:
        self._clock = clock
        self._stage = stage

    def __enter__(self) -> None:
        nested = self._clock.nested
        self._outer_s, nested.inner_s = nested.inner_s, 0.0
        self._began_s = time.thread_time()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        spent_s = time.thread_time() - self._began_s
        nested = self._clock.nested
        self._clock.add(*self._stage, spent_s - nested.inner_s)
        nested.inner_s = self._outer_s + spent_s


class StageClock:
    """Seconds of processor time of the threads that did the work; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent_s: dict[Stage, float] = {}
        self._dropped: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        self.nested = _Nested()

    @classmethod
    def of(cls, context: Context) -> StageClock:
        """The one of this process."""
        return cls.among(context.resources)

    @classmethod
    def among(cls, resources: Resources) -> StageClock:
        clock: StageClock = resources.share("stage clock", cls)
        return clock

    def measure(self, site: str, stage: str) -> Measure:
        """`with clock.measure(site, "decode"): ...`"""
        return Measure(self, (site, stage))

    def add(self, site: str, stage: str, seconds: float) -> None:
        with self._lock:
            self._spent_s[site, stage] = self._spent_s.get((site, stage), 0.0) + seconds

    def taken(self) -> dict[Stage, float]:
        """What was spent since this was asked last."""
        with self._lock:
            spent, self._spent_s = self._spent_s, {}
        return spent

    def drop(self, site: str, pictures: int = 1) -> None:
        """Pictures that nobody gets to see, because more came than could be decoded or looked at."""
        with self._lock:
            self._dropped[site] = self._dropped.get(site, 0) + pictures

    def dropped(self) -> dict[str, int]:
        """Those since this was asked last."""
        with self._lock:
            dropped, self._dropped = self._dropped, {}
        return dropped

    def part(self, site: str) -> None:
        """A look that was at a part of the picture."""
        with self._lock:
            self._parts[site] = self._parts.get(site, 0) + 1

    def parts(self) -> dict[str, int]:
        """Those since this was asked last."""
        with self._lock:
            parts, self._parts = self._parts, {}
        return parts
