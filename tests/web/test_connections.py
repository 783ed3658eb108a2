"""Slow and half requests, over real sockets: they end by themselves and nobody waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.sync.client import connect

from data.model.people import Role
from tests.web.city import free_port, open_deps, until
from web.accounts import add_user, issue_token
from web.connections import ConnectionGate, ConnectionLimits, Phase
from web.serve_options import ServeOptions
from web.server import build_server, server_config

LIMITS = ConnectionLimits(total=60, per_address=40, head_s=1.5, body_grace_s=1.0, body_bytes_per_s=2000.0, unread_s=1.5)
HALF = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


@dataclass
class Served:
    port: int
    gate: ConnectionGate
    token: str
    picture: str

    def open(self, address: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 5, source_address=(address, 0))

    def answers(self, address: str = "127.0.0.1") -> float:
        """Seconds until somebody else is answered."""
        begun = time.perf_counter()
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address), timeout=5) as client:
            assert client.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        return time.perf_counter() - begun


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    deps = open_deps(tmp_path_factory.mktemp("var"))
    add_user(deps.store, "li", Role.OPERATOR, None)
    port = free_port()
    config = server_config(
        build_server(deps), ServeOptions(settings=deps.settings, store="", var_dir=deps.var_dir, port=port)
    )
    config.gate.limits = LIMITS
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started, 15)
    picture = deps.vault.keep(bytes(10 * 2**20), "image/jpeg", datetime.now(UTC), "quay")
    deps.store.write(lambda writer: writer.add_evidence(picture))
    yield Served(port, config.gate, issue_token(deps.store, "li"), picture.id)
    running.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.fixture
def served(server: Served) -> Iterator[Served]:
    """The server with all of its places free, before and after."""
    until(lambda: len(server.gate) == 0, 10)
    yield server
    until(lambda: len(server.gate) == 0, 10)


def ended(connection: socket.socket, within_s: float) -> bytes:
    """What came until the server closed the connection. Fails when it does not."""
    connection.settimeout(within_s)
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def test_half_requests_hold_nobody_up_and_are_ended_after_their_time(served: Served) -> None:
    half = [served.open() for _ in range(120)]
    for connection in half:
        with contextlib.suppress(OSError):
            connection.sendall(HALF)
    assert served.answers() < 3, "from the same address"
    assert served.answers("127.0.0.7") < 3, "from another"
    assert len(served.gate) <= LIMITS.per_address
    begun = time.monotonic()
    said = [ended(connection, 5) for connection in half]
    assert time.monotonic() - begun < 5
    assert any(b"408 Request Timeout" in one for one in said)
    for connection in half:
        connection.close()


def test_half_requests_from_everywhere_make_room_for_whole_ones(served: Served) -> None:
    half = [served.open(f"127.0.1.{n}") for n in range(1, 151)]
    for connection in half:
        with contextlib.suppress(OSError):
            connection.sendall(HALF)
    assert served.answers("127.0.0.7") < 3
    assert len(served.gate) <= LIMITS.total
    assert served.gate.ended["displaced"] > 0
    for connection in half:
        connection.close()


@pytest.mark.parametrize(
    ("begin", "answer"),
    [(HALF, b"408 Request Timeout"), (b"", b"")],
    ids=["a byte of the head now and then", "not a byte"],
)
def test_a_head_that_does_not_come_in_time_is_given_up(served: Served, begin: bytes, answer: bytes) -> None:
    with served.open() as connection:
        connection.sendall(begin)
        opened = time.monotonic()
        with contextlib.suppress(OSError):
            while begin and time.monotonic() - opened < 4:
                connection.sendall(b"a")
                time.sleep(0.2)
        said = ended(connection, 4)
        assert answer in said
        assert 1 < time.monotonic() - opened < 6


def test_a_body_that_trickles_is_given_up_and_a_steady_one_is_taken(served: Served) -> None:
    head = (
        f"POST /api/v1/alarm-cards/acknowledge HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 20000\r\n\r\n"
    ).encode()
    with served.open() as connection:
        connection.sendall(head)
        opened = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - opened < 5:
                connection.sendall(b" ")
                time.sleep(0.1)
        assert b"408" in ended(connection, 3)
    with served.open() as connection:
        connection.sendall(head)
        for _ in range(20):
            connection.sendall(b" " * 1000)
            time.sleep(0.1)
        connection.settimeout(5)
        assert connection.recv(100).startswith(b"HTTP/1.1 422")


def test_an_answer_that_nobody_reads_is_given_up(served: Served) -> None:
    with served.open() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        large = f"/media/evidence/{served.picture}"  # ten megabytes; the system itself takes the first ones
        head = f"GET {large} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n\r\n"
        connection.sendall(head.encode() * 3)
        until(lambda: served.gate.ended["unread"] > 0, 20)
        assert served.answers() < 3


def test_a_head_beyond_its_size_is_refused(served: Served) -> None:
    many = b"".join(b"X-%d: y\r\n" % n for n in range(200))
    for more in (b"X-Long: " + b"a" * 40_000 + b"\r\n", many):
        with served.open() as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + more + b"\r\n")
            assert b"431 Request Header Fields Too Large" in ended(connection, 5)
    with served.open() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /")
            for _ in range(200):
                connection.sendall(b"a" * 2000)
                time.sleep(0.005)
        said = ended(connection, 5)
        assert b"431" in said or not said


def test_sockets_and_answered_connections_give_their_places_back(served: Served) -> None:
    address = f"ws://127.0.0.1:{served.port}/ws/events"
    headers = {"Authorization": f"Bearer {served.token}"}
    with connect(address, additional_headers=headers) as one, connect(address, additional_headers=headers):
        one.recv(5)
        assert len(served.gate) == 2
        time.sleep(2)  # longer than a head may take: a socket is no half request
        one.ping().wait(5)
        assert len(served.gate) == 2
    until(lambda: len(served.gate) == 0, 5)
    with httpx.Client() as client:
        for _ in range(3):
            client.get(f"http://127.0.0.1:{served.port}/healthz")
        assert len(served.gate) == 1


class Wire:
    """Stands for uvicorn's transport: it knows its peer and whether it was cut off."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cut = False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return (self.address, 1)

    def abort(self) -> None:
        self.cut = True


def in_loop(work: Callable[[], Any]) -> Any:
    async def run() -> Any:
        return work()

    return asyncio.run(run())


def test_who_is_at_work_is_never_displaced_and_a_trusted_proxy_has_no_limit_of_its_own() -> None:
    from data.net.networks import Networks

    limits = replace(LIMITS, total=6, per_address=3, trusted=Networks(["10.0.0.0/8"]))

    def tried() -> None:
        gate = ConnectionGate(limits)
        wires = [Wire("192.0.2.1") for _ in range(4)]
        places = [gate.enter(wire) for wire in wires[:3]]  # type: ignore[arg-type]
        for place in places:
            assert place is not None
            place.begin(Phase.BUSY, 0.0)
        assert gate.enter(wires[3]) is None  # type: ignore[arg-type]
        assert gate.refused == 1
        assert [gate.enter(Wire(f"10.0.0.{n}")) is not None for n in range(3)] == [True] * 3  # type: ignore[arg-type]
        last = Wire("10.9.9.9")
        assert gate.enter(last) is not None  # type: ignore[arg-type]  # one of the proxy's idle ones gave way
        assert len(gate) == 6
        assert not any(wire.cut for wire in wires[:3])

    in_loop(tried)
