"""One thread that serves many devices, each of which wakes it when data has arrived.

A thread for each of 2,000 quiet gauges, waking once a second, would use a good part of a processor, nearly all of it
for switching threads.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from data.ports.recipe import Context


class Served(Protocol):
    """A device whose monitor shares this thread."""

    name: str

    def serve(self) -> None:
        """Process the data that has arrived, without waiting for more."""
        ...


class SharedReader:
    """Serves devices. `wake` may be called from any thread; a device woken twice before its turn is served once."""

    def __init__(self, name: str = "shared-reader") -> None:
        self._name = name
        self._woken: queue.SimpleQueue[Served | None] = queue.SimpleQueue()  # None: a call was added
        self._waiting: set[Served] = set()
        self._calls: list[tuple[float, int, Callable[[], None]]] = []  # a heap by monotonic time
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, context: Context) -> SharedReader:
        """This process's reader."""
        reader: SharedReader = context.resources.share("shared reader", cls)
        return reader

    @classmethod
    def that_opens(cls, context: Context) -> SharedReader:
        """The one of this process that opens what never waits: thousands at the start must not hold up readings."""
        opener: SharedReader = context.resources.share("shared opener", lambda: cls("shared-opener"))
        return opener

    def wake(self, device: Served) -> None:
        """Serve this device soon."""
        with self._lock:
            if device in self._waiting:
                return
            self._waiting.add(device)
            self._run_on()
        self._woken.put(device)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it after so many seconds. It must not wait: a device that pauses needs no thread for it."""
        with self._lock:
            heapq.heappush(self._calls, (time.monotonic() + seconds, next(self._numbers), call))
            self._run_on()
        self._woken.put(None)

    def keep_on(self) -> None:
        """Start the thread anew if an unexpected error has ended it: nobody else would make the calls that are due."""
        with self._lock:
            if self._calls:
                self._run_on()

    def _run_on(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # it ended by an unexpected error
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            device = self._next_woken()
            if device is not None:
                with self._lock:
                    self._waiting.discard(device)  # before serving, so that data arriving meanwhile wakes it again
                device.serve()
            while (call := self._due()) is not None:
                call()

    def _next_woken(self) -> Served | None:
        """None when a call is due, or was added."""
        with self._lock:
            waits_s = max(0.0, self._calls[0][0] - time.monotonic()) if self._calls else None
        try:
            return self._woken.get(timeout=waits_s)
        except queue.Empty:
            return None

    def _due(self) -> Callable[[], None] | None:
        with self._lock:
            if not self._calls or self._calls[0][0] > time.monotonic():
                return None
            return heapq.heappop(self._calls)[2]
