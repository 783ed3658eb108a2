"""For those who run it: is it alive, is it ready, what does it count."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from data.errors import Busy, Forbidden, YipingError
from data.local.meters import Meters
from data.model.people import Action, may
from data.net.networks import is_loopback
from web.auth import found_visitor
from web.deps import ServerDeps
from web.diagnosis import State, diagnose, waiting_ages_s
from web.front_door import FrontDoor, host_name
from web.front_door_middleware import FORWARDED
from web.metrics import WebMeters, metrics_text
from web.outbox import Outbox

_READY_WITHIN_S = 2.0
_LOOK_EVERY_S = 1.0
STATM = Path("/proc/self/statm")
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def service_router(deps: ServerDeps, outbox: Outbox, meters: WebMeters) -> APIRouter:
    """`/healthz`, `/readyz` for everybody; `/metrics` for this machine and administrators."""
    router = APIRouter(include_in_schema=False)
    parts = _Parts(deps)

    @router.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz() -> Response:
        checks = {"store": await _store_answers(deps), "outbox": outbox.alive} | await parts.well()
        ready = all(checks.values())
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        visitor = found_visitor(request)
        if not _from_here(request, deps.door) and (visitor is None or not may(visitor.user.role, Action.ADMINISTER)):
            raise Forbidden("metrics are for this machine and for administrators")
        meters.meters.gauge("yiping_outbox_seq", outbox.seq)
        text = await deps.lanes.lists.run(_look_and_write, deps, meters.meters)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def _look_and_write(deps: ServerDeps, meters: Meters) -> bytes:
    """The exposition, with what is looked at for it: queues, disk, memory."""
    for lane in deps.lanes.all:
        meters.gauge("yiping_lane_taken", lane.taken, lane=lane.name)
    for place in ("spool", "inbox"):
        ages = waiting_ages_s(deps.var_dir / place)
        meters.gauge("yiping_waiting_files", len(ages), place=place)
        meters.gauge("yiping_waiting_age_seconds", round(max(ages, default=0.0), 1), place=place)
    with contextlib.suppress(OSError):  # what cannot be looked at is left as it was
        meters.gauge("yiping_disk_free_bytes", shutil.disk_usage(deps.var_dir).free)
        pages = int(STATM.read_text(encoding="ascii").split()[1])
        meters.gauge("yiping_process_resident_bytes", pages * resource.getpagesize())
    return metrics_text(meters, deps.var_dir / "run")


async def _store_answers(deps: ServerDeps) -> bool:
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            await deps.read(lambda reader: reader.last_change())
    except (TimeoutError, YipingError, SQLAlchemyError, OSError):
        return False
    return True


class _Parts:
    """Processes, timers and disk, looked at once a second at most, however many strangers ask."""

    def __init__(self, deps: ServerDeps) -> None:
        self._deps = deps
        self._looked_s = float("-inf")
        self._known: dict[str, bool] = {}

    async def well(self) -> dict[str, bool]:
        if time.monotonic() - self._looked_s > _LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            deps = self._deps
            with contextlib.suppress(Busy):  # what was known a moment ago
                findings = await deps.lanes.lists.run(diagnose, deps.settings, deps.store, deps.var_dir, deps.now())
                # A server that runs alone has no other processes: none of them is dead.
                bad = {one.part for one in findings if one.state is State.FAULT and one.key != "not_running"}
                self._known = {part: part not in bad for part in ("process", "timers", "disk")}
        return self._known


def _from_here(request: Request, door: FrontDoor) -> bool:
    """Was it asked on this machine, by root or our own user, and not handed on by a proxy for somebody else?

    A proxy that says nothing of itself looks like a client of this machine: it runs as another user, or speaks HTTP/1.0
    (nginx before 1.29.7), and asks for our own address. Where a proxy is named nobody is let in by the address.
    """
    scope = request.scope
    if request.client is None or door.trusted or scope.get(FORWARDED) or scope["http_version"] == "1.0":
        return False
    if not is_loopback(request.client.host) or not is_loopback(host_name(request.headers.get("host", ""))):
        return False
    server = scope.get("server")
    return server is not None and owners(request.client.port, server[1]) in ({0}, {os.getuid()}, {0, os.getuid()})


def owners(client_port: int, server_port: int, tables: Sequence[Path] = TABLES) -> set[int]:
    """User ids of this machine's sockets that are connected from one port to another (proc(5), /proc/net/tcp)."""
    found: set[int] = set()
    for table in tables:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            own, other = (int(end.rpartition(":")[2], 16) for end in fields[1:3])
            if (own, other) == (client_port, server_port):
                found.add(int(fields[7]))
    return found
