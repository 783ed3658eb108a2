"""What turns a task's way round: blocked, given back, ruled, reassigned, done again."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from dispatch import case_work, turns
from web.api.case_bodies import ReasonBody, ReassignBody
from web.api.params import RowId
from web.api.schemas import TaskAnswer, answers, api_router
from web.api.tasks import move
from web.deps import ServerDeps

_MOVED = answers(TaskAnswer, 403, 404, 409, 412, 422)


def turn_router(deps: ServerDeps) -> APIRouter:
    """`/tasks/{id}/block|unblock|return|rule|reassign|rework`"""
    router = api_router("tasks")

    @router.post("/tasks/{task_id}/block", response_model=None, responses=_MOVED)
    async def block(request: Request, task_id: RowId, body: ReasonBody) -> Response:
        """The work cannot go on just now."""
        return await move(deps, request, task_id, body.model_dump(), partial(turns.block, reason=body.reason))

    @router.post("/tasks/{task_id}/unblock", response_model=None, responses=_MOVED)
    async def unblock(request: Request, task_id: RowId, body: ReasonBody | None = None) -> Response:
        """The work goes on."""
        given = body or ReasonBody()
        return await move(deps, request, task_id, given.model_dump(), partial(turns.unblock, reason=given.reason))

    @router.post("/tasks/{task_id}/return", response_model=None, responses=_MOVED)
    async def give_back(request: Request, task_id: RowId, body: ReasonBody) -> Response:
        """退单: once with a reason; a second time only after a ruling."""
        return await move(deps, request, task_id, body.model_dump(), partial(case_work.give_back, reason=body.reason))

    _add_decisions(router, deps)
    return router


def _add_decisions(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/tasks/{task_id}/rule", response_model=None, responses=_MOVED)
    async def rule(request: Request, task_id: RowId, body: ReasonBody) -> Response:
        """裁定: who has to do it."""
        return await move(deps, request, task_id, body.model_dump(), partial(turns.rule, reason=body.reason))

    @router.post("/tasks/{task_id}/reassign", response_model=None, responses=_MOVED)
    async def reassign(request: Request, task_id: RowId, body: ReassignBody) -> Response:
        """改派: to a unit, a responder, or the nearest who can."""
        step = partial(
            case_work.reassign,
            reason=body.reason,
            roads=deps.roads,
            settings=deps.settings,
            unit=body.unit,
            responder=body.responder,
        )
        return await move(deps, request, task_id, body.model_dump(), step)

    @router.post("/tasks/{task_id}/rework", response_model=None, responses=_MOVED)
    async def rework(request: Request, task_id: RowId, body: ReasonBody) -> Response:
        """返工: it is not good enough yet."""
        step = partial(case_work.rework, reason=body.reason, settings=deps.settings)
        return await move(deps, request, task_id, body.model_dump(), step)
