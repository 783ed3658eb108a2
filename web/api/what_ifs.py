"""What if a limit had been lower, or somebody had not been there? Asked here, computed by the running side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from data.config.settings import Settings
from data.errors import InputRejected, NotFound
from data.model.durations import format_duration
from data.model.people import Action
from data.model.zone import Fraction, Zone
from data.ports.recipe import RuleRecipe
from data.ports.requests import Request as Question
from data.ports.requests import RequestKind
from data.ports.store import Writer
from web.api.idempotency import once
from web.api.params import RowId
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps

LONGEST = timedelta(hours=24)
Name = Annotated[str, Field(max_length=100)]


class RuleChangeBody(BaseModel):
    """One setting of one rule, written as in config.yaml."""

    model_config = ConfigDict(extra="forbid")

    site: Name
    rule: Name
    setting: Annotated[str, Field(pattern=r"^[a-z_]{1,60}$")]
    value: Annotated[float | Annotated[str, Field(max_length=40)], Field(description="`15`, or `30s`.")]


class ZoneChangeBody(BaseModel):
    """A zone of a camera's picture lies elsewhere."""

    model_config = ConfigDict(extra="forbid")

    site: Name
    zone: Name
    polygon: Annotated[
        tuple[tuple[Fraction, Fraction], ...],
        Field(min_length=3, max_length=500, description="Corners [x, y], fractions of width and height, in order."),
    ]


class WhatIfBody(BaseModel):
    """A span of at most 24 hours, and what is to be otherwise in it."""

    model_config = ConfigDict(extra="forbid")

    since: AwareDatetime
    until: AwareDatetime
    sites: Annotated[
        tuple[Name, ...], Field(max_length=500, description="All that the asker may know of when empty.")
    ] = ()
    changes: Annotated[tuple[RuleChangeBody, ...], Field(max_length=50)] = ()
    zones: Annotated[tuple[ZoneChangeBody, ...], Field(max_length=50)] = ()
    without: Annotated[tuple[Name, ...], Field(max_length=50, description="Responders as if they were not there.")] = ()


class WhatIfAsked(BaseModel):
    id: int


class WhatIfAnswer(BaseModel):
    """`state`: waiting, done or refused. `answer`: as `app.py replay --config --json`.

    Its `notes` say what stored observations cannot answer, each with `key`, `values` and a `text` in English.
    """

    id: int
    state: Literal["waiting", "done", "refused"]
    answer: dict[str, Any] | None
    error: str


class RuleSetting(BaseModel):
    """`value`: None where it is not set. `unit`: `s` is written as `90s`, `5min`; else a number."""

    name: str
    value: float | str | None
    kind: Literal["number", "duration"]
    description: str


class RuleSettings(BaseModel):
    site: str
    rule: str
    kind: str
    title: str
    settings: list[RuleSetting]


class ZoneOutline(BaseModel):
    """`rules`: those that judge by it. `looked_into`: kinds of detectors that searched it closer, or measured in it.

    What those would have found elsewhere is not known.
    """

    site: str
    zone: str
    polygon: list[tuple[float, float]]
    rules: list[str]
    looked_into: list[str]


class WhatIfChoices(BaseModel):
    """What can be otherwise: settings of rules, outlines of zones, and responders."""

    rules: list[RuleSettings]
    zones: list[ZoneOutline]
    responders: list[dict[str, str]]


