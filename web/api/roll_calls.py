"""Roll-calls 叫应: an order to many people, who was reached by which channel, who answered, who did not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from data.config.settings import Settings
from data.errors import InputRejected
from data.model.durations import Duration, format_duration
from data.model.notice import Notice
from data.model.people import Action, Role
from data.model.roll_call import RollAnswer, called_view, counts_of, roll_call_view
from data.model.views import iso
from data.ports.store import Reader, Writer
from data.stored.modes import active_modes
from dispatch import roll_calls
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import RowId
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import CalledAnswer, RollCallAnswer, RollCallChoices, RollCallWhole
from web.auth import visitor_of
from web.deps import ServerDeps

_MOVED = answers(RollCallAnswer, 403, 404, 409, 422)
_MOST_NOTICES = 20_000
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RollCallBody(_Body):
    """An order: what is asked, and whom; by a template, or in one's own words."""

    title: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
    text: Annotated[str, Field(max_length=500)] = ""
    template: Annotated[str, Field(max_length=100)] = ""
    answer_within: Annotated[Duration, Field(ge=timedelta(seconds=10), le=timedelta(hours=24))] = timedelta(minutes=5)
    ladder: Annotated[StrictBool, Field(description="Call the next of the ladder for who does not answer.")] = True
    people: Annotated[list[Name], Field(max_length=roll_calls.MOST_PEOPLE)] = []
    units: Annotated[list[Name], Field(max_length=500, description="With all units below them.")] = []
    roles: Annotated[list[Role], Field(max_length=20)] = []
    plans: Annotated[list[Name], Field(max_length=100, description="Who works on them while they are in force.")] = []


class SaidBody(_Body):
    """One's own answer, or with `person` what somebody said by telephone."""

    answer: RollAnswer
    reason: Annotated[str, Field(max_length=roll_calls.LONGEST_REASON, description="Needed for `unable`.")] = ""
    person: Annotated[str, Field(max_length=100)] = ""


class CloseBody(_Body):
    """A word for the summary."""

    note: Annotated[str, Field(max_length=roll_calls.LONGEST_REASON)] = ""


def roll_call_router(deps: ServerDeps) -> APIRouter:
    """`/roll-calls...`"""
    router = api_router("roll-calls")
    _add_reading(router, deps)
    _add_orders(router, deps)
    return router


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/roll-calls", response_model=None, responses=answers(AnyList, 403))
    async def list_roll_calls(request: Request, following: Cursor, limit: Limit = 50) -> dict[str, Any]:
        """Newest first, with how many are in each state."""
        visitor_of(request).actor.require(Action.READ)
        known = before_id(following)

        def look(reader: Reader) -> dict[str, Any]:
            names = roll_calls.names_of(reader)
            found = reader.roll_calls(before_id=known, limit=limit + 1)
            return page(
                found, limit, lambda one: roll_call_view(one, names) | {"counts": counts_of(reader.called(one.id))}
            )

        return await deps.read_list(look)

    @router.get("/roll-calls/choices", response_model=None, responses=answers(RollCallChoices, 403))
    async def choices(request: Request) -> dict[str, Any]:
        """Templates, those of a mode that is on first, and whom one can call."""
        visitor_of(request).actor.require(Action.CALL_ROLL)
        return await deps.read_list(lambda reader: _choices(reader, deps.settings))

    @router.get("/roll-calls/mine", response_model=None, responses=answers(AnyList, 403))
    async def mine(request: Request) -> dict[str, Any]:
        """Open roll-calls to the asker, newest first; asking for them counts as being reached."""
        name = visitor_of(request).user.name
        found = await deps.read_list(lambda reader: reader.roll_calls_to(name))
        if any(one.shown_at is None for one in found):
            await deps.commit(lambda writer: roll_calls.mark_shown(writer, name, deps.now()))
        return await deps.read_list(lambda reader: {"items": calls_to(reader, name), "next": None})

    @router.get("/roll-calls/{roll_call_id}", response_model=None, responses=answers(RollCallWhole, 403, 404))
    async def one_roll_call(request: Request, roll_call_id: RowId) -> dict[str, Any]:
        """With everybody it calls: reached by what, answered when and what."""
        visitor_of(request).actor.require(Action.READ)
        return await deps.read_list(lambda reader: whole_roll_call(reader, roll_call_id))


def calls_to(reader: Reader, person: str) -> list[dict[str, Any]]:
    """The open roll-calls to one person, for their page or phone."""
    items = []
    for one in reader.roll_calls_to(person):
        roll_call = reader.roll_call(one.roll_call_id)
        about = {"id": roll_call.id, "title": roll_call.title, "text": roll_call.text, "due": iso(one.due)}
        items.append(about | {"answer": one.answer, "stands_for": one.stands_for, "calls": one.calls})
    return items


