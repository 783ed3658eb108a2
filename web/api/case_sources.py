"""Cases from other systems: taken in with a token, listed, tried on a sample; and personal data shown on need."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from data.config.case_sources import CaseSource, source_named, without_values
from data.config.settings import Settings
from data.errors import InputRejected, NotFound
from data.model.observation import Rejected
from data.model.people import Action, Actor, Role, may
from data.model.received_case import ReceivedCount
from data.model.token_scope import Sends
from data.model.views import iso
from data.ports.store import Writer
from dispatch import personal_data
from dispatch.case_mapping import map_case, rounded
from dispatch.plausible import place_doubt
from dispatch.received_cases import take_in
from web.api.ingest import parsed_json
from web.api.ingest_guard import IngestGuard
from web.api.params import RowId
from web.api.schemas import answers, api_router
from web.api.shapes import CaseSources, CaseTaken, CaseTried, PersonalDataAnswer
from web.auth import visitor_of
from web.deps import ServerDeps
from web.json_guard import bad_json
from web.metrics import WebMeters
from web.problems import TooLarge

LARGEST_CASE = 64 * 1024  # bytes
_COUNTED = timedelta(days=30)
_NO_STORE = {"Cache-Control": "no-store"}
_JSON_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TrialBody(_Body):
    """A sample message, and the mapping to read it by: one of the settings, or one that is not saved yet."""

    sample: Annotated[Any, Field(description="A message as the other system sends it. It is not stored.")]
    source: Annotated[str, Field(max_length=100, description="Id of a mapping in force.")] = ""
    mapping: Annotated[dict[str, Any] | None, Field(description="A mapping, as in `case_sources`.")] = None


class ShowBody(_Body):
    """Why somebody needs to see personal data."""

    reason: Annotated[str, Field(max_length=personal_data.LONGEST_REASON)]


def case_source_router(deps: ServerDeps, meters: WebMeters) -> APIRouter:
    """`/case-sources...` and `/events/{event_id}/personal-data`"""
    router = api_router("case-sources")
    _add_intake(router, deps, IngestGuard(deps, meters))
    _add_reading(router, deps)
    _add_personal_data(router, deps)
    return router


def _add_intake(router: APIRouter, deps: ServerDeps, door: IngestGuard) -> None:
    @router.post(
        "/case-sources/{source}/cases", response_model=None, status_code=201,
        responses=answers(CaseTaken, 403, 404, 413, 422, status=201), openapi_extra=_JSON_BODY,
    )  # fmt: skip
    async def take(request: Request, source: str) -> JSONResponse:
        """One case: a new event (201), or the event that this id of the other system became before (200)."""
        name, scope = door.sender(request, Sends.CASE)
        scope.require_source(source)
        wanted = source_named(deps.settings.case_sources, source)
        if wanted is None:
            raise NotFound(f"there is no case source {source[:80]!r}")
        content = await request.body()
        try:
            mapped = map_case(wanted, _document(content), deps.settings.language)
        except (InputRejected, TooLarge) as error:
            # Without an excerpt: the message holds personal data.
            await door.refuse([Rejected("", source, deps.now(), str(error), "")])
            raise
        actor = Actor(name, Role.SOURCE)
        event, new = await deps.commit(
            lambda writer: take_in(writer, wanted, mapped, actor, deps.now(), roads=deps.roads, settings=deps.settings)
        )
        door.taken("case", 1)
        told = {"event": event.id, "new": new, "missing": list(mapped.missing)}
        return JSONResponse(told, 201 if new else 200)


def _document(content: bytes) -> Any:
    """Raises TooLarge and InputRejected, neither of which repeats anything of the message."""
    if len(content) > LARGEST_CASE:
        raise TooLarge(f"a case has at most {LARGEST_CASE} bytes")
    if bad_json(content) is not None:
        raise InputRejected("the body is not JSON that can be used")
    document = parsed_json(content)
    if not isinstance(document, dict):
        raise InputRejected("the body is not a JSON object")
    return document


def _add_reading(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/case-sources", response_model=None, responses=answers(CaseSources, 403))
    async def list_sources(request: Request) -> dict[str, Any]:
        """Each mapping with how many cases came in the last 30 days; for administrators as it is written, too."""
        actor = visitor_of(request).actor
        actor.require(Action.READ)
        settings, since = deps.settings, deps.now() - _COUNTED
        counts = await deps.read_list(lambda reader: {one.source: one for one in reader.received_counts(since)})
        whole = actor.role is not None and may(actor.role, Action.ADMINISTER)
        items = [_source_view(one, counts.get(one.id), whole=whole) for one in settings.case_sources]
        return {"items": items, "since": iso(since)}

    @router.post("/case-sources/try", response_model=None, responses=answers(CaseTried, 403, 404, 422))
    async def try_mapping(request: Request, body: TrialBody) -> JSONResponse:
        """What the mapping finds in the sample. Nothing is stored, and personal values are not given back."""
        visitor_of(request).actor.require(Action.ADMINISTER)
        mapping = _mapping_of(body, deps.settings)
        mapped = map_case(mapping, body.sample, deps.settings.language)
        found = {field.id: len(value) for field, value in mapped.personal}
        doubt = "" if mapped.place is None else place_doubt(mapped.place, deps.settings)
        place = mapping.location if mapped.place is None or doubt else mapped.place
        told = {
            "title": f"{mapping.name(deps.settings.language)} {mapped.reference}",
            "reference": mapped.reference,
            "description": mapped.description,
            "priority": None if mapped.priority is None else mapped.priority.value,
            "location": rounded(place, mapping.place_digits).model_dump(),
            "place_found": mapped.place is not None and not doubt,
            "personal": [
                {"field": one.id, "zh": one.zh, "en": one.en, "characters": found.get(one.id, 0)}
                for one in mapping.personal
            ],
            "missing": list(mapped.missing),
        }
        return JSONResponse(told, headers=_NO_STORE)


def _mapping_of(body: TrialBody, settings: Settings) -> CaseSource:
    """Raises RequestValidationError, which names each mistake by its place in the mapping, and NotFound."""
    if body.mapping is None:
        known = source_named(settings.case_sources, body.source)
        if known is None:
            raise NotFound(f"there is no case source {body.source[:80]!r}")
        return known
    try:
        return CaseSource.model_validate(body.mapping)
    except ValidationError as error:
        raise RequestValidationError(
            [
                {**one, "loc": ("body", "mapping", *one["loc"])}
                for one in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def _source_view(source: CaseSource, count: ReceivedCount | None, *, whole: bool) -> dict[str, Any]:
    last: datetime | None = None if count is None else count.last_at
    view = {
        "id": source.id,
        "zh": source.zh,
        "en": source.en,
        "kind": source.kind,
        "personal": [
            {"field": one.id, "zh": one.zh, "en": one.en, "roles": [role.value for role in one.roles]}
            for one in source.personal
        ],
        "keep_s": source.keep.total_seconds(),
        "call_out": [
            {"zh": one.zh, "en": one.en, "within_s": one.within.total_seconds(), "until": one.until}
            for one in source.call_out
        ],
        "count": 0 if count is None else count.count,
        "last_at": iso(last),
    }
    return view | ({"mapping": without_values(source)} if whole else {})


def _add_personal_data(router: APIRouter, deps: ServerDeps) -> None:
    @router.post(
        "/events/{event_id}/personal-data", response_model=None,
        responses=answers(PersonalDataAnswer, 403, 404, 409, 422),
    )  # fmt: skip
    async def show(request: Request, event_id: RowId, body: ShowBody) -> JSONResponse:
        """The event's personal data, as far as the asker may see them. Who looked, at what and why is audited first.

        An `Idempotency-Key` is not kept: each look is a look of its own, and no answer with personal data is stored.
        """
        actor = visitor_of(request).actor

        def work(writer: Writer) -> list[dict[str, str]]:
            shown = personal_data.show(writer, event_id, actor, body.reason, deps.now())
            labels = {one.field: one for one in writer.personal_values(event_id)}
            return [
                {"field": field, "zh": labels[field].zh, "en": labels[field].en, "value": value}
                for field, value in shown.items()
            ]

        return JSONResponse({"values": await deps.commit(work)}, headers=_NO_STORE)
