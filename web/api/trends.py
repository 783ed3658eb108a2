"""Figures of each day over the last weeks, of the whole, of each grid and of each unit, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from data.config.settings import Settings
from data.model.alarm import AlarmColumns
from data.model.organisation import Unit, UnitKind
from data.model.people import Action
from data.model.spreadsheet import harmless_cell
from data.ports.store import Reader
from dispatch.clocks import calendar_of
from dispatch.trends import COUNTS, FEW, TIMES, AlarmTimes, Days, Tally, Trends, trends_of
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps

_MOST_EVENTS = 20_000
_MOST_TASKS = 100_000
_MOST_PLACES = 500

Weeks = Annotated[int, Query(ge=1, le=26, description="How many weeks back, today included.")]


class TrendView(BaseModel):
    """One list for each figure, a value for each day. Times are medians in seconds, `_n` of how many."""

    id: str = ""
    name: str = ""
    alerts: list[int]
    opened: list[int]
    closed: list[int] = Field(description="Of those opened that day, by now.")
    handled: list[int] = Field(description="Their handling ended that day.")
    late: list[int] = Field(description="Of those handled, beyond the limit.")
    answered: list[int] = Field(description="Call-backs that reached the reporter.")
    satisfied: list[int]
    acknowledge_s: list[float | None]
    acknowledge_s_n: list[int]
    accept_s: list[float | None]
    accept_s_n: list[int]
    on_scene_s: list[float | None]
    on_scene_s_n: list[int]
    total: dict[str, float | None]
    overdue_now: int


class TrendsView(BaseModel):
    """`few`: of fewer cases nothing is concluded. `cut`: there were more events or tasks than are counted."""

    timezone: str
    days: list[str]
    few: int
    cut: bool
    whole: TrendView
    grids: list[TrendView]
    units: list[TrendView]


def trend_router(deps: ServerDeps) -> APIRouter:
    """`/trends`, `/trends.csv`"""
    router = api_router("alerts")

    @router.get("/trends", response_model=None, responses=answers(TrendsView, 403, 422))
    async def trends(request: Request, weeks: Weeks = 4) -> dict[str, Any]:
        """How each figure went, day by day in the city's time: of the whole, each grid and each unit."""
        return await _trends(deps, request, weeks)

    @router.get("/trends.csv", response_model=None, responses=answers(None, media="text/csv"), response_class=Response)
    async def table(request: Request, weeks: Weeks = 4) -> Response:
        """The same, one day of one grid or unit in a row."""
        found = await _trends(deps, request, weeks)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("of", "id", "name", "day", *_COLUMNS))
        writer.writerows([harmless_cell(cell) for cell in row] for row in _rows(found))
        headers = {"Content-Disposition": 'attachment; filename="trends.csv"'}
        return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    return router


_COLUMNS = (*COUNTS, *(column for name in TIMES for column in (name, f"{name}_n")))


async def _trends(deps: ServerDeps, request: Request, weeks: int) -> dict[str, Any]:
    visitor = visitor_of(request)
    visitor.actor.require(Action.READ)
    settings, hidden, now = deps.settings, deps.settings.hidden_from(visitor.user.role), deps.now()
    days = Days.until(now, 7 * weeks, ZoneInfo(settings.timezone))

    def look(reader: Reader) -> tuple[Trends, Sequence[Unit], bool]:
        until = now + timedelta(seconds=1)
        events = reader.events_in_hand(days.begin, until, hidden=hidden, limit=_MOST_EVENTS + 1)
        tasks = reader.task_times(days.begin, until, hidden=hidden, limit=_MOST_TASKS + 1)
        alarms = _alarms(reader.alarm_columns(days.begin, until), settings, hidden)
        found = trends_of(days, alarms, events[:_MOST_EVENTS], tasks[:_MOST_TASKS], calendar_of(settings), now)
        return found, reader.units(), len(events) > _MOST_EVENTS or len(tasks) > _MOST_TASKS

    found, units, cut = await deps.read_heavy(look)
    grids = {unit.code: unit.name for unit in units if unit.kind is UnitKind.GRID}
    return {
        "timezone": settings.timezone,
        "days": [str(days.first + timedelta(days=n)) for n in range(days.number)],
        "few": FEW,
        "cut": cut,
        "whole": {"id": "", "name": "", **found.whole.view()},
        "grids": _named(found.grids, grids),
        "units": _named(found.units, {unit.id: unit.name for unit in units}),
    }


def _alarms(columns: AlarmColumns, settings: Settings, hidden: frozenset[str]) -> Iterator[AlarmTimes]:
    grids = {site.id: site.grid for site in settings.sites}
    for site, came, acknowledged in zip(columns.site, columns.came_at, columns.acknowledged_at, strict=True):
        came_at = _moment(came)
        if site not in hidden and came_at is not None:
            yield AlarmTimes(came_at, _moment(acknowledged), grids.get(site, ""))


def _moment(at: Any) -> datetime | None:
    """From datetime64[us] in UTC; None for NaT."""
    return None if np.isnat(at) else at.astype("datetime64[us]").item().replace(tzinfo=UTC)


def _named(tallies: Mapping[str, Tally], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Those with the most events and alerts first."""
    views = [{"id": key, "name": names.get(key, key), **one.view()} for key, one in tallies.items() if not one.is_empty]
    views.sort(key=lambda one: (-one["total"]["opened"], -one["total"]["alerts"], one["name"]))
    return views[:_MOST_PLACES]


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for of, lines in (("whole", [found["whole"]]), ("grid", found["grids"]), ("unit", found["units"])):
        for line in lines:
            for n, day in enumerate(found["days"]):
                yield (of, line["id"], line["name"], day, *(line[name][n] for name in _COLUMNS))
