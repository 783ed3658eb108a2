"""Marks every page of a drill 演练 in red, and keeps its logins apart from the city's.

It stands outside of everything that makes pages, so that no page can be forgotten: what leaves the server as a whole
HTML page gets the bar. Browsers keep one set of cookies for all ports of a host, so ours have other names in a drill:
who logs in there stays logged in at the city's screens, and neither server is shown the other's session.
"""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from layouts.words import LANGUAGE_COOKIE

PREFIX = "drill_"
_OURS = "yiping_"
_STYLE = (
    "#drill-bar{position:fixed;top:0;left:0;right:0;height:2.6rem;z-index:5000;box-sizing:border-box;padding:0 .8rem;"
    "display:flex;gap:0 1rem;align-items:center;justify-content:center;overflow:hidden;background:#c4001d;color:#fff;"
    "font:700 1.05rem/1.3 system-ui,'Noto Sans CJK SC','Noto Sans SC','Microsoft YaHei',sans-serif;text-align:center;"
    "border-bottom:4px double #fff}#drill-bar b{font-size:1.4rem;letter-spacing:.3em;white-space:nowrap}"
    "body{padding-top:2.6rem!important}.frame{height:calc(max(100vh,54rem) - 2.6rem)}"
    "@media(max-width:60rem){#drill-bar{flex-direction:column;height:4.8rem;font-size:.85rem}"
    "body{padding-top:4.8rem!important}.frame{height:calc(max(100vh,54rem) - 4.8rem)}}"
)
_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
_BAR = (
    f"<style>{_STYLE}</style>"
    '<div id="drill-bar" role="status" aria-label="演练 DRILL"><b>演练 DRILL</b>'
    "<span>非真实警情，不通知、不派遣任何人</span><span>Not real: nobody is told, nobody is sent</span></div>"
)
_BODY = re.compile(rb"<body([^>]*)>", re.IGNORECASE)
_STYLES_FROM = re.compile(r"(^|;\s*)style-src ")


class DrillMark:
    """Middleware for a drill's server alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        # In place: layers outside of this one look at the same scope when the answer is sent.
        scope["headers"] = [
            (name, _own_cookies(value) if name == b"cookie" else value) for name, value in scope["headers"]
        ]
        await self._app(scope, receive, _Answer(send).send)


class _Answer:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None  # of a page, which is held back until all of it is there
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            _rename_cookies(headers)
            message = {**message, "headers": headers.raw}
            if headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)
            return
        await self._send(message)

    async def _send_page(self, start: Message) -> None:
        found = _BODY.search(self._body)
        headers = MutableHeaders(raw=list(start["headers"]))
        if found is not None:
            opening = b'<body data-cookies="' + PREFIX.encode() + b'"' + found[1] + b">"
            self._body = self._body[: found.start()] + opening + _BAR.encode() + self._body[found.end() :]
            headers["content-length"] = str(len(self._body))
            policy = headers.get("content-security-policy")
            if policy is not None:
                headers["content-security-policy"] = _STYLES_FROM.sub(rf"\1style-src {_HASH} ", policy)
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": self._body})


def _is_renamed(name: str) -> bool:
    return name.startswith(_OURS) and name != LANGUAGE_COOKIE


def _own_cookies(header: bytes) -> bytes:
    """Of a browser's cookies those of the drill, under the names that the server knows; the city's are left out."""
    kept = []
    for pair in header.decode("latin-1").split(";"):
        name, equals, value = pair.strip().partition("=")
        if name.startswith(PREFIX):
            kept.append(f"{name.removeprefix(PREFIX)}{equals}{value}")
        elif not _is_renamed(name):
            kept.append(f"{name}{equals}{value}")
    return "; ".join(kept).encode("latin-1")


def _rename_cookies(headers: MutableHeaders) -> None:
    """The cookies that the server sets, under the drill's names."""
    headers.raw[:] = [
        (name, PREFIX.encode() + value if name == b"set-cookie" and _sets_ours(value) else value)
        for name, value in headers.raw
    ]


def _sets_ours(value: bytes) -> bool:
    return _is_renamed(value.decode("latin-1").partition("=")[0].strip())
