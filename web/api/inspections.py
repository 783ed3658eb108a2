"""Inspections 巡查: how they stand, the day's route, and what was filled in at a place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile

from data.errors import Forbidden, InputRejected
from data.model.geo import Location
from data.model.inspection import Found, Inspection, inspection_view
from data.model.people import Action, Actor, may
from data.model.record import AuditEntry
from data.ports.store import Reader, Writer
from dispatch.costs import closed_roads
from dispatch.inspection_figures import overdue_view, standing
from dispatch.inspection_people import in_charge
from dispatch.inspection_reports import Filled, submit
from dispatch.inspection_route import MOST_STOPS, day_route
from dispatch.roll_calls import names_of
from layouts.phone.route_map import draw_tour
from web.api.alerts import Open
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import LARGEST_ID, SafeMoment
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import InspectionRoute, InspectionsAnswer, InspectionStanding
from web.auth import visitor_of
from web.deps import ServerDeps
from web.photo import LARGEST_BYTES, keep_photo

_MOST_ITEMS = 60
PlaceName = Annotated[str, Query(min_length=1, max_length=100, description="Id of a place.")]


def inspection_router(deps: ServerDeps) -> APIRouter:
    """`/inspections...`"""
    router = api_router("inspections")
    _add_reading(router, deps)
    _add_route(router, deps)
    _add_submit(router, deps)
    return router


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/inspections", response_model=None, responses=answers(AnyList, 403))
    async def list_inspections(
        request: Request,
        following: Cursor,
        *,
        place: PlaceName | None = None,
        open: Open = False,  # noqa: A002 - the parameter's name in the address
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """Newest first, re-checks of hazards included."""
        visitor_of(request).actor.require(Action.READ)
        known = before_id(following)

        def look(reader: Reader) -> dict[str, Any]:
            names = names_of(reader)
            found = reader.inspections(place=place, open_only=open, before_id=known, limit=limit + 1)
            return page(found, limit, lambda one: inspection_view(one, names))

        return await deps.read_list(look)

    @router.get("/inspections/standing", response_model=None, responses=answers(InspectionStanding, 403, 422))
    async def how_it_stands(
        request: Request, days: Annotated[int, Query(ge=1, le=366, description="Of so many days.")] = 30
    ) -> dict[str, Any]:
        """Coverage by type and grid with its denominators, who is overdue by name, hazards that came back."""
        visitor_of(request).actor.require(Action.READ)
        now = deps.now()
        since = now - timedelta(days=days)
        return await deps.read_heavy(
            lambda reader: standing(reader, deps.settings, since, now, names_of(reader)) | {"days": days}
        )


def _add_route(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/inspections/route", response_model=None, responses=answers(InspectionRoute, 403, 422))
    async def route_of_a_day(
        request: Request,
        person: Annotated[str, Query(max_length=100, description="Whose; the asker's when left out.")] = "",
        most: Annotated[int, Query(ge=1, le=MOST_STOPS, description="How many places at most.")] = 50,
    ) -> dict[str, Any]:
        """The places of somebody's grids that are due, overdue ones first to be taken, in the order of the way."""
        actor = visitor_of(request).actor
        who = person or actor.name
        if who != actor.name and actor.role is not None and not may(actor.role, Action.READ):
            raise Forbidden(f"{actor.name} may not see the route of {who[:80]}")

        def look(reader: Reader) -> dict[str, Any]:
            return _route(reader, deps, who, most)

        return await deps.read_heavy(look)


def _route(reader: Reader, deps: ServerDeps, who: str, most: int) -> dict[str, Any]:
    charge, names, now = in_charge(reader, deps.settings), names_of(reader), deps.now()
    places = deps.settings.inspections.by_id
    grids = charge.grids_of(who)
    rows = [row for row in reader.open_inspections(grids=grids, listed_only=True) if row.place in places]
    chosen: dict[str, list[Inspection]] = {}
    for row in rows:  # who is due first comes first; several at one place are one stop
        if row.place in chosen or len(chosen) < most:
            chosen.setdefault(row.place, []).append(row)
    stops = [each[0].location for each in chosen.values()]
    responder = next((one for one in reader.responders() if one.id == who), None)
    position = None if responder is None else responder.position
    start, travel = position or next(iter(stops), None), "walk" if responder is None else responder.travel
    found: dict[str, Any] = {
        "person": who,
        "name": names.get(who, who),
        "left_out": len({row.place for row in rows}) - len(chosen),
        "stops": [],
        "travel_s": 0.0,
        "distance_m": 0.0,
        "map": None,
    }
    if start is None:
        return found
    tour = day_route(start, stops, travel, deps.roads, closed_roads(reader, deps.settings))
    ordered = [list(chosen.values())[index] for index in tour.order]
    return found | {
        "stops": [
            {
                "inspections": [overdue_view(row, names, charge, now) for row in each],
                "note": places[each[0].place].note,
                "travel_s": leg.travel_s,
                "distance_m": leg.distance_m,
                "method": leg.method,
            }
            for each, leg in zip(ordered, tour.legs, strict=True)
        ],
        "travel_s": tour.travel_s,
        "distance_m": tour.distance_m,
        "map": draw_tour(deps.roads, [start, *(each[0].location for each in ordered)], travel),
    }


