"""Settings changed without a restart: read, checked, saved as a new version, gone back to; for administrators."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from data.config.catalogue import Catalogue
from data.config.document import MACHINE_KEYS, as_yaml, document_of
from data.config.masked import shown
from data.config.schema import document_schema
from data.errors import IllegalMove, InputRejected
from data.model.moments import EARLIEST
from data.model.people import Action, Actor
from data.model.settings_version import SettingsVersion
from data.model.views import iso
from data.ports.requests import Request as Question
from data.ports.requests import RequestKind
from data.ports.store import Reader
from data.stored.settings_versions import NewVersion, keep_version, require_screen
from web.api.idempotency import once
from web.api.lists import Cursor, Limit, before_id
from web.api.params import LARGEST_ID, BodyId, RowId
from web.api.schemas import AnyList, answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.settings import (
    CurrentSettings,
    checked,
    document_in,
    drafted_parts,
    propose,
    version_view,
    with_site,
    without_site,
)

SCHEMA_PATH = "/api/v1/settings/schema"
_Document = Annotated[dict[str, Any], Field(description="As config.yaml, without the keys of the machine.")]
_Base = Annotated[BodyId, Field(description="The version that was seen and is changed.")]
_Note = Annotated[str, Field(max_length=500, description="Why; for the list of versions.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CheckBody(_Body):
    """A document to look at; nothing is saved."""

    document: _Document


class DraftBody(_Body):
    """A document, and how many hours of the past are judged by it."""

    document: _Document
    hours: Annotated[float, Field(gt=0, le=24, description="Back from `until`.")] = 1.0
    until: Annotated[AwareDatetime | None, Field(description="Now when left out.")] = None


class DraftAsked(BaseModel):
    """`id`: of the question, for `GET /what-ifs/{id}`; null where no zone or rule of a site in force differs."""

    id: int | None
    sites: list[str]
    since: str
    until: str


class SaveBody(_Body):
    """A whole document."""

    base_version: _Base
    document: _Document
    note: _Note = ""


class SiteBody(_Body):
    """A new site, as it would stand among `sites`."""

    base_version: _Base
    site: Annotated[dict[str, Any], Field(description="id, location, monitor, zones, rules, ...")]
    note: _Note = ""


class SitePartsBody(BaseModel):
    """Parts of a site that take the place of what is there: any of its settings; null takes it away.

    `camera` stands for the monitor that gives pictures, wherever the site has it.
    """

    model_config = ConfigDict(extra="allow")

    base_version: _Base
    note: _Note = ""


class RestoreBody(_Body):
    """`base_version`: the newest version that was seen; any when left out."""

    base_version: BodyId | None = None
    note: _Note = ""


class SettingsView(BaseModel):
    """`mode` file: config.yaml is the truth, and nothing can be saved. `version` 0: of the file itself.

    `newest` above `version`: it cannot be read, and `trouble` says why.
    """

    mode: str
    version: int
    newest: int
    trouble: str
    at: str | None
    who: str
    note: str
    document: dict[str, Any]
    machine_keys: list[str]
    schema_url: str


class CheckAnswer(BaseModel):
    """`problems`: where (`path`, the site's id), `words`, and their `key` with `values` for a screen's own language."""

    problems: list[dict[str, Any]]
    difference: list[dict[str, Any]]


class VersionAnswer(BaseModel):
    """A version; `document` where one alone is asked for."""

    model_config = ConfigDict(extra="allow")

    version: int
    at: str
    who: str
    note: str
    restored: int | None
    hash: str
    difference: list[dict[str, Any]]


class SchemaAnswer(BaseModel):
    """JSON Schema 2020-12 of a document."""

    model_config = ConfigDict(extra="allow")


def settings_router(deps: ServerDeps, current: CurrentSettings) -> APIRouter:
    """`/settings...`"""
    router = api_router("settings")
    _add_reading(router, deps, current)
    _add_trying(router, deps, current)
    _add_saving(router, deps, current)
    _add_sites(router, deps, current)
    _add_versions(router, deps, current)
    return router


def _administrator(request: Request) -> Actor:
    """Raises Forbidden."""
    actor = visitor_of(request).actor
    actor.require(Action.ADMINISTER)
    return actor


def _shown(deps: ServerDeps, version: SettingsVersion | None) -> dict[str, Any]:
    """The document of a version, that of the file for None, as screens get it: some tenths of a second for a large one.

    Raises UnusableRow.
    """
    return shown(document_of(deps.file) if version is None else document_in(version))


def _add_reading(router: APIRouter, deps: ServerDeps, current: CurrentSettings) -> None:
    schemas: dict[str, Any] = {}

    @router.get("/settings", response_model=None, responses=answers(SettingsView, 403))
    async def settings(request: Request) -> dict[str, Any]:
        """The document in force, and how it may be changed."""
        _administrator(request)
        found = current.now
        number = found.version
        version = await deps.read(lambda reader: reader.settings_version(number)) if number else None
        return {
            "mode": deps.settings.config,
            "version": number,
            "newest": found.newest,
            "trouble": found.trouble,
            "at": None if version is None else iso(version.at),
            "who": "" if version is None else version.who,
            "note": "" if version is None else version.note,
            "document": await deps.lanes.lists.run(_shown, deps, version),
            "machine_keys": list(MACHINE_KEYS),
            "schema_url": deps.door.base + SCHEMA_PATH,
        }

    @router.get("/settings/schema", response_model=None, responses=answers(SchemaAnswer, 403))
    async def schema(request: Request) -> dict[str, Any]:
        """JSON Schema of a document, with every kind of monitor, detector, rule and channel (`oneOf` by `kind`)."""
        _administrator(request)
        if not schemas:
            catalogue = deps.catalogue or Catalogue({}, {}, {})
            schemas.update(await deps.lanes.heavy.run(document_schema, catalogue, MACHINE_KEYS))
        return schemas

    yaml = {"description": "OK", "content": {"application/yaml": {"schema": {"type": "object"}}}}

    @router.get("/settings/export", response_model=None, responses=answers(None, 403) | {200: yaml})
    async def export(request: Request) -> Response:
        """A config.yaml of the document in force. Keys in addresses are masked: `app.py settings export` has them."""
        _administrator(request)
        number = current.now.version
        version = await deps.read(lambda reader: reader.settings_version(number)) if number else None
        text = await deps.lanes.lists.run(lambda: as_yaml(_shown(deps, version), shown(deps.file)))
        name = f"config-version-{number}.yaml"
        headers = {"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "no-store"}
        return Response(text, media_type="application/yaml", headers=headers)

    @router.post("/settings/check", response_model=None, responses=answers(CheckAnswer, 403))
    async def check(request: Request, body: CheckBody) -> dict[str, Any]:
        """What is wrong in a document, each with its place, and what would differ from what is in force."""
        _administrator(request)
        return await deps.lanes.lists.run(checked, deps, current, body.document)


def _add_trying(router: APIRouter, deps: ServerDeps, current: CurrentSettings) -> None:
    @router.post("/settings/what-if", response_model=None, responses=answers(DraftAsked, 403))
    async def what_if(request: Request, body: DraftBody) -> dict[str, Any]:
        """Judge the last hours by a draft's zones and rules: which alerts would have been new, gone, earlier, later.

        Nothing is saved and nobody told. 422 with every problem of the draft.
        """
        actor, now = _administrator(request), deps.now()
        until = body.until or now
        if not EARLIEST <= until <= now + timedelta(days=1):
            raise InputRejected("`until` is a time of the past that was observed", key="what_if.nothing")
        since = until - timedelta(hours=body.hours)
        parts = await deps.lanes.lists.run(drafted_parts, deps, current, body.document)
        span = {"since": iso(since), "until": iso(until)}
        asked = Question(RequestKind.WHAT_IF, span | {"sites": list(parts), "parts": parts}, actor.name, now)
        number = (await deps.commit(lambda writer: writer.add_request(asked))).id if parts else None
        return {"id": number, "sites": list(parts), **span}


def _add_saving(router: APIRouter, deps: ServerDeps, current: CurrentSettings) -> None:
    @router.put("/settings", response_model=None, responses=answers(VersionAnswer, 403, 404, 409))
    async def save(request: Request, body: SaveBody) -> Response:
        """A new version, in force within two seconds. 409 when somebody saved meanwhile, 422 with every problem."""
        _administrator(request)
        require_screen(deps.settings)
        new = await deps.lanes.lists.run(propose, deps, current, body.base_version, body.document, note=body.note)
        return await _kept(deps, current, new, request, body.model_dump())


async def _kept(
    deps: ServerDeps, current: CurrentSettings, new: NewVersion, request: Request, body: Mapping[str, Any]
) -> Response:
    """Store it, once, and wait until it is in force here. Raises IllegalMove where nothing differs, StaleVersion."""
    actor = _administrator(request)
    if new.before == current.now.version and not new.difference and new.restored is None:
        raise IllegalMove("nothing differs from the version in force", key="settings.same")
    answer = await once(
        deps, request, dict(body), lambda writer: version_view(keep_version(writer, new, actor, deps.now()))
    )
    await current.catch_up(json.loads(bytes(answer.body))["version"])
    return answer


def _add_sites(router: APIRouter, deps: ServerDeps, current: CurrentSettings) -> None:
    async def change(
        request: Request, body: Mapping[str, Any], edit: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> Response:
        """A new version made of the one that was seen. Raises NotFound, StaleVersion, SettingsRefused."""
        _administrator(request)
        require_screen(deps.settings)
        base: int = body["base_version"]
        seen = await deps.read(lambda reader: reader.settings_version(base))
        document = edit(document_in(seen))
        new = await deps.lanes.lists.run(propose, deps, current, base, document, note=body["note"])
        return await _kept(deps, current, new, request, body)

    @router.post(
        "/settings/sites", status_code=201, response_model=None,
        responses=answers(VersionAnswer, 403, 404, 409, status=201),
    )  # fmt: skip
    async def add(request: Request, body: SiteBody) -> Response:
        """A site more, at the end."""

        def edit(document: Mapping[str, Any]) -> Mapping[str, Any]:
            return {**document, "sites": [*(document.get("sites") or []), body.site]}

        answer = await change(request, body.model_dump(), edit)
        answer.status_code = 201
        return answer

    @router.patch("/settings/sites/{site_id}", response_model=None, responses=answers(VersionAnswer, 403, 404, 409))
    async def patch(request: Request, site_id: str, body: SitePartsBody) -> Response:
        """Replace parts of one site: `{"base_version": 3, "zones": [...], "rules": [...], "camera": {...}}`."""
        catalogue, parts = deps.catalogue or Catalogue({}, {}, {}), body.model_extra or {}
        return await change(request, body.model_dump(), lambda document: with_site(document, site_id, parts, catalogue))

    @router.delete("/settings/sites/{site_id}", response_model=None, responses=answers(VersionAnswer, 403, 404, 409))
    async def remove(
        request: Request,
        site_id: str,
        base_version: Annotated[int, Query(ge=1, le=LARGEST_ID, description="The version that was seen.")],
        note: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        """What plans or fusion still name is refused, with the place that names it."""
        given = {"base_version": base_version, "note": note}
        return await change(request, given, lambda document: without_site(document, site_id))


def _add_versions(router: APIRouter, deps: ServerDeps, current: CurrentSettings) -> None:
    @router.get("/settings/versions", response_model=None, responses=answers(AnyList, 403))
    async def versions(request: Request, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
        """Who saved what, when and why; newest first, each with what differs from the one before."""
        _administrator(request)
        before = before_id(cursor)

        def look(reader: Reader) -> list[SettingsVersion]:
            return list(reader.settings_versions(before=before, limit=limit + 1))

        found = await deps.read_list(look)
        items = [version_view(one) for one in found[:limit]]
        return {"items": items, "next": str(items[-1]["version"]) if len(found) > limit else None}

    @router.get("/settings/versions/{number}", response_model=None, responses=answers(VersionAnswer, 403, 404))
    async def version(request: Request, number: RowId) -> dict[str, Any]:
        """One version with its document."""
        _administrator(request)
        found = await deps.read(lambda reader: reader.settings_version(number))
        return version_view(found) | {"document": await deps.lanes.lists.run(_shown, deps, found)}

    @router.post(
        "/settings/versions/{number}/restore", response_model=None, responses=answers(VersionAnswer, 403, 404, 409)
    )
    async def restore(request: Request, number: RowId, body: RestoreBody | None = None) -> Response:
        """Go back: a new version with the document of an earlier one."""
        _administrator(request)
        given = body or RestoreBody()
        require_screen(deps.settings)
        newest, earlier = await deps.read(lambda reader: (reader.newest_settings(), reader.settings_version(number)))
        base = newest if given.base_version is None else given.base_version
        new = await deps.lanes.lists.run(
            propose, deps, current, base, document_in(earlier), note=given.note, restored=number
        )
        return await _kept(deps, current, new, request, given.model_dump())
