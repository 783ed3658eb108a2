"""Events: read, enter by hand, report from the street, and every step of their way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import JSONResponse

from data.errors import InputRejected
from data.model.case import Origin
from data.model.geo import Location
from data.model.moments import plausible
from data.model.people import Action, Actor, may
from data.model.record import AuditEntry, Evidence
from data.model.task import Event
from data.model.views import clock_view, event_view, iso, step_view, task_view
from data.ports.store import Reader, Writer
from dispatch import clocks, personal_data
from dispatch.case_table import EventStep
from dispatch.case_work import Work, add_task
from dispatch.cases import possible_steps
from dispatch.clocks import calendar_of
from dispatch.intake import Report, bring_in
from dispatch.turns import tasks_of
from web.api.case_bodies import EventBody, StepBody, TaskBody
from web.api.event_steps import OPEN_STEPS, take_step
from web.api.idempotency import once, require_match
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import RowId, SafeMoment
from web.api.schemas import EventList, EventView, TaskAnswer, answers, api_router
from web.api.shapes import EventAnswer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.event_export import Asker, EventExport, begun, ended, look
from web.export_turns import ExportResponse
from web.photo import LARGEST_BYTES, Photo, keep_photo
from web.role_views import task_seen
from web.site_scope import scope_of

Open = Annotated[bool, Query(description="Only those that have not ended.")]
_AHEAD = timedelta(seconds=60)  # how far a phone's clock may be ahead
_MOVED = answers(EventAnswer, 403, 404, 409, 412, 422, 428)


def event_router(deps: ServerDeps) -> APIRouter:
    """`/events...` and `/reports`"""
    router = api_router("events")
    _add_reading(router, deps)
    _add_export(router, deps)
    _add_intake(router, deps)
    _add_steps(router, deps)
    return router


def event_tag(event: Event, tasks: int) -> str:
    """Versions only rise, so their sum changes with the event and with each of its tasks."""
    return f"{event.version}.{tasks}"


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/events", response_model=None, responses=answers(EventList, 403, 422))
    async def list_events(
        request: Request,
        *,
        open: Open = False,  # noqa: A002 - the parameter's name in the address
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        visitor, start = visitor_of(request), before_id(cursor)
        visitor.actor.require(Action.READ)
        hidden = deps.settings.hidden_from(visitor.user.role)
        found = await deps.read_list(
            lambda reader: reader.events(open_only=open, before_id=start, limit=limit + 1, hidden=hidden)
        )
        return page(found, limit, event_view)

    @router.get("/events/{event_id}", response_model=None, responses=answers(EventView, 404, tagged=True))
    async def one_event(request: Request, event_id: RowId) -> Response:
        """The event with its tasks, its recorded steps, its clocks, and the steps that the asker could take."""
        actor = visitor_of(request).actor
        actor.require(Action.READ)
        view, tag = await deps.read_list(lambda reader: _whole(reader, event_id, actor, deps))
        headers = {"ETag": f'"{tag}"'}
        if request.headers.get("if-none-match", "").strip() == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return JSONResponse(view, headers=headers)


def _add_export(router: APIRouter, deps: ServerDeps) -> None:
    @router.get(
        "/events/{event_id}/export",
        response_model=None,
        responses=answers(None, 403, 404, media="application/zip"),
        response_class=Response,
    )
    async def export(request: Request, event_id: RowId) -> Response:
        """The event with all that it was decided by, as a signed ZIP that `verify.py` in it checks without Yiping.

        As far as the asker may see it. That it was asked for stands in the audit trail before its first byte goes out,
        and the SHA-256 of its manifest once the last one has.
        """
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ_AUDIT)
        asker, now = Asker(visitor.actor, visitor.user, scope_of(deps, request)), deps.now()
        async with AsyncExitStack() as held:
            await held.enter_async_context(deps.exports.turn(visitor.actor.name))
            found = await deps.read_heavy(
                lambda reader: look(reader, event_id, deps.settings, file=deps.file, asker=asker, now=now)
            )
            made = EventExport(found, deps.store, deps.vault, deps.var_dir, deps.version, asker, now)
            await deps.commit(lambda writer: writer.record(begun(made)))
            turn = held.pop_all()  # from here on the answer has it

        def pieces() -> Iterator[bytes]:
            yield from made.pieces()
            deps.store.write(lambda writer: writer.record(ended(made)))

        headers = {"Content-Disposition": f'attachment; filename="{made.name}"', "Cache-Control": "no-store"}
        return ExportResponse(pieces(), turn, media_type="application/zip", headers=headers)


def _whole(reader: Reader, event_id: int, actor: Actor, deps: ServerDeps) -> tuple[dict[str, Any], str]:
    event, tasks, now = reader.event(event_id), tasks_of(reader, event_id), deps.now()
    calendar = calendar_of(deps.settings)
    running = [clock_view(clock) | {"used_s": round(clocks.used_s(calendar, clock, now), 1)} for clock in event.clocks]
    knows_reporter = actor.role is None or may(actor.role, Action.RECEIVE_EVENT)
    view = event_view(event) | {
        "clocks": running,
        "reporter": dict(event.reporter) if knows_reporter else {},
        "tasks": [task_seen(task_view(task), actor) for task in tasks],
        "steps": [step_view(step) for step in event.steps],
        "personal": personal_data.masked(reader, event_id, actor),
        "possible": possible_steps(reader, event, actor),
        "upkeeps": [{"id": one.id, "unit": one.unit, "title": one.title, "every_s": one.every_s} for one in
                    reader.upkeeps(event_id)],
    }  # fmt: skip
    return view, event_tag(event, sum(task.version for task in tasks))


def _add_intake(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/events", response_model=None, responses=answers(EventAnswer, 403, 422))
    async def enter(request: Request, body: EventBody) -> Response:
        """An operator enters an event by hand; what ended here not long ago is reopened instead."""
        actor = visitor_of(request).actor
        actor.require(Action.RECEIVE_EVENT)
        report = _report_of(body)

        def work(writer: Writer) -> Mapping[str, Any]:
            event = bring_in(writer, report, Origin.OPERATOR, actor, deps.now(), settings=deps.settings)
            return {"event": event_view(event)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post("/entries", response_model=None, responses=answers(EventAnswer, 403, 413, 422))
    async def enter_with_photo(
        request: Request,
        *,
        event: Annotated[str, Form(max_length=20_000, description="The body of `POST /events`, as JSON.")],
        photo: Annotated[UploadFile, File(description="JPEG, PNG or WebP, at most 10 MB.")],
    ) -> Response:
        """The same with the picture that the caller has sent."""
        actor = visitor_of(request).actor
        actor.require(Action.RECEIVE_EVENT)
        try:
            body = EventBody.model_validate_json(event)
        except ValidationError as error:
            raise RequestValidationError(
                [{**one, "loc": ("body", "event", *one["loc"])} for one in error.errors(include_url=False)]
            ) from error
        mark = hashlib.sha256(actor.name.encode()).hexdigest()[:12]
        evidence, clean = await keep_photo(deps, await photo.read(LARGEST_BYTES + 1), f"entry:{mark}")
        report = _report_of(body, evidence)

        def work(writer: Writer) -> Mapping[str, Any]:
            now = deps.now()
            entered = bring_in(writer, report, Origin.OPERATOR, actor, now, settings=deps.settings)
            _note_exif(writer, entered, actor, now, evidence, clean)
            return {"event": event_view(entered)}

        return await once(deps, request, body.model_dump(mode="json") | {"photo": evidence.id}, work)

    @router.post("/reports", response_model=None, responses=answers(EventAnswer, 403, 413, 422))
    async def report_from_the_street(
        request: Request,
        *,
        kind: Annotated[str, Form(min_length=1, max_length=64)],
        lon: Annotated[float, Form(ge=-180, le=180)],
        lat: Annotated[float, Form(ge=-90, le=90)],
        description: Annotated[str, Form(max_length=4000)] = "",
        photo: Annotated[UploadFile | None, File(description="JPEG, PNG or WebP, at most 10 MB.")] = None,
        seen_at: Annotated[SafeMoment | None, Form(description="When it was seen, if not just now.")] = None,
    ) -> Response:
        """A grid member reports what no camera sees, with a photo and the place."""
        actor = visitor_of(request).actor
        actor.require(Action.REPORT_EVENT)
        content = b"" if photo is None else await photo.read(LARGEST_BYTES + 1)
        mark = hashlib.sha256(actor.name.encode()).hexdigest()[:12]
        evidence, clean = await keep_photo(deps, content, f"report:{mark}") if content else (None, None)
        reporter = {"user": actor.name} | _seen(seen_at, deps.now())
        reported = Report(kind, Location(lon=lon, lat=lat), description, photo=evidence, reporter=reporter)
        body = {"kind": kind, "lon": lon, "lat": lat, "text": description, "photo": evidence and evidence.id}

        def work(writer: Writer) -> Mapping[str, Any]:
            now = deps.now()
            event = bring_in(writer, reported, Origin.GRID, actor, now, settings=deps.settings)
            if clean is not None and evidence is not None:
                _note_exif(writer, event, actor, now, evidence, clean)
            return {"event": event_view(event)}

        return await once(deps, request, body, work)


def _report_of(body: EventBody, photo: Evidence | None = None) -> Report:
    return Report(
        kind=body.kind,
        location=body.location,
        description=body.description,
        title=body.title,
        priority=body.priority,
        site=body.site,
        grid=body.grid,
        photo=photo,
        limit=body.limit,
        reporter=body.reporter,
    )


def _note_exif(  # noqa: PLR0917 - whose photo it is, and what came with it
    writer: Writer, event: Event, actor: Actor, now: datetime, evidence: Evidence, photo: Photo
) -> None:
    """Where the photo says when and where it was taken, the audit trail keeps it."""
    if photo.exif:
        role = "" if actor.role is None else actor.role.value
        detail = {"photo": evidence.id, "exif": dict(photo.exif)}
        writer.record(AuditEntry(now, actor.name, role, "photo_exif", f"event:{event.id}", detail))


def _add_steps(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/events/{event_id}/tasks", response_model=None, responses=answers(TaskAnswer, 403, 404, 409, 422))
    async def more_work(request: Request, event_id: RowId, body: TaskBody) -> Response:
        """One more task, for a unit, a named responder or the nearest who can."""
        actor = visitor_of(request).actor
        actor.require(Action.DISPATCH)
        checklist = tuple(body.checklist)
        wanted = Work(body.title, body.part, body.unit, body.responder, checklist, body.promised, body.needs_photo)

        def work(writer: Writer) -> Mapping[str, Any]:
            task = add_task(writer, event_id, wanted, actor, deps.now(), roads=deps.roads, settings=deps.settings)
            return {"task": task_view(task)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    for step in OPEN_STEPS:
        _add_step(router, deps, EventStep(step))


def _add_step(router: APIRouter, deps: ServerDeps, step: EventStep) -> None:
    """Each step is a route of its own, so that the access table says for each who may take it."""

    async def take_one(request: Request, event_id: RowId, body: StepBody | None = None) -> Response:
        """A step of the table of transitions. `If-Match` must name the version that the asker has seen."""
        actor, given = visitor_of(request).actor, body or StepBody()

        def work(writer: Writer) -> Mapping[str, Any]:
            event = writer.event(event_id)
            tag = event_tag(event, sum(task.version for task in tasks_of(writer, event_id)))
            require_match(request, str(event.version), tag)
            moved = take_step(writer, event_id, step, actor, deps.now(), given, deps.settings)
            return {"event": event_view(moved)}

        if len(given.model_dump_json()) > 100_000:
            raise InputRejected("a step has at most 100,000 characters")
        return await once(deps, request, given.model_dump(mode="json"), work)

    path = f"/events/{{event_id}}/{step.value}"
    router.add_api_route(path, take_one, methods=["POST"], name=step.value, response_model=None, responses=_MOVED)


def _seen(seen_at: datetime | None, now: datetime) -> dict[str, str]:
    """When the reporter saw it. A phone's wrong clock loses no report: such a time is kept as doubted."""
    if seen_at is None:
        return {}
    try:
        return {"seen_at": iso(plausible(seen_at, now, _AHEAD, "seen_at")) or ""}
    except InputRejected as error:
        return {"seen_at_doubt": str(error)}
