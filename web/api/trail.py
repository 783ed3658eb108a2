"""What was recorded: the audit trail and the list of pictures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from data.errors import InputRejected
from data.model.people import Action, Actor, may
from data.model.record import AuditEntry
from data.model.spans import EvidenceKey
from data.model.views import audit_view, evidence_view
from web.api.lists import Cursor, Limit, Moment, key_cursor, key_page, utc
from web.api.params import LARGEST_ID
from web.api.schemas import AnyList, answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.role_views import detail_seen

_DEFAULT_SPAN = timedelta(days=1)


def trail_router(deps: ServerDeps) -> APIRouter:
    """`/audit` and `/evidence`."""
    router = api_router("trail")

    @router.get("/audit", response_model=None, responses=answers(AnyList, 403, 422))
    async def list_audit(
        request: Request,
        *,
        subject: Annotated[str | None, Query(description="alert:12, task:3, event:4, user:li")] = None,
        after: Annotated[int, Query(ge=0, le=LARGEST_ID, description="Entries with a higher `seq`.")] = 0,
        newest_first: Annotated[bool, Query(description="The newest `limit`; such a list has no next.")] = False,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """The hash-chained trail, oldest first."""
        actor = visitor_of(request).actor
        actor.require(Action.READ_AUDIT)
        if cursor is not None and (not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > 18):
            raise InputRejected(f"next: {cursor[:40]!r} is no cursor of this list")
        start = after if cursor is None else int(cursor)
        found = await deps.read_list(
            lambda reader: reader.audit(after=start, subject=subject, newest_first=newest_first, limit=limit + 1)
        )
        items = [_entry_seen(entry, actor) for entry in found[:limit]]
        more = len(found) > limit and not newest_first
        return {"items": items, "next": str(items[-1]["seq"]) if more else None}

    @router.get("/evidence", response_model=None, responses=answers(AnyList, 403, 422))
    async def list_evidence(
        request: Request,
        *,
        site: str | None = None,
        since: Moment = None,
        until: Moment = None,
        limit: Limit = 200,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Pictures by time; the last day when no span is given. The picture is at /media/evidence/{id}."""
        visitor, settings = visitor_of(request), deps.settings
        visitor.actor.require(Action.READ)
        hidden = settings.hidden_from(visitor.user.role) | (settings.cameras - settings.cameras_of(visitor.user))
        end = utc(until) or deps.now() + timedelta(hours=1)
        start, key = utc(since) or deps.now() - _DEFAULT_SPAN, key_cursor(cursor, (datetime, str))
        after = None if key is None else EvidenceKey(*key)
        found = await deps.read_list(
            lambda reader: reader.evidence_between(site, start, end, after=after, limit=limit + 1, hidden=hidden)
        )
        return key_page(found, limit, lambda one: EvidenceKey(one.at, one.id), evidence_view)

    return router


def _entry_seen(entry: AuditEntry, actor: Actor) -> dict[str, Any]:
    view = audit_view(entry)
    detail = detail_seen(view["detail"], actor)
    if entry.subject.startswith("settings:") and (actor.role is None or not may(actor.role, Action.ADMINISTER)):
        detail.pop("difference", None)  # addresses of devices, and sites that are hidden from this role
    return view | {"detail": detail}
