"""Does the store take writes? Whoever stands in front of a screen is told when it does not, and why.

A small value is written every few seconds; how long that takes, or how it fails, is the store's state. It goes to every
events socket as `{"type": "store", "data": {"state", "since", "free_mib"}}` when it changes, and after `hello`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from data.errors import StoreClosed, StoreFull, YipingError
from data.model.views import iso
from web.deps import ServerDeps

log = logging.getLogger(__name__)

PROBE = "store-probe"  # name of the value that is written
LOOK_S = 0.5
PROBE_EVERY_S = 5.0
PROBE_AGAIN_S = 1.0  # while something is wrong
WAITS_AFTER_S = 2.0
LOW_MIB = 500  # a day of evidence of a district, about
MIB = 1024 * 1024


class StoreState(StrEnum):
    """What the screens say of the store."""

    OK = "ok"
    LOW = "low"  # the disk is nearly full
    WAITING = "waiting"  # somebody holds the lock, or the disk is slow; what is asked for is done later
    FULL = "full"
    FAILING = "failing"  # it cannot be reached, or refuses
    FAILED = "failed"  # the disk failed: this process ends, and the next one opens the store again


@dataclass(frozen=True, slots=True)
class StoreNews:
    """The state, since when, and what is left on the disk in MiB (None when that is not known)."""

    state: StoreState
    since: datetime
    free_mib: int | None

    def message(self) -> str:
        data = {"state": self.state, "since": iso(self.since), "free_mib": self.free_mib}
        return json.dumps({"type": "store", "data": data})


class StoreWatch:
    """`tell` gets every change of the state, on the event loop; `failed` is called once when the disk has failed.

    `probed` gets the duration of every probe's commit in seconds, from the store's own thread.
    """

    def __init__(
        self,
        deps: ServerDeps,
        tell: Callable[[StoreNews], None],
        failed: Callable[[], None],
        probed: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._probed = probed
        self._deps = deps
        self._tell = tell
        self._failed = failed
        self._probe: Future[Any] | None = None
        self._begun_s = 0.0
        self._next_s = 0.0
        self._settled = StoreState.OK  # as the last probe that ended says
        self._task: asyncio.Task[None] | None = None
        self.news = StoreNews(StoreState.OK, deps.now(), None)

    def message(self) -> str | None:
        """What a page is told that has just connected; None while all is well, as it takes for granted."""
        return None if self.news.state is StoreState.OK else self.news.message()

    def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="store-watch")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while self.news.state is not StoreState.FAILED:
            free = await asyncio.to_thread(free_mib, self._deps.var_dir)
            self._see(self._look(time.monotonic(), free), free)
            await asyncio.sleep(LOOK_S)
        await asyncio.sleep(LOOK_S)  # the sockets pass on the news
        self._failed()

    def _see(self, state: StoreState, free: int | None) -> None:
        if state is self.news.state:
            return
        (log.info if state is StoreState.OK else log.error)("the store is %s (%s MiB free)", state, free)
        self.news = StoreNews(state, self._deps.now(), free)
        self._tell(self.news)

    def _look(self, now_s: float, free: int | None) -> StoreState:
        if self._deps.store.failure is not None:
            return StoreState.FAILED
        if self._probe is None and now_s >= self._next_s:
            self._begun_s, self._probe = now_s, self._submit()
        if self._probe is not None and self._probe.done():
            self._settled = state_of(self._probe.exception())
            self._probe = None
            self._next_s = now_s + (PROBE_EVERY_S if self._settled is StoreState.OK else PROBE_AGAIN_S)
        if self._probe is not None and now_s - self._begun_s > WAITS_AFTER_S:
            return StoreState.WAITING
        if self._settled is StoreState.OK and free is not None and free < LOW_MIB:
            return StoreState.LOW
        return self._settled

    def _submit(self) -> Future[Any]:
        at = iso(self._deps.now())
        try:
            begun_s = time.monotonic()
            probe = self._deps.store.submit(lambda writer: writer.put_value(PROBE, at))
            probe.add_done_callback(lambda _: self._probed(time.monotonic() - begun_s))
            return probe
        except YipingError as error:
            refused: Future[Any] = Future()
            refused.set_exception(error)
            return refused


def state_of(error: BaseException | None) -> StoreState:
    """What a probe's error means."""
    if error is None:
        return StoreState.OK
    if isinstance(error, StoreFull):
        return StoreState.FULL
    if not isinstance(error, StoreClosed):
        log.error("the store refuses a value of ours", exc_info=error)
    return StoreState.FAILING


def free_mib(folder: Path) -> int | None:
    """What this process may still write on the folder's disk."""
    try:
        return shutil.disk_usage(folder).free // MIB
    except OSError:
        return None