def whole_roll_call(reader: Reader, roll_call_id: int) -> dict[str, Any]:
    """The roll-call, its people with their notices, and how many are in each state."""
    roll_call, names = reader.roll_call(roll_call_id), roll_calls.names_of(reader)
    units = {unit.id: unit.name for unit in reader.units()}
    told: dict[int, list[Notice]] = {}
    for notice in reader.notices(subject=f"roll_call:{roll_call_id}", limit=_MOST_NOTICES):
        told.setdefault(notice.step, []).append(notice)  # its step is the row of the person
    people = [
        called_view(one, told.get(one.id, []), names)
        | {"unit_name": units.get(one.unit, one.unit), "stands_for_name": names.get(one.stands_for, one.stands_for)}
        for one in reader.called(roll_call_id)
    ]
    counts = {state: sum(one["state"] == state for one in people) for state in counts_of(())} | {"all": len(people)}
    return {"roll_call": roll_call_view(roll_call, names), "people": people, "counts": counts}


def _choices(reader: Reader, settings: Settings) -> dict[str, Any]:
    modes, names = active_modes(reader), roll_calls.names_of(reader)
    templates = sorted(settings.notices.roll_calls.templates, key=lambda one: one.mode not in modes)
    in_force = {run.plan for run in reader.plan_runs(open_only=True)}
    return {
        "templates": [
            one.model_dump(mode="json") | {"answer_within": format_duration(one.answer_within)} for one in templates
        ],
        "channels": list(settings.notices.roll_calls.channels),
        "units": [{"id": one.id, "name": one.name, "kind": one.kind.value} for one in reader.units()],
        "roles": [role.value for role in Role if role is not Role.SOURCE],
        "plans": [{"id": one.id, "zh": one.zh, "en": one.en} for one in settings.plans.plans if one.id in in_force],
        "people": [{"id": one, "name": name} for one, name in sorted(names.items(), key=lambda pair: pair[1])],
    }


def _add_orders(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/roll-calls", response_model=None, responses=_MOVED)
    async def order(request: Request, body: RollCallBody) -> Response:
        """Call them all."""
        actor = visitor_of(request).actor
        choice = roll_calls.Choice(tuple(body.people), tuple(body.units), tuple(body.roles), tuple(body.plans))
        known = {one.id for one in deps.settings.plans.plans}
        if unknown := [plan for plan in body.plans if plan not in known]:
            raise InputRejected(f"there is no plan {unknown[0][:80]!r}")
        channels = deps.settings.notices.roll_calls.channels
        given = roll_calls.Order(body.title, body.text, body.answer_within, channels, body.template, body.ladder)

        def work(writer: Writer) -> Mapping[str, Any]:
            made = roll_calls.order(writer, choice, given, actor, deps.now())
            return {"roll_call": roll_call_view(made, roll_calls.names_of(writer))}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post(
        "/roll-calls/{roll_call_id}/answer", response_model=None, responses=answers(CalledAnswer, 403, 404, 409, 422)
    )
    async def answer(request: Request, roll_call_id: RowId, body: SaidBody) -> Response:
        """收到, or 无法到岗 with a reason. Somebody else's answer, given by telephone, takes the right to call."""
        actor = visitor_of(request).actor

        def work(writer: Writer) -> Mapping[str, Any]:
            person = body.person or actor.name
            kept = roll_calls.answer(writer, roll_call_id, person, body.answer, body.reason, actor, deps.now())
            return {"called": called_view(kept, (), roll_calls.names_of(writer))}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post("/roll-calls/{roll_call_id}/recall", response_model=None, responses=_MOVED)
    async def recall(request: Request, roll_call_id: RowId) -> Response:
        """Call everybody once more who has not answered."""
        actor = visitor_of(request).actor

        def work(writer: Writer) -> Mapping[str, Any]:
            called = roll_calls.recall(writer, roll_call_id, actor, deps.now())
            return {"roll_call": roll_call_view(called, roll_calls.names_of(writer))}

        return await once(deps, request, {}, work)

    @router.post("/roll-calls/{roll_call_id}/close", response_model=None, responses=_MOVED)
    async def close(request: Request, roll_call_id: RowId, body: CloseBody | None = None) -> Response:
        """End it, with a summary."""
        actor, given = visitor_of(request).actor, body or CloseBody()

        def work(writer: Writer) -> Mapping[str, Any]:
            closed = roll_calls.close(writer, roll_call_id, given.note, actor, deps.now())
            return {"roll_call": roll_call_view(closed, roll_calls.names_of(writer))}

        return await once(deps, request, given.model_dump(mode="json"), work)
