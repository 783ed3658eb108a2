"""Official warnings: sent in as CAP 1.2, looked at as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from data.cap.message import parse_messages
from data.errors import InputRejected
from data.model.people import Action
from data.model.record import AuditEntry
from data.model.token_scope import Sends
from data.model.views import warning_areas, warning_view
from data.model.warning import HazardWarning
from data.ports.store import Writer
from data.stored.warnings_in import receive_warning
from web.api.ingest_guard import IngestGuard
from web.api.params import QueryId, RowId
from web.api.schemas import answers, api_router
from web.api.shapes import WarningList, WarningTaken, WarningWhole
from web.auth import visitor_of
from web.deps import ServerDeps
from web.metrics import WebMeters

_CAP_BODY = {"requestBody": {"required": True, "content": {"application/cap+xml": {"schema": {"type": "string"}}}}}


def warning_router(deps: ServerDeps, meters: WebMeters) -> APIRouter:
    """`/warnings...`"""
    router = api_router("warnings")
    door = IngestGuard(deps, meters)

    @router.post(
        "/warnings",
        status_code=201,
        response_model=None,
        responses=answers(WarningTaken, status=201) | answers(WarningTaken),
        openapi_extra=_CAP_BODY,
    )
    async def send_warning(request: Request) -> JSONResponse:
        """Official warnings in CAP 1.2 (XML), also several in an envelope.

        A message that is known is answered 200 and changes nothing. `warning` is the first one that is new,
        `warnings` are all of them.
        """
        name, _ = door.sender(request, Sends.WARNING)
        content = await request.body()
        zone = deps.settings.zone_info
        try:
            # read and bounded here: nothing in a unit of work may depend on the size of what came
            warnings = await deps.lanes.intake.run(lambda: parse_messages(content, f"user:{name}", zone=zone))
        except InputRejected as error:
            await door.refuse_one("", "cap", error, content)
            raise
        views = [await deps.commit(_storing(warning, name, deps.now())) for warning in warnings]
        new = [view for view in views if view is not None]
        door.taken("warning", len(warnings))
        answer = {"known": not new, "warning": new[0] if new else None, "warnings": new}
        return JSONResponse(answer, 201 if new else 200)

    _reading_routes(router, deps)
    return router


def _storing(warning: HazardWarning, name: str, now: datetime) -> Callable[[Writer], Mapping[str, Any] | None]:
    """A unit of work of its own for each message: what it stored, None when the message was known."""

    def work(writer: Writer) -> Mapping[str, Any] | None:
        stored = receive_warning(writer, warning, now)
        if stored is None:
            return None
        detail = {"key": str(stored.key), "event": stored.event, "level": stored.level.value}
        writer.record(AuditEntry(now, name, "source", "send_warning", f"warning:{stored.id}", detail))
        return warning_view(stored)

    return work


def _reading_routes(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/warnings", response_model=None, responses=answers(WarningList, 403))
    async def list_warnings(
        request: Request,
        *,
        in_force: Annotated[bool, Query(description="Only those that hold now.")] = False,
        before: QueryId = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> dict[str, Any]:
        """Official warnings, newest first, without their polygons."""
        visitor_of(request).actor.require(Action.READ)
        at = deps.now() if in_force else None
        found = await deps.read_list(lambda reader: reader.warnings(in_force_at=at, before_id=before, limit=limit + 1))
        items = [warning_view(warning) for warning in found[:limit]]
        return {"items": items, "next": items[-1]["id"] if len(found) > limit else None}

    @router.get("/warnings/{warning_id}", response_model=None, responses=answers(WarningWhole, 403, 404))
    async def one_warning(request: Request, warning_id: RowId) -> dict[str, Any]:
        """One warning with the places where it holds."""
        visitor_of(request).actor.require(Action.READ)
        warning = await deps.read_list(lambda reader: reader.warning(warning_id))
        return {"warning": warning_view(warning), "areas": warning_areas(warning)}
