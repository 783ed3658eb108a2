"""A blocking source read in a thread of its own, so that no step of `observe` waits for the device.

Libraries have been seen to ignore their own time-outs; the one who observes then still learns in time that the
device is lost, and leaves the stuck thread behind.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from data.errors import DeviceLost, YipingError

T = TypeVar("T")

IDLE_S = 0.5  # `observe` yields None this often while nothing comes


class Feed(Generic[T]):
    """Items go in from the reading thread (`put`) and come out where `items` is iterated; the newest win.

    `produce` runs in the thread, ends soon after `closed` is set, and raises DeviceLost or InputRejected.
    `patience_s`: how long nothing may be heard, also at the start, before the device counts as lost.
    """

    def __init__(self, name: str, produce: Callable[[Feed[T]], None], *, patience_s: float, keep: int) -> None:
        self.name = name
        self.closed = threading.Event()
        self._patience_s = patience_s
        self._kept: deque[T] = deque(maxlen=keep)
        self._changed = threading.Condition()
        self._failure: YipingError | None = None
        self._heard_s = time.monotonic()
        self.has_answered = False
        # `produce` belongs to the thread: kept here, it would tie the feed and its monitor into a reference cycle.
        self._thread = threading.Thread(target=self._run, args=(produce,), name=f"read {name}", daemon=True)
        self._thread.start()

    def put(self, item: T, patience_s: float = 0.0) -> None:
        """From the reading thread. When it is full for longer than `patience_s` the oldest item gives way.

        Once closed, nothing is kept any more.
        """
        with self._changed:
            self.alive()
            if patience_s > 0 and len(self._kept) == self._kept.maxlen:
                self._changed.wait_for(lambda: len(self._kept) != self._kept.maxlen or self.closed.is_set(), patience_s)
            if not self.closed.is_set():
                self._kept.append(item)
            self._changed.notify_all()

    def has_room(self) -> bool:
        """True if another item fits without eviction."""
        return len(self._kept) != self._kept.maxlen

    def alive(self) -> None:
        """From the reading thread: the device answers, though it has nothing new."""
        self._heard_s = time.monotonic()
        self.has_answered = True

    def items(self) -> Iterator[T | None]:
        """What comes, None while nothing does; ends after `close`. Raises what `produce` raised, or DeviceLost."""
        while not self.closed.is_set():
            with self._changed:
                if not self._kept and self._failure is None:
                    self._changed.wait(IDLE_S)
                item = self._kept.popleft() if self._kept else None
                self._changed.notify_all()
            if self.closed.is_set():
                return
            if item is None and self._failure is not None:
                self.closed.set()
                try:
                    raise self._failure
                finally:
                    self._failure = None  # its traceback holds this frame, which holds the feed: a reference cycle
            if item is None and time.monotonic() - self._heard_s > self._patience_s:
                self.closed.set()
                raise DeviceLost(f"{self.name}: nothing new for {self._patience_s:g} s")
            yield item
            item = None  # not kept in hand while the next one is awaited

    def close(self) -> None:
        self.closed.set()
        with self._changed:
            self._kept.clear()  # a closed feed may stay in hand for a while, and a picture has 3 MB
            self._changed.notify_all()

    def _run(self, produce: Callable[[Feed[T]], None]) -> None:
        failure: YipingError = DeviceLost(f"{self.name}: reading ended unexpectedly")
        try:
            produce(self)
        except YipingError as error:
            # Only its words are of use. The frames of its traceback would keep container, decoder and pictures alive.
            failure = error.with_traceback(None)
            failure.__context__ = failure.__cause__ = None
        finally:
            with self._changed:
                self._failure = failure
                self._changed.notify_all()
