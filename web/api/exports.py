"""Whether an export begins at once: so that a page can tell before its visitor waits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps


class ExportsView(BaseModel):
    """The line of exports: ZIPs of events and files of reports."""

    running: int
    waiting: int
    at_once: int = Field(description="So many are made at once; those that follow wait.")
    may_wait: int = Field(description="So many may wait; more are refused (503).")
    own: int = Field(description="Of the asker, made or waiting.")
    own_at_most: int


def export_router(deps: ServerDeps) -> APIRouter:
    """`/exports`"""
    router = api_router("export")

    @router.get("/exports", response_model=None, responses=answers(ExportsView, 403))
    async def exports(request: Request) -> dict[str, Any]:
        """How many exports are being made and wait just now."""
        running, waiting = deps.exports.line
        at_once, may_wait, own_at_most = deps.exports.limits
        own = deps.exports.of(visitor_of(request).actor.name)
        return {
            "running": running,
            "waiting": waiting,
            "at_once": at_once,
            "may_wait": may_wait,
            "own": own,
            "own_at_most": own_at_most,
        }

    return router
