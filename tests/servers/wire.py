"""A wire between a browser and a server: counts what passes, and can be cut in the middle of a request."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue

_PIECE = 8192
_RESET_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Wire:
    """Forwards TCP to one port of this machine. `up`, `down`: bytes from and to the one who connects."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut_at: int | None = None
        self._latency_s = self._bytes_per_s = 0.0
        self.port: int = self._listener.getsockname()[1]
        self.up = self.down = 0
        self.is_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing passes: what is open is reset, what comes is refused."""
        with self._lock:
            self.is_cut.set()
            ends, self._open = self._open, set()
        for end in ends:
            _reset(end)

    def cut_after(self, more: int) -> None:
        """Cut when so many more bytes have gone up."""
        self._cut_at = self.up + more

    def mend(self) -> None:
        self._cut_at = None
        self.is_cut.clear()

    def slow(self, latency_s: float, bytes_per_s: float) -> None:
        """Each way takes so long, and so much passes in a second; 0, 0 for a fast wire."""
        self._latency_s, self._bytes_per_s = latency_s, bytes_per_s

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    server = None if self.is_cut.is_set() else socket.create_connection(("127.0.0.1", self._to_port))
                    if server is not None:
                        self._open |= {client, server}
                if server is None:
                    _reset(client)
                    continue
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        """Read into a queue; the other thread delivers each piece when it is due."""
        waiting: Queue[tuple[float, bytes]] = Queue()
        threading.Thread(target=self._deliver, args=(waiting, source, sink), daemon=True).start()
        due = 0.0
        with suppress(OSError):  # the other end has gone
            while piece := source.recv(_PIECE):
                if upwards:
                    self.up += len(piece)
                    if self._cut_at is not None and self.up >= self._cut_at:
                        self.cut()
                        break
                else:
                    self.down += len(piece)
                takes_s = len(piece) / self._bytes_per_s if self._bytes_per_s else 0.0
                due = max(due, time.monotonic() + self._latency_s) + takes_s
                waiting.put((due, piece))
        waiting.put((due, b""))

    def _deliver(self, waiting: Queue[tuple[float, bytes]], source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while True:
                due, piece = waiting.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not piece:
                    break
                sink.sendall(piece)
        with self._lock:
            self._open -= {source, sink}
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def wire(to_port: int) -> Iterator[Wire]:
    one = Wire(to_port)
    try:
        yield one
    finally:
        one.close()
