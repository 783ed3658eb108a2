"""Scripts and styles leave the server gzipped: a page's cold load is a third of what it would be.

Only files that are the same for everybody. What is made for one visitor is never compressed, since the size of a
compressed answer that holds both a secret and what somebody else has sent would give the secret away (BREACH).
"""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FILES = ("/assets/", "/_dash-component-suites/", "/account/assets/", "/words/")
_TYPES = ("text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml", "text/plain")
LEAST_BYTES = 1_000  # less is not worth a header
MOST_BYTES = 16 << 20
KEPT_BYTES = 24 << 20
_LEVEL = 9  # it happens once

_Key = tuple[str, bytes, str, str]  # path, query, ETag or time of change, length


class CompressedFiles:
    """Middleware. A file is compressed once, on a thread, and kept; at most `kept_bytes` of them."""

    def __init__(self, app: ASGIApp, kept_bytes: int = KEPT_BYTES) -> None:
        self._app = app
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self.size = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not scope["path"].startswith(_FILES):
            await self._app(scope, receive, send)
            return
        answer = _Answer(self, scope, send, accepted=_takes_gzip(Headers(scope=scope)))
        await self._app(scope, receive, answer.send)

    async def compressed(self, key: _Key, body: bytes) -> bytes:
        """`body` gzipped; the key's, if it is known."""
        known = self.known(key)
        if known is not None:
            return known
        made = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
        if key not in self._kept:
            self._kept[key] = made
            self.size += len(made)
        while self.size > self._kept_bytes:
            _, gone = self._kept.popitem(last=False)
            self.size -= len(gone)
        return made

    def known(self, key: _Key) -> bytes | None:
        """What is kept for the key."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)


class _Answer:
    """One answer on its way: its start is held back until its body is whole."""

    def __init__(self, files: CompressedFiles, scope: Scope, send: Send, *, accepted: bool) -> None:
        self._files = files
        self._scope = scope
        self._send = send
        self._accepted = accepted
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if not _is_worth_it(message["status"], headers):
                await self._send(message)
                return
            headers.add_vary_header("Accept-Encoding")
            if self._accepted and self._scope["method"] == "GET":
                self._start = message
            else:
                await self._send(message)
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._send_compressed(self._start)

    async def _send_compressed(self, start: Message) -> None:
        headers = MutableHeaders(scope=start)
        state = headers.get("etag") or headers.get("last-modified", "")
        key = (self._scope["path"], self._scope.get("query_string", b""), state, str(len(self._body)))
        made = await self._files.compressed(key, bytes(self._body))
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(made))
        if "etag" in headers and not headers["etag"].startswith("W/"):
            headers["ETag"] = f"W/{headers['etag']}"  # the same file in other bytes
        await self._send(start)
        await self._send({"type": "http.response.body", "body": made})


def _is_worth_it(status: int, headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip()
    length = int(headers.get("content-length", LEAST_BYTES))
    is_whole = status == HTTPStatus.OK and "content-encoding" not in headers
    return is_whole and kind in _TYPES and LEAST_BYTES <= length <= MOST_BYTES


def _takes_gzip(headers: Headers) -> bool:
    """Does the asker take gzip? `gzip;q=0` says that it does not."""
    for one in headers.get("accept-encoding", "").lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        if name == "gzip":
            return not any(part.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for part in parameters)
    return False