def what_if_router(deps: ServerDeps) -> APIRouter:
    """`/what-ifs...`"""
    router = api_router("review")

    @router.get("/what-ifs/choices", responses=answers(WhatIfChoices, 403))
    async def choices(request: Request) -> WhatIfChoices:
        """The rules of the sites that the asker may know of, with their numbers and durations, and the responders."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.REVIEW)
        return choices_of(deps.settings.seen_by(visitor.user.role))

    @router.post("/what-ifs", response_model=None, responses=answers(WhatIfAsked, 403, 404, 422))
    async def ask(request: Request, body: WhatIfBody) -> Response:
        """Judge a span of the past again, otherwise. Nobody is dispatched or told. The answer has this number."""
        visitor, now = visitor_of(request), deps.now()
        visitor.actor.require(Action.REVIEW)
        if not timedelta(0) < body.until - body.since <= LONGEST:
            raise InputRejected("a span of up to 24 hours is needed", key="what_if.span")
        known = [site.id for site in deps.settings.seen_by(visitor.user.role).sites]
        named = {*body.sites, *(one.site for one in body.changes), *(one.site for one in body.zones)}
        unknown = sorted(named - set(known))
        if unknown:
            raise NotFound(f"there is no site {unknown[0]!r}", key="what_if.site", site=unknown[0])
        for change in body.zones:
            _check(change)
        payload = body.model_dump(mode="json") | {"sites": list(body.sites) or known}

        def work(writer: Writer) -> Mapping[str, Any]:
            return {"id": writer.add_request(Question(RequestKind.WHAT_IF, payload, visitor.user.name, now)).id}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.get("/what-ifs/{request_id}", responses=answers(WhatIfAnswer, 403, 404))
    async def answered(request: Request, request_id: RowId) -> WhatIfAnswer:
        """The answer, once it is there; only for who has asked."""
        actor = visitor_of(request).actor
        actor.require(Action.REVIEW)
        found = await deps.read(lambda reader: reader.request(request_id))
        if found.kind is not RequestKind.WHAT_IF or found.asked_by != actor.name:
            raise NotFound(f"no question {request_id}")
        state: Literal["waiting", "done", "refused"] = "waiting"
        if found.answered_at is not None:
            state = "refused" if found.error else "done"
        answer = None if found.answer is None else dict(found.answer)
        return WhatIfAnswer(id=found.id, state=state, answer=answer, error=found.error)

    return router


def _check(change: ZoneChangeBody) -> None:
    """Raises InputRejected for an outline that no zone may have."""
    try:
        Zone(id=change.zone, polygon=change.polygon)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        key = str(wrong["type"])
        text = f"{change.site}: zone {change.zone}: {wrong['msg']}"
        if not key.startswith("setting."):
            raise InputRejected(text, key="what_if.value", told=text) from error
        raise InputRejected(text, key=key, **wrong.get("ctx", {})) from error


def choices_of(settings: Settings) -> WhatIfChoices:
    """Everything in these settings that can be otherwise."""
    rules = [
        RuleSettings(
            site=site.id,
            rule=rule.name,
            kind=rule.kind,
            title=rule.title,
            settings=list(_settings_of(rule)),
        )
        for site in settings.sites
        for rule in site.rules
    ]
    zones = [
        ZoneOutline(
            site=site.id,
            zone=zone.id,
            polygon=[(x, y) for x, y in zone.polygon],
            rules=[rule.name for rule in site.rules if zone.id in {rule.zone, *getattr(rule, "except_zones", ())}],
            looked_into=[one.kind for one in site.detectors if zone.id in one.zones_looked_into],
        )
        for site in settings.sites
        for zone in site.zones
    ]
    people = [{"id": one.id, "name": one.name} for one in settings.responders]
    return WhatIfChoices(rules=[one for one in rules if one.settings], zones=zones, responders=people)


def _settings_of(rule: RuleRecipe) -> Iterator[RuleSetting]:
    """Its numbers and durations, first those that are set."""
    found = []
    for name, field in type(rule).model_fields.items():
        value, kinds = getattr(rule, name), str(field.annotation)
        if isinstance(value, bool) or "dict" in kinds or "tuple" in kinds:
            continue
        description = field.description or ""
        if isinstance(value, timedelta) or (value is None and "timedelta" in kinds):
            told = None if value is None else format_duration(value)
            found.append((name, RuleSetting(name=name, value=told, kind="duration", description=description)))
        elif isinstance(value, int | float) or (value is None and ("float" in kinds or "int" in kinds)):
            found.append((name, RuleSetting(name=name, value=value, kind="number", description=description)))
    yield from (one for name, one in found if name in rule.model_fields_set)
    yield from (one for name, one in found if name not in rule.model_fields_set)
