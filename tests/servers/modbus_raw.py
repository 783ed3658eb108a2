"""A Modbus TCP peer that answers as it is told, also wrongly, and one that accepts connections and never answers."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[int, int], bytes]
"""From transaction and unit of the question to the whole frame of the answer."""


def frame(transaction: int, unit: int, pdu: bytes, *, length: int | None = None) -> bytes:
    """A Modbus TCP frame; `length` where it shall be a false one."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1 if length is None else length, unit) + pdu


def registers(function: int, *values: int, count: int | None = None) -> bytes:
    """The PDU of an answer with registers; `count` where the byte count shall be a false one."""
    content = struct.pack(f">{len(values)}H", *values)
    return bytes((function, len(content) if count is None else count)) + content


@contextmanager
def modbus_peer(answer: Answer | None) -> Iterator[int]:
    """Its port. None: mute."""
    server = socket.create_server(("127.0.0.1", 0))
    open_connections: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        with suppress(OSError):  # the test is over
            while answer is not None and len(head := connection.recv(7)) == 7:
                transaction, _, length, unit = struct.unpack(">HHHB", head)
                connection.recv(length - 1)
                connection.sendall(answer(transaction, unit))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            open_connections.append(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()
        for connection in open_connections:
            connection.close()
