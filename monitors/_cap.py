"""CAP messages from a folder or a URL, given on as warnings and let go when they are stored."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from data.cap import LARGEST_BYTES, parse_cap
from data.errors import DeviceLost, InputRejected
from data.observation import Reading, Rejected
from data.secrets import Credentials, redact
from data.warning import HazardWarning
from monitors._feed import IDLE_S, Feed
from monitors._http_poll import Poll

SETTLED_S = 0.5  # a file that was written to more recently may not be whole
SUFFIXES = frozenset({".xml", ".cap"})


def rejected(site: str, name: str, content: bytes, reason: str) -> Rejected:
    excerpt = redact(content[:200].decode("utf-8", "replace"))
    return Rejected(site, name, datetime.now(UTC), reason, excerpt)


class DropFolder:
    """A folder into which messages are dropped. Each file leaves it when its warning is stored or cannot be used."""

    def __init__(self, site: str, name: str, folder: Path, every_s: float) -> None:
        self._site = site
        self._name = name
        self._folder = folder
        self._every_s = every_s
        self._closed = threading.Event()
        self._came: deque[HazardWarning] = deque()
        self._waiting: dict[HazardWarning, list[Path]] = {}
        self._lock = threading.Lock()

    def observe(self) -> Iterator[Reading | Rejected | None]:
        for folder in (self._folder, self._folder / "taken", self._folder / "rejected"):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DeviceLost(f"{self._site}: cannot use the folder {folder}: {error.strerror}") from error
        due_s = time.monotonic()
        while not self._closed.is_set():
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + self._every_s
                yield from self._look()
            yield None
            self._closed.wait(min(IDLE_S, self._every_s))

    def warnings(self) -> Sequence[HazardWarning]:
        came = tuple(self._came)
        self._came.clear()
        return came

    def warned(self, warning: HazardWarning) -> None:
        with self._lock:
            paths = self._waiting.pop(warning, [])
        for path in paths:
            self._move(path, "taken")

    def committed(self, reading: Reading) -> None:
        """A folder gives no readings."""

    def close(self) -> None:
        self._closed.set()

    def _look(self) -> Iterator[Rejected]:
        with self._lock:
            known = {path for paths in self._waiting.values() for path in paths}
        for path in self._files():
            if path in known or self._closed.is_set():
                continue
            try:
                if time.time() - path.stat().st_mtime < SETTLED_S:
                    continue
                with path.open("rb") as file:
                    content = file.read(LARGEST_BYTES + 1)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise DeviceLost(f"{self._site}: cannot read {path}: {error.strerror}") from error
            try:
                warning = parse_cap(content, f"{self._site}/{self._name}")
            except InputRejected as error:
                self._move(path, "rejected")
                yield rejected(self._site, self._name, content, f"{path.name[:100]}: {error}")
                continue
            with self._lock:
                self._waiting.setdefault(warning, []).append(path)
            self._came.append(warning)

    def _files(self) -> list[Path]:
        try:
            found = [path for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()]
        except OSError as error:
            raise DeviceLost(f"{self._site}: cannot list {self._folder}: {error.strerror}") from error
        return sorted(found, key=lambda path: path.name)

    def _move(self, path: Path, where: str) -> None:
        """Out of the way, without replacing an earlier one of the same name. It may have gone already."""
        target = path.parent / where / path.name
        number = 1
        while target.exists():
            number += 1
            target = path.parent / where / f"{path.stem}-{number}{path.suffix}"
        with contextlib.suppress(FileNotFoundError):
            path.replace(target)


class PolledWarnings:
    """A URL that holds the newest message. After a restart it comes again, and is known to the store."""

    def __init__(
        self, site: str, name: str, url: str, credentials: Credentials | None, *, every_s: float, timeout_s: float
    ) -> None:
        self._site = site
        self._name = name
        self._came: deque[HazardWarning] = deque()
        poll = Poll(f"{site}: {url}", url, credentials, every_s=every_s, timeout_s=timeout_s, most_bytes=LARGEST_BYTES)
        self._feed: Feed[HazardWarning | Rejected] = poll.feed(self._give, keep=100)

    def observe(self) -> Iterator[Reading | Rejected | None]:
        for item in self._feed.items():
            if isinstance(item, HazardWarning):
                self._came.append(item)
                yield None
            else:
                yield item

    def warnings(self) -> Sequence[HazardWarning]:
        came = tuple(self._came)
        self._came.clear()
        return came

    def warned(self, warning: HazardWarning) -> None:
        """A URL waits for no word of its messages."""

    def committed(self, reading: Reading) -> None:
        """A URL of warnings gives no readings."""

    @property
    def has_answered(self) -> bool:
        return self._feed.has_answered

    def close(self) -> None:
        self._feed.close()

    def _give(self, feed: Feed[HazardWarning | Rejected], content: bytes) -> None:
        try:
            feed.put(parse_cap(content, f"{self._site}/{self._name}"))
        except InputRejected as error:
            feed.put(rejected(self._site, self._name, content, str(error)))
