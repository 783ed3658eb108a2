"""For those who run it: is it alive, is it ready, what does it count."""

from __future__ import annotations

import asyncio
import ipaddress

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from data.errors import Forbidden, YipingError
from data.people import Action, may
from web.auth import found_visitor
from web.deps import ServerDeps
from web.metrics import WebMeters, metrics_text
from web.outbox import Outbox

_READY_WITHIN_S = 2.0


def service_router(deps: ServerDeps, outbox: Outbox, meters: WebMeters) -> APIRouter:
    """`/healthz`, `/readyz` for everybody; `/metrics` for this machine and administrators."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz() -> Response:
        checks = {"store": await _store_answers(deps), "outbox": outbox.alive}
        ready = all(checks.values())
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        visitor = found_visitor(request)
        if not _from_here(request) and (visitor is None or not may(visitor.user.role, Action.ADMINISTER)):
            raise Forbidden("metrics are for this machine and for administrators")
        meters.meters.gauge("yiping_outbox_seq", outbox.seq)
        text = await deps.lanes.lists.run(metrics_text, meters.meters, deps.var_dir / "run")
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


async def _store_answers(deps: ServerDeps) -> bool:
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            await deps.read(lambda reader: reader.last_change())
    except (TimeoutError, YipingError, SQLAlchemyError, OSError):
        return False
    return True


def _from_here(request: Request) -> bool:
    """Was it asked on this machine, and not handed on by a proxy for somebody else?"""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
