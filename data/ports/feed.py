"""FrameFeed: live pictures from the workers to the screens, over a local socket, only while somebody looks.

The web side listens (`FrameHub`), workers connect (`FramePublisher`); the hub tells each worker which sites are
wanted. Newest frame wins on every leg; nothing here may ever slow a worker down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Box:
    """One object drawn over a tile; `xyxy` as fractions of the picture; `alerting` when a rule holds it."""

    xyxy: tuple[float, float, float, float]
    label: str
    confidence: float
    track_id: int | None = None
    alerting: bool = False


@dataclass(frozen=True, slots=True)
class FramePacket:
    """A tile: JPEG bytes, the boxes of the latest detections, and when the picture was taken (UTC)."""

    site: str
    at: datetime
    sequence: int
    width: int
    height: int
    jpeg: bytes
    boxes: tuple[Box, ...] = ()


class FramePublisher(Protocol):
    """The worker's end. Never blocks and never raises for a lost peer; it reconnects by itself."""

    def wanted(self, site: str) -> bool:
        """Does somebody look at this site now? Cheap enough to ask for every frame."""
        ...

    def publish(self, packet: FramePacket) -> None: ...

    def close(self) -> None: ...


class FrameHub(Protocol):
    """The web end."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def look(self, site: str) -> None:
        """One more viewer of this site."""
        ...

    def leave(self, site: str) -> None:
        """One viewer less."""
        ...

    def newest(self, site: str) -> FramePacket | None:
        """The latest packet, also when it is old: its `at` tells."""
        ...

    async def changed(self, sites: frozenset[str], since: dict[str, int]) -> FramePacket:
        """Wait for a packet of one of the sites newer than `since[site]` (its sequence)."""
        ...
