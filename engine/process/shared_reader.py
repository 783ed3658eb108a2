"""One thread that serves many devices, each of which wakes it when data has arrived.

A thread for each of 2,000 quiet gauges, waking once a second, would use a good part of a processor, nearly all of it
for switching threads.
"""

from __future__ import annotations

import queue
import threading
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

    def __init__(self) -> None:
        self._woken: queue.SimpleQueue[Served] = queue.SimpleQueue()
        self._waiting: set[Served] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, context: Context) -> SharedReader:
        """This process's reader."""
        reader: SharedReader = context.resources.share("shared reader", cls)
        return reader

    def wake(self, device: Served) -> None:
        """Serve this device soon."""
        with self._lock:
            if device in self._waiting:
                return
            self._waiting.add(device)
            if self._thread is None or not self._thread.is_alive():  # it ended by an unexpected error
                self._thread = threading.Thread(target=self._run, name="shared-reader", daemon=True)
                self._thread.start()
        self._woken.put(device)

    def _run(self) -> None:
        while True:
            device = self._woken.get()
            with self._lock:
                self._waiting.discard(device)  # before serving, so that data arriving meanwhile wakes it again
            device.serve()
