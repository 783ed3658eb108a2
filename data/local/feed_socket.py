"""FrameFeed over a Unix socket: `SocketFrameHub` on the web side, `SocketFramePublisher` in each worker.

Newest frame wins on every leg: a publisher holds one unsent tile per site, the hub one received tile per site.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from data.local.feed_wire import framed, pack_tile, unpack_tile
from data.local.worker_socket import HubClient, WorkersHub
from data.ports.feed import FramePacket


class SocketFrameHub(WorkersHub):
    """Packets are numbered by the hub in the order of arrival, so that `sequence` rises also when a worker restarts."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._newest: dict[str, FramePacket] = {}
        self._arrived = 0
        self._waiting: dict[asyncio.Future[None], frozenset[str]] = {}

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

    def _arrive(self, message: bytes) -> None:
        packet = unpack_tile(message)
        self._arrived += 1
        self._newest[packet.site] = replace(packet, sequence=self._arrived)
        for arrival, sites in self._waiting.items():
            if packet.site in sites and not arrival.done():
                arrival.set_result(None)


class SocketFramePublisher(HubClient):
    """`publish` never waits."""

    def __init__(self, path: Path) -> None:
        self._unsent: dict[str, FramePacket] = {}
        super().__init__(path, "frame-publisher")

    def publish(self, packet: FramePacket) -> None:
        """Hand over a tile; it replaces an unsent older one of the same site. Dropped when nobody looks."""
        if packet.site not in self._wanted or self._closing.is_set():
            return
        with self._lock:
            self._unsent[packet.site] = packet
        self._notify()

    def _next(self) -> memoryview:
        """The tile that waits longest, packed only now; empty when none waits."""
        with self._lock:
            if not self._unsent:
                return memoryview(b"")
            packet = self._unsent.pop(next(iter(self._unsent)))
        return memoryview(framed(pack_tile(packet)))

    def _forget(self) -> None:
        with self._lock:
            self._unsent.clear()
