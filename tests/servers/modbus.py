"""A real pymodbus TCP server on a free port, in a thread, for tests.

with modbus_device({10: [1, 2]}) as device: ... device.port
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.servers.mosquitto import free_port


@dataclass
class Device:
    """A running device."""

    port: int


@contextmanager
def modbus_device(registers: Mapping[int, Sequence[int]], *, unit: int = 1) -> Iterator[Device]:
    """A device that holds these registers by their first address, for reading by function 3 and 4."""
    port = free_port()
    started, loop = threading.Event(), asyncio.new_event_loop()
    blocks = [
        SimData(address, values=list(values), datatype=DataType.REGISTERS) for address, values in registers.items()
    ]
    servers: list[ModbusTcpServer] = []

    async def serve() -> None:
        server = ModbusTcpServer(SimDevice(unit, simdata=blocks), address=("127.0.0.1", port))
        servers.append(server)
        await server.serve_forever(background=True)
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield Device(port)
    finally:
        ending = servers[0].shutdown()  # type: ignore[no-untyped-call]
        asyncio.run_coroutine_threadsafe(ending, loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
