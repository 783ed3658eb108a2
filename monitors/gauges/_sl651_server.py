"""The centre station: one listening socket per port, shared by all gauges of a process.

Listening and all connections are tasks of the event loop that the gauges share: no station has a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from data.errors import DeviceLost, InputRejected
from data.model.observation import Quality, Reading, Rejected, Sensed
from monitors._feed import IDLE_S
from monitors.gauges._event_loop import EventLoop
from monitors.gauges._gauge import Measured
from monitors.gauges._sl651 import ANSWERED, TEST, FrameBuffer, NotUnderstood, Telegram, acknowledgement, parse_telegram

if TYPE_CHECKING:
    from monitors.gauges.sl651_gauge import Recipe

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 500  # beside two for each station: one that died unnoticed may still seem to be there
MOST_WAITING = 1000  # telegrams; a station that gets no answer sends again
BACKLOG = 1000  # after a power cut all stations of a district connect at once
SILENT_S = 60.0  # where nobody waits for a station any more
NONSENSE_AT_ONCE = 10  # refused in a row; then a connection is read less and less often
LONGEST_PAUSE_S = 60.0
NO_ROOM_PAUSE_S = 1.0
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Receipt:
    """The answer to one telegram, sent when every gauge that reads it has its readings stored."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._open = 1
        self.answer: bytes | None = None

    def hold(self, count: int) -> None:
        with self._lock:
            self._open += count

    def release(self) -> None:
        with self._lock:
            self._open -= 1
            ready = self._open == 0
        if ready and self.answer is not None:
            try:
                # Never waits: who commits must not hang on a station that no longer reads. It would send again.
                self._connection.send(self.answer, socket.MSG_DONTWAIT)
            except OSError as error:
                log.info("a station has gone before its answer: %s", error)


class Station:
    """One gauge: an element of a station (implements `data.ports.recipe.Monitor` and `SharesThread`)."""

    def __init__(self, recipe: Recipe, site: str, password: str, zone: str, centre: Centre) -> None:
        self.recipe = recipe
        self.site = site
        self.zone = ZoneInfo(recipe.timezone or zone)
        self.crc = "standard"
        for quirk, crc in (("crc_low_first", "low_first"), ("crc_unchecked", "unchecked")):
            self.crc = crc if quirk in recipe.quirks else self.crc
        self._password = password
        self._centre = centre
        self._closed = threading.Event()
        self._came: deque[tuple[bytes, Receipt] | Rejected] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._receipts: dict[Reading, list[Receipt]] = {}
        self._lock = threading.Lock()
        centre.join(self)

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
        wake()  # something may have come since it was made

    def waiting(self) -> Iterator[Reading | Rejected]:
        failure = self._centre.failure  # before what has come is taken: what came before the loss is given
        while self._came and not self._closed.is_set():
            item = self._came.popleft()
            if isinstance(item, Rejected):
                yield item
            else:
                yield from self._taken(*item)
        if failure:
            raise DeviceLost(f"{self.site}: {failure}")

    def committed(self, reading: Sensed) -> None:
        with self._lock:
            receipts = self._receipts.pop(reading, []) if isinstance(reading, Reading) else []
        for receipt in receipts:
            receipt.release()

    def close(self) -> None:
        self._closed.set()
        self._centre.leave(self)

    def offer(self, frame: bytes, receipt: Receipt) -> None:
        """In the event loop: a telegram of this station."""
        if len(self._came) >= MOST_WAITING:
            receipt.hold(1)  # never released, so never answered
            log.warning("%s: telegrams come faster than they are stored; this one will be sent again", self.site)
            return
        receipt.hold(1)
        self._came.append((frame, receipt))
        self._wake()

    def reject(self, reason: str, frame: bytes) -> None:
        if len(self._came) >= MOST_WAITING:
            log.warning("%s: %s", self.site, reason)
            return
        self._came.append(Rejected(self.site, self.recipe.name, datetime.now(UTC), reason, frame[:100].hex().upper()))
        self._wake()

    def failed(self) -> None:
        """In the event loop: nobody listens any more."""
        self._wake()

    def _taken(self, frame: bytes, receipt: Receipt) -> Iterator[Reading | Rejected]:
        """What is refused as a whole is not answered; what was read is, once it is stored."""
        now = datetime.now(UTC)
        try:
            telegram = parse_telegram(frame, self.zone, crc=self.crc, hour_begins="hour_begins" in self.recipe.quirks)
            if self._password and telegram.password != self._password:
                raise InputRejected("the station's password is wrong")
        except InputRejected as error:
            yield self._refused(str(error), frame)
            return
        found, understood = self._readings(telegram, now, frame)
        if telegram.function in ANSWERED and understood:
            receipt.answer = acknowledgement(telegram, now.astimezone(self.zone), crc=self.crc)
        readings = [reading for reading in found if isinstance(reading, Reading)]
        with self._lock:
            for reading in readings:
                self._receipts.setdefault(reading, []).append(receipt)
        receipt.hold(len(readings))
        yield from found
        receipt.release()

    def _readings(self, telegram: Telegram, now: datetime, frame: bytes) -> tuple[list[Reading | Rejected], bool]:
        """What the telegram tells of this gauge, and whether all of it could be understood."""
        wanted = int(self.recipe.element, 16)
        quality = Quality.BAD if telegram.function == TEST else Quality.GOOD
        found: list[Reading | Rejected] = []
        understood = True
        for element in telegram.elements:
            if element.code != wanted:
                continue
            try:
                measured = Measured(element.value, element.at, self.recipe.given_unit, quality)
                found.append(self.recipe.reading(self.site, measured, now))
            except InputRejected as error:
                understood = understood and not isinstance(error, NotUnderstood)
                found.append(self._refused(str(error), frame))
        return found, understood

    def _refused(self, reason: str, frame: bytes) -> Rejected:
        """The password is cut out of the excerpt."""
        shown = f"{frame[:8].hex()}····{frame[10:90].hex()}".upper()
        return Rejected(self.site, self.recipe.name, datetime.now(UTC), reason, shown)


