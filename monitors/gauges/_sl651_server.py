"""The centre station: one listening socket per port, shared by all gauges of a process."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from data.errors import DeviceLost, InputRejected
from data.model.observation import Quality, Reading, Rejected
from monitors._feed import IDLE_S
from monitors.gauges._gauge import Measured
from monitors.gauges._sl651 import ANSWERED, TEST, FrameBuffer, NotUnderstood, Telegram, acknowledgement, parse_telegram

if TYPE_CHECKING:
    from monitors.gauges.sl651_gauge import Recipe

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 500
MOST_WAITING = 1000  # telegrams; a station that gets no answer sends again
ACCEPT_S = 0.5


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
    """One gauge: an element of a station (implements `data.ports.recipe.Monitor`)."""

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
        self._came: queue.Queue[tuple[bytes, Receipt] | Rejected] = queue.Queue(MOST_WAITING)
        self._receipts: dict[Reading, list[Receipt]] = {}
        self._lock = threading.Lock()
        centre.join(self)

    def observe(self) -> Iterator[Reading | Rejected | None]:
        while not self._closed.is_set():
            try:
                item = self._came.get(timeout=IDLE_S)
            except queue.Empty:
                if self._centre.failure:
                    raise DeviceLost(f"{self.site}: {self._centre.failure}") from None
                yield None
                continue
            if isinstance(item, Rejected):
                yield item
            else:
                yield from self._taken(*item)

    def committed(self, reading: Reading) -> None:
        with self._lock:
            receipts = self._receipts.pop(reading, [])
        for receipt in receipts:
            receipt.release()

    def close(self) -> None:
        self._closed.set()
        self._centre.leave(self)

    def offer(self, frame: bytes, receipt: Receipt) -> None:
        """From a connection's thread: a telegram of this station."""
        receipt.hold(1)
        try:
            self._came.put_nowait((frame, receipt))
        except queue.Full:
            log.warning("%s: telegrams come faster than they are stored; this one will be sent again", self.site)

    def reject(self, reason: str, frame: bytes) -> None:
        item = Rejected(self.site, self.recipe.name, datetime.now(UTC), reason, frame[:100].hex().upper())
        try:
            self._came.put_nowait(item)
        except queue.Full:
            log.warning("%s: %s", self.site, reason)

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

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._lock = threading.Lock()
        self._stations: list[Station] = []
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()
        self.failure = ""

    def join(self, station: Station) -> None:
        """Raises DeviceLost where the port cannot be had."""
        with self._lock:
            if self._listener is None:
                try:
                    self._listener = socket.create_server(self._address)
                except OSError as error:
                    place = f"{self._address[0]}:{self._address[1]}"
                    raise DeviceLost(f"{station.site}: cannot listen on {place}: {error.strerror}") from error
                self.failure = ""
                self._listener.settimeout(ACCEPT_S)
                name = f"sl651 {self._address[1]}"
                threading.Thread(target=self._accept, args=(self._listener,), name=name, daemon=True).start()
            self._stations.append(station)

    def leave(self, station: Station) -> None:
        with self._lock:
            if station in self._stations:
                self._stations.remove(station)
            if self._stations or self._listener is None:
                return
            listener, self._listener = self._listener, None
            connections = list(self._connections)
        _shut(listener)  # wakes who waits in `accept`; until then the port would stay taken
        for connection in connections:
            _shut(connection)

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if self._listener is listener:
                    self.failure = f"listening ended: {error.strerror}"
                return
            with self._lock:
                crowded = len(self._connections) >= MOST_CONNECTIONS
                if not crowded:
                    self._connections.add(connection)
            if crowded:
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), name="sl651 station", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = FrameBuffer()
        with self._lock:
            silent_s = max((s.recipe.timeout.total_seconds() for s in self._stations), default=60.0)
        connection.settimeout(silent_s)
        try:
            while content := connection.recv(4096):
                for frame in buffer.feed(content):
                    self._deal(frame, connection)
        except OSError as error:
            log.info("a station's connection ended: %s", error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            _shut(connection)

    def _deal(self, frame: bytes | InputRejected, connection: socket.socket) -> None:
        """To the gauges of this station; what belongs to none is named at the first gauge of the port."""
        with self._lock:
            stations = list(self._stations)
        if isinstance(frame, InputRejected):
            for station in stations[:1]:
                station.reject(str(frame), b"")
            return
        address = frame[3:8].hex().upper()
        own = [station for station in stations if station.recipe.station == address]
        if not own:
            for station in stations[:1]:
                station.reject(f"no gauge here is of station {address}", b"")
            return
        receipt = Receipt(connection)
        for station in own:
            station.offer(frame, receipt)
        receipt.release()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has gone already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
