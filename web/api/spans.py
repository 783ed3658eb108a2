"""`/spans.parquet`: what happened in a span of time, for whoever goes on calculating with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from data.errors import InputRejected
from data.model.people import Action
from data.model.record import AuditEntry
from data.model.views import iso
from data.ports.store import Reader
from layouts.review_data import LONGEST, Span, collect
from web.api.lists import utc
from web.api.params import SafeMoment
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.review.parquet import Table, parquet_of
from web.review.subject import Names

MEDIA = "application/vnd.apache.parquet"


def span_router(deps: ServerDeps) -> APIRouter:
    """`/spans.parquet`"""
    router = api_router("review")

    @router.get(
        "/spans.parquet", response_model=None, responses=answers(None, 403, 422, media=MEDIA), response_class=Response
    )
    async def spans(
        request: Request,
        since: SafeMoment,
        until: SafeMoment,
        *,
        table: Annotated[Table, Query(description="Readings are thinned as on the page.")] = "alerts",
    ) -> Response:
        """Alerts, tasks or readings of a span, with names, every time in the city's zone; at most 31 days."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.REVIEW)
        first, last = utc(since), utc(until)
        if first is None or last is None or last <= first or last - first > LONGEST:
            raise InputRejected(f"a span of at most {LONGEST.days} days is needed", key="review.span", n=LONGEST.days)
        settings, span = deps.settings, Span(first, last)

        def made(reader: Reader) -> bytes:
            return parquet_of(collect(reader, span, settings, visitor.user), table, Names(reader, settings), settings)

        content = await deps.read_heavy(made)
        role = "" if visitor.actor.role is None else visitor.actor.role.value
        detail = {"table": table, "since": iso(first), "until": iso(last), "size": len(content)}
        entry = AuditEntry(deps.now(), visitor.actor.name, role, "export_span", "span", detail)
        await deps.commit(lambda writer: writer.record(entry))
        name = f"yiping-{table}-{first.astimezone(settings.zone_info):%Y%m%dT%H%M}.parquet"
        return Response(content, media_type=MEDIA, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    return router
