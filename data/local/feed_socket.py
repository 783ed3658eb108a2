"""FrameFeed over a Unix socket: `SocketFrameHub` on the web side, `SocketFramePublisher` in each worker.

The hub listens (mode 0600), workers connect and connect again every half second. Newest frame wins on every leg:
a publisher holds one unsent tile per site, the hub one received tile per site.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from data.local.feed_wire import (
    LENGTH,
    BrokenMessage,
    framed,
    message_length,
    pack_tile,
    pack_wanted,
    unpack_tile,
    unpack_wanted,
)
from data.ports.feed import FramePacket

log = logging.getLogger(__name__)

RECONNECT_S = 0.5
LONGEST_ADDRESS = 100  # sun_path holds 108 bytes
LARGEST_BACKLOG = 256 * 1024  # bytes of wanted-sets that a worker has not read: it hangs


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """An address short enough for a Unix socket, also for a path deep in a folder tree."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class SocketFrameHub:
    """The web end; lives on one event loop, every method is called there.

    Packets are numbered by the hub in the order of arrival, so that `sequence` rises also when a worker restarts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self._workers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._viewers: Counter[str] = Counter()
        self._newest: dict[str, FramePacket] = {}
        self._arrived = 0
        self._waiting: dict[asyncio.Future[None], frozenset[str]] = {}

    async def start(self) -> None:
        """Listen. A socket file left by a killed process is replaced; one instance per folder is the engine's care."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.fchmod(listener.fileno(), 0o600)  # before bind: there is no moment in which others could connect
        with _address(self._path) as address:
            listener.bind(address)
        listener.setblocking(False)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener)

    async def stop(self) -> None:
        """Stop listening, drop the workers, take the socket file away. Idempotent."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for writer in tuple(self._workers):
            writer.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def look(self, site: str) -> None:
        """One more viewer of this site."""
        self._viewers[site] += 1
        if self._viewers[site] == 1:
            self._tell_wanted()

    def leave(self, site: str) -> None:
        """One viewer less."""
        if self._viewers[site] <= 1:
            had = self._viewers.pop(site, 0)
            if had:
                self._tell_wanted()
        else:
            self._viewers[site] -= 1

    def newest(self, site: str) -> FramePacket | None:
        """The latest packet, also when it is old: its `at` tells."""
        return self._newest.get(site)

    async def changed(self, sites: frozenset[str], since: dict[str, int]) -> FramePacket:
        """Wait for a packet of one of the sites newer than `since[site]`; of several, the one that waits longest."""
        while True:
            fresh = [
                packet
                for site in sites
                if (packet := self._newest.get(site)) is not None and packet.sequence > since.get(site, 0)
            ]
            if fresh:
                return min(fresh, key=lambda packet: packet.sequence)
            arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[arrival] = sites
            try:
                await arrival
            finally:
                self._waiting.pop(arrival, None)

    def _tell_wanted(self) -> None:
        message = framed(pack_wanted(self._viewers))
        for writer in tuple(self._workers):
            writer.write(message)
            if writer.transport.get_write_buffer_size() > LARGEST_BACKLOG:
                log.warning("a worker does not read which sites are wanted; its connection is dropped")
                writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self._workers.add(writer)
        writer.write(framed(pack_wanted(self._viewers)))
        try:
            while True:
                length = message_length(await reader.readexactly(LENGTH.size))
                self._arrive(unpack_tile(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the worker ended or was restarted: it comes again by itself
        except BrokenMessage as error:
            log.warning("frame socket: %s; the connection is closed", error)
        except asyncio.CancelledError:
            pass  # the hub stops; the stream's own callback would print a cancelled task
        finally:
            self._workers.discard(writer)
            writer.transport.abort()
            if task is not None:
                self._tasks.discard(task)

    def _arrive(self, packet: FramePacket) -> None:
        self._arrived += 1
        self._newest[packet.site] = replace(packet, sequence=self._arrived)
        for arrival, sites in self._waiting.items():
            if packet.site in sites and not arrival.done():
                arrival.set_result(None)


class SocketFramePublisher:
    """The worker's end: a thread of its own sends; `wanted` and `publish` never wait for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wanted: frozenset[str] = frozenset()
        self._unsent: dict[str, FramePacket] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="frame-publisher", daemon=True)
        self._thread.start()

    def wanted(self, site: str) -> bool:
        """Does somebody look at this site now?"""
        return site in self._wanted

    def publish(self, packet: FramePacket) -> None:
        """Hand over a tile; it replaces an unsent older one of the same site. Dropped when nobody looks."""
        if packet.site not in self._wanted or self._closing.is_set():
            return
        with self._lock:
            self._unsent[packet.site] = packet
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Stop at once; unsent tiles are dropped. Idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        os.eventfd_write(self._wake, 1)
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            os.close(self._wake)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                    with _address(self._path) as address:
                        peer.connect(address)
                    self._serve(peer)
            except (OSError, BrokenMessage) as error:
                log.debug("frame socket: %s", error)
            self._wanted = frozenset()
            with self._lock:
                self._unsent.clear()
            self._closing.wait(RECONNECT_S)

    def _serve(self, peer: socket.socket) -> None:
        """Send and listen until the hub goes away (returns, or raises OSError) or `close` is called."""
        peer.setblocking(False)
        received, sending = bytearray(), memoryview(b"")
        with selectors.DefaultSelector() as ready:
            ready.register(peer, selectors.EVENT_READ)
            ready.register(self._wake, selectors.EVENT_READ)
            while not self._closing.is_set():
                if not sending:
                    sending = self._next()
                ready.modify(peer, selectors.EVENT_READ | (selectors.EVENT_WRITE if sending else 0))
                for key, events in ready.select():
                    if key.fd == self._wake:
                        with contextlib.suppress(BlockingIOError):
                            os.eventfd_read(self._wake)
                        continue
                    if events & selectors.EVENT_READ and not self._receive(peer, received):
                        return
                    if events & selectors.EVENT_WRITE and sending:
                        sending = sending[peer.send(sending) :]

    def _next(self) -> memoryview:
        """The tile that waits longest, packed only now; empty when none waits."""
        with self._lock:
            if not self._unsent:
                return memoryview(b"")
            packet = self._unsent.pop(next(iter(self._unsent)))
        return memoryview(framed(pack_tile(packet)))

    def _receive(self, peer: socket.socket, received: bytearray) -> bool:
        """Take what came; False at the end of the connection. Raises BrokenMessage."""
        chunk = peer.recv(65536)
        if not chunk:
            return False
        received += chunk
        while len(received) >= LENGTH.size:
            length = message_length(bytes(received[: LENGTH.size]))
            if len(received) < LENGTH.size + length:
                break
            self._wanted = unpack_wanted(bytes(received[LENGTH.size : LENGTH.size + length]))
            del received[: LENGTH.size + length]
        return True
