"""`/ws/live?site=...`: one camera's own video as it is recorded: from its newest key picture on, or from earlier on.

The server sends binary messages: header length (4 bytes, big-endian), JSON header, content. `begin` (media_type,
offset) holds `ftyp` and `moov` of a movie, `part` (since, until, media, key, lost, sent) a fragment of it. Times are
seconds since the epoch, but for `media`, the decoding time in the movie, which began at `offset`. The page sends
`{"from": seconds}` to have it from then on, `{"from": null}` for the present. A codec that no browser plays as it
comes is told by the close.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from data.config.settings import Settings
from data.config.web import ConnectionSettings
from data.local.live_socket import LiveViewer, Piece
from data.local.movie_boxes import MovieHeader, decode_time, movie_header
from data.local.recordings import FOLDER, Segment, read_segment, segment_paths, start_of
from data.model.people import Action, may
from data.model.record import AuditEntry
from data.ports.store import Writer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.metrics import WebMeters
from web.sessions import SessionBook, Visitor
from web.sockets import NOT_ALLOWED, NOT_UNDERSTOOD, close, until_one_ends, while_allowed

log = logging.getLogger(__name__)

CODEC, TOO_MANY, NO_VIDEO = 4415, 4429, 4404
_NONE_SUCH = "there is no such camera that you may watch"
LONGEST_BACK_S = 75.0  # what may be asked for: the newest minute, and a key frame interval
_TOUCH_S = 0.1  # between two fragments of a movie that follow each other
_SAME_MOVIE_S = 0.5
_ASK_EVERY_S = 0.3
_SETTINGS_S = 0.5  # after others are in force, who may no longer watch is sent nothing
_TRAIL_WITHIN_S = 2.0  # a store that takes no writes holds up no picture; the entry waits for it


class _Places:
    """How many look at cameras now, each and together."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def take(self, name: str, limits: ConnectionSettings) -> Iterator[bool]:
        """False when there is none left."""
        free = self._taken[name] < limits.live_per_person and self._taken.total() < limits.live_total
        self._taken[name] += free
        try:
            yield free
        finally:
            self._taken[name] -= free
            if not self._taken[name]:
                del self._taken[name]


def live_router(deps: ServerDeps, book: SessionBook, meters: WebMeters) -> APIRouter:
    """The socket, for whoever may watch the camera."""
    router = APIRouter()
    places = _Places()

    async def live(websocket: WebSocket) -> None:
        visitor = visitor_of(websocket)
        await websocket.accept()
        site = websocket.query_params.get("site", "")
        if not may(visitor.user.role, Action.READ) or site not in deps.settings.cameras_of(visitor.user):
            await close(websocket, NOT_ALLOWED, _NONE_SUCH)
            return
        camera = deps.settings.site(site).camera
        if camera is None or not camera.has_video:
            await close(websocket, NO_VIDEO, "this camera gives single pictures")
            return
        with places.take(visitor.user.name, deps.settings.web.connections) as free:
            if not free:
                await close(websocket, TOO_MANY, "too many cameras are open")
                return
            await _note(deps, visitor, site, "watch_live")
            with deps.live.follow(site) as viewer, meters.socket("live"):
                view = _View(websocket, deps, visitor, site, viewer)
                allowed = while_allowed(websocket, book, visitor)
                await until_one_ends(view.send(), view.listen(), view.follow_settings(), allowed)

    router.add_api_websocket_route("/ws/live", live)
    return router


async def _note(deps: ServerDeps, visitor: Visitor, site: str, action: str, **detail: Any) -> None:
    """Who looks at which camera stands in the trail."""
    entry = AuditEntry(deps.now(), visitor.user.name, visitor.user.role.value, action, f"site:{site}", detail)

    def work(writer: Writer) -> None:
        writer.record(entry)

    try:
        async with asyncio.timeout(_TRAIL_WITHIN_S):
            await deps.commit(work)
    except TimeoutError:
        log.warning("%s of %s waits for the store to be noted", action, site)


