"""Readings taken out of an inbox; each file goes when all its readings are stored."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from data.errors import DeviceLost, InputRejected
from data.local.inbox import Inbox
from data.local.sealed import Damaged
from data.model.observation import DamagedInput, Reading, Rejected
from data.ports.recipe import Context

LOOK_S = 0.2
IDLE_S = 1.0  # `observe` yields None this often while nothing comes
SETTLED_NS = 100_000_000  # a folder's time steps by some milliseconds: two letters may bear the same one
LIST_EVERY_S = 10.0  # whatever the folder's time says


class InboxWatch:
    """One thread looks at the folders of all open inboxes of a process and wakes those in which something has come.

    A thread for each inbox that lists its folder five times a second takes a whole core for a thousand of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[threading.Event, Path] = {}
        self._known_ns: dict[threading.Event, int] = {}  # time of the folder when somebody was last woken for it
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, context: Context) -> InboxWatch:
        """The one of this process."""
        watch: InboxWatch = context.resources.share("inbox watch", cls)
        return watch

    def add(self, folder: Path) -> threading.Event:
        """An event that is set whenever something may have come into the folder, until it is given to `remove`."""
        woken = threading.Event()
        with self._lock:
            self._folders[woken] = folder
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox-watch", daemon=True)
                self._thread.start()
        return woken

    def remove(self, woken: threading.Event) -> None:
        with self._lock:
            self._folders.pop(woken, None)
            self._known_ns.pop(woken, None)

    def _run(self) -> None:
        """Ends with the last inbox."""
        while True:
            with self._lock:
                if not self._folders:
                    self._thread = None
                    return
                folders = list(self._folders.items())
            for woken, folder in folders:
                self._look(woken, folder)
            time.sleep(LOOK_S)

    def _look(self, woken: threading.Event, folder: Path) -> None:
        try:
            changed_ns = folder.stat().st_mtime_ns
        except OSError:
            woken.set()  # who reads the inbox says what is wrong with it
            return
        settled = time.time_ns() - changed_ns > SETTLED_NS
        with self._lock:
            if woken not in self._folders or self._known_ns.get(woken) == changed_ns:
                return
            if settled:
                self._known_ns[woken] = changed_ns
        woken.set()


class InboxMonitor:
    """An open inbox (implements `data.ports.recipe.Monitor`)."""

    def __init__(self, site: str, name: str, inbox: Inbox, watch: InboxWatch) -> None:
        self._site = site
        self._name = name
        self._inbox = inbox
        self._watch = watch
        self._closed = threading.Event()
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._left: dict[Path, set[Reading]] = {}
        self._files: dict[Reading, list[Path]] = {}

    def observe(self) -> Iterator[Reading | Rejected | None]:
        self._woken = woken = self._watch.add(self._inbox.folder)
        try:
            listed_s = float("-inf")
            while not self._closed.is_set():
                if woken.is_set() or time.monotonic() - listed_s > LIST_EVERY_S:
                    woken.clear()  # before it is listed: what comes meanwhile wakes again
                    listed_s = time.monotonic()
                    yield from self._waiting()
                yield None
                woken.wait(IDLE_S)
        finally:
            self._watch.remove(woken)

    def _waiting(self) -> Iterator[Reading | Rejected]:
        try:
            paths = self._inbox.waiting()
        except OSError as error:
            raise DeviceLost(f"{self._site}: the inbox cannot be read: {error.strerror}") from error
        for path in paths:
            if path not in self._left and not self._closed.is_set():
                yield from self._opened(path)

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
        self._woken.set()

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
