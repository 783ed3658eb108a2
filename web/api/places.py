"""What is watched: sites with their health and latest readings, the readings themselves, and places by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from data.config.settings import Settings, SiteSettings
from data.errors import NotFound
from data.model.geo import Location, distance_m
from data.model.observation import Reading
from data.model.organisation import UnitKind
from data.model.people import Action
from data.model.spans import ReadingKey
from data.model.views import reading_view
from data.ports.store import Reader
from dispatch.grids import grid_at, place_in
from dispatch.plausible import place_doubt
from dispatch.streets import Streets
from web.api.lists import Cursor, Moment, key_cursor, key_page, utc
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import SiteView
from web.auth import visitor_of
from web.deps import ServerDeps
from web.health import SiteHealth

_DEFAULT_SPAN = timedelta(days=1)
_DIGITS = 6  # of a degree: 0.1 m
_ON_STREET_M = 25.0  # so near a street, a place lies on it: half of a wide one, and the error of a click
_BY_STREET_M = 150.0
_STREETS = 2  # a corner has two
_MOST_NAMED = 10_000

Longitude = Annotated[float, Query(ge=-180, le=180)]
Latitude = Annotated[float, Query(ge=-90, le=90)]


class NamedPlace(BaseModel):
    """`kind`: site, grid, unit or street."""

    kind: str
    id: str
    name: str
    lon: float
    lat: float
    grid: str = Field(description="The grid's code; empty where it is not known.")


class PlaceList(BaseModel):
    items: list[NamedPlace]
    next: str | None


class HereView(BaseModel):
    """`streets`: those that the place lies on, else the nearest within 150 m. `plausible`: in the district?"""

    lon: float
    lat: float
    grid: str
    grid_name: str
    streets: list[str]
    site: str
    site_name: str
    site_m: int | None
    plausible: bool


def place_router(deps: ServerDeps, health: Callable[[str], SiteHealth]) -> APIRouter:
    """`/sites...` and `/readings`."""
    router = api_router("sites")

    @router.get("/sites", response_model=None, responses=answers(AnyList, 403))
    async def list_sites(request: Request) -> dict[str, Any]:
        """Every configured site, its health (live, lost, unknown) since `at`, and its latest readings."""
        visitor_of(request).actor.require(Action.READ)
        by_site: dict[str, list[Reading]] = {}
        for reading in await deps.read_list(lambda reader: reader.latest_readings()):
            by_site.setdefault(reading.site, []).append(reading)
        items = [_site_view(site, by_site.get(site.id, ()), health(site.id)) for site in deps.settings.sites]
        return {"items": items, "next": None}

    @router.get("/sites/{site_id}", response_model=None, responses=answers(SiteView, 403, 404))
    async def one_site(request: Request, site_id: str) -> dict[str, Any]:
        visitor_of(request).actor.require(Action.READ)
        site = next((site for site in deps.settings.sites if site.id == site_id), None)
        if site is None:
            raise NotFound(f"there is no site {site_id!r}")
        latest = await deps.read_list(lambda reader: reader.latest_readings([site_id]))
        return _site_view(site, latest, health(site_id))

    @router.get("/readings", response_model=None, responses=answers(AnyList, 403, 422))
    async def list_readings(
        request: Request,
        *,
        site: Annotated[str | None, Query(description="Without it: the newest reading of every gauge.")] = None,
        quantity: str | None = None,
        since: Moment = None,
        until: Moment = None,
        limit: Annotated[int, Query(ge=1, le=20_000)] = 5000,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Readings of a site, oldest first, `since` <= at < `until`; the last day when no span is given."""
        visitor_of(request).actor.require(Action.READ)
        if site is None:
            latest = await deps.read_list(lambda reader: reader.latest_readings())
            items = [reading_view(r) for r in latest if quantity in (None, r.quantity)]
            return {"items": items, "next": None}
        end = utc(until) or deps.now() + timedelta(hours=1)
        start, key = utc(since) or deps.now() - _DEFAULT_SPAN, key_cursor(cursor, (datetime, str, str))
        after, wanted = None if key is None else ReadingKey(*key), site

        def look(reader: Reader) -> Sequence[Reading]:
            return reader.readings(wanted, quantity, since=start, until=end, after=after, limit=limit + 1)

        found = await deps.read_list(look)
        return key_page(found, limit, lambda one: ReadingKey(one.at, one.monitor, one.quantity), reading_view)

    _add_named(router, deps)
    return router


