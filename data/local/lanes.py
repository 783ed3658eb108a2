"""Threads kept apart by what they are for, so that a slow question never makes an urgent one wait.

One pool for everything lets six uploads or reviews hold all of its threads while an acknowledgement waits behind them.
Each lane has few threads and a bounded queue; what finds no place is refused at once and may be asked again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from data.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """`threads` at work and at most `waiting` behind them. Thread-safe; its threads start when they are needed."""

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self.name = name
        self._most = threads + waiting
        self._taken = 0
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    @property
    def taken(self) -> int:
        """How many are at work or wait."""
        return self._taken

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in one of the lane's threads. Raises Busy when too many wait already."""
        with self._lock:
            if self._taken >= self._most:
                raise Busy(f"too much is being asked at once ({self.name}); please try again in a moment")
            context = copy_context()  # ids for the log go along
            future = self._threads.submit(lambda: context.run(function, *args, **kwargs))
            self._taken += 1
        # Also when nobody waits for the result any more, the place stays taken until the thread is free again.
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """End without waiting; what has not begun is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self) -> None:
        with self._lock:
            self._taken -= 1


class Lanes:
    """The lanes of one server.

    `quick`: single rows and logins; nothing else may stand in its way. `lists`: pages of lists. `heavy`: spans, figures
    and archives, one at a time. `public`: what strangers ask. `intake`: what other systems send. `photos`:
    decoding, one at a time.
    """

    def __init__(self) -> None:
        self.quick = Lane("quick", threads=8, waiting=2000)
        self.lists = Lane("lists", threads=4, waiting=400)
        self.heavy = Lane("heavy", threads=1, waiting=12)
        self.public = Lane("public", threads=1, waiting=16)
        self.intake = Lane("intake", threads=4, waiting=400)
        self.photos = Lane("photos", threads=1, waiting=8)

    @property
    def all(self) -> tuple[Lane, ...]:
        return (self.quick, self.lists, self.heavy, self.public, self.intake, self.photos)

    def close(self) -> None:
        for lane in self.all:
            lane.close()
