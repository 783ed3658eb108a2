"""How much may be sent: photos have room, everything else is small.

The framework's own limit answers in plain text and outside of our headers; this one answers with a problem.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.auth import found_visitor
from web.photo import LARGEST_BYTES
from web.problems import TooLarge, TooMany, refusal
from web.uploads import UploadPlaces

_PHOTO = LARGEST_BYTES + 128 * 1024  # the photo and what a form puts around it
_DASH = 2 * 1024 * 1024
_SETTINGS = 4 * 1024 * 1024  # a thousand cameras with their zones and rules
_OTHER = 256 * 1024
_DRAINED = 4 * _PHOTO  # read and thrown away, so that a browser sees the answer and not a broken connection


def limit_of(path: str) -> int:
    """The most bytes that may be sent to this path."""
    is_report = path.startswith("/api/v1/tasks/") and path.endswith("/report")
    is_reference = path.startswith("/api/v1/sites/") and path.endswith("/references")
    if is_report or is_reference or path in {"/api/v1/reports", "/api/v1/entries", "/api/v1/inspections"}:
        return _PHOTO
    large = {"/api/v1/warnings", "/api/v1/alertmanager", "/api/v1/organisation/import"}
    if path == "/api/v1/settings" or path.startswith("/api/v1/settings/"):
        return _SETTINGS
    if path.startswith("/_dash") or path in large:
        return _DASH
    return _OTHER


class BodyLimit:
    """Middleware behind the login, which strangers do not pass."""

    def __init__(self, app: ASGIApp, uploads: UploadPlaces) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            await _drain(receive)
            await refusal(TooLarge(f"{declared} bytes were sent, {limit} are taken here at most"))(scope, receive, send)
            return
        visitor = found_visitor(HTTPConnection(scope))
        if limit != _PHOTO or scope["method"] != "POST" or visitor is None:
            await self._app(scope, _counted(receive, limit), send)
            return
        try:
            self._uploads.take(visitor.user.name)
        except TooMany as error:
            await _drain(receive)
            await refusal(error)(scope, receive, send)
            return
        try:
            await self._app(scope, _counted(receive, limit), send)
        finally:
            self._uploads.leave(visitor.user.name)


def _counted(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413)
        return message

    return counted


async def _drain(receive: Receive) -> None:
    left = _DRAINED
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        left -= len(message.get("body", b""))
