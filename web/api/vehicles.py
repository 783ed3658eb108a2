"""Vehicles that tell their positions: where each is, and the track of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from data.errors import InputRejected
from data.model.observation import Position
from data.model.people import Action
from data.model.vehicle import LONGEST_PLATE, plate_of
from data.model.views import iso
from web.api.lists import Moment, utc
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps

_HEARD_WITHIN = timedelta(minutes=10)
_MOST_VEHICLES = 5000
_MOST_POINTS = 5000
_LONGEST = timedelta(days=7)
_USUAL = timedelta(minutes=30)


class VehiclePosition(BaseModel):
    """`heading`: degrees from north by east."""

    vehicle: str
    lon: float
    lat: float
    at: datetime
    speed_kmh: float | None
    heading: float | None
    site: str = Field(description="The site whose monitor was told.")


class VehicleList(BaseModel):
    items: list[VehiclePosition]
    next: str | None


def vehicle_router(deps: ServerDeps) -> APIRouter:
    """`/vehicles`, `/vehicles/{plate}/track`"""
    router = api_router("vehicles")

    @router.get("/vehicles", response_model=None, responses=answers(VehicleList, 403))
    async def vehicles(request: Request) -> dict[str, Any]:
        """The newest position of each vehicle that was heard within ten minutes, the newest first."""
        hidden = _hidden(request, deps)
        since = deps.now() - _HEARD_WITHIN
        found = await deps.read_list(lambda reader: reader.newest_positions(since, _MOST_VEHICLES))
        return _page([one for one in found if one.site not in hidden])

    @router.get("/vehicles/{plate}/track", response_model=None, responses=answers(VehicleList, 403, 422))
    async def track(
        request: Request,
        plate: Annotated[str, Path(max_length=LONGEST_PLATE, description="As in `vehicle` of a position or an alert.")],
        since: Annotated[Moment, Query(description="Half an hour before `until` when left out.")] = None,
        until: Annotated[Moment, Query(description="Now when left out.")] = None,
    ) -> dict[str, Any]:
        """Where one vehicle was, oldest first, since <= at < `until`; at most seven days, of more points the newest."""
        hidden = _hidden(request, deps)
        end = utc(until) or deps.now() + timedelta(minutes=1)
        start = utc(since) or end - _USUAL
        if not start < end or end - start > _LONGEST:
            raise InputRejected(f"since: a track is given of at most {_LONGEST.days} days, beginning before its end")
        name = plate_of(plate)
        found = await deps.read_list(lambda reader: reader.vehicle_track(name, start, end, _MOST_POINTS))
        return _page([one for one in found if one.site not in hidden])

    return router


def _hidden(request: Request, deps: ServerDeps) -> frozenset[str]:
    visitor = visitor_of(request)
    visitor.actor.require(Action.READ)
    return deps.settings.hidden_from(visitor.user.role)


def _page(found: Sequence[Position]) -> dict[str, Any]:
    return {"items": [position_view(one) for one in found], "next": None}


def position_view(position: Position) -> dict[str, Any]:
    """A position as JSON."""
    return {
        "vehicle": position.vehicle,
        "lon": round(position.lon, 6),
        "lat": round(position.lat, 6),
        "at": iso(position.at),
        "speed_kmh": position.speed_kmh,
        "heading": position.heading_deg,
        "site": position.site,
    }
