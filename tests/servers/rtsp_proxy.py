"""A TCP proxy before an RTSP server that does to its stream what networks and cameras do.

with rtsp_proxy(server.port) as line:
    url = line.url("gate-3")
    line.mute(); line.speak()          # connections stay, nothing comes
    line.cut()                         # every connection is broken; the next ones are served
    line.refuse(); line.accept()       # nobody listens
    line.drop, line.corrupt = 0.2, 0.1 # shares of RTP packets
    line.shift_stamps(3600.0)          # seconds: of all that follows; `once=True`: of one picture
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RTP_CLOCK = 90_000
_HEADER, _RTP_HEADER = 4, 12
_CHUNK = 65_536


class RtspProxy:
    """Streams are interleaved in TCP: `$`, channel, length, packet; even channels carry RTP."""

    def __init__(self, target_port: int, seed: int = 1) -> None:
        self.drop = 0.0
        self.corrupt = 0.0
        self.packets = 0
        self._target = ("127.0.0.1", target_port)
        self._random = random.Random(seed)
        self._speaking = threading.Event()
        self._speaking.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._shift = 0
        self._once: int | None = None  # a shift for one picture: then the stamp of that picture
        self._once_stamp: int | None = None
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def mute(self) -> None:
        self._speaking.clear()

    def speak(self) -> None:
        self._speaking.set()

    def cut(self) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Until `accept`: connections are broken and new ones refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def accept(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shift_stamps(self, seconds: float, *, once: bool = False) -> None:
        ticks = round(seconds * RTP_CLOCK)
        if once:
            self._once, self._once_stamp = ticks, None
        else:
            self._shift += ticks

    def close(self) -> None:
        self.refuse()
        self._speaking.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._stream, args=(server, client), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                sink.sendall(data)
        self._done(source, sink)

    def _stream(self, source: socket.socket, sink: socket.socket) -> None:
        """From the server: answers as they are, packets as ordered."""
        rest = b""
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                rest, out = self._changed(rest + data)
                self._speaking.wait()
                sink.sendall(out)
        self._done(source, sink)

    def _done(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _changed(self, data: bytes) -> tuple[bytes, bytes]:
        """What is left of an unfinished packet, and what goes on."""
        out = bytearray()
        while data:
            if data[:1] != b"$":
                place = data.find(b"$")
                end = len(data) if place < 0 else place
                out += data[:end]
                data = data[end:]
                continue
            length = int.from_bytes(data[2:_HEADER], "big")
            if len(data) < _HEADER or len(data) < _HEADER + length:
                break
            header, packet = data[:_HEADER], bytearray(data[_HEADER : _HEADER + length])
            data = data[_HEADER + length :]
            if header[1] % 2 or self._goes_on(packet):  # odd channels are RTCP
                out += header + packet
        return data, bytes(out)

    def _goes_on(self, packet: bytearray) -> bool:
        """Change an RTP packet as ordered; False when it is dropped."""
        self.packets += 1
        if self._random.random() < self.drop:
            return False
        if len(packet) <= _RTP_HEADER:
            return True
        stamp = int.from_bytes(packet[4:8], "big")
        shift = self._shift
        if self._once is not None:
            if self._once_stamp is None:
                self._once_stamp = stamp
            if stamp == self._once_stamp:
                shift += self._once
            else:
                self._once = None
        packet[4:8] = ((stamp + shift) % (1 << 32)).to_bytes(4, "big")
        if self._random.random() < self.corrupt:
            for _ in range(4):
                packet[self._random.randrange(_RTP_HEADER, len(packet))] = self._random.randrange(256)
        return True


@contextmanager
def rtsp_proxy(target_port: int) -> Iterator[RtspProxy]:
    """A running proxy before a server on this port."""
    proxy = RtspProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
