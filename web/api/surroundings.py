"""What is around an alert, an event or a site, for the map: ways of those who could be sent, and closed roads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from data.model.alert import Alert
from data.model.geo import Location
from data.model.people import Action, may
from data.model.task import Event, Task
from data.ports.store import Reader, TaskQuery
from dispatch.responders import Ranking, needs_of, rank
from dispatch.surroundings import ClosedRoads, Way, roads_closed, ways_to
from dispatch.turns import tasks_of
from web.api.alerts import configured_site
from web.api.params import RowId
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps

_DIGITS = 6  # of a degree: 0.1 m


class WayView(BaseModel):
    """How somebody gets there. `method`: road, or straight line where the roads give no answer."""

    responder: str
    travel: str
    travel_s: float
    distance_m: float
    method: str
    going: bool = Field(description="It is their task, or offered to them.")
    path: list[tuple[float, float]] = Field(description="[lon, lat] of each point, from them to the place.")


class ClosedRoadsView(BaseModel):
    """Roads that an open alert closes for these ways of travel."""

    alert: int
    site: str
    lon: float
    lat: float
    radius_m: float
    travel: list[str]
    lines: list[tuple[tuple[float, float], tuple[float, float]]] = Field(description="Pieces of them, [lon, lat].")


class SurroundingsView(BaseModel):
    """`ways`: whose task it is first, then the best candidates; empty for who may not dispatch."""

    place: Location
    ways: list[WayView]
    closed: list[ClosedRoadsView]


def surroundings_router(deps: ServerDeps) -> APIRouter:
    """`/alerts/{alert_id}/surroundings` and the same of events and sites"""
    router = api_router("dispatch")

    @router.get("/alerts/{alert_id}/surroundings", response_model=None, responses=answers(SurroundingsView, 403, 404))
    async def of_alert(request: Request, alert_id: RowId) -> dict[str, Any]:
        """The ways to where it is, by the routing of dispatch, and the roads that are closed now."""
        with_ways = _may_see(request)

        def look(reader: Reader) -> dict[str, Any]:
            alert = reader.alert(alert_id)
            if alert.event_id is not None:
                event = reader.event(alert.event_id)
                return _around(reader, deps, event.location, _ranking_of_event(reader, deps, event, alert), with_ways)
            site = configured_site(deps, alert.key.site)
            ranking = _ranking(reader, deps, site.location, site.grid, alert)
            going = _going(reader.tasks(TaskQuery(alert_id=alert_id, open_only=True)))
            return _around(reader, deps, site.location, (ranking, going), with_ways)

        return await deps.read_list(look)

    @router.get("/events/{event_id}/surroundings", response_model=None, responses=answers(SurroundingsView, 403, 404))
    async def of_event(request: Request, event_id: RowId) -> dict[str, Any]:
        """As of an alert."""
        with_ways = _may_see(request)

        def look(reader: Reader) -> dict[str, Any]:
            event = reader.event(event_id)
            return _around(reader, deps, event.location, _ranking_of_event(reader, deps, event, None), with_ways)

        return await deps.read_list(look)

    @router.get("/sites/{site_id}/surroundings", response_model=None, responses=answers(SurroundingsView, 403, 404))
    async def of_site(request: Request, site_id: str) -> dict[str, Any]:
        """As of an alert: who could be sent there by nothing but the way."""
        with_ways = _may_see(request)

        def look(reader: Reader) -> dict[str, Any]:
            site = configured_site(deps, site_id)
            ranking = _ranking(reader, deps, site.location, site.grid, None)
            return _around(reader, deps, site.location, (ranking, ()), with_ways)

        return await deps.read_list(look)

    return router


def _may_see(request: Request) -> bool:
    """May the visitor see who could be sent? Raises Forbidden for who may see nothing of it."""
    visitor = visitor_of(request)
    visitor.actor.require(Action.READ)
    return may(visitor.user.role, Action.DISPATCH)


def _ranking(reader: Reader, deps: ServerDeps, place: Location, grid: str, alert: Alert | None) -> Ranking:
    needs = frozenset[str]() if alert is None else needs_of(reader, alert, deps.settings)
    reach = None if alert is None else deps.settings.dispatch.reach.get(alert.priority)
    return rank(
        reader, place, deps.now(), roads=deps.roads, settings=deps.settings, needs=needs, grid=grid, reach=reach
    )


def _ranking_of_event(
    reader: Reader, deps: ServerDeps, event: Event, alert: Alert | None
) -> tuple[Ranking, tuple[str, ...]]:
    assert event.id is not None
    tasks = tasks_of(reader, event.id, open_only=True)
    return _ranking(reader, deps, event.location, event.grid, alert), _going(tasks)


def _going(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Who has these tasks, or is asked."""
    asked = ((task.responder,) if task.responder else (task.offered_to, *task.also_offered) for task in tasks)
    return tuple(dict.fromkeys(name for names in asked for name in names if name))


def _around(
    reader: Reader, deps: ServerDeps, place: Location, found: tuple[Ranking, Sequence[str]], with_ways: bool
) -> dict[str, Any]:
    ranking, going = found
    ways = ways_to(reader, ranking, place, going, roads=deps.roads, settings=deps.settings) if with_ways else []
    closed = roads_closed(reader, deps.roads, deps.settings)
    view = SurroundingsView(place=place, ways=[_way(one) for one in ways], closed=[_closed(one) for one in closed])
    return view.model_dump()


def _way(way: Way) -> WayView:
    one = way.candidate
    return WayView(
        responder=one.responder,
        travel=way.travel,
        travel_s=round(one.travel_s, 1),
        distance_m=round(one.distance_m, 1),
        method=one.method,
        going=way.going,
        path=[(round(point.lon, _DIGITS), round(point.lat, _DIGITS)) for point in way.points],
    )


def _closed(one: ClosedRoads) -> ClosedRoadsView:
    assert one.alert.id is not None
    lines = [tuple((round(lon, _DIGITS), round(lat, _DIGITS)) for lon, lat in piece) for piece in one.pieces.tolist()]
    return ClosedRoadsView(
        alert=one.alert.id,
        site=one.alert.key.site,
        lon=one.closure.centre.lon,
        lat=one.closure.centre.lat,
        radius_m=one.closure.radius_m,
        travel=sorted(one.closure.travel),
        lines=[(ends[0], ends[1]) for ends in lines],
    )
