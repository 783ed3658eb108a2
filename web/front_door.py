"""Under which names, from where and over what the server may be reached: decided once at its start.

A server that others can reach speaks TLS, or stands behind a proxy that does; otherwise it does not start. What a
request says of its sender (`X-Forwarded-*`) is believed from the named proxy only, and a request for another host is
refused.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from cryptography import x509
from pydantic import ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from data.config.web import ProxySettings, WebSettings
from data.errors import InputRejected
from data.net.networks import Networks, is_loopback
from web.problems import problem

log = logging.getLogger(__name__)

FORWARDED = "yiping.forwarded"  # in the scope: True where a proxy handed the request on
BASE = "yiping.base"  # in the scope: the path of the proxy under which the screens lie, without a slash at its end
_FORWARDING = frozenset({b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip"})
_WITHOUT_HOST = frozenset({"/healthz", "/readyz"})  # asked by address; they tell nothing


@dataclass(frozen=True)
class FrontDoor:
    """`hosts`: names besides this machine's own; `trusted`: proxies; `base`: the proxy's path, empty or `/yiping`."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    trusted: tuple[str, ...] = ()
    base: str = ""
    _networks: Networks = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_networks", Networks(self.trusted))

    @property
    def networks(self) -> Networks:
        return self._networks

    def knows(self, host: str) -> bool:
        """Is this (a Host header) one of our names, or this machine's own?"""
        name = host_name(host)
        return name in self.hosts or is_loopback(name)


def host_name(host: str) -> str:
    """Name or address of a Host header, without port, brackets and a dot at its end; empty where there is none."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def front_door(
    settings: WebSettings,
    host: str,
    tls_cert: Path | None,
    *,
    proxies: Sequence[str] = (),
    hosts: Sequence[str] = (),
    path: str | None = None,
) -> FrontDoor:
    """What config.yaml and the command line say together. Raises InputRejected where it is not safe, and says why."""
    if proxies or path is not None:
        known = settings.behind_proxy
        given = tuple(proxies) or (known.trusted if known is not None else ())
        if not given:
            raise InputRejected("--proxy-path: name the proxy too: --behind-proxy 127.0.0.1")
        under = path if path is not None else (known.path if known is not None else "")
        proxy: ProxySettings | None = _proxy(given, under)
    else:
        proxy = settings.behind_proxy
    named = _hosts((*settings.allowed_hosts, *hosts))
    in_certificate = certificate_names(tls_cert) if tls_cert is not None else frozenset()
    public = not is_loopback(host)
    if public and tls_cert is None and proxy is None:
        raise InputRejected(
            f"--host {host} would let other machines in without encryption: give --tls-cert and --tls-key "
            "(python app.py tls init makes them), or name the reverse proxy in front in web.behind_proxy "
            "(--behind-proxy ADDRESS) and the names of the screens in web.allowed_hosts (--allowed-host NAME)"
        )
    if proxy is not None and not named:
        raise InputRejected(
            "behind a proxy web.allowed_hosts (--allowed-host NAME) must say by which names the screens are opened"
        )
    own = {host_name(host)} if public and not _is_everything(host) else set()
    found = frozenset({*named, *in_certificate, *own})
    if public and not found:
        raise InputRejected("web.allowed_hosts: the certificate holds no name, so say by which the screens are opened")
    trusted = proxy.trusted if proxy is not None else ()
    return FrontDoor(found, frozenset(settings.allowed_origins), trusted, proxy.path if proxy is not None else "")


def _proxy(trusted: Sequence[str], path: str) -> ProxySettings:
    try:
        return ProxySettings(trusted=tuple(trusted), path=path.rstrip("/"))
    except ValidationError as error:
        found = error.errors()[0]
        flag = "--behind-proxy" if "trusted" in found["loc"] else "--proxy-path"
        raise InputRejected(f"{flag}: {found['msg']}") from error


def _hosts(named: Sequence[str]) -> tuple[str, ...]:
    try:
        return WebSettings(allowed_hosts=tuple(named)).allowed_hosts
    except ValidationError as error:
        raise InputRejected(f"--allowed-host: {error.errors()[0]['msg']}") from error


def certificate_names(path: Path) -> frozenset[str]:
    """Host names and addresses in a certificate. Raises InputRejected when it cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    except (OSError, ValueError) as error:
        raise InputRejected(f"--tls-cert {path}: cannot be read as a PEM certificate ({error})") from error
    hosts = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return frozenset(hosts | {str(address) for address in names.get_values_for_type(x509.IPAddress)})


def _is_everything(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def shown_address(scheme: str, host: str, port: int, base: str = "") -> str:
    """The address as a browser takes it: `http://[::1]:8050`."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{base}"


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
