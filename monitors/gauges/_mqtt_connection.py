"""How a gauge's connection to its broker is made in the event loop: name, TCP, TLS. No thread waits for a broker."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, AF_INET6, SOCK_STREAM, socket
from typing import Any

from paho.mqtt.client import Client

from data.errors import InputRejected
from data.net.outgoing import checked_addresses
from data.ports.recipe import Context
from monitors.gauges._mqtt_source import MqttBroker

CONNECTING_AT_ONCE = 32  # to one broker: it has a short queue for those that are not accepted yet


class Doors:
    """How many connect at once, by broker: ten thousand gauges that begin together must not run one down."""

    def __init__(self) -> None:
        self._doors: dict[tuple[str, int], _Door] = {}

    @classmethod
    def of(cls, context: Context) -> Doors:
        """Those of this process."""
        doors: Doors = context.resources.share("doors of brokers", cls)
        return doors

    def to(self, host: str, port: int, loop: asyncio.AbstractEventLoop) -> _Door:
        """In this event loop; what waits in one cannot be woken by another."""
        door = self._doors.get((host, port))
        if door is None or door.loop is not loop:
            door = self._doors[host, port] = _Door(loop)
        return door


class _Door:
    """Waiting in front of it is given up when nobody has got through for as long as the time-out."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._free = asyncio.Semaphore(CONNECTING_AT_ONCE)
        self._passed_s = time.monotonic()

    async def enter(self, timeout_s: float) -> None:
        """Raises TimeoutError."""
        began_s = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._free.acquire()
            except TimeoutError:
                if time.monotonic() - max(self._passed_s, began_s) >= timeout_s:
                    raise
            else:
                return

    def leave(self, *, passed: bool) -> None:
        self._free.release()
        if passed:
            self._passed_s = time.monotonic()


class LoopClient(Client):
    """paho's client on a `connection` that was made before `connect` is called, which then never waits."""

    connection: socket | None = None

    def _create_socket(self) -> Any:
        made, self.connection = self.connection, None
        if made is None:
            raise OSError("there is no connection")
        return made


def tls_context(context: Context, ca: Path | None, name: str) -> ssl.SSLContext:
    """One for all gauges with this authority; made anew when its file is another. Raises InputRejected."""
    try:
        written_ns = 0 if ca is None else ca.stat().st_mtime_ns
        shared: ssl.SSLContext = context.resources.share(
            f"TLS of brokers by {ca} of {written_ns}", lambda: ssl.create_default_context(cafile=ca)
        )
    except OSError as error:
        raise InputRejected(f"{name}: no authority can be read from {ca}: {error}") from error
    return shared


async def connected(
    loop: asyncio.AbstractEventLoop, doors: Doors, recipe: MqttBroker, tls: ssl.SSLContext | None, timeout_s: float
) -> socket:
    """A connection to the broker, non-blocking. Raises OSError (TimeoutError, ssl.SSLError), DestinationRefused."""
    door = doors.to(recipe.host, recipe.port, loop)
    passed = False
    try:
        await door.enter(timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                made = await _first_of(loop, recipe)
                made = made if tls is None else await _with_tls(loop, made, tls, recipe.host)
                passed = True
        finally:
            door.leave(passed=passed)
    except TimeoutError:
        raise TimeoutError("timed out") from None
    return made


async def _first_of(loop: asyncio.AbstractEventLoop, recipe: MqttBroker) -> socket:
    """To the first of the broker's addresses that answers."""
    failure: OSError = OSError("it has no address")
    for address in await _addresses(recipe):
        with ExitStack() as undo:  # also where it takes too long, or the gauge was closed
            one = undo.enter_context(socket(AF_INET6 if ":" in address else AF_INET, SOCK_STREAM))
            one.setblocking(False)
            try:
                await loop.sock_connect(one, (address, recipe.port))
            except OSError as error:
                failure = error
                continue
            undo.pop_all()
            return one
    raise failure


async def _addresses(recipe: MqttBroker) -> list[str]:
    """Looked up on one of a few threads, unless it is an address already."""
    try:
        ip_address(recipe.host.strip("[]"))
    except ValueError:
        return list(await asyncio.to_thread(checked_addresses, recipe.host, recipe.port))
    return list(checked_addresses(recipe.host, recipe.port))


async def _with_tls(loop: asyncio.AbstractEventLoop, plain: socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    with ExitStack() as undo:
        undo.callback(plain.close)
        secure = undo.enter_context(tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False))
        while True:
            try:
                secure.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(loop, secure, loop.add_reader, loop.remove_reader)
            except ssl.SSLWantWriteError:
                await _ready(loop, secure, loop.add_writer, loop.remove_writer)
            else:
                undo.pop_all()
                return secure


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _ready(
    loop: asyncio.AbstractEventLoop, one: socket, add: Callable[..., None], remove: Callable[[int], bool]
) -> None:
    ready: asyncio.Future[None] = loop.create_future()
    number = one.fileno()
    add(number, _set, ready)
    try:
        await ready
    finally:
        remove(number)
