"""Shift handovers 交接班: what is open, the notes, two signatures by two people, and those of the past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from data.errors import Forbidden
from data.model.handover import Handover, HandoverState, digest_of, handover_document, handover_view
from data.model.people import Action
from data.model.views import iso
from data.ports.store import Reader, Writer
from dispatch import handovers
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id, page
from web.api.params import BodyId, RowId
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import HandoverAnswer, HandoverStanding, HandoverWhole
from web.auth import visitor_of
from web.deps import ServerDeps
from web.handover_items import gather
from web.identity import Identity
from web.sessions import Visitor

_MOVED = answers(HandoverAnswer, 403, 404, 409, 422, 429)
_SHIFTS_AHEAD = timedelta(hours=24)
_MOST_SHIFTS = 200


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NoteBody(_Body):
    """A note on one item (`alert:12`, as in its `key`), or on the shift as a whole."""

    item: Annotated[str, Field(max_length=200, pattern=r"^([a-z]+:[^\s:]{1,190})?$")] = ""
    text: Annotated[str, Field(min_length=1, max_length=handovers.LONGEST_NOTE)]


class SignBody(_Body):
    """A signature under the version that was seen; the password once more, where the account has one."""

    version: BodyId
    password: Annotated[str, Field(max_length=1000)] = ""


class ReasonBody(_Body):
    """Why, under the version that was seen."""

    version: BodyId
    reason: Annotated[str, Field(max_length=handovers.LONGEST_NOTE)]


def handover_router(deps: ServerDeps, identity: Identity) -> APIRouter:
    """`/handovers...`"""
    router = api_router("handovers")
    _add_reading(router, deps)
    _add_writing(router, deps)
    _add_signing(router, deps, identity)
    return router


def _names(reader: Reader) -> dict[str, str]:
    return {user.name: user.display_name or user.name for user in reader.users()}


def _answer(writer: Writer, handover: Handover) -> Mapping[str, Any]:
    return {"handover": handover_view(handover, _names(writer))}


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/handovers", response_model=None, responses=answers(AnyList, 403))
    async def list_handovers(
        request: Request,
        following: Cursor,
        limit: Limit = 50,
        q: Annotated[str, Query(max_length=200, description="Words that somebody wrote, or names.")] = "",
    ) -> dict[str, Any]:
        """Newest first, without their items."""
        visitor_of(request).actor.require(Action.READ)
        known = before_id(following)

        def look(reader: Reader) -> tuple[Any, dict[str, str]]:
            return reader.handovers(words=q, before_id=known, limit=limit + 1), _names(reader)

        found, names = await deps.read_list(look)
        return page(found, limit, lambda one: handover_view(one, names))

    @router.get("/handovers/standing", response_model=None, responses=answers(HandoverStanding, 403))
    async def standing(request: Request) -> dict[str, Any]:
        """The open handover, whether a signature is overdue, and who is on duty now and next."""
        visitor_of(request).actor.require(Action.READ)
        return await deps.read_list(lambda reader: _standing(reader, deps))

    @router.get("/handovers/{handover_id}", response_model=None, responses=answers(HandoverWhole, 403, 404))
    async def one_handover(request: Request, handover_id: RowId) -> dict[str, Any]:
        """With its items: of this moment while it is a draft, then as they were signed. `intact`: nothing was changed.

        `fresh`: what has come since the first signature, by group, until it is taken. `sha256` is of what
        both have signed, or would sign now.
        """
        visitor_of(request).actor.require(Action.READ)
        return await deps.read_list(lambda reader: _whole(reader, deps, handover_id))


def _whole(reader: Reader, deps: ServerDeps, handover_id: int) -> dict[str, Any]:
    handover = reader.handover(handover_id)
    items, fresh = handover.items, None
    if handover.is_open:
        present = gather(reader, deps.settings, handover.since, deps.now())
        if handover.state is HandoverState.DRAFT:
            items = present
        else:
            fresh = _new_groups(present, items or {})
    return {
        "handover": handover_view(handover, _names(reader)),
        "items": items,
        "fresh": fresh,
        "intact": handovers.is_intact(reader, handover),
        "sha256": handover.digest or digest_of(handover_document(handover)),
    }


def _new_groups(present: Mapping[str, Any], signed: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What is open now and was not when the items were fixed, by group; without groups that have nothing new."""
    known = {item["key"] for items in signed.get("groups", {}).values() for item in items}
    new = {name: [item for item in items if item["key"] not in known] for name, items in present["groups"].items()}
    return {name: items for name, items in new.items() if items}


