"""Who is logged in, and who can be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from data.errors import Forbidden
from data.model.geo import Location
from data.model.moments import plausible
from data.model.people import PERMITTED, Action, may
from data.model.views import iso, responder_view
from data.ports.store import Reader, Writer
from dispatch.responders import share_position
from web.api.idempotency import once
from web.api.schemas import AnyList, PositionBody, answers, api_router
from web.api.shapes import Me, PositionKept, ResponderView
from web.auth import visitor_of
from web.deps import ServerDeps

_AHEAD = timedelta(seconds=60)  # how far a phone's clock may be ahead


def people_router(deps: ServerDeps) -> APIRouter:
    """`/me`, `/responders...`"""
    router = api_router("people")

    @router.get("/me", response_model=None, responses=answers(Me))
    async def me(request: Request) -> dict[str, Any]:
        """Name, role and rights; `csrf` is what cookie-authenticated writes send as X-CSRF-Token."""
        visitor = visitor_of(request)
        return {
            "name": visitor.user.name,
            "display_name": visitor.user.display_name,
            "role": visitor.user.role.value,
            "may": sorted(action.value for action in PERMITTED[visitor.user.role]),
            "csrf": visitor.session.csrf if visitor.by_cookie else None,
        }

    @router.get("/responders", response_model=None, responses=answers(AnyList, 403))
    async def list_responders(request: Request) -> dict[str, Any]:
        visitor_of(request).actor.require(Action.READ)
        return {"items": await deps.read_list(_responders), "next": None}

    @router.get("/responders/{responder_id}", response_model=None, responses=answers(ResponderView, 403, 404))
    async def one_responder(request: Request, responder_id: str) -> dict[str, Any]:
        actor = visitor_of(request).actor
        if actor.role is None or (not may(actor.role, Action.READ) and actor.name != responder_id):
            actor.require(Action.READ)

        def look(reader: Reader) -> dict[str, Any]:
            return responder_view(reader.responder(responder_id), busy=responder_id in reader.busy_responders())

        return await deps.read(look)

    @router.get("/responders/{responder_id}/track", response_model=None, responses=answers(AnyList, 403, 404))
    async def track(
        request: Request, responder_id: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> dict[str, Any]:
        """Where a responder was, newest first. `doubt`: why a position is not believed, and not used."""
        visitor_of(request).actor.require(Action.READ)

        def look(reader: Reader) -> dict[str, Any]:
            reader.responder(responder_id)
            points = reader.track(responder_id, limit)
            return {
                "items": [{"at": iso(one.at), **one.location.model_dump(), "doubt": one.doubt} for one in points],
                "next": None,
            }

        return await deps.read_list(look)

    @router.post(
        "/responders/{responder_id}/position", response_model=None, responses=answers(PositionKept, 403, 404, 409)
    )
    async def position(request: Request, responder_id: str, body: PositionBody) -> Response:
        """A responder's phone says where it is. `kept` is false when a newer position is known, or with a `doubt`:

        0/0, too far from every site, or farther than anybody travels in the time. Such a position is only in the track.
        """
        actor, now = visitor_of(request).actor, deps.now()
        actor.require(Action.SHARE_POSITION)
        if actor.name != responder_id:
            raise Forbidden(f"{actor.name} cannot say where {responder_id} is")
        at = now if body.at is None else plausible(body.at, now, _AHEAD, "at:")
        place = Location(lon=body.lon, lat=body.lat)

        def work(writer: Writer) -> Mapping[str, Any]:
            shared = share_position(writer, actor, min(at, now), place, deps.settings)
            return {"kept": shared.kept} | ({"doubt": shared.doubt} if shared.doubt else {})

        return await once(deps, request, body.model_dump(mode="json"), work)

    return router


def _responders(reader: Reader) -> list[dict[str, Any]]:
    busy = reader.busy_responders()
    return [responder_view(responder, busy=responder.id in busy) for responder in reader.responders()]
