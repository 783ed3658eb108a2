"""Holds every request to the front door (web/front_door.py).

What a request says of its sender (`X-Forwarded-*`) is believed from the named proxy only, and a request for another
host is refused.
"""

from __future__ import annotations

import ipaddress
import logging
from html import escape

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from data.net.networks import is_loopback
from web.front_door import FrontDoor, host_name
from web.problems import problem

log = logging.getLogger(__name__)

FORWARDED = "yiping.forwarded"  # in the scope: True where a proxy handed the request on
BASE = "yiping.base"  # in the scope: the path of the proxy under which the screens lie, without a slash at its end
_FORWARDING = frozenset({b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip"})
_WITHOUT_HOST = frozenset({"/healthz", "/readyz"})  # asked by address; they tell nothing


class FrontDoorMiddleware:
    """Outermost: finds the true sender, refuses foreign hosts, and takes the proxy's path off and puts it back on."""

    def __init__(self, app: ASGIApp, door: FrontDoor) -> None:
        self._app = app
        self._door = door
        # Takes the last address of X-Forwarded-For that is no proxy of ours, and X-Forwarded-Proto.
        self._believing = ProxyHeadersMiddleware(self._go_on, list(door.trusted))  # type: ignore[arg-type]
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope = dict(scope)
        _plain_address(scope)
        handed_on = any(name in _FORWARDING or name.startswith(b"x-forwarded-") for name, _ in scope["headers"])
        scope[FORWARDED] = handed_on
        peer = scope["client"][0] if scope.get("client") else ""
        refused = self._refused(scope, peer, handed_on=handed_on)
        if refused is not None:
            await _answer(refused, scope, receive, send)
        elif peer in self._door.networks:
            await self._believing(scope, receive, send)  # type: ignore[arg-type]
        else:
            if handed_on and not self._told:
                self._told = True
                log.warning(
                    "%s hands on requests for others, but is not named in web.behind_proxy.trusted: what it says of "
                    "them is not believed, and all of them count as one address",
                    peer,
                )
            await self._go_on(scope, receive, send)

    def _refused(self, scope: Scope, peer: str, *, handed_on: bool) -> Response | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if scope["path"] in _WITHOUT_HOST:
            return None
        host = hosts[0] if len(hosts) == 1 else ""
        if handed_on and peer in self._door.networks and is_loopback(host_name(host)):
            # The proxy asks for our own address instead of the name that the browser asked for.
            return None if host_name(host) in self._door.hosts else _not_handed_on(scope)
        return None if self._door.knows(host) else _foreign(scope, host)

    async def _go_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        _plain_address(scope)
        base = self._door.base
        if not base:
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        scope[BASE] = base
        if path == base and scope["type"] == "http":
            await RedirectResponse(f"{base}/", 308)(scope, receive, send)
            return
        if path.startswith(f"{base}/"):  # the proxy may take it off by itself
            scope["path"] = path.removeprefix(base)
            raw: bytes = scope.get("raw_path") or b""
            scope["raw_path"] = raw.removeprefix(base.encode("ascii"))

        async def under_base(message: Message) -> None:
            if message["type"] == "http.response.start":
                _put_base(MutableHeaders(scope=message), base)
            await send(message)

        await self._app(scope, receive, under_base)


def _plain_address(scope: Scope) -> None:
    """An IPv4 client of an IPv6 socket under its IPv4 address."""
    client = scope.get("client")
    if client is None:
        return
    try:
        found = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        scope["client"] = (str(found.ipv4_mapped), client[1])


def _put_base(headers: MutableHeaders, base: str) -> None:
    """Redirects and cookies as the browser must see them: under the proxy's path."""
    aim = headers.get("location", "")
    if aim.startswith("/") and not aim.startswith("//") and aim != base and not aim.startswith(f"{base}/"):
        headers["location"] = base + aim
    cookies = headers.getlist("set-cookie")
    if cookies:
        del headers["set-cookie"]
        for cookie in cookies:
            parts = [
                f" Path={base}{part.strip()[5:]}" if part.strip().lower().startswith("path=/") else part
                for part in cookie.split(";")
            ]
            headers.append("set-cookie", ";".join(parts))


def _foreign(scope: Scope, host: str) -> Response:
    shown = host[:100] or "-"
    return refused_page(
        scope,
        421,
        f"这里不是 {shown}。如果这是本系统的地址，请管理员写入 web.allowed_hosts。",
        f"This server is not {shown}. If it should be, an administrator adds the name to web.allowed_hosts.",
    )


def _not_handed_on(scope: Scope) -> Response:
    return refused_page(
        scope,
        421,
        "反向代理没有传递浏览器访问的主机名（Host）。请参照 docs/operations.md 设置代理。",
        "The reverse proxy does not hand on the host name that the browser asked for (Host): see docs/operations.md.",
    )


def refused_page(scope: Scope, status: int, zh: str, en: str, *, always_page: bool = False) -> Response:
    """A refusal in words: a small page for a browser, a problem document for everything else."""
    if scope["type"] != "http" or ("text/html" not in Headers(scope=scope).get("accept", "") and not always_page):
        return problem(status, f"{zh} / {en}")
    back = f"{scope.get(BASE, '')}/login"
    html = (
        '<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8"><title>一屏 Yiping</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f'<body><h1>{status}</h1><p>{escape(zh)}</p><p lang="en">{escape(en)}</p>'
        f'<p><a href="{escape(back)}">登录 / Log in</a></p></body></html>'
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"})


async def _answer(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await answer(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 4403, "reason": "refused"})
