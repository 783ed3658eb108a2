"""The cards of the operator who asks, and their acknowledgement with one click."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.lifecycle import acknowledge
from alerts.undo import undo
from data.model.people import Action
from data.model.views import alert_view
from data.ports.store import Reader, Writer
from web.alarm_board import AlarmBoard, without_sites
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import BodyId
from web.api.schemas import AlertList, answers, api_router
from web.api.shapes import Cards
from web.auth import visitor_of
from web.deps import ServerDeps


class CardBody(BaseModel):
    """The alerts that were on the card when it was clicked."""

    model_config = ConfigDict(extra="forbid")

    alerts: Annotated[list[BodyId], Field(min_length=1, max_length=500, description="Ids of alerts.")]


def alarm_card_router(deps: ServerDeps) -> APIRouter:
    """`/alarm-cards...`"""
    router = api_router("alerts")
    board = AlarmBoard(deps.settings)

    @router.get("/alarm-cards", response_model=None, responses=answers(Cards, 403))
    async def cards(request: Request) -> Mapping[str, Any]:
        """Which alerts share a card, which are in the log only; in a flood P1 come one by one, P4 to the log."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        hidden = deps.settings.hidden_from(visitor.user.role)

        def look(reader: Reader) -> Mapping[str, Any]:
            board.take(deps.settings)
            found = board.look(reader, visitor.user.name, deps.now())
            return without_sites(found, reader, deps.settings, hidden) if hidden else found

        return await deps.read_list(look)

    @router.get("/suppressed-alerts", response_model=None, responses=answers(AlertList, 403, 422))
    async def suppressed(request: Request, limit: Limit = 1000, cursor: Cursor = None) -> dict[str, Any]:
        """All that is shelved, suppressed by design or out of service, also where the condition is over."""
        visitor_of(request).actor.require(Action.READ)
        start, now = before_id(cursor), deps.now()
        found = await deps.read_list(lambda reader: reader.suppressed_alerts(now, before_id=start, limit=limit + 1))
        return page(found, limit, alert_view)

    @router.post("/alarm-cards/acknowledge", response_model=None, responses=answers(AlertList, 403, 404, 422))
    async def acknowledge_card(request: Request, body: CardBody) -> Response:
        """Each alert is acknowledged and recorded by itself; those that somebody has acknowledged stay as they are."""
        actor = visitor_of(request).actor
        actor.require(Action.ACKNOWLEDGE)

        def work(writer: Writer) -> Mapping[str, Any]:
            now = deps.now()
            waiting = [n for n in dict.fromkeys(body.alerts) if writer.alert(n).acknowledged_at is None]
            return {
                "items": [alert_view(acknowledge(writer, n, actor, now, settings=deps.settings)) for n in waiting],
                "next": None,
            }

        return await once(deps, request, body.model_dump(), work)

    @router.post("/alarm-cards/undo", response_model=None, responses=answers(AlertList, 403, 404, 409, 422))
    async def undo_card(request: Request, body: CardBody) -> Response:
        """The caller takes back the acknowledgement of these, all of them or, where one cannot be, none."""
        actor = visitor_of(request).actor
        actor.require(Action.ACKNOWLEDGE)

        def work(writer: Writer) -> Mapping[str, Any]:
            now = deps.now()
            taken = [undo(writer, n, actor, now, settings=deps.settings) for n in dict.fromkeys(body.alerts)]
            return {"items": [alert_view(alert) for alert in taken], "next": None}

        return await once(deps, request, body.model_dump(), work)

    return router
