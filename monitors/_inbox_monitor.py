"""Readings taken out of an inbox; each file goes when all its readings are stored."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from data.errors import DeviceLost, InputRejected
from data.inbox import Inbox
from data.observation import DamagedInput, Reading, Rejected
from data.sealed import Damaged

LOOK_S = 0.2
CROWDED_FROM = 100  # inboxes of a process: with more of them each is looked into less often, of 1,000 every 2 s
SETTLED_NS = 100_000_000  # two letters may bear one time of the folder's: its time steps by some milliseconds
LIST_EVERY_S = 10.0


class InboxMonitor:
    """An open inbox (implements `data.recipe.Monitor`)."""

    def __init__(self, site: str, name: str, inbox: Inbox) -> None:
        self._site = site
        self._name = name
        self._inbox = inbox
        self._closed = threading.Event()
        self._listed: tuple[int, float] | None = None  # time of the folder when it was listed, settled; when that was
        self._lock = threading.Lock()
        self._left: dict[Path, set[Reading]] = {}
        self._files: dict[Reading, list[Path]] = {}

    def observe(self) -> Iterator[Reading | Rejected | None]:
        while not self._closed.is_set():
            try:
                paths = self._waiting()
            except OSError as error:
                raise DeviceLost(f"{self._site}: the inbox cannot be read: {error.strerror}") from error
            for path in paths:
                if path not in self._left and not self._closed.is_set():
                    yield from self._opened(path)
            yield None
            self._closed.wait(LOOK_S * max(1.0, threading.active_count() / CROWDED_FROM))

    def _waiting(self) -> list[Path]:
        """What lies in the inbox; empty, without listing it, while nothing has come since it was listed.

        A thousand inboxes that are listed five times a second take a whole core.
        """
        try:
            changed_ns = self._inbox.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if self._listed is not None:
            listed_ns, listed_s = self._listed
            if changed_ns == listed_ns and time.monotonic() - listed_s < LIST_EVERY_S:
                return []
        settled = time.time_ns() - changed_ns > SETTLED_NS
        self._listed = (changed_ns, time.monotonic()) if settled else None
        return self._inbox.waiting()

    def committed(self, reading: Reading) -> None:
        with self._lock:
            for path in self._files.pop(reading, []):
                left = self._left.get(path)
                if left is not None:
                    left.discard(reading)
                    if not left:
                        with contextlib.suppress(FileNotFoundError):
                            path.unlink()
                        del self._left[path]

    def close(self) -> None:
        self._closed.set()

    def _opened(self, path: Path) -> Iterator[Reading | Rejected]:
        try:
            readings = self._inbox.read(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise DeviceLost(f"{self._site}: the inbox cannot be read: {error.strerror}") from error
        except InputRejected as error:
            path.replace(path.with_suffix(".rejected"))
            kind = DamagedInput if isinstance(error, Damaged) else Rejected
            yield kind(self._site, self._name, datetime.now(UTC), str(error))
            return
        with self._lock:
            self._left[path] = set(readings)
            for reading in self._left[path]:
                self._files.setdefault(reading, []).append(path)
        yield from readings
