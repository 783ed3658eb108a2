"""Who may pass: an ASGI middleware in front of everything, Dash included.

It finds the visitor (session cookie, or bearer token), lets pass whom the access table names for the registered
route, refuses writes that another site sent, and puts security headers on every answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.errors import Forbidden, NotFound
from data.model.people import Action, User, may
from web.access import AccessGate, Entry
from web.access_table import ENROLMENT, PAGES, WEBSOCKET, WITHOUT_CSRF_TOKEN
from web.addresses import network_of
from web.front_door_middleware import refused_page
from web.problems import Unauthenticated, problem, refusal
from web.sessions import SessionBook, Visitor
from web.wall_screens import OFFICER_HEADER, Hands

log = logging.getLogger(__name__)

SESSION_COOKIE = "yiping_session"
CSRF_COOKIE = "yiping_csrf"
CSRF_HEADERS = ("x-csrf-token", "x-csrftoken")  # the second is what Dash's renderer sends by itself
RESPONDER_HOME = "/r"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SCOPE_KEY = "yiping.visitor"
_GONE_S = 1.0
_NO_PAGE = 'attachment; filename="api.json"'  # an answer that is opened as an address is never drawn as a page
_STRICT_TRANSPORT = "max-age=2592000"  # 30 days: a local CA may be changed

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=()",
}


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Who sends this request. Raises Unauthenticated."""
    visitor: Visitor | None = connection.scope.get(_SCOPE_KEY)
    if visitor is None:
        raise Unauthenticated("log in, or send a bearer token")
    return visitor


def found_visitor(connection: HTTPConnection) -> Visitor | None:
    """Who sends this request, None for a stranger (public pages)."""
    visitor: Visitor | None = connection.scope.get(_SCOPE_KEY)
    return visitor


def same_origin(connection: HTTPConnection, allowed: frozenset[str]) -> bool:
    """Was this sent by a page of ours? True also where no browser says anything (curl, scripts)."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") in (None, "same-origin", "none")
    return origin in allowed or urlsplit(origin).netloc == connection.headers.get("host")


ScreenPage = Callable[[Visitor], str]
UserNamed = Callable[[str], Awaitable[User]]


class AuthMiddleware:
    """`policy` gives the Content-Security-Policy of pages that bring none of their own.

    `screens` draws the page for a visitor of the screens who asks for an address that is none, or not theirs.
    """

    def __init__(  # noqa: PLR0917 - built by Starlette, by name
        self,
        app: ASGIApp,
        book: SessionBook,
        gate: AccessGate,
        policy: Callable[[], str],
        screens: ScreenPage,
        allowed_origins: frozenset[str],
        hands: Hands,
        user_named: UserNamed,
    ) -> None:
        self._app = app
        self._book = book
        self._gate = gate
        self._policy = policy
        self._screens = screens
        self._allowed_origins = allowed_origins
        self._hands = hands
        self._user_named = user_named

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        secured = _with_headers(send, scope, self._policy)
        refused = await self._refused(connection)
        if refused is None:
            await self._app(scope, receive, secured)
        elif scope["type"] == "websocket":
            await _refuse_socket(refused, scope, receive, send)
        else:
            await refused(scope, receive, secured)

    async def _refused(self, connection: HTTPConnection) -> Response | None:
        """The answer instead of the application's, None when the visitor may pass."""
        try:
            visitor = await self._identify(connection)
        except Unauthenticated as error:
            return refusal(error)
        entry = self._gate.entry(connection.scope)
        try:
            visitor = await self._lent_hand(connection, visitor, entry)
        except Forbidden as error:
            return refusal(error)
        connection.scope[_SCOPE_KEY] = visitor
        if entry is None:
            return self._nothing_here(connection, visitor)
        role = None if visitor is None else visitor.user.role
        if entry.method is None and (visitor is not None or None in entry.who):
            return problem(
                405,
                f"{connection.scope.get('method', 'a socket')} is not possible at {connection.scope['path']}",
                headers={"Allow": ", ".join(entry.possible)},
            )
        if role not in entry.who:
            return self._kept_out(connection, visitor, entry)
        if visitor is not None and visitor.must_enrol and entry.path not in ENROLMENT:
            if entry.path in PAGES and entry.method == "GET":
                return RedirectResponse("/account", 303)
            return refusal(Forbidden("this role needs a second factor: set one up at /account first"))
        try:
            self._check_sender(connection, visitor, entry)
        except Forbidden as error:
            return _foreign_login(connection) if entry.path.startswith("/login") else refusal(error)
        return None

    def _nothing_here(self, connection: HTTPConnection, visitor: Visitor | None) -> Response:
        """404, for those who may see the screens and ask with a browser as a page; a stranger learns nothing."""
        if visitor is None:
            return refusal(Unauthenticated("log in, or send a bearer token"))
        if _wants_page(connection) and may(visitor.user.role, Action.READ):
            return HTMLResponse(self._screens(visitor), 404)
        return problem(404, f"there is nothing at {connection.scope['path']}")

    def _kept_out(self, connection: HTTPConnection, visitor: Visitor | None, entry: Entry) -> Response:
        """Pages send a stranger to the login, a responder to the phone page; everything else is refused with words."""
        is_page = entry.path in PAGES and entry.method == "GET"
        if visitor is None:
            if not is_page:
                return refusal(Unauthenticated("log in, or send a bearer token"))
            path, query = connection.scope["path"], connection.url.query
            aim = quote(path + (f"?{query}" if query else ""), safe="/")
            return RedirectResponse("/login" if path == "/" else f"/login?next={aim}", 303)
        role = visitor.user.role
        if is_page and may(role, Action.READ_OWN_TASKS) and not may(role, Action.READ):
            return RedirectResponse(RESPONDER_HOME, 303)
        if is_page and _wants_page(connection):
            return HTMLResponse(self._screens(visitor), 403)
        needed = " or ".join(entry.who.actions) or "use this"
        return refusal(Forbidden(f"role {role} may not {needed}"))

    async def _identify(self, connection: HTTPConnection) -> Visitor | None:
        """By bearer token where one is given, else by cookie. Raises Unauthenticated for a token that is no good."""
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if connection.scope["type"] == "websocket" and "token" in connection.query_params:
            raise Unauthenticated("a token in the address ends up in logs: send it as Authorization: Bearer")
        if scheme.lower() == "bearer":
            visitor = await self._book.visitor(token.strip(), "token")
            if visitor is None:
                raise Unauthenticated("the bearer token is unknown, expired or revoked")
            return visitor
        cookie = connection.cookies.get(SESSION_COOKIE)
        visitor = await self._book.visitor(cookie, "session") if cookie else None
        if visitor is not None and visitor.session.kind == "screen" and not _sits_where_enrolled(connection, visitor):
            # A copied cookie shows nothing elsewhere.
            log.warning("screen %s was asked for from another address: refused", visitor.user.name)
            return None
        return visitor

    async def _lent_hand(
        self, connection: HTTPConnection, visitor: Visitor | None, entry: Entry | None
    ) -> Visitor | None:
        """At a wall's screen the officer whose grant came with this step, else the visitor. Raises Forbidden."""
        grant = connection.headers.get(OFFICER_HEADER)
        if grant is None or visitor is None or entry is None:
            return visitor
        name = self._hands.take(grant, visitor, entry.method, entry.path)
        try:
            officer = await self._user_named(name)
        except NotFound:
            officer = None
        if officer is None or officer.disabled_at is not None:
            raise Forbidden("this officer has no account any more", key="hand.gone")
        return replace(visitor, user=officer)

    def _check_sender(self, connection: HTTPConnection, visitor: Visitor | None, entry: Entry) -> None:
        """Raises Forbidden for what a page of another site made the browser send."""
        if visitor is not None and not visitor.by_cookie:
            return  # another site's page does not know the token
        is_socket, writes = entry.method == WEBSOCKET, entry.method not in _SAFE and entry.method != WEBSOCKET
        if (writes or is_socket) and not same_origin(connection, self._allowed_origins):
            raise Forbidden("this was sent by a page of another site")
        if visitor is None or not writes:
            return
        given = next((connection.headers[name] for name in CSRF_HEADERS if name in connection.headers), None)
        if given is None and (entry.method, entry.path) in WITHOUT_CSRF_TOKEN:
            return
        if entry.path.startswith("/login"):
            return  # whoever logs in anew may still have the cookie of the last session
        expected = visitor.session.csrf
        if not expected or not hmac.compare_digest((given or "").encode(), expected.encode()):
            raise Forbidden("X-CSRF-Token is missing or wrong; /api/v1/me tells it")


