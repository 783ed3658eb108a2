"""A camera's own video on its way to the screens, piece by piece as it is recorded, only while somebody looks.

`LivePublisher` in each worker, `LiveHub` in the web process. A piece is a fragment of MP4 of a quarter of a second, or
the header that its movie begins with. A worker never waits: beyond some megabytes that the web process has not taken,
the camera's pieces are dropped up to its next key picture.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from data.local.feed_wire import LARGEST_MESSAGE, LENGTH, BrokenMessage, framed
from data.local.worker_socket import HubClient, WorkersHub

UNSENT_BYTES = 8_000_000  # in a worker, of all cameras
UNREAD_BYTES = 8_000_000  # in the web process, of one viewer
LATE_S = 4.0  # a viewer who is further behind is shown the present instead


@dataclass(frozen=True, slots=True)
class Piece:
    """Of a camera's video. `codec` is FFmpeg's name and stands on headers only: `content` is then `ftyp` and `moov`.

    Times of fragments in seconds since the epoch. `key`: it begins with a key picture. `lost`: something before it was
    dropped on the way.
    """

    site: str
    content: bytes | memoryview
    codec: str = ""
    since_s: float = 0.0
    until_s: float = 0.0
    key: bool = False
    lost: bool = False


def pack_piece(piece: Piece) -> bytes:
    """Header length, header, content."""
    header = {
        "site": piece.site, "codec": piece.codec, "since": piece.since_s, "until": piece.until_s, "key": piece.key,
        "lost": piece.lost,
    }  # fmt: skip
    text = json.dumps(header).encode()
    return b"".join((LENGTH.pack(len(text)), text, piece.content))


def unpack_piece(message: bytes) -> Piece:
    """The piece again. Raises BrokenMessage."""
    try:
        (length,) = LENGTH.unpack_from(message)
        known = json.loads(message[LENGTH.size : LENGTH.size + length])
        since_s, until_s = float(known["since"]), float(known["until"])
        site, codec, content = str(known["site"]), str(known["codec"]), message[LENGTH.size + length :]
        return Piece(site, content, codec, since_s, until_s, bool(known["key"]), bool(known["lost"]))
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise BrokenMessage(f"not a piece of video: {type(error).__name__}") from error


class _Bounded:
    """Pieces that wait; of a camera whose pieces found no room, only from its next key picture on."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._pieces: deque[Piece] = deque()
        self._bytes = 0
        self._dropping: set[str] = set()

    def put(self, piece: Piece) -> bool:
        """False when it was dropped."""
        if piece.codec:
            self._dropping.discard(piece.site)
        elif piece.site in self._dropping:
            if not piece.key or self._bytes > self._most // 2:
                return False
            self._dropping.discard(piece.site)
            piece = replace(piece, lost=True)
        elif self._bytes + len(piece.content) > self._most:
            self._dropping.add(piece.site)
            return False
        self._pieces.append(piece)
        self._bytes += len(piece.content)
        return True

    def take(self) -> Piece | None:
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        self._bytes -= len(piece.content)
        return piece

    def skip_late(self, most_s: float) -> None:
        """Where the oldest waits for longer than that, go on with the newest key picture."""
        newest = next((piece for piece in reversed(self._pieces) if not piece.codec), None)
        oldest = next((piece for piece in self._pieces if not piece.codec), None)
        if newest is None or oldest is None or newest.until_s - oldest.since_s <= most_s:
            return
        keys = [n for n, piece in enumerate(self._pieces) if piece.key]
        if not keys or self._pieces[keys[-1]] is oldest:
            return
        headers = [piece for n, piece in enumerate(self._pieces) if piece.codec and n < keys[-1]]
        first, *others = list(self._pieces)[keys[-1] :]
        kept = [*headers[-1:], replace(first, lost=True), *others]
        self._pieces = deque(kept)
        self._bytes = sum(len(piece.content) for piece in kept)

    def clear(self) -> None:
        self._pieces.clear()
        self._bytes = 0
        self._dropping.clear()


class LivePublisher(HubClient):
    """The worker's end. Its methods may be called from any thread, and never wait."""

    def __init__(self, path: Path) -> None:
        self._guard = threading.Lock()
        self._unsent = _Bounded(UNSENT_BYTES)
        self._headers: dict[str, Piece] = {}
        super().__init__(path, "live-publisher")

    def begin(self, site: str, codec: str, header: bytes) -> None:
        """The fragments of this camera that follow are of another movie."""
        self._put(Piece(site, header, codec))

    def fragment(self, site: str, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        """The next one of the movie."""
        self._put(Piece(site, content, "", since_s, until_s, key))

    def _put(self, piece: Piece) -> None:
        if len(piece.content) > LARGEST_MESSAGE - 1000 or not (piece.codec or self.wanted(piece.site)):
            return
        with self._guard:  # a camera that begins to be looked at is sent the header of the movie that goes on
            if piece.codec:
                self._headers[piece.site] = piece
            taken = self.wanted(piece.site) and self._unsent.put(piece)
        if taken:
            self._notify()

    def _wants(self, sites: frozenset[str]) -> None:
        with self._guard:
            for site in sorted((sites - self._wanted) & self._headers.keys()):
                self._unsent.put(self._headers[site])
            super()._wants(sites)

    def _next(self) -> memoryview:
        with self._guard:
            piece = self._unsent.take()
        return memoryview(b"") if piece is None else memoryview(framed(pack_piece(piece)))

    def _forget(self) -> None:
        with self._guard:
            self._unsent.clear()


class LiveViewer:
    """What has come of one camera since somebody opened it, oldest first."""

    def __init__(self) -> None:
        self._waiting = _Bounded(UNREAD_BYTES)
        self._arrived = asyncio.Event()

    def put(self, piece: Piece) -> None:
        if self._waiting.put(piece):
            self._arrived.set()

    async def next(self) -> Piece:
        """Wait for the next piece. What waited for too long is left out, up to the newest key picture."""
        self._waiting.skip_late(LATE_S)
        while (piece := self._waiting.take()) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return piece


class LiveHub(WorkersHub):
    """The web end."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._following: dict[str, set[LiveViewer]] = {}
        self._headers: dict[str, Piece] = {}

    @contextmanager
    def follow(self, site: str) -> Iterator[LiveViewer]:
        """Within it the viewer is given all pieces of this camera; first the header of the movie, where it is known."""
        viewer = LiveViewer()
        if (header := self._headers.get(site)) is not None and self._viewers[site]:
            viewer.put(header)
        self._following.setdefault(site, set()).add(viewer)
        self.look(site)
        try:
            yield viewer
        finally:
            self.leave(site)
            self._following[site].discard(viewer)
            if not self._following[site]:
                del self._following[site]
                self._headers.pop(site, None)

    def _arrive(self, message: bytes) -> None:
        piece = unpack_piece(message)
        if piece.codec:
            self._headers[piece.site] = piece
        for viewer in self._following.get(piece.site, ()):
            viewer.put(piece)
