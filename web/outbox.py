"""The outbox read once per process and fanned out to every socket that follows it."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from data.errors import YipingError
from data.model.record import Change
from data.model.views import iso
from data.ports.store import Reader, Writer
from web.deps import ServerDeps

log = logging.getLogger(__name__)

POLL_S = 0.03  # where the store does not tell of commits
UNTOLD_S = 1.0  # where it does: how long one goes unseen that it could not tell of
RETRY_S = 1.0
AT_ONCE = 1000
QUEUE = 2000  # changes that a slow client may be behind before it is dropped
EPOCH = "epoch"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A change and the message that everybody gets of it, made once.

    Without a change it is news about the server itself, or, with `about` ("alert:12"), about what people do on their
    screens: for those who may see all that is in hand, or for the user `only`.
    """

    change: Change | None
    text: str
    about: str = ""
    only: str = ""


class Subscription:
    """One follower: everything after `start`, in order, until it is too slow."""

    def __init__(self, start: int) -> None:
        self.start = start
        self._queue: asyncio.Queue[Broadcast] = asyncio.Queue(QUEUE)
        self._left_behind = asyncio.Event()

    @property
    def lost(self) -> bool:
        """Was it too slow? Then something is missing and it must begin again."""
        return self._left_behind.is_set()

    async def left_behind(self) -> None:
        """Ends when the follower was too slow, also while it is waiting for its reader."""
        await self._left_behind.wait()

    def offer(self, told: Broadcast) -> None:
        try:
            self._queue.put_nowait(told)
        except asyncio.QueueFull:
            self._left_behind.set()

    def waiting(self, most: int) -> list[Broadcast]:
        """What has come already, at most so many."""
        found: list[Broadcast] = []
        while len(found) < most and not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found

    async def next(self, timeout_s: float) -> Broadcast | None:
        """The next change, None when none came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            return None


class Outbox:
    """Follows the store's changes. `seen` is called with each, on the event loop."""

    def __init__(self, deps: ServerDeps, seen: Callable[[Change], None]) -> None:
        self._deps = deps
        self._seen = seen
        self._followers: set[Subscription] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._is_told = False
        self.seq = 0
        self.epoch = ""

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def followers(self) -> int:
        return len(self._followers)

    async def start(self) -> None:
        """Find out where the outbox stands; follow it from there."""
        self.epoch = await self._deps.commit(_epoch)
        self.seq = await self._deps.read(lambda reader: reader.last_change())
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._woken.set)

        self._is_told = self._deps.store.tell_of_changes(wake)
        self._task = asyncio.create_task(self._follow(), name="outbox")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False)

    @contextmanager
    def follow(self) -> Iterator[Subscription]:
        """Everything that comes from now on; what was before is read with `past`."""
        follower = Subscription(self.seq)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def tell_all(self, text: str) -> None:
        """A message that is no change of the store, to whoever follows now."""
        for follower in self._followers:
            follower.offer(Broadcast(None, text))

    def tell(self, text: str, about: str, only: str = "") -> None:
        """A message about one thing that is not stored: for the screens on which it can be seen, or one person's."""
        for follower in self._followers:
            follower.offer(Broadcast(None, text, about, only))

    async def past(self, after: int, until: int) -> list[Broadcast]:
        """A page of what was written before: after < seq <= until. Empty at the end."""
        if after >= until:
            return []
        found = await self._deps.read_list(lambda reader: reader.changes(after, AT_ONCE))
        return [tell(change) for change in found if change.seq <= until]

    async def _follow(self) -> None:
        failing = False
        while True:
            self._woken.clear()  # before it is read: what comes meanwhile wakes again
            try:
                changes = await self._newer()
            except (YipingError, SQLAlchemyError, OSError) as error:
                if not failing:
                    log.error("the outbox cannot be read, trying again: %s", type(error).__name__)
                failing = True
                await asyncio.sleep(RETRY_S)
                continue
            if failing:
                log.info("the outbox can be read again")
                failing = False
            for change in changes:
                self.seq = change.seq
                self._observe(change)
                if self._followers:
                    told = tell(change)
                    for follower in self._followers:
                        follower.offer(told)
            await self._wait(0 if len(changes) == AT_ONCE else UNTOLD_S if self._is_told else POLL_S)

    async def _wait(self, at_most_s: float) -> None:
        if not self._is_told or at_most_s == 0:
            await asyncio.sleep(at_most_s)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._woken.wait()

    def _observe(self, change: Change) -> None:
        """One change that this server cannot read must not end the feed of every screen."""
        try:
            self._seen(change)
        except (LookupError, TypeError, ValueError) as error:
            log.error("change %d (%s) cannot be read and is passed on as it is: %r", change.seq, change.topic, error)

    async def _newer(self) -> list[Change]:
        after = self.seq

        def look(reader: Reader) -> list[Change]:
            # The highest number is an index look-up; rows are read only when there are any.
            return [] if reader.last_change() <= after else list(reader.changes(after, AT_ONCE))

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._deps.store.read, look)


def tell(change: Change, data: Any = None) -> Broadcast:
    """The message of a change; `data` instead of its payload where not everything may be seen."""
    message = {
        "type": "change",
        "seq": change.seq,
        "topic": change.topic,
        "subject": change.subject,
        "at": iso(change.at),
        "data": dict(change.payload) if data is None else data,
    }
    return Broadcast(change, json.dumps(message, ensure_ascii=False, separators=(",", ":")))


def _epoch(writer: Writer) -> str:
    """The store's own mark; made once. Another store, or one begun anew, has another."""
    known = writer.value(EPOCH)
    if isinstance(known, str) and known:
        return known
    fresh = secrets.token_hex(8)
    writer.put_value(EPOCH, fresh)
    return fresh
