"""Connections that cost nothing to whoever opens them cost little here: places are counted, slow ones are ended.

A connection is always in one phase. Waiting for the head of a request, or for the next request, is what a stranger can
do without end and without being known, so such connections give way first: when there is no place left, the one that
has waited longest is closed for the new one. Heads have a time limit, bodies a least speed, answers that nobody reads
are given up.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from data.net.networks import Networks
from web.addresses import network_of

LARGEST_HEAD = 32 * 1024  # bytes of all headers and the address together
MOST_HEADERS = 100


class Phase(StrEnum):
    """What a connection does now."""

    HEAD = "head"  # the head of a request has not come, or not wholly
    BODY = "body"  # its body is on the way
    BUSY = "busy"  # it is being answered
    IDLE = "idle"  # answered; another request may come
    SOCKET = "socket"  # a websocket


@dataclass(frozen=True)
class ConnectionLimits:
    """`per_address` does not count for the addresses in `trusted` (reverse proxies carry everybody's requests)."""

    total: int = 1000
    per_address: int = 200
    trusted: Networks = field(default_factory=Networks)
    head_s: float = 10.0
    body_grace_s: float = 15.0
    body_bytes_per_s: float = 1024.0  # slower than this, after the grace, is given up
    unread_s: float = 30.0  # an answer of which nothing was taken for so long


@dataclass(eq=False)
class Place:
    """One connection. `since`: when its phase began; `received`: bytes in this phase."""

    transport: asyncio.Transport
    address: str
    phase: Phase
    since: float
    received: int = 0
    unread_since: float | None = None
    reading_paused: Callable[[], bool] = field(default=lambda: False)

    def begin(self, phase: Phase, now: float) -> None:
        self.phase, self.since, self.received = phase, now, 0


class ConnectionGate:
    """All connections of one server. Lives on its event loop."""

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.clock = clock
        self.refused = 0
        self.ended: Counter[str] = Counter()
        self._places: dict[Place, None] = {}
        self._of_address: Counter[str] = Counter()
        self._sweeping: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, transport: asyncio.Transport) -> Place | None:
        """A place for a new connection, that of another one if need be; None when there is none to be had."""
        peer = transport.get_extra_info("peername")
        address = network_of(peer[0]) if isinstance(peer, tuple) else ""
        counted = "" if address in self.limits.trusted else address
        if counted and self._of_address[counted] >= self.limits.per_address:
            if not self._make_room(one for one in self._places if one.address == counted):
                self.refused += 1
                return None
        elif len(self._places) >= self.limits.total and not self._make_room(self._places):
            self.refused += 1
            return None
        place = Place(transport, counted, Phase.HEAD, self.clock())
        self._places[place] = None
        self._of_address[counted] += 1
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)
        return place

    def leave(self, place: Place) -> None:
        """The connection has ended. Idempotent."""
        if place not in self._places:
            return
        del self._places[place]
        self._of_address[place.address] -= 1
        if self._of_address[place.address] <= 0:
            del self._of_address[place.address]

    def overdue(self, place: Place, now: float) -> str:
        """Why this connection is to be ended now; empty while it is not."""
        limits, waited = self.limits, now - place.since
        if place.unread_since is not None and now - place.unread_since > limits.unread_s:
            return "unread"
        if place.phase is Phase.HEAD and waited > limits.head_s:
            return "head"
        if place.phase is Phase.BODY:
            if place.reading_paused():
                place.begin(Phase.BODY, now)  # it is we who do not read just now
            elif place.received < (waited - limits.body_grace_s) * limits.body_bytes_per_s:
                return "body"
        return ""

    def _make_room(self, places: Iterable[Place]) -> bool:
        """Close the connection that has waited longest for a request; False when all are at work."""
        waiting = [one for one in places if one.phase in {Phase.HEAD, Phase.IDLE}]
        if not waiting:
            return False
        longest = min(waiting, key=lambda one: one.since)
        self.ended["displaced"] += 1
        self.leave(longest)
        longest.transport.abort()
        return True

    def _sweep(self) -> None:
        now = self.clock()
        for place in list(self._places):
            why = self.overdue(place, now)
            if why:
                self.ended[why] += 1
                if why != "unread" and place.received:
                    place.transport.write(_plain_answer(HTTPStatus.REQUEST_TIMEOUT))
                    place.transport.close()
                    place.unread_since = now - self.limits.unread_s + _LAST_S  # nor may it hold this up
                else:
                    place.transport.abort()
        self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep) if self._places else None


_SWEEP_S = 0.5
_LAST_S = 2.0


def _plain_answer(status: HTTPStatus) -> bytes:
    text = f"{status.phrase}\n".encode("ascii")
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\ncontent-length: {len(text)}\r\n"
    return head.encode("ascii") + b"connection: close\r\n\r\n" + text


class GatedConfig(uvicorn.Config):
    """uvicorn's settings and the gate of its connections."""

    def __init__(self, app: Any, gate: ConnectionGate, **settings: Any) -> None:
        super().__init__(app, http=GatedHttpProtocol, ws=GatedSocketProtocol, **settings)
        self.gate = gate


class GatedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol; it tells the gate what each connection does."""

    config: GatedConfig
    _place: Place | None = None
    _head_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._place = self.config.gate.enter(transport)
        if self._place is None:
            transport.write(_plain_answer(HTTPStatus.SERVICE_UNAVAILABLE))
            transport.close()
        else:
            self._place.reading_paused = lambda: self.flow.read_paused

    def connection_lost(self, exc: Exception | None) -> None:
        if self._place is not None:
            self.config.gate.leave(self._place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        place = self._place
        if place is None or self.transport.is_closing():
            return
        place.received += len(data)
        super().data_received(data)
        if place.phase is Phase.HEAD and place.received > LARGEST_HEAD and not self.transport.is_closing():
            self._head_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self._begin(Phase.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > LARGEST_HEAD or len(self.headers) > MOST_HEADERS:
            self._head_too_large = True
            raise ValueError("the head of the request is too large")  # the parser's caller answers
        self._begin(Phase.BODY)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._begin(Phase.BUSY)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self._begin(Phase.IDLE)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._begin(Phase.SOCKET)
        super().handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if isinstance(protocol, GatedSocketProtocol):
            protocol.place = self._place

    def send_400_response(self, msg: str) -> None:
        if not self._head_too_large:
            super().send_400_response(msg)
            return
        self.transport.write(_plain_answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        self.transport.close()

    def pause_writing(self) -> None:
        if self._place is not None:
            self._place.unread_since = self.config.gate.clock()
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._place is not None:
            self._place.unread_since = None
        super().resume_writing()

    def _begin(self, phase: Phase) -> None:
        place = self._place
        # A slow head is timed from the connection's first moment, or from the first byte after an answer.
        if place is not None and not (phase is Phase.HEAD and place.phase is Phase.HEAD):
            place.begin(phase, self.config.gate.clock())


class GatedSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol; it gives the connection's place back at its end."""

    config: GatedConfig
    place: Place | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self.place is not None:
            self.config.gate.leave(self.place)
        super().connection_lost(exc)