def _add_named(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/places", response_model=None, responses=answers(PlaceList, 403))
    async def named_places(request: Request) -> dict[str, Any]:
        """Every place that has a name: sites, units with a place or an outline (grids too), and streets.

        Of a street the point nearest to its middle; of an outline a point inside.
        """
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        settings = deps.settings.seen_by(visitor.user.role)
        return {
            "items": await deps.read_list(lambda reader: _named(reader, settings, deps.roads.streets)),
            "next": None,
        }

    @router.get("/places/at", response_model=None, responses=answers(HereView, 403, 422))
    async def what_is_here(request: Request, lon: Longitude, lat: Latitude) -> dict[str, Any]:
        """What a place is called: its grid, the streets that it lies on, the nearest site."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        settings, here = deps.settings.seen_by(visitor.user.role), Location(lon=lon, lat=lat)
        return await deps.read_list(lambda reader: _here(reader, here, settings, deps.roads.streets))


def _named(reader: Reader, settings: Settings, streets: Streets) -> list[dict[str, Any]]:
    def told(kind: str, id_: str, name: str, at: Location, grid: str = "") -> dict[str, Any]:
        place = {"lon": round(at.lon, _DIGITS), "lat": round(at.lat, _DIGITS)}
        return {"kind": kind, "id": id_, "name": name, **place, "grid": grid}

    found = [told("site", site.id, site.name or site.id, site.location, site.grid) for site in settings.sites]
    for unit in reader.units():
        inside = unit.location or place_in(unit)
        if inside is not None:
            found.append(told("grid" if unit.kind is UnitKind.GRID else "unit", unit.id, unit.name, inside, unit.code))
    found += [told("street", name, name, at) for name, at in streets.places()]
    return found[:_MOST_NAMED]


def _here(reader: Reader, here: Location, settings: Settings, streets: Streets) -> dict[str, Any]:
    grid = grid_at(reader.units(), here)
    near = [name for name, _ in streets.near(here, _ON_STREET_M)] or [
        name for name, _ in streets.near(here, _BY_STREET_M)[:1]
    ]
    site = min(settings.sites, key=lambda one: distance_m(here, one.location), default=None)
    return {
        "lon": here.lon,
        "lat": here.lat,
        "grid": "" if grid is None else grid.code,
        "grid_name": "" if grid is None else grid.name,
        "streets": near[:_STREETS],
        "site": "" if site is None else site.id,
        "site_name": "" if site is None else site.name or site.id,
        "site_m": None if site is None else round(distance_m(here, site.location)),
        "plausible": not place_doubt(here, settings),
    }


def _site_view(site: SiteSettings, latest: Sequence[Reading], health: SiteHealth) -> dict[str, Any]:
    """Only what is named here leaves: monitors hold addresses of devices."""
    return {
        "id": site.id,
        "name": site.name,
        "location": site.location.model_dump(),
        "grid": site.grid,
        "profile": site.profile,
        "camera": site.camera is not None,
        "health": health.health,
        "degraded": health.degraded,
        "cause": health.cause,
        "losses": list(health.losses),
        "at": health.at,
        "zones": [zone.model_dump() for zone in site.zones],
        "rules": [
            {"id": rule.name, "kind": rule.kind, "zone": rule.zone, "priority": rule.priority.value}
            for rule in site.rules
        ],
        "readings": [reading_view(reading) for reading in latest],
    }
