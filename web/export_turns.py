"""How many exports are made at once: a few, the next wait in a line, and who finds it full is told in words.

An export reads clips and packs them as fast as its reader takes them, for minutes; many at once would keep the disk and
the network from alerts. Nobody has more than two, made or waiting.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from data.errors import Busy

AT_ONCE, WAITING, PATIENCE_S = 2, 6, 60.0
OWN = 2  # of one person, in the line too


class ExportLine(NamedTuple):
    """How many are being made, and how many wait."""

    running: int
    waiting: int


@dataclass(slots=True)
class ExportTurn:
    """A place, or one in the line. `end` gives it to the next one. Idempotent."""

    who: str
    turns: ExportTurns
    granted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self) -> None:
        self.turns.end(self)


class ExportTurns:
    """Of one server, on its event loop."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, patience_s: float = PATIENCE_S) -> None:
        self._at_once = at_once
        self._most_waiting = waiting
        self._patience_s = patience_s
        self._running: list[ExportTurn] = []
        self._line: deque[ExportTurn] = deque()

    @property
    def line(self) -> ExportLine:
        return ExportLine(len(self._running), len(self._line))

    @property
    def limits(self) -> tuple[int, int, int]:
        """How many are made at once, how many may wait, and how many of them may be one person's."""
        return self._at_once, self._most_waiting, OWN

    def of(self, who: str) -> int:
        """How many are this person's."""
        return sum(one.who == who for one in (*self._running, *self._line))

    async def take(self, who: str) -> ExportTurn:
        """Wait for a place. Raises Busy: this person has two already, the line is full, or it did not move in time."""
        if self.of(who) >= OWN:
            raise Busy("two exports of yours are still being made", key="export.own", n=OWN)
        turn = ExportTurn(who, self)
        if len(self._running) < self._at_once:
            self._running.append(turn)
            return turn
        if len(self._line) >= self._most_waiting:
            raise Busy("too many exports wait already", key="export.full", n=len(self._line))
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._patience_s):
                await turn.granted
        except TimeoutError:
            turn.end()
            raise Busy("other exports take too long", key="export.late", n=round(self._patience_s)) from None
        except asyncio.CancelledError:
            turn.end()
            raise
        return turn

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """A place for as long as the block lasts. Raises Busy as `take`."""
        taken = await self.take(who)
        try:
            yield
        finally:
            taken.end()

    def end(self, turn: ExportTurn) -> None:
        if turn in self._line:
            self._line.remove(turn)
        elif turn in self._running:
            self._running.remove(turn)
        while self._line and len(self._running) < self._at_once:
            following = self._line.popleft()
            self._running.append(following)
            if not following.granted.done():
                following.granted.set_result(None)


class ExportResponse(StreamingResponse):
    """Ends its turn when it has gone out, or its reader has gone away."""

    def __init__(
        self, pieces: Iterator[bytes], turn: AsyncExitStack, *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._turn:
            await super().__call__(scope, receive, send)
