"""Who was told of what, and the answers to call-outs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from data.model.notice import notice_view
from data.model.people import Action
from data.ports.store import Writer
from notices.deliveries import answer
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import RowId
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import NoticeAnswer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.role_views import notice_seen


class AnswerBody(BaseModel):
    """What was said to a call-out."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=500, description="What was said.")] = ""


def notice_router(deps: ServerDeps) -> APIRouter:
    """`/notices...`"""
    router = api_router("notices")

    @router.get("/notices", response_model=None, responses=answers(AnyList, 403))
    async def list_notices(
        request: Request,
        following: Cursor,
        limit: Limit = 100,
        subject: Annotated[str | None, Query(description="Of this only: `alert:12`.")] = None,
    ) -> dict[str, Any]:
        """Newest first; `state` is waiting, delivered, answered, stopped or failed."""
        actor = visitor_of(request).actor
        actor.require(Action.READ)
        known = before_id(following)
        found = await deps.read_list(lambda reader: reader.notices(subject=subject, before_id=known, limit=limit + 1))
        return page(found, limit, lambda notice: notice_seen(notice_view(notice), actor))

    @router.post("/notices/{notice_id}/answer", response_model=None, responses=answers(NoticeAnswer, 403, 404, 409))
    async def answer_notice(request: Request, notice_id: RowId, body: AnswerBody) -> Response:
        """Somebody has heard the call-out 叫应; the steps that follow are not taken."""
        actor, now = visitor_of(request).actor, deps.now()

        def work(writer: Writer) -> Mapping[str, Any]:
            return {"notice": dict(notice_view(answer(writer, notice_id, actor, now, body.text)))}

        return await once(deps, request, body.model_dump(mode="json"), work)

    return router
