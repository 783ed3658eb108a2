"""`/r/places`: what somebody's phone needs to inspect also without network: places that are due, and checklists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from data.config.inspections import InspectedPlace, InspectionType
from data.config.settings import Settings
from data.model.inspection import Inspection, InspectionState
from data.model.people import Action
from data.model.views import iso
from data.ports.store import Reader
from dispatch.inspection_people import in_charge
from dispatch.inspection_reports import why_not_recheck
from layouts.words import LANGUAGE_COOKIE, Language, language_of
from web.auth import visitor_of
from web.deps import ServerDeps

MOST_LISTED = 60  # places; a day's work, in a few kilobytes


def places_to_inspect(reader: Reader, settings: Settings, person: str) -> int:
    """How many places of this person's grids are due: whether the phone has to load anything about inspections."""
    if not settings.inspections.by_id:
        return 0
    return len({row.place for row in _listed(reader, settings, person)})


def add_places(router: APIRouter, deps: ServerDeps) -> None:
    """`/r/places` on the phone's router."""

    @router.get("/r/places")
    async def places(request: Request, place: str = "") -> Response:
        """The asker's places that are due, and `place` whose code was scanned; 304 while nothing has changed."""
        actor = visitor_of(request).actor
        actor.require(Action.READ_OWN_TASKS)
        language = language_of(request.cookies.get(LANGUAGE_COOKIE), deps.settings.language)
        found = await deps.read_list(lambda reader: _found(reader, deps.settings, actor.name, place, language))
        body = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)


def _found(reader: Reader, settings: Settings, person: str, scanned: str, language: Language) -> dict[str, Any]:
    known = settings.inspections.by_id
    rows: dict[str, list[Inspection]] = {}
    for row in _listed(reader, settings, person):
        if row.place in rows or len(rows) < MOST_LISTED:
            rows.setdefault(row.place, []).append(row)
    if scanned in known and scanned not in rows:
        rows[scanned] = list(reader.open_inspections(scanned, listed_only=True))
    places = [_place(reader, known[place], each, person) for place, each in rows.items()]
    types = {place["type"]: settings.inspections.types[place["type"]] for place in places}
    return {
        "within_m": settings.inspections.presence_m,
        "unknown": scanned if scanned and scanned not in known else "",
        "places": places,
        "types": {name: _type(kind, language) for name, kind in types.items()},
    }


def _listed(reader: Reader, settings: Settings, person: str) -> Iterator[Inspection]:
    """Open inspections of this person's grids that are on the list, who is due first before the others."""
    grids = in_charge(reader, settings).grids_of(person)
    known = settings.inspections.by_id
    if grids:
        yield from (row for row in reader.open_inspections(grids=grids, listed_only=True) if row.place in known)


def _place(reader: Reader, place: InspectedPlace, rows: list[Inspection], person: str) -> dict[str, Any]:
    own = next((row for row in rows if not row.is_recheck), None)
    checks = [row for row in rows if row.is_recheck and row.event_id is not None]
    return {
        "id": place.id,
        "name": place.name,
        "type": place.type,
        "at": [round(place.location.lon, 5), round(place.location.lat, 5)],
        **({"note": place.note} if place.note else {}),
        **({} if own is None else {"due": iso(own.due), "over": own.state is InspectionState.OVERDUE}),
        **({"checks": [_check(reader, row, person) for row in checks]} if checks else {}),
    }


def _check(reader: Reader, row: Inspection, person: str) -> dict[str, Any]:
    """A hazard that is to be checked again; `own`: by another person than this one."""
    assert row.event_id is not None
    own = why_not_recheck(reader, reader.event(row.event_id), person) != ""
    title = row.name.partition(" · ")[2] or row.name
    return {"event": row.event_id, "title": title, "due": iso(row.due), "own": own}


def _type(kind: InspectionType, language: Language) -> dict[str, Any]:
    items = [
        [item.id, getattr(item, language), item.hazard is not None, item.hazard is not None and item.hazard.photo]
        for item in kind.checklist
    ]
    return {"name": getattr(kind, language), "items": items}
