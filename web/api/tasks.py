"""Tasks: read, and each step of their way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from data.errors import Forbidden
from data.model.people import Action, Actor, may
from data.model.record import AuditEntry
from data.model.task import Task
from data.model.views import offer_view, task_view
from data.ports.store import Reader, TaskQuery, Writer
from dispatch import tasks
from dispatch.offers import mark_delivered
from dispatch.turns import own_tasks, people_of
from web.api.alerts import Open, one
from web.api.idempotency import check_version, once
from web.api.lists import Cursor, Limit, Moment, before_id, page, utc
from web.api.params import QueryId, RowId
from web.api.schemas import (
    CancelBody,
    DeclineBody,
    Nothing,
    TaskAnswer,
    TaskList,
    TaskView,
    VerifyBody,
    answers,
    api_router,
)
from web.auth import visitor_of
from web.deps import ServerDeps
from web.photo import LARGEST_BYTES, keep_photo
from web.role_views import task_seen

Step = Callable[[Writer, int, Actor, datetime], Task]
_MOVED = answers(TaskAnswer, 404, 409, 412)


def task_router(deps: ServerDeps) -> APIRouter:
    """`/tasks...`"""
    router = api_router("tasks")
    _add_reading(router, deps)
    _add_steps(router, deps)
    _add_report(router, deps)
    return router


async def move(deps: ServerDeps, request: Request, task_id: RowId, body: object, step: Step) -> Response:
    """One step of a task as one unit of work; answers {"task": {...}}."""
    actor = visitor_of(request).actor

    def work(writer: Writer) -> Mapping[str, Any]:
        check_version(request, writer.task(task_id).version)
        return {"task": task_seen(task_view(step(writer, task_id, actor, deps.now())), actor)}

    return await once(deps, request, body, work)


async def note_arrival(deps: ServerDeps, responder: str) -> None:
    """The responder's phone or app fetches its tasks: what is offered to them has arrived."""
    offers = await deps.read(lambda reader: reader.open_offers_to(responder))
    if any(offer.delivered_at is None for offer in offers):
        await deps.commit(lambda writer: mark_delivered(writer, responder, deps.now()))