class Centre:
    """Listens while at least one gauge wants it."""

    def __init__(self, host: str, port: int, loop: EventLoop) -> None:
        self._address = (host, port)
        self._loop = loop
        self._lock = threading.Lock()
        self._stations: dict[str, list[Station]] = {}  # by their address
        self._longest_s = SILENT_S
        self._desk: _Desk | None = None

    @property
    def failure(self) -> str:
        """Why it does not listen any more, empty while it does."""
        desk = self._desk
        return "" if desk is None else desk.failure

    def join(self, station: Station) -> None:
        """Raises DeviceLost where the port cannot be had."""
        with self._lock:
            if self._desk is None or self._desk.failure:
                try:
                    listener = socket.create_server(self._address, backlog=BACKLOG)
                except OSError as error:
                    place = f"{self._address[0]}:{self._address[1]}"
                    raise DeviceLost(f"{station.site}: cannot listen on {place}: {error.strerror}") from error
                self._desk = _Desk(self, listener, self._loop)
                self._desk.open()
            self._stations.setdefault(station.recipe.station, []).append(station)
            self._longest_s = max(self._longest_s, station.recipe.timeout.total_seconds())

    def leave(self, station: Station) -> None:
        with self._lock:
            own = self._stations.get(station.recipe.station, [])
            if station in own:
                own.remove(station)
                if not own:
                    del self._stations[station.recipe.station]
            if self._stations or self._desk is None:
                return
            desk, self._desk = self._desk, None
        desk.close()

    def of(self, address: str) -> Sequence[Station]:
        """The gauges of the station with this address."""
        with self._lock:
            return tuple(self._stations.get(address, ()))

    def first(self) -> Station | None:
        """The one that names what belongs to none."""
        with self._lock:
            return next((one for own in self._stations.values() for one in own), None)

    def everybody(self) -> Sequence[Station]:
        with self._lock:
            return tuple(one for own in self._stations.values() for one in own)

    @property
    def longest_silence_s(self) -> float:
        """Of any station that there is or was."""
        return self._longest_s

    @property
    def most_connections(self) -> int:
        """At once; whoever comes beyond that is turned away."""
        return SPARE_CONNECTIONS + 2 * len(self._stations)


