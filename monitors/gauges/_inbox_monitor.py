"""Readings and positions taken out of an inbox; each file goes when all its readings are stored."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from data.errors import DeviceLost, InputRejected
from data.local.inbox import Inbox
from data.local.sealed import Damaged
from data.model.observation import DamagedInput, Rejected, Sensed
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
        self._watched: dict[object, _Watched] = {}
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, context: Context) -> InboxWatch:
        """The one of this process."""
        watch: InboxWatch = context.resources.share("inbox watch", cls)
        return watch

    def add(self, owner: object, folder: Path, wake: Callable[[], None]) -> None:
        """Call `wake` whenever something may have come into the folder, until `remove`; `owner`: whose it is."""
        with self._lock:
            self._watched[owner] = _Watched(folder, wake)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox-watch", daemon=True)
                self._thread.start()

    def remove(self, owner: object) -> None:
        with self._lock:
            self._watched.pop(owner, None)

    def _run(self) -> None:
        """Ends with the last inbox."""
        while True:
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
                watched = list(self._watched.values())
            for one in watched:
                one.look()
            time.sleep(LOOK_S)


class _Watched:
    """One folder. `look` wakes its reader when the folder has changed, and every ten seconds."""

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._known_ns: int | None = None  # time of the folder when its reader was last woken for it
        self._due_s = float("-inf")

    def look(self) -> None:
        try:
            changed_ns: int | None = self._folder.stat().st_mtime_ns
        except OSError:
            changed_ns = None  # who reads the inbox says what is wrong with it
        now_s = time.monotonic()
        if changed_ns is not None and changed_ns == self._known_ns and now_s < self._due_s:
            return
        settled = changed_ns is not None and time.time_ns() - changed_ns > SETTLED_NS
        self._known_ns = changed_ns if settled else None
        self._due_s = now_s + LIST_EVERY_S
        self._wake()


class InboxMonitor:
    """An open inbox (implements `data.ports.recipe.Monitor` and `SharesThread`)."""

    def __init__(self, site: str, name: str, inbox: Inbox, watch: InboxWatch) -> None:
        self._site = site
        self._name = name
        self._inbox = inbox
        self._watch = watch
        self._closed = threading.Event()
        self._woken = threading.Event()
        self._woken.set()  # what waits already is read at once
        self._lock = threading.Lock()
        self._left: dict[Path, set[Sensed]] = {}
        self._files: dict[Sensed, list[Path]] = {}

    def observe(self) -> Iterator[Sensed | Rejected | None]:
        self._watch.add(self, self._inbox.folder, self._woken.set)
        try:
            while not self._closed.is_set():
                if self._woken.is_set():
                    self._woken.clear()  # before it is listed: what comes meanwhile wakes again
                    yield from self.waiting()
                yield None
                self._woken.wait(IDLE_S)
        finally:
            self._watch.remove(self)

    def wake_by(self, wake: Callable[[], None]) -> None:
        self._watch.add(self, self._inbox.folder, wake)
        wake()
        if self._closed.is_set():
            self._watch.remove(self)

    def waiting(self) -> Iterator[Sensed | Rejected]:
        try:
            paths = self._inbox.waiting()
        except OSError as error:
            raise DeviceLost(f"{self._site}: the inbox cannot be read: {error.strerror}") from error
        for path in paths:
            if path not in self._left and not self._closed.is_set():
                yield from self._opened(path)

    def committed(self, reading: Sensed) -> None:
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
        self._watch.remove(self)

    def _opened(self, path: Path) -> Iterator[Sensed | Rejected]:
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