def _add_submit(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/inspections", response_model=None, responses=answers(InspectionsAnswer, 403, 404, 409, 413, 422))
    async def inspected(
        request: Request,
        *,
        place: Annotated[str, Form(min_length=1, max_length=100)],
        lon: Annotated[float, Form(ge=-180, le=180, description="Where the form was filled in.")],
        lat: Annotated[float, Form(ge=-90, le=90)],
        accuracy_m: Annotated[float, Form(ge=0, le=1_000_000, description="Of the position, by the phone.")],
        seen_at: Annotated[SafeMoment, Form(description="When the form was filled in.")],
        found: Annotated[
            list[str] | None, Form(max_length=_MOST_ITEMS, description="`item=ok`, `item=hazard` or `item=none`.")
        ] = None,
        notes: Annotated[list[str] | None, Form(max_length=_MOST_ITEMS, description="`item=words`.")] = None,
        recheck: Annotated[
            list[str] | None, Form(max_length=_MOST_ITEMS, description="`event=ok`: gone; `event=hazard`: still there.")
        ] = None,
        text: Annotated[str, Form(max_length=500)] = "",
        photo: Annotated[UploadFile | None, File(description="JPEG, PNG or WebP, at most 10 MB.")] = None,
    ) -> Response:
        """A checklist, re-checks of hazards, or both, filled in at the place: within 100 m of it by default."""
        actor = visitor_of(request).actor
        actor.require(Action.WORK_TASK)
        content = b"" if photo is None else await photo.read(LARGEST_BYTES + 1)
        answered = {item: _found(value, item) for item, value in _pairs(found)}
        rechecks = {_number(event): _found(value, event) is Found.OK for event, value in _pairs(recheck)}
        evidence, clean = await keep_photo(deps, content, f"inspection:{place}") if content else (None, None)
        filled = Filled(
            place=place,
            seen_at=seen_at,
            position=Location(lon=lon, lat=lat),
            accuracy_m=accuracy_m,
            found=answered,
            notes=dict(_pairs(notes)),
            rechecks=rechecks,
            note=text,
            photo=evidence,
        )
        body = [place, lon, lat, accuracy_m, seen_at.isoformat(), found, notes, recheck, text]
        mark = [*body, hashlib.sha256(content).hexdigest() if content else None]

        def work(writer: Writer) -> Mapping[str, Any]:
            done = submit(writer, filled, actor, deps.now(), deps.settings, deps.roads)
            if clean is not None and evidence is not None and clean.exif:
                detail = {"photo": evidence.id, "exif": dict(clean.exif)}
                _record(writer, actor, done[0], detail, deps)
            names = names_of(writer)
            return {"inspections": [inspection_view(one, names) for one in done]}

        return await once(deps, request, mark, work)


def _record(writer: Writer, actor: Actor, done: Inspection, detail: Mapping[str, Any], deps: ServerDeps) -> None:
    role = "" if actor.role is None else actor.role.value
    writer.record(AuditEntry(deps.now(), actor.name, role, "photo_exif", f"inspection:{done.id}", detail))


def _pairs(values: Iterable[str] | None) -> list[tuple[str, str]]:
    """`name=value`, each name once. Raises InputRejected."""
    pairs: list[tuple[str, str]] = []
    for one in values or ():
        name, sign, value = one.partition("=")
        if not sign or not name or name in {known for known, _ in pairs}:
            raise InputRejected(f"write each item once, as item=ok: {one[:80]!r}")
        pairs.append((name, value))
    return pairs


def _found(value: str, item: str) -> Found:
    try:
        return Found(value)
    except ValueError:
        raise InputRejected(f"{item[:80]}: write ok, hazard or none, not {value[:40]!r}") from None


def _number(event: str) -> int:
    if not (event.isascii() and event.isdecimal()) or not 1 <= int(event[:19]) <= LARGEST_ID:
        raise InputRejected(f"recheck: {event[:40]!r} is no number of an event")
    return int(event)