def own_task(task: Task, actor: Actor) -> bool:
    """Is it offered to, or done by, this person?"""
    return actor.name in (task.offered_to, *task.also_offered, task.responder)


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/tasks", response_model=None, responses=answers(TaskList, 403, 422))
    async def list_tasks(
        request: Request,
        *,
        open: Open = False,  # noqa: A002 - the parameter's name in the address
        event: QueryId = None,
        alert: QueryId = None,
        responder: str | None = None,
        since: Moment = None,
        until: Moment = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """All tasks; a responder sees those offered to or accepted by them."""
        actor = visitor_of(request).actor
        query = TaskQuery(
            event_id=event,
            alert_id=alert,
            responder=responder,
            open_only=open,
            since=utc(since),
            until=utc(until),
            before_id=before_id(cursor),
            limit=limit + 1,
        )

        def seen(task: Task) -> dict[str, Any]:
            return task_seen(task_view(task), actor)

        if actor.role is not None and not may(actor.role, Action.READ):
            actor.require(Action.READ_OWN_TASKS)
            await note_arrival(deps, actor.name)
            return page(await deps.read_list(lambda reader: own_tasks(reader, actor.name, query)), limit, seen)
        return page(await deps.read_list(lambda reader: reader.tasks(query)), limit, seen)

    @router.get("/tasks/{task_id}", response_model=None, responses=answers(TaskView, 404, tagged=True))
    async def one_task(request: Request, task_id: RowId) -> Response:
        """The task with its offers, oldest first."""
        actor = visitor_of(request).actor

        def look(reader: Reader) -> dict[str, Any]:
            task = reader.task(task_id)
            if not own_task(task, actor) and actor.name not in people_of(reader, task.unit):
                actor.require(Action.READ)
            offers = [offer_view(offer) for offer in reader.offers(task_id)]
            return task_seen(task_view(task) | {"offers": offers}, actor)

        return one(request, await deps.read(look))


def _add_steps(router: APIRouter, deps: ServerDeps) -> None:
    def plain(name: str, step: Step) -> None:
        async def take(request: Request, task_id: RowId, body: Nothing | None = None) -> Response:
            return await move(deps, request, task_id, {} if body is None else body.model_dump(), step)

        take.__doc__ = step.__doc__
        path = f"/tasks/{{task_id}}/{name}"
        router.add_api_route(path, take, methods=["POST"], name=name, response_model=None, responses=_MOVED)

    plain("accept", tasks.accept)
    plain("en-route", tasks.en_route)
    plain("on-scene", tasks.on_scene)

    @router.post("/tasks/{task_id}/decline", response_model=None, responses=_MOVED)
    async def decline(request: Request, task_id: RowId, body: DeclineBody | None = None) -> Response:
        """The responder cannot go; the next best is offered the task at once."""
        given = body or DeclineBody()

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return tasks.decline(writer, task_id, actor, now, given.reason, roads=deps.roads, settings=deps.settings)

        return await move(deps, request, task_id, given.model_dump(), step)

    @router.post("/tasks/{task_id}/verify", response_model=None, responses=_MOVED)
    async def verify(request: Request, task_id: RowId, body: VerifyBody | None = None) -> Response:
        """Somebody else than the one who did it has looked: it is done. The task closes by itself."""
        given = body or VerifyBody()

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return tasks.verify(writer, task_id, actor, now, given.text)

        return await move(deps, request, task_id, given.model_dump(), step)

    @router.post("/tasks/{task_id}/cancel", response_model=None, responses=_MOVED)
    async def cancel(request: Request, task_id: RowId, body: CancelBody | None = None) -> Response:
        """The work is no longer wanted."""
        given = body or CancelBody()

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return tasks.cancel(writer, task_id, actor, now, given.reason)

        return await move(deps, request, task_id, given.model_dump(), step)

    @router.post("/tasks/{task_id}/take-back", response_model=None, responses=_MOVED)
    async def take_back(request: Request, task_id: RowId, body: Nothing | None = None) -> Response:
        """Within `alarms.undo_within` the caller takes back their dispatch."""

        def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
            return tasks.take_back(writer, task_id, actor, now, settings=deps.settings)

        return await move(deps, request, task_id, {} if body is None else body.model_dump(), step)


def _add_report(router: APIRouter, deps: ServerDeps) -> None:
    @router.post(
        "/tasks/{task_id}/report",
        response_model=None,
        responses=answers(TaskAnswer, 404, 409, 412),
    )
    async def report(
        request: Request,
        task_id: RowId,
        text: Annotated[str, Form(max_length=4000)] = "",
        photo: Annotated[UploadFile | None, File(description="JPEG, PNG or WebP, at most 10 MB.")] = None,
        checked: Annotated[
            list[int] | None, Form(description="Items of the checklist that are done, by index.")
        ] = None,
    ) -> Response:
        """The work is done: words, a photo or both, and what was ticked off."""
        return await take_report(deps, request, task_id, text, photo, checked or [])


async def take_report(  # noqa: PLR0917 - all that a report says
    deps: ServerDeps, request: Request, task_id: RowId, text: str, photo: UploadFile | None, checked: Sequence[int]
) -> Response:
    """Keep the photo (made anew, without EXIF) and take the step. The phone page uses it too.

    Raises Forbidden before anything is kept, TooLarge and InputRejected for photos that are not taken.
    """
    actor = visitor_of(request).actor
    actor.require(Action.WORK_TASK)
    task = await deps.read(lambda reader: reader.task(task_id))
    if task.responder != actor.name:
        raise Forbidden(f"task {task_id} was not accepted by {actor.name}")
    content = await _content(photo)
    evidence, clean = await keep_photo(deps, content, f"report:{task_id}") if content else (None, None)
    exif = {} if clean is None else clean.exif
    body: dict[str, Any] = {"text": text, "photo": hashlib.sha256(content).hexdigest() if content else None}
    if checked:
        body["checked"] = sorted(checked)

    def step(writer: Writer, task_id: int, actor: Actor, now: datetime) -> Task:
        reported = tasks.report(writer, task_id, actor, now, text, evidence, checked=checked)
        if evidence is not None and exif:
            role = "" if actor.role is None else actor.role.value
            detail = {"photo": evidence.id, "exif": dict(exif)}
            writer.record(AuditEntry(now, actor.name, role, "photo_exif", f"task:{task_id}", detail))
        return reported

    return await move(deps, request, task_id, body, step)


async def _content(photo: UploadFile | None) -> bytes:
    """The photo's bytes; none when no file was chosen (browsers then send an empty one)."""
    if photo is None:
        return b""
    return await photo.read(LARGEST_BYTES + 1)