class _View:
    """One page that looks at one camera."""

    def __init__(self, websocket: WebSocket, deps: ServerDeps, visitor: Visitor, site: str, viewer: LiveViewer) -> None:
        self._websocket = websocket
        self._deps = deps
        self._visitor = visitor
        self._site = site
        self._video = CameraFilm(deps, site, viewer)
        self._from_s: float | None = None
        self._asked = asyncio.Event()

    async def listen(self) -> None:
        asked_s = float("-inf")
        while True:
            try:
                message = json.loads(await self._websocket.receive_text())
                self._from_s = None if message["from"] is None else _finite(message["from"])
            except WebSocketDisconnect:
                return
            except (ValueError, KeyError, TypeError, RecursionError):
                await close(self._websocket, NOT_UNDERSTOOD, 'send {"from": seconds since the epoch, or null}')
                return
            if (early_s := asked_s + _ASK_EVERY_S - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            asked_s = time.monotonic()
            if self._from_s is not None:
                await _note(self._deps, self._visitor, self._site, "watch_recent", since=round(self._from_s, 1))
            self._asked.set()

    async def follow_settings(self) -> None:
        """Ends when the camera is no longer there, or hidden from this visitor now."""
        settings: Settings | None = None  # they may have changed since the visitor was let in
        while True:
            await asyncio.sleep(_SETTINGS_S)
            if self._deps.settings is not settings:
                settings = self._deps.settings
                if self._site not in settings.cameras_of(self._visitor.user):
                    await close(self._websocket, NOT_ALLOWED, _NONE_SUCH)
                    return

    async def send(self) -> None:
        while True:
            self._asked.clear()
            sending = asyncio.ensure_future(self._send_from(self._from_s))
            asked = asyncio.ensure_future(self._asked.wait())
            try:
                await asyncio.wait({sending, asked}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asked.cancel()
                sending.cancel()
                await asyncio.gather(sending, asked, return_exceptions=True)
            if not self._asked.is_set():
                sending.result()
                return

    async def _send_from(self, from_s: float | None) -> None:
        movie: MovieHeader | None = None
        header: Piece | None = None
        async for piece in self._video.pieces(from_s):
            if piece.codec:
                header, movie = piece, None
                continue
            if header is None:
                continue
            if movie is None:
                movie = movie_header(bytes(header.content))
                if not movie.media_type:
                    await close(self._websocket, CODEC, header.codec)
                    return
                offset_s = piece.since_s - decode_time(piece.content) / movie.timescale
                begin = {"type": "begin", "media_type": movie.media_type, "offset": round(offset_s, 6), "from": from_s}
                await self._websocket.send_bytes(_packed(begin, header.content))
            part = {
                "type": "part", "since": round(piece.since_s, 6), "until": round(piece.until_s, 6), "key": piece.key,
                "media": round(decode_time(piece.content) / movie.timescale, 6), "lost": piece.lost,
                "sent": round(self._deps.now().timestamp(), 3),
            }  # fmt: skip
            await self._websocket.send_bytes(_packed(part, piece.content))


def _finite(value: Any) -> float:
    """Raises ValueError, TypeError for what is no number of seconds."""
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError("not a time")
    return seconds


def _packed(header: dict[str, Any], content: bytes | memoryview) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join((struct.pack(">I", len(text)), text, content))


class CameraFilm:
    """A camera's pieces in order: what lies on the disk from some time on, and then what comes from its worker."""

    def __init__(self, deps: ServerDeps, site: str, viewer: LiveViewer) -> None:
        self._deps = deps
        self._folder = deps.var_dir / FOLDER / site
        self._site = site
        self._viewer = viewer
        self._live_header: Piece | None = None
        self._until_s = float("-inf")  # the end of what was given
        self._offset_s: float | None = None  # where the movie of the last piece began

    async def pieces(self, from_s: float | None) -> AsyncIterator[Piece]:
        """From the key picture before that time on; None: from the newest one. A header before each movie."""
        self._until_s, self._offset_s = float("-inf"), None
        async for piece in self._kept(from_s):
            yield piece
        while True:
            piece = await self._viewer.next()
            if piece.codec:
                self._live_header = piece
                continue
            if piece.since_s < self._until_s - _TOUCH_S / 2:
                continue  # it came from the disk already
            if piece.since_s > self._until_s + _TOUCH_S and not piece.key:
                async for kept in self._kept(self._until_s):  # the disk was behind when it was read
                    yield kept
                if abs(piece.since_s - self._until_s) > _TOUCH_S:
                    continue  # something is missing: from the next key picture on
            if self._live_header is None:
                continue
            async for one in self._given(self._live_header, piece):
                yield one

    async def _given(self, header: Piece, piece: Piece) -> AsyncIterator[Piece]:
        offset_s = piece.since_s - decode_time(piece.content) / movie_header(bytes(header.content)).timescale
        if self._offset_s is None or abs(offset_s - self._offset_s) > _SAME_MOVIE_S:
            if not piece.key:
                return
            yield header
        self._offset_s, self._until_s = offset_s, piece.until_s
        yield piece

    async def _kept(self, from_s: float | None) -> AsyncIterator[Piece]:
        """What lies on the disk: a file after the other, each read in a thread."""
        after_s = self._until_s
        paths = await self._deps.lanes.lists.run(_files, self._folder, from_s)
        for n, path in enumerate(paths):
            found = await self._deps.lanes.lists.run(_contents, path, self._site)
            if found is None:
                continue
            header, pieces = found
            if n == 0 and after_s == float("-inf"):
                keys = [i for i, one in enumerate(pieces) if one.key and (from_s is None or one.since_s <= from_s)]
                pieces = pieces[keys[-1] if keys else 0 :]
            for piece in pieces:
                if piece.since_s < self._until_s - _TOUCH_S / 2:
                    continue
                async for one in self._given(header, piece):
                    yield one


def _files(folder: Path, from_s: float | None) -> Sequence[Path]:
    """The segments from the one that holds this time on; the newest one that holds anything when it is None."""
    paths = segment_paths(folder)
    if from_s is None:
        for path in reversed(paths[-2:]):
            segment = read_segment(path)
            if segment is not None and segment.fragments:
                return [path]
        return ()
    oldest_s = start_of(paths[-1]) - LONGEST_BACK_S if paths else 0.0
    first = max((n for n, path in enumerate(paths) if start_of(path) <= max(from_s, oldest_s)), default=0)
    return paths[first:]


def _contents(path: Path, site: str) -> tuple[Piece, list[Piece]] | None:
    """Header and fragments of a segment, as far as they are whole; None when it has gone."""
    segment: Segment | None = read_segment(path)
    if segment is None:
        return None
    pieces = []
    try:
        with path.open("rb") as file:
            for part in segment.fragments:
                file.seek(part.offset)
                content = file.read(part.size)
                pieces.append(Piece(site, content, "", part.since_s, part.until_s, part.key))
    except OSError:
        return None
    return Piece(site, segment.header, segment.codec, start_of(path)), pieces
