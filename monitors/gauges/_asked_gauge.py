"""A gauge that is asked every so often, as a task of the event loop that all gauges of the process share."""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator

from data.errors import DeviceLost, YipingError
from data.model.observation import Reading, Rejected, Sensed
from data.ports.recipe import Context
from monitors.gauges._event_loop import EventLoop

log = logging.getLogger(__name__)

KEPT = 100  # answers that nobody has taken yet; the newest win
IDLE_S = 0.5  # `observe` yields None this often while nothing comes


class AskedGauge(ABC):
    """An open gauge (implements `data.ports.recipe.Monitor`, `SharesThread` and `Answering`).

    It is asked in the event loop; an answer is read where `waiting` is called.
    """

    def __init__(self, name: str, context: Context) -> None:
        """`name`: of the gauge, in errors."""
        self.name = name
        self.site = context.site.id
        self.has_answered = False
        self._shared_loop = EventLoop.of(context)
        self._lock = threading.Lock()
        self._opened = False
        self._asking: asyncio.Task[None] | None = None
        self._wake: Callable[[], None] = lambda: None
        self._answers: deque[Callable[[], Reading | Rejected]] = deque(maxlen=KEPT)
        self._lost: YipingError | None = None
        self._closed = threading.Event()

    @abstractmethod
    async def ask_on(self) -> None:
        """Ask until cancelled, and call `answered` or `give` for each answer. Raises DeviceLost."""

    def answered(self) -> None:
        """It has answered, though with nothing new. In the event loop, as `give`."""
        self.has_answered = True

    def give(self, read: Callable[[], Reading | Rejected]) -> None:
        """It has answered; `read` tells what, and is called later, on another thread."""
        self.has_answered = True
        if not self._closed.is_set():
            self._answers.append(read)
            self._wake()

    def observe(self) -> Iterator[Reading | Rejected | None]:
        woken = threading.Event()
        self.wake_by(woken.set)
        while not self._closed.is_set():
            woken.clear()
            yield from self.waiting()
            yield None
            woken.wait(IDLE_S)

    def wake_by(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        with self._lock:
            if self._opened or self._closed.is_set():
                return
            self._opened = True
        loop = self._shared_loop.join(self)
        loop.call_soon_threadsafe(self._begin, loop)

    def waiting(self) -> Iterator[Reading | Rejected]:
        lost = self._lost  # before what has come is taken: what came before the loss is given
        while self._answers:
            yield self._answers.popleft()()
        if lost is not None:
            raise DeviceLost(str(lost))

    def committed(self, reading: Sensed) -> None:  # noqa: B027 - a default, not forgotten
        """What was asked for needs no acknowledgement."""

    def close(self) -> None:
        """Asking ends soon after that, in the event loop."""
        self._closed.set()
        self._answers.clear()
        self._shared_loop.soon(self._cancel)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop, as all that follows."""
        self._asking = loop.create_task(self.ask_on())
        self._asking.add_done_callback(self._end)
        if self._closed.is_set():
            self._cancel()

    def _cancel(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    def _end(self, asking: asyncio.Task[None]) -> None:
        """It was closed, or the gauge cannot be read now; an error that nobody foresaw is a loss as well."""
        self._shared_loop.leave(self)
        error = None if asking.cancelled() else asking.exception()
        if isinstance(error, YipingError):
            self._lost = error
        elif not asking.cancelled():
            log.error("%s: asking ended unexpectedly", self.name, exc_info=error)
            self._lost = DeviceLost(f"{self.name}: an error that was not foreseen; the log has it")
        if self._lost is not None:
            self._wake()
