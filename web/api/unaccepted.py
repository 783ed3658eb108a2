"""A task that nobody accepts: everybody who could be sent after all, another round of offers, one person, a call."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from data.model.people import Action, Actor
from data.model.task import Ring, Task
from data.model.views import candidate_view, responder_view
from data.ports.store import Reader, Writer
from dispatch.offers import ask_again
from dispatch.unaccepted import Person, note_call, people_for, send_anyone
from web.api.params import RowId
from web.api.schemas import AnyList, TaskAnswer, answers, api_router
from web.api.tasks import move
from web.auth import visitor_of
from web.deps import ServerDeps
from web.role_views import sees_numbers

_MOVED = answers(TaskAnswer, 403, 404, 409, 412, 422)


class AskBody(BaseModel):
    """Whom another round of offers reaches; each ring holds those before it."""

    model_config = ConfigDict(extra="forbid")

    ring: Annotated[
        Literal["again", "wider", "everybody"],
        Field(
            description="again: who did not answer; wider: also beyond the reach and without a fresh position; "
            "everybody: also who declined, is off shift or lacks a skill."
        ),
    ] = "again"


class SendBody(BaseModel):
    """The one whom a human has chosen; `anyway`: although a filter speaks against them."""

    model_config = ConfigDict(extra="forbid")

    responder: Annotated[str, Field(max_length=100)]
    anyway: StrictBool = False


class CallBody(BaseModel):
    """Who was called by telephone."""

    model_config = ConfigDict(extra="forbid")

    responder: Annotated[str, Field(max_length=100)]


def unaccepted_router(deps: ServerDeps) -> APIRouter:
    """`/tasks/{id}/people|ask|send|call`"""
    router = api_router("tasks")

    @router.get("/tasks/{task_id}/people", response_model=None, responses=answers(AnyList, 403, 404))
    async def people(request: Request, task_id: RowId) -> dict[str, Any]:
        """Every responder, the soonest there first, with each reason why they are not offered the task."""
        actor = visitor_of(request).actor
        actor.require(Action.DISPATCH)

        def look(reader: Reader) -> list[dict[str, Any]]:
            task = reader.task(task_id)
            found = people_for(reader, task, deps.now(), roads=deps.roads, settings=deps.settings)
            return [_person_view(one, numbers=sees_numbers(actor)) for one in found]

        return {"items": await deps.read_list(look), "next": None}

    @router.post("/tasks/{task_id}/ask", response_model=None, responses=_MOVED)
    async def ask(request: Request, task_id: RowId, body: AskBody | None = None) -> Response:
        """Another round of offers: the same people once more, or a wider ring."""
        given = body or AskBody()
        step = partial(ask_again, ring=Ring(given.ring), roads=deps.roads, settings=deps.settings)
        return await move(deps, request, task_id, given.model_dump(), step)

    @router.post("/tasks/{task_id}/send", response_model=None, responses=_MOVED)
    async def send(request: Request, task_id: RowId, body: SendBody) -> Response:
        """Offer it to this one; who does less urgent work is taken away from it."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return send_anyone(
                writer,
                task_id,
                body.responder,
                actor,
                now,
                anyway=body.anyway,
                roads=deps.roads,
                settings=deps.settings,
            )

        return await move(deps, request, task_id, body.model_dump(), step)

    @router.post("/tasks/{task_id}/call", response_model=None, responses=_MOVED)
    async def call(request: Request, task_id: RowId, body: CallBody) -> Response:
        """Somebody was called by telephone: kept in the trail."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return note_call(writer, task_id, body.responder, actor, now)

        return await move(deps, request, task_id, body.model_dump(), step)

    return router


def _person_view(person: Person, *, numbers: bool) -> dict[str, Any]:
    """`ring`: the narrowest round that reaches them; `busy_with`: the task that holds them."""
    busy = person.busy_with
    return {
        "responder": responder_view(person.responder, busy=busy is not None),
        "phone": person.responder.phone if numbers else "",
        **{name: candidate_view(person.candidate)[name] for name in ("travel_s", "distance_m", "method")},
        "reasons": list(person.reasons),
        "bars": sorted(bar.value for bar in person.bars),
        "asked": person.asked,
        "ring": None if person.ring is None else person.ring.value,
        "busy_with": None
        if busy is None
        else {
            "task": busy.id,
            "title": busy.title,
            "site": busy.site,
            "priority": busy.priority.value,
            "state": busy.state.value,
        },
    }
