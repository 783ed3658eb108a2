"""`/ws/wall`: live tiles as the client asks for them. Newest frame wins; a client that reads slowly gets fewer.

The client sends `{"look": [site ids], "credits": n}` and later `{"credit": k}`; each tile costs a credit. The
server sends binary: header length (4 bytes, big-endian), JSON header, JPEG.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from data.model.people import Action, User, may
from data.model.views import iso
from data.ports.feed import FrameHub, FramePacket
from web.auth import visitor_of
from web.deps import ServerDeps
from web.metrics import WebMeters
from web.sessions import SessionBook
from web.sockets import NOT_ALLOWED, NOT_UNDERSTOOD, close, until_one_ends, while_allowed

MOST_CREDITS = 256
MOST_SITES = 256
SETTINGS_S = 0.5


class Viewer:
    """What one client looks at, and how many tiles may be under way."""

    def __init__(self, hub: FrameHub, sites: frozenset[str]) -> None:
        self._hub = hub
        self._known = sites
        self._altered = asyncio.Event()
        self.sites: frozenset[str] = frozenset()
        self.credits = 0
        self.shown: dict[str, int] = {}

    def allow(self, sites: frozenset[str]) -> None:
        """From now on these cameras may be seen, and no others."""
        if sites != self._known:
            self._known = sites
            self._turn_to(self.sites & sites)
            self._altered.set()

    def hear(self, message: Any) -> bool:
        """Take a client's message; False when it is not one of ours. Sites that do not exist are left out."""
        if not isinstance(message, dict):
            return False
        look, given = message.get("look"), message.get("credits", message.get("credit", 0))
        if isinstance(given, bool) or not isinstance(given, int) or given < 0:
            return False
        if look is not None:
            if not isinstance(look, list) or len(look) > MOST_SITES or not all(isinstance(s, str) for s in look):
                return False
            self._turn_to(frozenset(look) & self._known)
        self.credits = min(MOST_CREDITS, given if "credits" in message else self.credits + given)
        self._altered.set()
        return True

    async def next(self) -> FramePacket:
        """Wait until a tile may be sent, and is there."""
        while True:
            self._altered.clear()
            altered = asyncio.ensure_future(self._altered.wait())
            waiting = {altered}
            tile: asyncio.Task[FramePacket] | None = None
            if self.credits > 0 and self.sites:
                tile = asyncio.ensure_future(self._hub.changed(self.sites, self.shown))
            try:
                await asyncio.wait(waiting | ({tile} if tile else set()), return_when=asyncio.FIRST_COMPLETED)
                if tile is not None and tile.done():
                    packet = tile.result()
                    self.credits -= 1
                    self.shown[packet.site] = packet.sequence
                    return packet
            finally:
                altered.cancel()
                if tile is not None:
                    tile.cancel()

    def leave(self) -> None:
        self._turn_to(frozenset())

    def _turn_to(self, sites: frozenset[str]) -> None:
        for site in sites - self.sites:
            self._hub.look(site)
        for site in self.sites - sites:
            self._hub.leave(site)
            self.shown.pop(site, None)
        self.sites = sites


def wall_router(deps: ServerDeps, book: SessionBook, meters: WebMeters) -> APIRouter:
    """The socket, for everybody who may look at everything."""
    router = APIRouter()

    async def wall(websocket: WebSocket) -> None:
        visitor = visitor_of(websocket)
        await websocket.accept()
        if not may(visitor.user.role, Action.READ):
            await close(websocket, NOT_ALLOWED, f"role {visitor.user.role} may not watch the cameras")
            return
        viewer = Viewer(deps.hub, deps.settings.cameras_of(visitor.user))
        try:
            with meters.socket("wall"):
                await until_one_ends(
                    _send(websocket, viewer, meters),
                    _listen(websocket, viewer),
                    _follow_settings(deps, viewer, visitor.user),
                    while_allowed(websocket, book, visitor),
                )
        finally:
            viewer.leave()

    router.add_api_websocket_route("/ws/wall", wall)
    return router


def packed(packet: FramePacket) -> bytes:
    """A tile as the page reads it."""
    header = {
        "site": packet.site,
        "at": iso(packet.at),
        "sequence": packet.sequence,
        "width": packet.width,
        "height": packet.height,
        "boxes": [
            {
                "xyxy": list(box.xyxy),
                "label": box.label,
                "confidence": box.confidence,
                "track_id": box.track_id,
                "alerting": box.alerting,
            }
            for box in packet.boxes
        ],
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return struct.pack(">I", len(text)) + text + packet.jpeg


async def _send(websocket: WebSocket, viewer: Viewer, meters: WebMeters) -> None:
    while True:
        await websocket.send_bytes(packed(await viewer.next()))
        meters.tile()


async def _follow_settings(deps: ServerDeps, viewer: Viewer, user: User) -> None:
    """A camera that is no longer there, or hidden from this user now, is not sent any more."""
    settings = deps.settings
    while True:
        await asyncio.sleep(SETTINGS_S)
        if deps.settings is not settings:
            settings = deps.settings
            viewer.allow(settings.cameras_of(user))


async def _listen(websocket: WebSocket, viewer: Viewer) -> None:
    while True:
        try:
            understood = viewer.hear(json.loads(await websocket.receive_text()))
        except (ValueError, KeyError, RecursionError):
            understood = False
        except WebSocketDisconnect:
            return
        if not understood:
            await close(websocket, NOT_UNDERSTOOD, 'send {"look": [site ids], "credits": n} or {"credit": k}')
            return
