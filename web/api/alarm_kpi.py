"""The alarm figures of a period, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from alerts.kpi import LEAD, Period, alarm_figures
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.alert_life import Condition, Suppression
from data.model.desk import DeskSettings, is_seen_at
from data.model.people import Action
from data.model.spreadsheet import harmless_cell
from data.ports.store import AlertQuery, Reader
from web.api.lists import Moment, utc
from web.api.schemas import answers, api_router
from web.api.shapes import AlarmFigures
from web.auth import visitor_of
from web.deps import ServerDeps

DEFAULT = timedelta(days=1)
LONGEST = timedelta(days=366)
_MOST_OPEN = 10_000


def alarm_kpi_router(deps: ServerDeps) -> APIRouter:
    """`/alarm-kpi`, `/alarm-kpi.csv`"""
    router = api_router("alerts")

    @router.get("/alarm-kpi", response_model=None, responses=answers(AlarmFigures))
    async def figures(request: Request, since: Moment = None, until: Moment = None) -> dict[str, Any]:
        """ISA-18.2, IEC 62682, EEMUA 191: rates, floods, top ten, standing, chattering, priorities, acknowledgement.

        Of the last 24 hours when nothing is said. Each with its limits.
        """
        visitor_of(request).actor.require(Action.READ)
        return await _figures(deps, _period(deps, since, until))

    @router.get(
        "/alarm-kpi.csv", response_model=None, responses=answers(None, media="text/csv"), response_class=Response
    )
    async def table(request: Request, since: Moment = None, until: Moment = None) -> Response:
        """The same, one figure in a row: desk, figure, of what, value, good up to, bearable up to."""
        visitor_of(request).actor.require(Action.READ)
        found = await _figures(deps, _period(deps, since, until))
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("desk", "figure", "of", "value", "good_up_to", "bearable_up_to"))
        writer.writerows([harmless_cell(cell) for cell in row] for row in _rows(found))
        headers = {"Content-Disposition": 'attachment; filename="alarm-kpi.csv"'}
        return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    return router


def _period(deps: ServerDeps, since: Moment, until: Moment) -> Period:
    """Raises InputRejected."""
    end = utc(until) or deps.now()
    begin = utc(since) or end - DEFAULT
    if not timedelta(0) < end - begin <= LONGEST:
        raise InputRejected(f"since must be before until, by {LONGEST.days} days at most")
    return Period(begin, end)


async def _figures(deps: ServerDeps, period: Period) -> dict[str, Any]:
    settings = deps.settings
    desks = {desk.id: partial(_concerns, settings, desk) for desk in settings.desks}
    columns = await deps.read_heavy(lambda reader: reader.alarm_columns(period.since - LEAD, period.until))
    found = await deps.lanes.heavy.run(
        alarm_figures, columns, period, desks or {"": partial(_concerns, settings, None)}
    )
    began = await deps.read(lambda reader: next(iter(reader.audit(limit=1)), None))
    known = [at for at in (None if began is None else began.at, _first(columns.came_at)) if at is not None]
    quiet = await deps.read_heavy(lambda reader: reader.suppressed_alerts(deps.now()))
    stale = await deps.read_heavy(lambda reader: _stale(reader, settings))
    shelved = sum(Suppression.SHELVED in alert.suppressions(deps.now()) for alert in quiet)
    names = {desk.id: desk.name or desk.id for desk in settings.desks}
    return {
        **found,
        "shelved": shelved,
        **stale,
        "data_since": min(known).isoformat() if known else None,
        "desks": [{**desk, "name": names.get(desk["id"], "")} for desk in found["desks"]],
    }


def _first(times: Any) -> datetime | None:
    """The earliest of datetime64[us] in UTC; None without any."""
    return min(times).astype("datetime64[us]").item().replace(tzinfo=UTC) if len(times) else None


def _stale(reader: Reader, settings: Settings) -> dict[str, int]:
    """Now: alarms of which nobody can tell whether they still hold, and sites of which nobody can tell anything."""
    held = reader.alerts(AlertQuery(open_only=True, limit=_MOST_OPEN))
    stale = [alert for alert in held if alert.condition is Condition.STALE]
    silent = {alert.key.site for alert in held if alert.kind == "silence"} | {alert.key.site for alert in stale}
    lost = {site.id for site in settings.sites if (reader.value(f"health:{site.id}") or {}).get("health") == "lost"}
    return {"stale": len(stale), "stale_sites": len(silent | lost)}


def _concerns(settings: Settings, desk: DeskSettings | None, site: str) -> bool:
    grid = next((one.grid for one in settings.sites if one.id == site), "")
    return is_seen_at(settings.desks, desk, grid)


def _rows(figures: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    limits = figures["limits"]
    for desk in figures["desks"]:
        for name, value in desk.items():
            if name not in {"id", "name"}:
                yield (desk["name"], name, "", value, *limits.get(name, ("", "")))
    for name in ("alarms", "standing", "standing_24h", "stale", "stale_sites", "shelved", "top_share"):
        yield ("", name, "", figures[name], *limits.get(name, ("", "")))
    for name in ("top", "chattering"):
        for one in figures[name]:
            yield ("", name, f"{one['site']} {one['rule']} {one['zone']}".strip(), one["alarms"], "", "")
    for name in ("priorities", "acknowledgement"):
        for priority, values in figures[name].items():
            for what, value in values.items():
                yield ("", f"{name}.{what}", priority, value, "", "")
