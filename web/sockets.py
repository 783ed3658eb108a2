"""What both sockets have in common: they end when the visitor goes, or is no longer allowed to stay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from web.sessions import Kind, SessionBook, Visitor

PING_S = 5.0
CLOSE_S = 2.0
SESSION_ENDED, NOT_ALLOWED, TOO_SLOW, NOT_UNDERSTOOD = 4401, 4403, 4408, 4400


async def until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    """Run all; when one ends, end the others. Raises what it raised, unless the visitor just went away."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        with contextlib.suppress(WebSocketDisconnect, asyncio.CancelledError):
            task.result()


async def while_allowed(websocket: WebSocket, book: SessionBook, visitor: Visitor) -> None:
    """Ends, closing the socket, when the session or token is revoked or expired, or its user has another role.

    It looks at once when the account has changed, and every few seconds in any case.
    """
    kind: Kind = "session" if visitor.by_cookie else "token"
    with book.watch(visitor.user.name) as changed:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await changed.wait()
            changed.clear()
            found = await book.still(visitor.session.secret_hash, kind)
            if found is None or found.user.role is not visitor.user.role:
                await close(websocket, SESSION_ENDED, "the session has ended")
                return


async def until_gone(websocket: WebSocket) -> None:
    """Ends when the visitor goes away; what they send meanwhile is not looked at."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def close(websocket: WebSocket, code: int, reason: str) -> None:
    """Close, but do not wait long for somebody who does not read."""
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(CLOSE_S):
            await websocket.close(code, reason)
