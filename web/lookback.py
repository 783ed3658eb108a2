"""Previews of the cameras' past, and when something moved in a rectangle of a camera's picture.

For who may review, as far as they may watch the camera; each search, and the first look at an hour of a camera, is in
the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from data.errors import InputRejected, NotFound
from data.local import motion_maps, previews
from data.local.motion_maps import MotionFound, search_motion
from data.local.previews import preview_at
from data.model.people import Action
from data.model.record import AuditEntry
from data.model.views import iso
from web.api.params import SafeMoment
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.kept_files import kept_headers
from web.sessions import Visitor

LONGEST = timedelta(days=3)
SEARCHED, VIEWED = "search_motion", "view_previews"
NOT_OLDER_MS = 15_000  # of the picture that is shown for a moment: a resting camera gives a key picture now and then
_LATEST_MS = 32_503_680_000_000  # the year 3000
_SETTLED_MS = 120_000  # so long after a moment no other picture of it comes
_MOST_KNOWN = 5_000

Fraction = Annotated[float, Query(ge=0, le=1, allow_inf_nan=False, description="Of the picture's width or height.")]
Share = Annotated[
    float, Query(ge=0, le=1, allow_inf_nan=False, description="Of the rectangle that must move within a second.")
]


class MomentView(BaseModel):
    """Something moved from `since` to `until`; `share` of the rectangle at most."""

    since: datetime
    until: datetime
    share: float


class SpanView(BaseModel):
    """From one moment to another."""

    since: datetime
    until: datetime


class MotionView(BaseModel):
    """When something moved in a rectangle. `until`: not later than now."""

    site: str
    since: datetime
    until: datetime
    moments: list[MomentView] = Field(description="In the order of time; the strongest, if there are more.")
    total: int = Field(description="How many there are.")
    unseen: list[SpanView] = Field(description="Times of which nothing is known.")
    changed: list[SpanView] = Field(
        description="Times in which all of the picture changed at once: light, or its view."
    )


def motion_router(deps: ServerDeps) -> APIRouter:
    """`/sites/{site_id}/motion`"""
    router = api_router("review")

    @router.get("/sites/{site_id}/motion", response_model=None, responses=answers(MotionView, 403, 404))
    async def motion(  # noqa: PLR0917 - a span and a rectangle
        request: Request,
        site_id: str,
        since: SafeMoment,
        until: SafeMoment,
        left: Fraction = 0.0,
        top: Fraction = 0.0,
        right: Fraction = 1.0,
        bottom: Fraction = 1.0,
        least: Share = 0.0,
    ) -> dict[str, Any]:
        """When something moved in this rectangle of the camera's picture, to the second, in up to three days."""
        visitor = _watching(deps, request, site_id)
        if not (left < right and top < bottom):
            raise InputRejected("a rectangle needs left < right and top < bottom", key="motion.rectangle")
        if not timedelta(0) < until - since <= LONGEST:
            raise InputRejected("a span of up to 3 days is needed", key="motion.span")
        end = max(min(until, deps.now()), since)
        span = (int(since.timestamp()), int(end.timestamp()))
        folder = deps.var_dir / motion_maps.FOLDER / site_id
        rectangle = (left, top, right, bottom)
        found = await deps.lanes.lists.run(search_motion, folder, *span, rectangle, least=least)
        told = {
            "since": iso(since),
            "until": iso(until),
            "rectangle": [round(side, 4) for side in rectangle],
            "least": least,
            "found": found.total,
        }
        await _record(deps, visitor, SEARCHED, site_id, told)
        return _view(site_id, since, end, found)

    return router


def preview_router(deps: ServerDeps) -> APIRouter:
    """`/media/previews/...`"""
    router = APIRouter(include_in_schema=False)
    known: dict[tuple[str, str, int], None] = {}

    @router.get("/media/previews/{site}.jpg")
    async def preview(request: Request, site: str, at: Annotated[int, Query(ge=0, le=_LATEST_MS)]) -> Response:
        """The camera's newest preview up to `at` (milliseconds since 1970), at most 15 s older; 204 for none."""
        visitor = _watching(deps, request, site)
        folder = deps.var_dir / previews.FOLDER / site
        found = await deps.lanes.lists.run(preview_at, folder, at, not_older_ms=NOT_OLDER_MS)
        if found is None:  # no mistake of the asker's: many moments have none
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        seen = (visitor.user.name, site, at // 3_600_000)
        if seen not in known:
            hour = datetime.fromtimestamp(seen[2] * 3600, UTC)
            await _record(deps, visitor, VIEWED, site, {"since": iso(hour), "until": iso(hour + timedelta(hours=1))})
            while len(known) >= _MOST_KNOWN:
                del known[next(iter(known))]
            known[seen] = None
        settled = deps.now().timestamp() * 1000 - at > _SETTLED_MS
        headers = kept_headers(f"{site}-{found.at_ms}") | {
            "Cache-Control": "private, max-age=3600" if settled else "no-store",
            "X-Taken-At": iso(datetime.fromtimestamp(found.at_ms / 1000, UTC)) or "",
        }
        return Response(found.jpeg, media_type="image/jpeg", headers=headers)

    return router


def _watching(deps: ServerDeps, request: Request, site: str) -> Visitor:
    """The visitor, who may review and watch this camera. Raises Forbidden, NotFound."""
    visitor = visitor_of(request)
    visitor.actor.require(Action.REVIEW)
    if site not in deps.settings.cameras_of(visitor.user):
        raise NotFound(f"there is no camera at {site[:80]!r}")
    return visitor


async def _record(deps: ServerDeps, visitor: Visitor, action: str, site: str, detail: Mapping[str, Any]) -> None:
    role = "" if visitor.actor.role is None else visitor.actor.role.value
    entry = AuditEntry(deps.now(), visitor.actor.name, role, action, f"site:{site}", detail)
    await deps.commit(lambda writer: writer.record(entry))


def _view(site: str, since: datetime, until: datetime, found: MotionFound) -> dict[str, Any]:
    return {
        "site": site,
        "since": iso(since),
        "until": iso(until),
        "moments": [{**_span(one.since_s, one.until_s), "share": one.share} for one in found.moments],
        "total": found.total,
        "unseen": [_span(*one) for one in found.unseen],
        "changed": [_span(*one) for one in found.changed],
    }


def _span(since_s: int, until_s: int) -> dict[str, Any]:
    return {"since": iso(datetime.fromtimestamp(since_s, UTC)), "until": iso(datetime.fromtimestamp(until_s, UTC))}
