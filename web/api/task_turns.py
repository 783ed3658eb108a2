"""What turns a task's way round: blocked, given back, ruled, reassigned, done again."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response

from data.people import Actor
from data.store import Writer
from data.task import Task
from dispatch import case_work, turns
from web.api.case_bodies import ReasonBody, ReassignBody
from web.api.schemas import TaskAnswer, answers
from web.api.tasks import move
from web.deps import ServerDeps

_MOVED = answers(TaskAnswer, 403, 404, 409, 412, 422)


def turn_router(deps: ServerDeps) -> APIRouter:
    """`/tasks/{id}/block|unblock|return|rule|reassign|rework`"""
    router = APIRouter(tags=["tasks"])

    @router.post("/tasks/{task_id}/block", response_model=None, responses=_MOVED)
    async def block(request: Request, task_id: int, body: ReasonBody) -> Response:
        """The work cannot go on just now."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return turns.block(writer, task_id, actor, now, body.reason)

        return await move(deps, request, task_id, body.model_dump(), step)

    @router.post("/tasks/{task_id}/unblock", response_model=None, responses=_MOVED)
    async def unblock(request: Request, task_id: int, body: ReasonBody | None = None) -> Response:
        """The work goes on."""
        given = body or ReasonBody()

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return turns.unblock(writer, task_id, actor, now, given.reason)

        return await move(deps, request, task_id, given.model_dump(), step)

    @router.post("/tasks/{task_id}/return", response_model=None, responses=_MOVED)
    async def give_back(request: Request, task_id: int, body: ReasonBody) -> Response:
        """退单: once with a reason; a second time only after a ruling."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return case_work.give_back(writer, task_id, actor, now, body.reason)

        return await move(deps, request, task_id, body.model_dump(), step)

    _add_decisions(router, deps)
    return router


def _add_decisions(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/tasks/{task_id}/rule", response_model=None, responses=_MOVED)
    async def rule(request: Request, task_id: int, body: ReasonBody) -> Response:
        """裁定: who has to do it."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return turns.rule(writer, task_id, actor, now, body.reason)

        return await move(deps, request, task_id, body.model_dump(), step)

    @router.post("/tasks/{task_id}/reassign", response_model=None, responses=_MOVED)
    async def reassign(request: Request, task_id: int, body: ReassignBody) -> Response:
        """改派: to a unit, a responder, or the nearest who can."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return case_work.reassign(
                writer,
                task_id,
                actor,
                now,
                body.reason,
                roads=deps.roads,
                settings=deps.settings,
                unit=body.unit,
                responder=body.responder,
            )

        return await move(deps, request, task_id, body.model_dump(), step)

    @router.post("/tasks/{task_id}/rework", response_model=None, responses=_MOVED)
    async def rework(request: Request, task_id: int, body: ReasonBody) -> Response:
        """返工: it is not good enough yet."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return case_work.rework(writer, task_id, actor, now, body.reason, deps.settings)

        return await move(deps, request, task_id, body.model_dump(), step)