def _sits_where_enrolled(connection: HTTPConnection, visitor: Visitor) -> bool:
    address = connection.client.host if connection.client else ""
    return network_of(address) == network_of(visitor.session.address)


def _foreign_login(connection: HTTPConnection) -> Response:
    """The login page was opened under another address than the one that the server sees: people read why."""
    origin, host = connection.headers.get("origin", "-")[:200], connection.headers.get("host", "-")[:200]
    return refused_page(
        connection.scope,
        403,
        f"登录页的地址是 {origin}，而服务器收到的地址是 {host}，因此没有登录。"
        "经由反向代理时，请代理传递 Host，或由管理员把该地址写入 web.allowed_origins。",
        f"This login was sent by a page of {origin}, but the server was asked as {host}: nobody was logged in. "
        "Behind a proxy: let it hand on Host, or have an administrator add the address to web.allowed_origins.",
        always_page=True,
    )


def _wants_page(connection: HTTPConnection) -> bool:
    return connection.scope.get("method") == "GET" and "text/html" in connection.headers.get("accept", "")


def _with_headers(send: Send, scope: Scope, policy: Callable[[], str]) -> Send:
    # Scripts and styles are asked for again by their ETag; what people see is never kept by a browser.
    caching = "private, no-cache" if scope["path"].startswith("/assets/") else "no-store"

    plain = content_policy()

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", caching)
            # The hashes are of styles and scripts inside of pages: two kilobytes that no other answer needs.
            is_page = headers.get("content-type", "").startswith("text/html")
            headers.setdefault("Content-Security-Policy", policy() if is_page else plain)
            if "/api/" in scope["path"] and "json" in headers.get("Content-Type", ""):
                headers.setdefault("Content-Disposition", _NO_PAGE)
            if scope["scheme"] == "https":
                headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
        await send(message)

    return secured


async def _refuse_socket(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the handshake by HTTP where the server can, so that a client learns the reason."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        code = 4401 if answer.status_code == 401 else 4403
        await send({"type": "websocket.close", "code": code, "reason": "refused"})
        return
    await answer(scope, receive, send)
    # uvicorn takes the handshake for unfinished, and logs an error, until the connection is gone: wait for that.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GONE_S):
            for _ in ("connect", "refused", "gone"):
                await receive()


def content_policy(script_hashes: tuple[str, ...] = (), style_hashes: tuple[str, ...] = ()) -> str:
    """Everything from this host only; of scripts and style elements inside a page those with these hashes.

    Style attributes are let in: Plotly draws its axes with them. One can load nothing, since everything else is closed.
    """
    parts = (
        "default-src 'self'",
        "script-src " + " ".join(("'self'", *script_hashes)),
        "style-src " + " ".join(("'self'", *(f"'{one}'" for one in style_hashes))),
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return "; ".join(parts)
