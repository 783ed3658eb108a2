"""Claims: "(name) is on it"."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from data.model.people import Action
from web.api.params import BodyId
from web.api.schemas import AnyList, answers, api_router
from web.auth import visitor_of
from web.claims import ClaimBook
from web.deps import ServerDeps


class ClaimBody(BaseModel):
    """The alert that the caller is on; the same again is a sign that they still are."""

    model_config = ConfigDict(extra="forbid")

    alert: BodyId
    take_over: Annotated[StrictBool, Field(description="Although somebody else is on it; they are told.")] = False


class ReleaseBody(BaseModel):
    """The alert that the caller is not on any more."""

    model_config = ConfigDict(extra="forbid")

    alert: BodyId


def claim_router(deps: ServerDeps, claims: ClaimBook) -> APIRouter:
    """`/claims`, `/claims/release`"""
    router = api_router("alerts")

    @router.get("/claims", response_model=None, responses=answers(AnyList, 403))
    async def list_claims(request: Request) -> dict[str, Any]:
        """Who is on which alert; kept in memory only, and gone 10 min after the last sign."""
        visitor_of(request).actor.require(Action.READ)
        return {"items": [claim.view() for claim in claims.all()], "next": None}

    @router.post("/claims", response_model=None, responses=answers(AnyList, 403, 404, 409, 422))
    async def claim(request: Request, body: ClaimBody) -> dict[str, Any]:
        """Claim an alert, or say that one is still on it; after 20 s without a sign others take it over."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.ACKNOWLEDGE)
        await deps.read(lambda reader: reader.alert(body.alert))
        made = claims.claim(f"alert:{body.alert}", visitor.user, take_over=body.take_over)
        return {"items": [made.view()], "next": None}

    @router.post("/claims/release", response_model=None, responses=answers(AnyList, 403, 422))
    async def release(request: Request, body: ReleaseBody) -> dict[str, Any]:
        """Not on it any more; nothing where it is somebody else's."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.ACKNOWLEDGE)
        claims.release(f"alert:{body.alert}", visitor.user)
        return {"items": [], "next": None}

    return router
