"""How much the machine does for each camera: for administrators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from data.model.people import Action
from web.api.schemas import answers, api_router
from web.api.shapes import Load
from web.auth import visitor_of
from web.deps import ServerDeps
from web.load import load_view


def load_router(deps: ServerDeps) -> APIRouter:
    """`/load`"""
    router = api_router("load")

    @router.get("/load", response_model=None, responses=answers(Load, 403))
    async def load(request: Request) -> dict[str, Any]:
        """Processor time by stage, pictures and looks a second, age and what is shed: of the last ten seconds."""
        visitor_of(request).actor.require(Action.ADMINISTER)
        return await deps.lanes.lists.run(load_view, deps.var_dir / "run")

    return router
