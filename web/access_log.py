"""One line a request, without query strings (a socket's token may stand there), and the server's own figures."""

from __future__ import annotations

import logging
import time
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.metrics import WebMeters
from web.sessions import Visitor

log = logging.getLogger("web.access")

_AREAS = ("/api/", "/media/", "/_dash", "/assets/", "/r/", "/login")


class AccessLog:
    """Outside of everything else, so that refused requests are seen too."""

    def __init__(self, app: ASGIApp, meters: WebMeters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - begun
            path: str = scope["path"]
            area = next((area.strip("/") for area in _AREAS if f"{path}/".startswith(area)), "page")
            self._meters.answered("acknowledge" if path.endswith("/acknowledge") else area, status, seconds)
            visitor: Visitor | None = scope.get("yiping.visitor")
            level = logging.DEBUG if area in ("assets", "_dash", "media") and status < 400 else logging.INFO
            client = scope["client"][0] if scope.get("client") else "-"
            who = "-" if visitor is None else visitor.user.name
            # quoted: a path may hold line breaks
            log.log(level, "%s %s %s %s %d %.0f ms", client, who, scope["method"], quote(path), status, seconds * 1000)


class WithoutQuery(logging.Filter):
    """Takes query strings out of what uvicorn logs of sockets."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                one.partition("?")[0] if isinstance(one, str) and one.startswith("/") else one for one in record.args
            )
        return True
