"""The catalogue of applications: what each watches, how it stands, and its alerts and tasks of the month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request

from data.config.applications import ApplicationSettings, titles_of_ours
from data.config.settings import Settings, SiteSettings
from data.model.inspection import InspectionState
from data.model.people import Action, may
from data.model.plan import RunState
from data.model.views import iso
from data.ports.store import Reader
from web.api.schemas import answers, api_router
from web.api.shapes import ApplicationsAnswer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.health import SiteHealth

Health = Callable[[str], SiteHealth]
Counts = Mapping[str, Mapping[str, int]]


def application_router(deps: ServerDeps, health: Health) -> APIRouter:
    """`/applications`"""
    router = api_router("applications")

    @router.get("/applications", response_model=None, responses=answers(ApplicationsAnswer, 403))
    async def list_applications(request: Request) -> dict[str, Any]:
        """Every pack, then the sites without one by their profile. `since`: the month's beginning in the city's time.

        `state`: alerting (an open alert), overdue (an inspection), blind (a site is lost), unknown (nothing was heard
        of a site), watching, or idle (no site and no place to inspect). `tasks.month` were made in the month, `done` of
        them closed; `open` counts all that are open. `available`: packs that come with the program and are not in use,
        for administrators where settings are changed on the screen (`PUT /settings`).
        """
        actor = visitor_of(request).actor
        actor.require(Action.READ)
        settings = deps.settings.seen_by(actor.role) if actor.role is not None else deps.settings
        since = month_begin(deps.now(), settings)
        until = deps.now() + timedelta(hours=1)  # what was raised just now, by a clock that goes before

        def look(reader: Reader) -> list[dict[str, Any]]:
            counts = reader.site_counts(since, until)
            units = {unit.id: unit.name for unit in reader.units()}
            return [*_packs(reader, settings, counts, health, units), *_others(settings, counts, health)]

        editable = settings.config == "screen" and actor.role is not None and may(actor.role, Action.ADMINISTER)
        found = await asyncio.to_thread(_available, settings) if editable else []
        return {"items": await deps.read_list(look), "since": iso(since), "editable": editable, "available": found}

    return router


def month_begin(now: datetime, settings: Settings) -> datetime:
    """The first moment of this month on the city's clocks."""
    local = now.astimezone(settings.zone_info)
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)


def _available(settings: Settings) -> list[dict[str, Any]]:
    used = {one.id for one in settings.applications}
    return [{"id": name, **titles} for name, titles in titles_of_ours().items() if name not in used]


def _packs(
    reader: Reader, settings: Settings, counts: Counts, health: Health, units: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for one in settings.applications:
        sites = [site for site in settings.sites if site.template in one.templates]
        yield {
            "id": one.id,
            "pack": True,
            "zh": one.zh,
            "en": one.en,
            "about": one.about.model_dump(),
            "owner": units.get(one.owner, one.owner),
            "plans": list(_plans(reader, one)),
            **_with_inspections(reader, settings, one, _standing(sites, counts, health)),
        }


def _with_inspections(
    reader: Reader, settings: Settings, one: ApplicationSettings, standing: dict[str, Any]
) -> dict[str, Any]:
    """The row with its inspected places; overdue ones are its state where no alert is open."""
    places = {place.id for place in settings.inspections.by_id.values() if place.type in one.inspections.types}
    if not places:
        return standing | {"inspected": None}
    overdue = sum(
        row.place in places and row.state is InspectionState.OVERDUE
        for row in reader.open_inspections(listed_only=True)
    )
    last = max((at for place, at in reader.last_inspected().items() if place in places), default=None)
    state = standing["state"]
    if state in {"idle", "watching"}:
        state = "overdue" if overdue else "watching"
    return standing | {"state": state, "inspected": {"places": len(places), "overdue": overdue, "last": iso(last)}}


def _others(settings: Settings, counts: Counts, health: Health) -> Iterator[dict[str, Any]]:
    templates = {name for one in settings.applications for name in one.templates}
    left = [site for site in settings.sites if site.template not in templates]
    for profile in dict.fromkeys(site.profile for site in left):
        yield {
            "id": profile,
            "pack": False,
            "zh": "",
            "en": "",
            "about": None,
            "owner": "",
            "plans": [],
            "inspected": None,
            **_standing([site for site in left if site.profile == profile], counts, health),
        }


def _plans(reader: Reader, application: ApplicationSettings) -> Iterator[dict[str, Any]]:
    for plan in application.plans:
        runs = reader.plan_runs(plan=plan.id, open_only=True)
        states = [run.state for run in runs]
        state = RunState.IN_FORCE if RunState.IN_FORCE in states else states[0] if states else None
        yield {"id": plan.id, "zh": plan.zh, "en": plan.en, "state": None if state is None else state.value}


def _standing(sites: Sequence[SiteSettings], counts: Counts, health: Health) -> dict[str, Any]:
    """The sites, and what is counted over them."""
    own = {site.id: counts.get(site.id, {}) for site in sites}
    states = {site.id: health(site.id).health for site in sites}

    def total(name: str) -> int:
        return sum(each.get(name, 0) for each in own.values())

    alerting = total("alerts_open")
    return {
        "state": "alerting" if alerting else _state(set(states.values())),
        "sites": [
            {
                "id": site.id,
                "name": site.name or site.id,
                "health": states[site.id],
                "alerts_open": own[site.id].get("alerts_open", 0),
            }
            for site in sites
        ],
        "alerts": {"month": total("alerts"), "open": alerting},
        "tasks": {"month": total("tasks"), "done": total("tasks_done"), "open": total("tasks_open")},
    }


def _state(healths: set[str]) -> str:
    """Of an application without an open alert, by how its sites are. One that is not heard of is not watched."""
    if not healths:
        return "idle"
    return "blind" if "lost" in healths else "watching" if healths == {"live"} else "unknown"
