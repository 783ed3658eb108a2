"""What was refused, by source, with its reasons."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from data.model.people import Action
from data.model.rejects import by_source
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps


class RejectReasonView(BaseModel):
    """One reason. `example`: how the newest one began, without secrets."""

    reason: str
    count: int
    last_at: datetime
    example: str


class RejectSourceView(BaseModel):
    """One source; `site` is empty where none is known."""

    site: str
    monitor: str
    count: int
    last_at: datetime
    reasons: list[RejectReasonView]


class RejectList(BaseModel):
    items: list[RejectSourceView]
    next: None = None


def reject_router(deps: ServerDeps) -> APIRouter:
    """`/rejects`"""
    router = api_router("ingest")

    @router.get("/rejects", responses=answers(RejectList, 403))
    async def list_rejects(
        request: Request, hours: Annotated[int, Query(ge=1, le=720, description="How far back.")] = 24
    ) -> RejectList:
        """Readings, messages, pictures and warnings that could not be used: by source, with reason and example."""
        visitor_of(request).actor.require(Action.READ)
        since = deps.now() - timedelta(hours=hours)
        sources = await deps.read_list(lambda reader: by_source(reader.reject_groups(since)))
        return RejectList(
            items=[
                RejectSourceView(
                    site=source.site,
                    monitor=source.monitor,
                    count=source.count,
                    last_at=source.last_at,
                    reasons=[
                        RejectReasonView(reason=one.reason, count=one.count, last_at=one.last_at, example=one.example)
                        for one in source.reasons
                    ],
                )
                for source in sources
            ]
        )

    return router
