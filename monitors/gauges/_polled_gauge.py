"""A gauge asked over HTTP. An answer like the one before brings nothing new."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx

from data.errors import DeviceLost, InputRejected, YipingError
from data.model.observation import Reading, Rejected
from data.model.secrets import redact
from data.ports.recipe import Context
from monitors._http_poll import Poll
from monitors.gauges._event_loop import EventLoop
from monitors.gauges._json_source import JsonSource
from monitors.gauges._message import measured
from monitors.gauges._times import LocalTimes

log = logging.getLogger(__name__)

LARGEST_BYTES = 1_000_000
KEPT = 100
IDLE_S = 0.5  # `observe` yields None this often while nothing comes


class PolledGauge:
    """An open gauge (implements `data.ports.recipe.Monitor`, `SharesThread` and `Answering`).

    It is asked in the event loop that all gauges of the process share; what has come is read where `waiting` is called.
    """

    def __init__(self, recipe: JsonSource, poll: Poll, context: Context, times: LocalTimes | None = None) -> None:
        self._recipe = recipe
        self._poll = poll
        self._site = context.site.id
        self._times = times
        self._tls: ssl.SSLContext = context.resources.share("TLS of gauges", httpx.create_ssl_context)
        self._shared_loop = EventLoop.of(context)
        self._lock = threading.Lock()
        self._asking: asyncio.Task[None] | None = None
        self._wake: Callable[[], None] = lambda: None
        self._came: deque[tuple[datetime, bytes]] = deque(maxlen=KEPT)  # the newest win
        self._lost: YipingError | None = None
        self._closed = threading.Event()
        self.has_answered = False

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
            if self._asking is None and not self._closed.is_set():
                loop = self._shared_loop.join(self)
                loop.call_soon_threadsafe(self._begin, loop)

    def waiting(self) -> Iterator[Reading | Rejected]:
        lost = self._lost  # before what has come is taken: what came before the loss is given
        while self._came:
            yield self._read(*self._came.popleft())
        if lost is not None:
            raise DeviceLost(str(lost))

    def committed(self, reading: Reading) -> None:
        """Polled values need no acknowledgement."""

    def close(self) -> None:
        """Asking ends soon after that, in the event loop."""
        self._closed.set()
        self._came.clear()
        self._shared_loop.soon(self._cancel)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop, as all that follows."""
        self._asking = loop.create_task(self._poll.ask_on(self._tls, self._give, self._note_answer))
        self._asking.add_done_callback(self._end)
        if self._closed.is_set():
            self._cancel()

    def _cancel(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    def _give(self, content: bytes) -> None:
        if not self._closed.is_set():
            self._came.append((datetime.now(UTC), content))
            self._wake()

    def _note_answer(self) -> None:
        self.has_answered = True

    def _end(self, asking: asyncio.Task[None]) -> None:
        """It was closed, or the gauge cannot be read now; an error that nobody foresaw is a loss as well."""
        self._shared_loop.leave(self)
        error = None if asking.cancelled() else asking.exception()
        if isinstance(error, YipingError):
            self._lost = error
        elif not asking.cancelled():
            log.error("%s: asking ended unexpectedly", self._poll.name, exc_info=error)
            self._lost = DeviceLost(f"{self._poll.name}: an error that was not foreseen; the log has it")
        if self._lost is not None:
            self._wake()

    def _read(self, now: datetime, content: bytes) -> Reading | Rejected:
        try:
            return self._recipe.reading(
                self._site, measured(self._recipe, content, now, retained=False, times=self._times), now
            )
        except InputRejected as error:
            excerpt = redact(content[:200].decode("utf-8", "replace"))
            return Rejected(self._site, self._recipe.name, now, str(error), excerpt)
