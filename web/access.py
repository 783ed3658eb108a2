"""Finds the row of the access table that a request falls under, by matching the routes that the server has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match, Mount, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from web.access_table import NOBODY, TABLE, WEBSOCKET, Who

CATCH_ALL = "{path:path}"  # Dash adds it when the server starts


class ApiRoute(BaseRoute):
    """Everything under `/api/` goes to the API with its whole path; Dash never answers there with its page."""

    def __init__(self, api: FastAPI) -> None:
        self.api = api

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_http = scope["type"] == "http"
        path = get_route_path(scope)
        return (Match.FULL if is_http and (path == "/api" or path.startswith("/api/")) else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self.api
        await app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Registered:
    """A route as the server has it. `methods` of a socket is WEBSOCKET alone."""

    path: str
    methods: frozenset[str]
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the table says about one request. `method` None: the path is known, but not with this method."""

    path: str
    method: str | None
    who: Who
    possible: tuple[str, ...] = ()


def registered_routes(app: FastAPI) -> Iterator[Registered]:
    """Every route of the server, in the order in which they are tried, those of the API included.

    Raises TypeError for a kind of route that is not understood: nothing may be served that was not looked at.
    """
    for context in iter_route_contexts(app.router.routes):
        route = context.original_route
        if isinstance(route, ApiRoute):
            yield from registered_routes(route.api)
            continue
        if isinstance(route, Mount):
            path = f"{context.path}/{{path:path}}"
            yield Registered(path, frozenset({"GET", "HEAD"}), compile_path(path)[0])
            continue
        regex = getattr(context, "path_regex", None)
        if context.path is None or regex is None:
            raise TypeError(f"{type(route).__name__} is no route that the access table can name")
        yield Registered(context.path, frozenset(context.methods or {WEBSOCKET}), regex)


def unnamed_routes(routes: Iterable[Registered], table: Mapping[str, Mapping[str, Who]] = TABLE) -> list[str]:
    """`POST /x` for everything that is registered and stands in no row of the table."""
    return [
        f"{method} {route.path}"
        for route in routes
        for method in sorted(route.methods)
        if method not in table.get(route.path, {})
    ]


class AccessGate:
    """The table over the routes of one server. Build it when all routes are there.

    Raises LookupError, naming them, when there are routes that the table does not name.
    """

    def __init__(self, app: FastAPI) -> None:
        self._routes = tuple(route for route in registered_routes(app) if route.path != CATCH_ALL)
        unnamed = unnamed_routes(self._routes)
        if unnamed:
            raise LookupError(f"web/access_table.py has no row for {', '.join(unnamed)}")

    def entry(self, scope: Scope) -> Entry | None:
        """The row of this request; None when no route has this path."""
        path = get_route_path(scope)
        method = WEBSOCKET if scope["type"] == "websocket" else scope["method"]
        fitting = [
            route
            for route in self._routes
            if (WEBSOCKET in route.methods) == (method == WEBSOCKET) and route.regex.match(path)
        ]
        if not fitting:
            return None
        # As the router does it: the first route that has path and method, else the first that has the path.
        chosen = next((route for route in fitting if method in route.methods), None)
        if chosen is not None:
            return Entry(chosen.path, method, TABLE[chosen.path].get(method, NOBODY))
        first = fitting[0].path
        possible = tuple(sorted({one for route in fitting if route.path == first for one in route.methods}))
        return Entry(first, None, reduce(or_, (TABLE[first].get(one, NOBODY) for one in possible)), possible)
