"""The pages of the screens as routes of their own: each is served only to whom the access table names for it."""

from __future__ import annotations

from collections.abc import Callable

from dash.backends._fastapi import get_current_request
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from data.model.people import User
from web.access_table import SCREENS
from web.api.wall_screens import keep_cookies
from web.auth import SESSION_COOKIE, visitor_of
from web.sessions import Visitor
from web.wall_screens import SCREEN


def screen_router(page: Callable[[Visitor], str]) -> APIRouter:
    """`/`, `/duty` ...: `page` gives the HTML with what its visitor may read."""
    router = APIRouter(include_in_schema=False)

    async def show(request: Request) -> HTMLResponse:
        visitor = visitor_of(request)
        answer = HTMLResponse(page(visitor))
        if visitor.session.kind == SCREEN:  # browsers forget a cookie after some time, but a wall stays on
            keep_cookies(request, answer, request.cookies[SESSION_COOKIE], visitor.session.csrf)
        return answer

    for path in SCREENS:
        router.add_api_route(path, show, methods=["GET"], name=f"screen {path}")
    return router


def words_router(path: str, script: bytes) -> APIRouter:
    """The texts of the screens: a file of its own, which a browser asks for once."""
    router = APIRouter(include_in_schema=False)

    async def words(mark: str) -> Response:
        if f"/words/{mark}.js" != path:
            return Response(status_code=404)
        kept = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(script, media_type="text/javascript", headers=kept)

    router.add_api_route("/words/{mark}.js", words, methods=["GET"])
    return router


def visitor_of_callback() -> User:
    """Who sent the Dash request that is being answered. Raises Unauthenticated."""
    return visitor_of(get_current_request()).user