def _standing(reader: Reader, deps: ServerDeps) -> dict[str, Any]:
    now, names = deps.now(), _names(reader)
    units = {unit.id: unit.name for unit in reader.units()}
    late = handovers.overdue(reader, now, deps.settings.dispatch.handover_late_after)
    current, changes = reader.open_handover(), handovers.changes_of_shift(reader, now)
    ahead = [one for one in reader.shifts(since=now, limit=_MOST_SHIFTS) if one.begins <= now + _SHIFTS_AHEAD]
    shifts = [
        {
            "unit": units.get(one.unit, one.unit),
            "person": one.person,
            "name": names.get(one.person, one.person),
            "duty": one.duty,
            "begins": iso(one.begins),
            "ends": iso(one.ends),
        }
        for one in ahead
    ]
    return {
        "at": iso(now),
        "open": None if current is None else handover_view(current, names),
        "overdue": None
        if late is None
        else {"change": iso(late.change), "missing": late.missing, "handover": late.handover},
        "next_change": next((iso(at) for at in changes if at > now), None),
        "on_duty": [shift for shift, one in zip(shifts, ahead, strict=True) if one.begins <= now],
        "next": [shift for shift, one in zip(shifts, ahead, strict=True) if one.begins > now],
    }


def _add_writing(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/handovers", response_model=None, responses=answers(HandoverAnswer, 403, 409))
    async def begin(request: Request) -> Response:
        """A new draft; one is open at a time."""
        actor = visitor_of(request).actor
        return await once(deps, request, {}, lambda writer: _answer(writer, handovers.begin(writer, actor, deps.now())))

    @router.post("/handovers/{handover_id}/notes", response_model=None, responses=_MOVED)
    async def add_note(request: Request, handover_id: RowId, body: NoteBody) -> Response:
        """A note; after the first signature it is a question or an answer."""
        actor = visitor_of(request).actor

        def work(writer: Writer) -> Mapping[str, Any]:
            return _answer(writer, handovers.note(writer, handover_id, actor, deps.now(), body.item, body.text))

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post("/handovers/{handover_id}/return", response_model=None, responses=_MOVED)
    async def give_back(request: Request, handover_id: RowId, body: ReasonBody) -> Response:
        """Back to the outgoing officer: the first signature is void."""
        actor = visitor_of(request).actor

        def work(writer: Writer) -> Mapping[str, Any]:
            moved = handovers.give_back(writer, handover_id, actor, deps.now(), body.reason, body.version)
            return _answer(writer, moved)

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.post("/handovers/{handover_id}/drop", response_model=None, responses=_MOVED)
    async def drop(request: Request, handover_id: RowId, body: ReasonBody) -> Response:
        """Give it up."""
        actor = visitor_of(request).actor

        def work(writer: Writer) -> Mapping[str, Any]:
            moved = handovers.drop(writer, handover_id, actor, deps.now(), body.reason, body.version)
            return _answer(writer, moved)

        return await once(deps, request, body.model_dump(mode="json"), work)


def _add_signing(router: APIRouter, deps: ServerDeps, identity: Identity) -> None:
    @router.post("/handovers/{handover_id}/sign", response_model=None, responses=_MOVED)
    async def sign(request: Request, handover_id: RowId, body: SignBody) -> Response:
        """The outgoing officer signs; the items stay as they are at this moment."""
        visitor = visitor_of(request)
        how = await _confirmed(deps, identity, request, visitor, body.password)

        now = deps.now()

        def look(reader: Reader) -> dict[str, Any]:
            return gather(reader, deps.settings, reader.handover(handover_id).since, now)

        items = await deps.read_list(look)  # before the unit of work, which must be short

        def work(writer: Writer) -> Mapping[str, Any]:
            return _answer(writer, handovers.sign(writer, handover_id, visitor.actor, now, items, body.version, how))

        return await once(deps, request, {"version": body.version}, work)

    @router.post("/handovers/{handover_id}/take", response_model=None, responses=_MOVED)
    async def take(request: Request, handover_id: RowId, body: SignBody) -> Response:
        """The incoming officer signs: somebody else than who handed over. Nothing of it changes any more."""
        visitor = visitor_of(request)
        how = await _confirmed(deps, identity, request, visitor, body.password)

        def work(writer: Writer) -> Mapping[str, Any]:
            return _answer(writer, handovers.take(writer, handover_id, visitor.actor, deps.now(), body.version, how))

        return await once(deps, request, {"version": body.version}, work)


async def _confirmed(deps: ServerDeps, identity: Identity, request: Request, visitor: Visitor, password: str) -> str:
    """What the signature rests on. Raises Forbidden for a token, and WrongPassword.

    Whoever logs in at an identity provider has no password here, and signs by their session.
    """
    visitor.actor.require(Action.HAND_OVER)
    if not visitor.by_cookie:
        raise Forbidden("a person signs in a browser, with a session of their own", key="handover.session")
    user = await deps.read(lambda reader: reader.user(visitor.user.name))
    if user.password_hash is None:
        return "session"
    await identity.confirm(request, visitor, password)
    return "password"
