"""The pages of the screens as routes of their own: each is served only to whom the access table names for it."""

from __future__ import annotations

from collections.abc import Callable

from dash.backends._fastapi import get_current_request
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from data.model.people import User
from web.access_table import SCREENS
from web.auth import visitor_of
from web.sessions import Visitor


def screen_router(page: Callable[[Visitor], str]) -> APIRouter:
    """`/`, `/duty` ...: `page` gives the HTML with what its visitor may read."""
    router = APIRouter(include_in_schema=False)

    async def show(request: Request) -> HTMLResponse:
        return HTMLResponse(page(visitor_of(request)))

    for path in SCREENS:
        router.add_api_route(path, show, methods=["GET"], name=f"screen {path}")
    return router


def visitor_of_callback() -> User:
    """Who sent the Dash request that is being answered. Raises Unauthenticated."""
    return visitor_of(get_current_request()).user
