"""Tiles travel from workers to screens, newest first, and nothing on the way can hold a worker up."""

from __future__ import annotations

import asyncio
import socket
import stat
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from data.local.feed_socket import SocketFrameHub, SocketFramePublisher
from data.local.feed_wire import BrokenMessage, framed, pack_tile, unpack_tile
from data.ports.feed import Box, FrameHub, FramePacket, FramePublisher

T = TypeVar("T")
NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def tile(site: str, sequence: int = 1, size: int = 1000) -> FramePacket:
    box = Box((0.25, 0.5, 0.5, 0.75), "car", 0.5, 7, alerting=True)
    return FramePacket(site, NOON, sequence, 640, 360, bytes([sequence % 256]) * size, (box,))


class Loop:
    """An event loop in a thread of its own, as the web process has one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 5.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def call(self, work: Callable[[], T]) -> T:
        async def there() -> T:
            return work()

        return self.run(there())

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "run" / "frames.sock"


@pytest.fixture
def hub(loop: Loop, path: Path) -> Iterator[SocketFrameHub]:
    hub = SocketFrameHub(path)
    loop.run(hub.start())
    yield hub
    loop.run(hub.stop())


@pytest.fixture
def publisher(path: Path) -> Iterator[SocketFramePublisher]:
    publisher = SocketFramePublisher(path)
    yield publisher
    publisher.close()


def until(condition: Callable[[], bool], timeout_s: float = 3.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


def everything(peer: socket.socket, quiet_s: float) -> bytearray:
    """What comes until nothing comes for `quiet_s`."""
    peer.settimeout(quiet_s)
    received = bytearray()
    try:
        while chunk := peer.recv(1 << 20):
            received += chunk
    except TimeoutError:
        return received
    raise AssertionError("the connection ended")


def a_hub_is_heard(loop: Loop, path: Path) -> None:
    """It starts there, and somebody who publishes hears what it looks at."""
    hub = SocketFrameHub(path)
    loop.run(hub.start())
    publisher = SocketFramePublisher(path)
    loop.call(lambda: hub.look("gate-3"))
    until(lambda: publisher.wanted("gate-3"))
    publisher.close()
    loop.run(hub.stop())


def test_a_packet_is_the_same_after_the_wire() -> None:
    assert unpack_tile(pack_tile(tile("gate-3"))) == tile("gate-3")


def test_garbage_is_not_a_tile() -> None:
    with pytest.raises(BrokenMessage):
        unpack_tile(b"\x00\x00\x00\x05hello")
    with pytest.raises(BrokenMessage):
        unpack_tile(b"")


def test_both_ends_are_what_the_port_asks_for(hub: SocketFrameHub, publisher: SocketFramePublisher) -> None:
    web_end: FrameHub = hub
    worker_end: FramePublisher = publisher
    assert web_end.newest("gate-3") is None
    assert not worker_end.wanted("gate-3")


def test_only_our_own_user_may_connect(hub: SocketFrameHub, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_tile_reaches_the_hub_while_somebody_looks(
    loop: Loop, hub: SocketFrameHub, publisher: SocketFramePublisher
) -> None:
    publisher.publish(tile("gate-3"))
    loop.call(lambda: hub.look("gate-3"))
    until(lambda: publisher.wanted("gate-3"))
    assert hub.newest("gate-3") is None, "what nobody wanted was sent"
    arriving = loop.begin(hub.changed(frozenset({"gate-3"}), {}))
    publisher.publish(tile("gate-3", 9))
    packet = arriving.result(2)
    assert (packet.site, packet.jpeg, packet.boxes[0].label) == ("gate-3", bytes([9]) * 1000, "car")
    assert not publisher.wanted("gate-4")
    loop.call(lambda: hub.leave("gate-3"))
    until(lambda: not publisher.wanted("gate-3"))


def test_a_site_is_wanted_until_its_last_viewer_leaves(
    loop: Loop, hub: SocketFrameHub, publisher: SocketFramePublisher
) -> None:
    for _ in range(2):
        loop.call(lambda: hub.look("gate-3"))
    loop.call(lambda: hub.look("gate-4"))
    loop.call(lambda: hub.leave("gate-3"))
    until(lambda: publisher.wanted("gate-4"))
    assert publisher.wanted("gate-3")
    for _ in range(2):
        loop.call(lambda: hub.leave("gate-3"))
    until(lambda: not publisher.wanted("gate-3"))
    loop.call(lambda: hub.look("gate-3"))
    until(lambda: publisher.wanted("gate-3"))


def test_a_restarted_hub_gets_tiles_again_within_two_seconds(
    loop: Loop, hub: SocketFrameHub, publisher: SocketFramePublisher, path: Path
) -> None:
    loop.call(lambda: hub.look("gate-3"))
    until(lambda: publisher.wanted("gate-3"))
    loop.run(hub.stop())
    until(lambda: not publisher.wanted("gate-3"))
    publisher.publish(tile("gate-3", 1))
    again = SocketFrameHub(path)
    loop.run(again.start())
    loop.call(lambda: again.look("gate-3"))
    until(lambda: publisher.wanted("gate-3"), timeout_s=2.0)
    publisher.publish(tile("gate-3", 2))
    assert loop.run(again.changed(frozenset({"gate-3"}), {})).jpeg[0] == 2
    loop.run(again.stop())


def test_a_hub_killed_without_taking_its_socket_file_away_can_start_again(loop: Loop, path: Path) -> None:
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_over:
        left_over.bind(str(path))
    a_hub_is_heard(loop, path)


def test_tiles_of_a_restarted_worker_count_as_newer(loop: Loop, hub: SocketFrameHub, path: Path) -> None:
    loop.call(lambda: hub.look("gate-3"))
    seen: dict[str, int] = {}
    for round_ in (1, 2):
        publisher = SocketFramePublisher(path)
        until(lambda publisher=publisher: publisher.wanted("gate-3"))  # type: ignore[misc]
        arriving = loop.begin(hub.changed(frozenset({"gate-3"}), dict(seen)))
        publisher.publish(tile("gate-3", 1))
        packet = arriving.result(2)
        assert packet.sequence > seen.get("gate-3", 0), f"round {round_}"
        seen["gate-3"] = packet.sequence
        publisher.close()


def test_a_hub_that_does_not_read_never_blocks_a_worker_and_gets_the_newest_at_last(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        publisher = SocketFramePublisher(path)
        hub, _ = listener.accept()
        with hub:
            hub.sendall(framed(b'{"wanted": ["gate-3"]}'))
            until(lambda: publisher.wanted("gate-3"))
            begun = time.monotonic()
            for number in range(1, 201):
                publisher.publish(tile("gate-3", number, size=100_000))
                time.sleep(0.0005)
            assert time.monotonic() - begun < 1.5
            received = everything(hub, quiet_s=1.0)
    publisher.close()
    numbers = []
    while received:
        length = int.from_bytes(received[:4], "big")
        numbers.append(unpack_tile(bytes(received[4 : 4 + length])).sequence)
        del received[: 4 + length]
    assert numbers[-1] == 200
    assert numbers == sorted(numbers)
    assert len(numbers) < 50, "old tiles were queued"


def test_of_several_sites_the_one_that_waits_longest_comes_first(
    loop: Loop, hub: SocketFrameHub, publisher: SocketFramePublisher
) -> None:
    sites = ("a", "b", "c")
    for site in sites:
        loop.call(lambda site=site: hub.look(site))  # type: ignore[misc]
    until(lambda: all(publisher.wanted(site) for site in sites))
    for site in ("b", "c", "a"):
        publisher.publish(tile(site))
        until(lambda site=site: hub.newest(site) is not None)  # type: ignore[misc]
    seen: dict[str, int] = {}
    order = []
    for _ in sites:
        packet = loop.run(hub.changed(frozenset(sites), seen))
        seen[packet.site] = packet.sequence
        order.append(packet.site)
    assert order == ["b", "c", "a"]


def test_a_peer_that_speaks_another_protocol_is_dropped_and_others_go_on(
    loop: Loop, hub: SocketFrameHub, publisher: SocketFramePublisher, path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(str(path))
        stranger.settimeout(2.0)
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        ended = b"?"
        try:
            while ended:
                ended = stranger.recv(4096)
        except ConnectionResetError:
            ended = b""
        assert ended == b""
    loop.call(lambda: hub.look("gate-3"))
    until(lambda: publisher.wanted("gate-3"))
    publisher.publish(tile("gate-3", 3))
    assert loop.run(hub.changed(frozenset({"gate-3"}), {})).jpeg[0] == 3


def test_a_path_longer_than_a_socket_address_works(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 30) / "frames.sock"
    a_hub_is_heard(loop, path)
    assert not path.exists()
