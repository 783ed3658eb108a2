"""What is configured, and telling a camera that it was turned on purpose: for administrators."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from data.errors import NotFound
from data.model.people import Action
from data.stored.camera_view import learn_view
from web.api.schemas import answers, api_router
from web.api.shapes import Setup, ViewLearned
from web.auth import visitor_of
from web.deps import ServerDeps
from web.setup import setup_view


def setup_router(deps: ServerDeps) -> APIRouter:
    """`/setup`, `/sites/{id}/learn-view`"""
    router = api_router("setup")

    @router.get("/setup", response_model=None, responses=answers(Setup, 403))
    async def setup(request: Request) -> dict[str, Any]:
        """Monitors, detectors with their weights and licences, zones, marks, rules and health limits of every site."""
        visitor_of(request).actor.require(Action.ADMINISTER)
        return setup_view(deps.settings)

    @router.post("/sites/{site_id}/learn-view", response_model=None, responses=answers(ViewLearned, 403, 404))
    async def learn(request: Request, site_id: str) -> dict[str, Any]:
        """The camera was turned on purpose: what it shows from now on is its usual scene."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        if not any(site.id == site_id and site.camera is not None for site in deps.settings.sites):
            raise NotFound(f"there is no camera at {site_id!r}")
        now = deps.now()
        await deps.commit(lambda writer: learn_view(writer, site_id, actor, now))
        return {"site": site_id, "at": now.isoformat()}

    return router
