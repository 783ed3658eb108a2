"""CAP messages from a folder, a URL or a list behind a URL, given on as warnings and let go when they are stored."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from data.cap.message import LARGEST_BYTES, parse_messages, read_alerts
from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading, Rejected, Sensed
from data.model.secrets import Credentials, redact
from data.model.warning import HazardWarning, WarningNote
from monitors._feed import IDLE_S, Feed
from monitors._http_poll import Poll
from monitors.warnings._cap_filter import WarningFilter
from monitors.warnings._cap_index import read_answer

log = logging.getLogger(__name__)

SETTLED_S = 0.5  # a file that was written to more recently may not be whole
SUFFIXES = frozenset({".xml", ".cap"})
LARGEST_INDEX_BYTES = 8_000_000
MOST_FOLLOWED = 50  # addresses of a list that are asked in one look; the rest in the next one
MOST_REMEMBERED = 20_000  # addresses
TRIES = 3  # of an address that gives no warning, before it is told and left
ROOM_S = 30.0  # how long the reading thread waits for those who take warnings
ACCEPT = "application/cap+xml, application/xml;q=0.9, text/xml;q=0.9, application/geo+json;q=0.5, */*;q=0.1"


def rejected(site: str, name: str, content: bytes, reason: str) -> Rejected:
    excerpt = redact(content[:200].decode("utf-8", "replace"))
    return Rejected(site, name, datetime.now(UTC), reason, excerpt)


class DropFolder:
    """A folder into which messages are dropped. Each file leaves it when its warning is stored or cannot be used."""

    def __init__(  # noqa: PLR0917 - a folder and how its files are read
        self, site: str, name: str, folder: Path, every_s: float, wanted: WarningFilter, zone: tzinfo
    ) -> None:
        self._site = site
        self._name = name
        self._folder = folder
        self._every_s = every_s
        self._wanted = wanted
        self._zone = zone
        self._closed = threading.Event()
        self._came: deque[HazardWarning] = deque()
        self._waiting: dict[HazardWarning, list[Path]] = {}
        self._open: dict[Path, int] = {}  # how many warnings of a file are not stored yet
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
                self._open[path] -= 1
            done = [path for path in paths if not self._open[path]]
            for path in done:
                del self._open[path]
        for path in done:
            self._move(path, "taken")

    def committed(self, reading: Sensed) -> None:
        """A folder gives no readings."""

    def close(self) -> None:
        self._closed.set()

    def _look(self) -> Iterator[Rejected]:
        with self._lock:
            known = set(self._open)
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
                found = parse_messages(content, f"{self._site}/{self._name}", zone=self._zone)
            except InputRejected as error:
                self._move(path, "rejected")
                yield rejected(self._site, self._name, content, f"{path.name[:100]}: {error}")
                continue
            wanted = [warning for warning in dict.fromkeys(found) if self._wanted.passes(warning)]
            if not wanted:
                log.info("%s/%s: %s is not for here", self._site, self._name, path.name)
                self._move(path, "taken")
                continue
            with self._lock:
                self._open[path] = len(wanted)
                for warning in wanted:
                    self._waiting.setdefault(warning, []).append(path)
            self._came += wanted

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
    """A URL that holds the newest message, or a list of them. After a restart they come again, known to the store."""

    def __init__(
        self,
        site: str,
        name: str,
        url: str,
        credentials: Credentials | None,
        *,
        every_s: float,
        timeout_s: float,
        wanted: WarningFilter,
        hosts: frozenset[str],
        zone: tzinfo,
    ) -> None:
        self._site = site
        self._name = name
        self._url = url
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._wanted = wanted
        self._hosts = hosts
        self._zone = zone
        self._last = b""
        self._done: OrderedDict[tuple[str, str], None] = OrderedDict()  # addresses that were followed
        self._failed: dict[tuple[str, str], int] = {}
        self._is_behind = False
        self._came: deque[HazardWarning] = deque()
        poll = Poll(
            f"{site}: {url}", url, credentials, every_s=every_s, timeout_s=timeout_s, most_bytes=LARGEST_INDEX_BYTES,
            repeats=True,
        )  # fmt: skip
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
        """Messages of a URL need no acknowledgement."""

    def committed(self, reading: Sensed) -> None:
        """A URL of warnings gives no readings."""

    @property
    def has_answered(self) -> bool:
        return self._feed.has_answered

    def close(self) -> None:
        self._feed.close()

    def _give(self, feed: Feed[HazardWarning | Rejected], content: bytes) -> None:
        if content == self._last and not self._is_behind:
            return
        is_new = content != self._last
        self._last = content
        try:
            answer = read_answer(content, self._url, self._wanted, self._hosts)
            if answer.alerts and is_new:
                self._put(feed, answer.alerts, answer.notes)
        except InputRejected as error:
            feed.put(rejected(self._site, self._name, content, str(error)), ROOM_S)
            return
        self._follow(feed, [link for link in dict.fromkeys(answer.links) if link not in self._done])

    def _put(self, feed: Feed[HazardWarning | Rejected], alerts: Sequence[Element], notes: set[WarningNote]) -> None:
        """Raises InputRejected when none of them can be used."""
        origin = f"{self._site}/{self._name}"
        for warning in read_alerts(alerts, origin, zone=self._zone, notes=notes):
            if self._wanted.passes(warning):
                feed.put(warning, ROOM_S)

    def _follow(self, feed: Feed[HazardWarning | Rejected], links: Sequence[tuple[str, str]]) -> None:
        """Ask the addresses that a list names; what fails is tried again at the next look."""
        for link in links[:MOST_FOLLOWED]:
            if feed.closed.is_set():
                return
            feed.alive()
            content = b""
            try:
                content = self._asked(link[0])
                answer = read_answer(content, link[0], self._wanted, frozenset())
                self._put(feed, answer.alerts, answer.notes)
            except (DeviceLost, InputRejected) as error:
                self._failed[link] = self._failed.get(link, 0) + 1
                if self._failed[link] < TRIES:
                    continue
                feed.put(rejected(self._site, self._name, content, f"{link[0][:200]}: {error}"), ROOM_S)
            self._failed.pop(link, None)
            self._done[link] = None
            if len(self._done) > MOST_REMEMBERED:
                self._done.popitem(last=False)
        self._is_behind = any(link not in self._done for link in links)

    def _asked(self, address: str) -> bytes:
        """The login goes only to the list's own server."""
        own = urlsplit(address).netloc == urlsplit(self._url).netloc
        poll = Poll(
            f"{self._site}: {address[:200]}", address, self._credentials if own else None, every_s=self._timeout_s,
            timeout_s=self._timeout_s, most_bytes=LARGEST_BYTES,
        )  # fmt: skip
        return poll.once(ACCEPT)
