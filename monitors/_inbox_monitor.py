"""Readings taken out of an inbox; each file goes when all its readings are stored."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from data.errors import DeviceLost, InputRejected
from data.inbox import Inbox
from data.observation import DamagedInput, Reading, Rejected
from data.sealed import Damaged

LOOK_S = 0.2


class InboxMonitor:
    """An open inbox (implements `data.recipe.Monitor`)."""

    def __init__(self, site: str, name: str, inbox: Inbox) -> None:
        self._site = site
        self._name = name
        self._inbox = inbox
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._left: dict[Path, set[Reading]] = {}
        self._files: dict[Reading, list[Path]] = {}

    def observe(self) -> Iterator[Reading | Rejected | None]:
        while not self._closed.is_set():
            try:
                paths = self._inbox.waiting()
            except OSError as error:
                raise DeviceLost(f"{self._site}: the inbox cannot be read: {error.strerror}") from error
            for path in paths:
                if path not in self._left and not self._closed.is_set():
                    yield from self._opened(path)
            yield None
            self._closed.wait(LOOK_S)

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
