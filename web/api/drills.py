"""`/drill`: how the shift does in the running drill, beside the recorded night; and how earlier drills went."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request

from data.local.drill_folder import NIGHT, read_told, results
from data.model.drill import Drill
from data.model.people import Action
from data.ports.store import Reader
from dispatch.drill_times import ENDED, Response, compared, responses
from web.api.schemas import answers, api_router
from web.api.shapes import DrillState
from web.auth import visitor_of
from web.deps import ServerDeps

_ALERT_LISTS = ("alerts", "only_in_the_night")


def drill_router(deps: ServerDeps) -> APIRouter:
    """`/drill`"""
    router = api_router("drill")

    @router.get("/drill", response_model=None, responses=answers(DrillState, 403))
    async def drill(request: Request) -> dict[str, Any]:
        """In a drill its scores so far; in the city's own server the earlier drills."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        now = deps.now()
        if deps.drill is None:
            found = await deps.lanes.lists.run(results, deps.var_dir)
            return {"running": None, "waits": False, "earlier": [_short(one) for one in found], "at": now.isoformat()}
        told = await deps.lanes.lists.run(read_told, deps.var_dir / NIGHT)
        if told.get("drill") is None:
            return {"running": None, "waits": True, "earlier": [], "at": now.isoformat()}
        running = Drill.of(told["drill"])
        night = [Response.of(one) for one in told.get("night", [])]
        state = await deps.read_heavy(lambda reader: _running(reader, running, night, deps, now))
        hidden = deps.settings.hidden_from(visitor.user.role)
        for name in _ALERT_LISTS:
            state[name] = [row for row in state[name] if row["site"] not in hidden]
        return {"running": state, "waits": False, "earlier": [], "at": now.isoformat()}

    return router


def _running(reader: Reader, drill: Drill, night: list[Response], deps: ServerDeps, now: datetime) -> dict[str, Any]:
    here = responses(reader, drill.began, now, speed=drill.speed)
    return compared(drill, here, night, deps.settings.drill.limits, now) | {"ended": reader.value(ENDED)}


def _short(told: Any) -> dict[str, Any]:
    """An earlier drill without its alerts, which may be of sites that somebody may not know."""
    return {name: value for name, value in told.items() if name not in _ALERT_LISTS}
