"""How the system itself is: for administrators and for whoever watches it from outside."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from data.model.people import Action
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.diagnosis import diagnose, is_ready


class FindingView(BaseModel):
    """One part of the system. `state`: ok, warn, fault; `key` names the text, `values` fill it in."""

    part: str
    state: str
    key: str
    values: dict[str, Any]


class HealthView(BaseModel):
    ready: bool
    items: list[FindingView]


def diagnosis_router(deps: ServerDeps) -> APIRouter:
    """`/health`"""
    router = api_router("load")

    @router.get("/health", responses=answers(HealthView, 403))
    async def health(request: Request) -> HealthView:
        """Processes, disk, database, queues, timers, devices, certificate and heartbeat, faults first."""
        visitor_of(request).actor.require(Action.ADMINISTER)
        findings = await deps.lanes.lists.run(
            diagnose, deps.settings, deps.store, deps.var_dir, deps.now(), deps.certificate, in_force=deps.in_force
        )
        return HealthView(
            ready=is_ready(findings),
            items=[
                FindingView(part=one.part, state=one.state.value, key=one.key, values=dict(one.values))
                for one in findings
            ],
        )

    return router
