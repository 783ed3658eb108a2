"""What other systems send: observations (OGC SensorThings names), vehicles' positions, alerts of Alertmanager."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from alerts.alertmanager import RULE, apply_signals, signals_of
from data.config.settings import Settings
from data.errors import InputRejected, NotFound
from data.local.inbox import Inbox
from data.model.alert import Raised, Signal
from data.model.observation import Position, Reading, Rejected
from data.model.secrets import redact
from data.model.token_scope import Sends, TokenScope
from data.ports.recipe import MonitorRecipe, Receiver, Receptive
from web.api.ingest_guard import IngestGuard
from web.api.schemas import answers, api_router
from web.api.shapes import Accepted, AlertsTaken
from web.deps import ServerDeps
from web.metrics import WebMeters

_JSON_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": ["object", "array"]}}}}
}


def parsed_json(content: bytes) -> Any:
    """Raises InputRejected."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise InputRejected("the body is not JSON") from None


def ingest_router(deps: ServerDeps, meters: WebMeters) -> APIRouter:
    """`/datastreams/{site}/{monitor}/observations`, `.../positions`, `/alertmanager`"""
    router = api_router("ingest")
    door = IngestGuard(deps, meters)
    gauges = _Gauges()
    receivers: dict[tuple[str, str], tuple[Receptive, Receiver]] = {}  # each remembers the order of what it was sent

    @router.post(
        "/datastreams/{site}/{monitor}/observations", status_code=202, response_model=None,
        responses=answers(Accepted, 404, status=202), openapi_extra=_JSON_BODY,
    )  # fmt: skip
    async def observations(request: Request, site: str, monitor: str) -> JSONResponse:
        """One Observation, a list, or {"value": [...]}: all are taken, and safe when this is answered, or none.

        An observation without a value (a fill value such as -9999) is no reading but a reject, which the answer names.
        """
        _, scope = door.sender(request, Sends.OBSERVATION)
        scope.require_site(site)
        recipe = gauges.receptive(deps.settings, site, monitor)
        scope.require_quantity(getattr(recipe, "quantity", ""))
        content = await request.body()
        try:
            known_recipe, receiver = receivers.get((site, monitor), (None, None))
            if receiver is None or known_recipe != recipe:
                latest = await deps.read(lambda reader: reader.latest_readings([site]))
                known = [reading.at for reading in latest if reading.monitor == monitor]
                receiver = recipe.receiver(site, max(known, default=None))
                receivers[site, monitor] = recipe, receiver
            found = receiver.accept(parsed_json(content), deps.now())
        except InputRejected as error:
            await door.refuse_one(site, monitor, error, content)
            raise
        readings = [one for one in found if isinstance(one, Reading)]
        missing = [one for one in found if isinstance(one, Rejected)]
        if readings:
            await deps.lanes.intake.run(Inbox(deps.var_dir, site, monitor).put, readings)
        if missing:
            await door.refuse([replace(one, excerpt=redact(one.excerpt)) for one in missing])
        door.taken("observation", len(readings))
        detail = {"rejected": [one.reason for one in missing]} if missing else {}
        return JSONResponse({"accepted": len(readings), **detail}, 202)

    @router.post("/alertmanager", response_model=None, responses=answers(AlertsTaken), openapi_extra=_JSON_BODY)
    async def alertmanager(request: Request) -> dict[str, Any]:
        """Prometheus Alertmanager's webhook. The label `site` says where; what names no site of ours is rejected."""
        _, scope = door.sender(request, Sends.ALERT)
        content = await request.body()
        now, sites = deps.now(), frozenset(site.id for site in deps.settings.sites)
        try:
            signals, rejects = signals_of(parsed_json(content), sites, now)
        except InputRejected as error:
            await door.refuse_one("", RULE, error, content)
            raise

        signals, beyond = _within(scope, signals, now)
        rejects = [*rejects, *beyond]
        done = await deps.commit(lambda writer: apply_signals(writer, signals, now, deps.settings))
        if rejects:
            await door.refuse(rejects)
        door.taken("alert", len(signals))
        return {**done, "rejected": [rejected.reason for rejected in rejects]}

    _add_vehicles(router, deps, door, gauges)
    return router


def _add_vehicles(router: APIRouter, deps: ServerDeps, door: IngestGuard, gauges: _Gauges) -> None:
    @router.post(
        "/datastreams/{site}/{monitor}/positions", status_code=202, response_model=None,
        responses=answers(Accepted, 404, status=202), openapi_extra=_JSON_BODY,
    )  # fmt: skip
    async def positions(request: Request, site: str, monitor: str) -> JSONResponse:
        """Positions of vehicles as a gateway gives them: one, a list, or {"positions": [...]}; safe when answered.

        Those that cannot be used are rejects, which the answer names; the others are taken. The members' names are
        those of the monitor's settings. Vehicles without a fix are no news.
        """
        _, scope = door.sender(request, Sends.POSITION)
        scope.require_site(site)
        recipe = gauges.receptive(deps.settings, site, monitor, gives="positions")
        content = await request.body()
        try:
            found = recipe.receiver(site, None).accept(parsed_json(content), deps.now())
        except InputRejected as error:
            await door.refuse_one(site, monitor, error, content)
            raise
        taken = [one for one in found if isinstance(one, Position)]
        wrong = [one for one in found if isinstance(one, Rejected)]
        if taken:
            await deps.lanes.intake.run(Inbox(deps.var_dir, site, monitor).put, taken)
        if wrong:
            await door.refuse([replace(one, excerpt=redact(one.excerpt)) for one in wrong])
        door.taken("position", len(taken))
        detail = {"rejected": [one.reason for one in wrong]} if wrong else {}
        return JSONResponse({"accepted": len(taken), **detail}, 202)


def _within(scope: TokenScope, signals: Iterable[Signal], now: datetime) -> tuple[list[Signal], list[Rejected]]:
    """What the token may send, no graver than it may; and rejects for sites that are not its own."""
    kept: list[Signal] = []
    beyond: list[Rejected] = []
    for signal in signals:
        if not scope.covers(signal.key.site):
            why = f"this token may not send for site {signal.key.site!r}"
            beyond.append(Rejected(signal.key.site, RULE, now, why, signal.key.subject))
        elif isinstance(signal, Raised):
            kept.append(replace(signal, priority=scope.capped(signal.priority)))
        else:
            kept.append(signal)
    return kept, beyond


class _Gauges:
    """The gauges of the settings in force, listed once for each settings: in a storm thousands are sent a second."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._recipes: Mapping[tuple[str, str], MonitorRecipe] = {}

    def receptive(self, settings: Settings, site: str, monitor: str, *, gives: str = "readings") -> Receptive:
        """What takes in observations of this sensor. Raises NotFound."""
        if settings is not self._settings:
            self._recipes = {(one.id, sensor.name): sensor for one in settings.sites for sensor in one.sensors}
            self._settings = settings
        recipe = self._recipes.get((site, monitor))
        if not isinstance(recipe, Receptive) or getattr(recipe, "gives", "") != gives:
            known = [
                f"{place}/{name}"
                for (place, name), one in self._recipes.items()
                if isinstance(one, Receptive) and one.gives == gives
            ]
            raise NotFound(f"no gauge {site}/{monitor} is sent to us; these are: {', '.join(known) or 'none'}")
        return recipe
