"""Every request has an id: in its answer's header `X-Request-ID`, in problem documents, in each line of the log.

A proxy or a client may give one; what is not plain is replaced, since it would stand in logs and headers.
"""

from __future__ import annotations

import random
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

HEADER = "X-Request-ID"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_THINGS = re.compile(r"/(alerts|events|tasks)/([0-9]{1,18})(?=/|$)")
_ID_OF = {"alerts": "alert_id", "events": "event_id", "tasks": "task_id"}
_ANSWERS = frozenset({"http.response.start", "websocket.accept"})


class RequestIds:
    """Outermost of all: a refusal by any other middleware has an id, too.

    The ids stay bound when the request has ended: its server still has to log what went wrong, and each request runs
    in a context of its own.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # An id is no secret. The system's random numbers give up the interpreter's lock at each call, and the loop
        # that serves everybody would wait for it once more for each request.
        self._chance = random.Random()  # noqa: S311 - see above

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist(HEADER)
        request_id = given[0] if len(given) == 1 and _PLAIN.fullmatch(given[0]) else self._new_id()
        clear_contextvars()
        things = {_ID_OF[topic]: int(number) for topic, number in _THINGS.findall(scope["path"])}
        bind_contextvars(request_id=request_id, **things)

        async def answered(message: Message) -> None:
            if message["type"] in _ANSWERS:
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, answered)

    def _new_id(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"


def present_request_id() -> str:
    """Of the request that is being answered; empty outside of one."""
    return str(get_contextvars().get("request_id", ""))
