"""What is watched: sites with their health and latest readings, and the readings themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from data.config.settings import SiteSettings
from data.errors import NotFound
from data.model.observation import Reading
from data.model.people import Action
from data.model.spans import ReadingKey
from data.model.views import reading_view
from data.ports.store import Reader
from web.api.lists import Cursor, Moment, key_cursor, key_page, utc
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import SiteView
from web.auth import visitor_of
from web.deps import ServerDeps
from web.health import SiteHealth

_DEFAULT_SPAN = timedelta(days=1)


def place_router(deps: ServerDeps, health: Callable[[str], SiteHealth]) -> APIRouter:
    """`/sites...` and `/readings`."""
    router = api_router("sites")

    @router.get("/sites", response_model=None, responses=answers(AnyList, 403))
    async def list_sites(request: Request) -> dict[str, Any]:
        """Every configured site, its health (live, lost, unknown) since `at`, and its latest readings."""
        visitor_of(request).actor.require(Action.READ)
        latest = await deps.read_list(lambda reader: reader.latest_readings())
        return {"items": [_site_view(site, latest, health(site.id)) for site in deps.settings.sites], "next": None}

    @router.get("/sites/{site_id}", response_model=None, responses=answers(SiteView, 403, 404))
    async def one_site(request: Request, site_id: str) -> dict[str, Any]:
        visitor_of(request).actor.require(Action.READ)
        site = next((site for site in deps.settings.sites if site.id == site_id), None)
        if site is None:
            raise NotFound(f"there is no site {site_id!r}")
        return _site_view(site, await deps.read_list(lambda reader: reader.latest_readings()), health(site_id))

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

    return router


def _site_view(site: SiteSettings, latest: Any, health: SiteHealth) -> dict[str, Any]:
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
        "readings": [reading_view(reading) for reading in latest if reading.site == site.id],
    }