class _Desk:
    """One listening socket and its connections, from `open` to `close`. The rest happens in the event loop."""

    def __init__(self, centre: Centre, listener: socket.socket, loop: EventLoop) -> None:
        listener.setblocking(False)
        self.failure = ""
        self._centre = centre
        self._listener = listener
        self._shared_loop = loop
        self._accepting: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._closed = threading.Event()

    def open(self) -> None:
        """From any thread."""
        loop = self._shared_loop.join(self)
        loop.call_soon_threadsafe(self._begin, loop)

    def close(self) -> None:
        """From any thread. The port is free at once, connections end soon."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._shared_loop.soon(self._end)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._accepting = loop.create_task(self._accept_on(loop))
        self._accepting.add_done_callback(self._over)

    def _end(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()

    async def _accept_on(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._closed.is_set():
                connection = await self._accepted(loop)
                if connection is None:
                    continue
                if len(self._serving) >= self._centre.most_connections:
                    connection.close()
                    continue
                serving = loop.create_task(self._serve(loop, connection))
                self._serving.add(serving)
                serving.add_done_callback(partial(self._served, connection))
        except OSError as error:
            if not self._closed.is_set():
                self.failure = f"listening ended: {error.strerror}"
                for station in self._centre.everybody():
                    station.failed()

    def _over(self, _accepting: asyncio.Task[None]) -> None:
        """Here and not at the end of the task itself, which may have been cancelled before it began."""
        self._listener.close()
        for task in tuple(self._serving):
            task.cancel()
        self._leave_at_the_end()

    def _served(self, connection: socket.socket, serving: asyncio.Task[None]) -> None:
        self._serving.discard(serving)
        _shut(connection)
        if not serving.cancelled() and (error := serving.exception()) is not None:
            log.error("a station's connection ended unexpectedly", exc_info=error)
        self._leave_at_the_end()

    def _leave_at_the_end(self) -> None:
        if not self._serving and self._accepting is not None and self._accepting.done():
            self._shared_loop.leave(self)

    async def _accepted(self, loop: asyncio.AbstractEventLoop) -> socket.socket | None:
        """None when that connection has gone already, or there was no room for one. Raises OSError."""
        try:
            connection, _ = await loop.sock_accept(self._listener)
        except ConnectionAbortedError:
            return None
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            log.warning("no room for a station's connection: %s", error.strerror)
            await asyncio.sleep(NO_ROOM_PAUSE_S)
            return None
        return connection

    async def _serve(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        """Until it is silent for longer than its station may be. What sends nonsense only is read ever less often."""
        buffer, heard, refused = FrameBuffer(), set[str](), 0
        try:
            while True:
                async with asyncio.timeout(self._silent_s(heard)):
                    content = await loop.sock_recv(connection, 4096)
                if not content:
                    return
                for frame in buffer.feed(content):
                    address = self._deal(frame, connection)
                    refused = refused + 1 if address is None else 0
                    heard |= set() if address is None else {address}
                if refused > NONSENSE_AT_ONCE:
                    await asyncio.sleep(min(LONGEST_PAUSE_S, 0.1 * 2.0 ** min(refused - NONSENSE_AT_ONCE, 20)))
        except TimeoutError:
            log.info("a station's connection was silent for too long")
        except OSError as error:
            log.info("a station's connection ended: %s", error)

    def _silent_s(self, heard: set[str]) -> float:
        """How long a connection may be silent: as its stations may; as any may, before it has named one."""
        known = [one for address in heard for one in self._centre.of(address)]
        return max((one.recipe.timeout.total_seconds() for one in known), default=self._centre.longest_silence_s)

    def _deal(self, frame: bytes | InputRejected, connection: socket.socket) -> str | None:
        """To the gauges of this station; its address. What belongs to none is named at the first gauge of the port."""
        if isinstance(frame, InputRejected):
            self._name(str(frame), b"")
            return None
        address = frame[3:8].hex().upper()
        own = self._centre.of(address)
        if not own:
            self._name(f"no gauge here is of station {address}", b"")
            return None
        receipt = Receipt(connection)
        for station in own:
            station.offer(frame, receipt)
        receipt.release()
        return address

    def _name(self, reason: str, frame: bytes) -> None:
        first = self._centre.first()
        if first is not None:
            first.reject(reason, frame)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has gone already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
