"""A Unix socket between the web process and the workers: who is wanted one way, what they send the other.

The web side listens (mode 0600), workers connect and connect again every half second. Every message has its length in
front (`data.local.feed_wire.framed`). What is sent stands in the classes that build on these two.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import selectors
import socket
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from data.local.feed_wire import LENGTH, BrokenMessage, framed, message_length, pack_wanted, unpack_wanted

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


class WorkersHub(ABC):
    """The web end; lives on one event loop, every method is called there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self._workers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._viewers: Counter[str] = Counter()

    @abstractmethod
    def _arrive(self, message: bytes) -> None:
        """A message of a worker. Raises BrokenMessage."""

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
                self._arrive(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the worker ended or was restarted: it comes again by itself
        except BrokenMessage as error:
            log.warning("%s: %s; the connection is closed", self._path.name, error)
        except asyncio.CancelledError:
            pass  # the hub stops; the stream's own callback would print a cancelled task
        finally:
            self._workers.discard(writer)
            writer.transport.abort()
            if task is not None:
                self._tasks.discard(task)


class HubClient(ABC):
    """The worker's end: a thread of its own sends; `wanted` never waits for it."""

    def __init__(self, path: Path, thread: str) -> None:
        """`thread`: its name."""
        self._path = path
        self._wanted: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name=thread, daemon=True)
        self._thread.start()

    @abstractmethod
    def _next(self) -> memoryview:
        """The framed message that is sent next; empty when none waits."""

    @abstractmethod
    def _forget(self) -> None:
        """The connection has ended: what waits is not sent any more."""

    def _wants(self, sites: frozenset[str]) -> None:
        """The hub has told who is looked at."""
        self._wanted = sites

    def wanted(self, site: str) -> bool:
        """Does somebody look at this site now?"""
        return site in self._wanted

    def _notify(self) -> None:
        """Something waits to be sent."""
        with self._lock:
            if not self._closing.is_set():  # afterwards the number of `_wake` may be another file's
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Stop at once; what waits is not sent any more. Idempotent."""
        with self._lock:
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
                log.debug("%s: %s", self._path.name, error)
            self._wants(frozenset())
            self._forget()
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
            self._wants(unpack_wanted(bytes(received[LENGTH.size : LENGTH.size + length])))
            del received[: LENGTH.size + length]
        return True
