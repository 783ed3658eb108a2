"""The body of a request that a guard has read, for whoever comes after the guard."""

from __future__ import annotations

from starlette.types import Message, Receive


def replayed(content: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the whole body once, and then whatever `receive` gives (that the client has gone)."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return again
