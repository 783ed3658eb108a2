"""Browsers in which the one who asks wants to be told; only where a channel `web_push` is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from data.errors import IllegalMove, InputRejected
from data.model.push_subscription import PushSubscription
from data.ports.store import Writer
from data.stored.web_push import subscribe, subscriptions_of, unsubscribe
from notices.web_push import Recipe
from web.api.idempotency import once
from web.api.schemas import answers, api_router
from web.api.shapes import PushCount, PushState
from web.auth import visitor_of
from web.deps import ServerDeps


class ForgetBody(BaseModel):
    """Which browser."""

    model_config = ConfigDict(extra="forbid")

    endpoint: Annotated[str, Field(max_length=1000, description="As it was given.")]


def web_push_router(deps: ServerDeps) -> APIRouter:
    """`/web-push...`"""
    router = api_router("notices")

    def configured() -> Recipe | None:
        return next((one for one in deps.settings.notices.channels if isinstance(one, Recipe)), None)

    @router.get("/web-push", response_model=None, responses=answers(PushState))
    async def state(request: Request) -> dict[str, Any]:
        """`public_key` null: web push is off here (it goes through foreign clouds). `browsers`: yours."""
        name, channel = visitor_of(request).actor.name, configured()
        known = await deps.read(lambda reader: subscriptions_of(reader, name))
        return {"public_key": None if channel is None else channel.public_key, "browsers": len(known)}

    @router.post("/web-push", response_model=None, responses=answers(PushCount, 403, 409, 422))
    async def add(request: Request, body: PushSubscription) -> Response:
        """Be told in this browser, too."""
        name, channel = visitor_of(request).actor.name, configured()
        if channel is None:
            raise IllegalMove("web push is off: no channel of this kind is configured")
        if not body.is_at(channel.services):
            raise InputRejected(f"endpoint: not at one of {', '.join(channel.services)}")

        def work(writer: Writer) -> Mapping[str, Any]:
            return {"browsers": subscribe(writer, name, body)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post("/web-push/forget", response_model=None, responses=answers(PushCount, 403, 422))
    async def forget(request: Request, body: ForgetBody) -> Response:
        """No longer in this browser."""
        name = visitor_of(request).actor.name

        def work(writer: Writer) -> Mapping[str, Any]:
            return {"browsers": unsubscribe(writer, name, body.endpoint)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    return router
