"""One event loop, in a thread of its own, for the network connections of all gauges of a process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from data.ports.recipe import Context

NAMES_AT_ONCE = 16  # looked up; a name server that does not answer holds up those who wait for it, and no more threads


class EventLoop:
    """Runs while somebody has joined it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._joined: set[object] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: list[Callable[[], None]] = []  # to be made in its thread, which is woken for all of them once

    @classmethod
    def of(cls, context: Context) -> EventLoop:
        """The one of this process."""
        loop: EventLoop = context.resources.share("gauges' event loop", cls)
        return loop

    def join(self, who: object) -> asyncio.AbstractEventLoop:
        """The running loop. It stops some time after everybody has left."""
        with self._lock:
            self._joined.add(who)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(NAMES_AT_ONCE, thread_name_prefix="names"))
                threading.Thread(target=_run, args=(self._loop,), name="gauges-loop", daemon=True).start()
            return self._loop

    def leave(self, who: object) -> None:
        """Nothing happens when it has left already."""
        with self._lock:
            self._joined.discard(who)
            if not self._joined and self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None
                self._calls = []

    def soon(self, call: Callable[[], None]) -> None:
        """Call it in the loop's thread; nothing happens when the loop does not run."""
        with self._lock:
            if self._loop is None:
                return
            self._calls.append(call)
            if len(self._calls) == 1:
                self._loop.call_soon_threadsafe(self._call_all, self._calls)

    def _call_all(self, calls: Sequence[Callable[[], None]]) -> None:
        with self._lock:
            if self._calls is calls:  # else they are those of a loop that has begun since
                self._calls = []
        loop = asyncio.get_running_loop()
        for call in calls:
            loop.call_soon(call)  # each by itself: what fails of one gauge is no other's


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
