"""The organisation, its shifts, coverage figures, and the category table: read by all, edited by administrators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from data.errors import IllegalMove, InputRejected, NotFound
from data.model.category import Category, CategoryVersion
from data.model.organisation import Shift, Unit, UnitKind, above
from data.model.people import Action, Actor, may
from data.model.record import AuditEntry, Change
from data.model.spans import ShiftKey
from data.model.views import iso
from data.ports.store import Reader, Writer
from dispatch.grids import bounded_outline, coverage, coverage_view
from dispatch.organisation_import import bring_in_units, read_text
from web.api.case_bodies import ImportBody, ShiftBody, UnitBody
from web.api.idempotency import once, require_match
from web.api.lists import Cursor, Limit, Moment, key_cursor, key_page, utc
from web.api.params import RowId
from web.api.schemas import AnyList, answers, api_router
from web.api.shapes import CategoryAnswer, Imported, RemovedShift, RemovedUnit, ShiftAnswer, UnitAnswer
from web.auth import visitor_of
from web.deps import ServerDeps


def _edited(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    return answers(model, 404, 409, 412, 428)


def organisation_router(deps: ServerDeps) -> APIRouter:
    """`/units...`, `/shifts...`, `/organisation/...`, `/categories...`"""
    router = api_router("organisation")
    _add_units(router, deps)
    _add_whole(router, deps)
    _add_shifts(router, deps)
    _add_categories(router, deps)
    return router


def unit_view(unit: Unit, *, private: bool = True) -> dict[str, Any]:
    """A unit; ways to reach it only where `private`."""
    return {
        "id": unit.id,
        "kind": unit.kind.value,
        "name": unit.name,
        "parent": unit.parent,
        "code": unit.code,
        "section": unit.section,
        "posts": unit.posts,
        "people": list(unit.people),
        "leader": unit.leader,
        "powers": list(unit.powers),
        "vehicles": list(unit.vehicles),
        "contact": dict(unit.contact) if private else {},
        "platform": unit.platform,
        "location": None if unit.location is None else unit.location.model_dump(),
        "outline": None if unit.outline is None else dict(unit.outline),
        "version": unit.version,
    }


def category_view(one: CategoryVersion) -> dict[str, Any]:
    return one.category.model_dump(mode="json") | {"version": one.version}


def _add_units(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/units", response_model=None, responses=answers(AnyList, 403))
    async def list_units(request: Request) -> dict[str, Any]:
        """All units by id."""
        actor = visitor_of(request).actor
        actor.require(Action.READ)
        private = actor.role is None or may(actor.role, Action.DISPATCH) or may(actor.role, Action.ADMINISTER)
        units = await deps.read_list(lambda reader: reader.units())
        return {"items": [unit_view(unit, private=private) for unit in units], "next": None}

    @router.put("/units/{unit_id}", response_model=None, responses=_edited(UnitAnswer))
    async def put_unit(request: Request, unit_id: str, body: UnitBody) -> Response:
        """Add a unit, or change it: `If-Match` then names the version that was seen."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        unit = _unit(unit_id, body)

        def work(writer: Writer) -> Mapping[str, Any]:
            units = {one.id: one for one in writer.units()}
            before = units.get(unit_id)
            if before is not None:
                require_match(request, str(before.version))
            for field, wanted in (("parent", unit.parent), ("section", unit.section)):
                if wanted and wanted not in units:
                    raise InputRejected(f"{field}: there is no unit {wanted!r}")
            if unit_id in {one.id for one in above(units, unit.parent)}:
                raise InputRejected(f"parent: {unit.parent} is {unit_id} itself or below it")
            taken = [u.id for u in units.values() if u.kind is unit.kind is UnitKind.GRID and u.code == unit.code]
            if [one for one in taken if one != unit_id]:
                raise IllegalMove(f"code: grid code {unit.code} belongs to {taken[0]}")
            stored = writer.put_unit(replace(unit, version=0 if before is None else before.version))
            _told(writer, actor, "edit_unit", f"unit:{unit_id}", {"new": before is None}, deps.now())
            return {"unit": unit_view(stored)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.delete("/units/{unit_id}", response_model=None, responses=_edited(RemovedUnit))
    async def remove_unit(request: Request, unit_id: str) -> Response:
        """Not while another unit or a shift refers to it."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)

        def work(writer: Writer) -> Mapping[str, Any]:
            require_match(request, str(writer.unit(unit_id).version))
            below = [unit.id for unit in writer.units() if unit_id in (unit.parent, unit.section)]
            if below:
                raise IllegalMove(f"{', '.join(below[:5])} belong to {unit_id}")
            writer.remove_unit(unit_id)
            _told(writer, actor, "remove_unit", f"unit:{unit_id}", {}, deps.now())
            return {"removed": unit_id}

        return await once(deps, request, {}, work)


def _add_whole(router: APIRouter, deps: ServerDeps) -> None:
    @router.post("/organisation/import", response_model=None, responses=_edited(Imported))
    async def import_units(request: Request, body: ImportBody) -> Response:
        """Units from a YAML, CSV or GeoJSON text; known ones are changed. All of it or nothing."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        found = await deps.lanes.heavy.run(read_text, body.text, body.form)

        def work(writer: Writer) -> Mapping[str, Any]:
            now = deps.now()
            shifts = found.shifts_from(now, deps.settings.timezone)
            return bring_in_units(writer, found.units, shifts, actor, now, only_new=False)

        return await once(deps, request, body.model_dump(), work)

    @router.get("/organisation/coverage", response_model=None, responses=answers(AnyList, 403))
    async def figures(request: Request) -> dict[str, Any]:
        """Grids staffed, posts filled, units that work with the platform, posts on duty now; each against 100 %."""
        visitor_of(request).actor.require(Action.READ)
        now = deps.now()
        found = await deps.read_list(lambda reader: coverage(reader.units(), reader.shifts(at=now), now))
        return {"items": coverage_view(found), "next": None, "at": iso(now)}


def _add_shifts(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/shifts", response_model=None, responses=answers(AnyList, 403, 422))
    async def list_shifts(
        request: Request,
        *,
        now: bool = False,
        since: Moment = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
    ) -> dict[str, Any]:
        """Shifts by their beginning; with `now` those that last, with `since` those that had not ended then."""
        visitor_of(request).actor.require(Action.READ)
        at = deps.now() if now else None
        key = key_cursor(cursor, (datetime, int))
        after = None if key is None else ShiftKey(*key)
        found = await deps.read_list(
            lambda reader: reader.shifts(at=at, since=utc(since), after=after, limit=limit + 1)
        )
        return key_page(found, limit, lambda shift: ShiftKey(shift.begins, shift.id), _shift_view)

    @router.post("/shifts", response_model=None, responses=_edited(ShiftAnswer))
    async def add_shift(request: Request, body: ShiftBody) -> Response:
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        shift = Shift(body.unit, body.person, body.begins, body.ends, body.duty)

        def work(writer: Writer) -> Mapping[str, Any]:
            writer.unit(body.unit)
            stored = writer.add_shift(shift)
            _told(writer, actor, "add_shift", f"unit:{body.unit}", {"person": body.person}, deps.now())
            return {"shift": _shift_view(stored)}

        return await once(deps, request, body.model_dump(mode="json"), work)

    @router.delete("/shifts/{shift_id}", response_model=None, responses=_edited(RemovedShift))
    async def remove_shift(request: Request, shift_id: RowId) -> Response:
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)

        def work(writer: Writer) -> Mapping[str, Any]:
            writer.remove_shift(shift_id)
            _told(writer, actor, "remove_shift", f"shift:{shift_id}", {}, deps.now())
            return {"removed": shift_id}

        return await once(deps, request, {}, work)


def _add_categories(router: APIRouter, deps: ServerDeps) -> None:
    @router.get("/categories", response_model=None, responses=answers(AnyList))
    async def list_categories(request: Request) -> dict[str, Any]:
        """The category table: for everybody who is logged in, since phones offer its kinds."""
        visitor_of(request)
        found = await deps.read_list(lambda reader: reader.categories())
        return {"items": [category_view(one) for one in found], "next": None}

    @router.put("/categories/{kind}", response_model=None, responses=_edited(CategoryAnswer))
    async def put_category(request: Request, kind: str, body: Category) -> Response:
        """Add a kind, or change it: `If-Match` then names the version that was seen."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        if body.kind != kind:
            raise InputRejected(f"the body describes {body.kind!r}, the address {kind!r}")

        def work(writer: Writer) -> Mapping[str, Any]:
            before = _known(writer, kind)
            if before is not None:
                require_match(request, str(before.version))
            _check_units(writer, body)
            stored = writer.put_category(body, 0 if before is None else before.version)
            _told(writer, actor, "edit_category", f"category:{kind}", {"new": before is None}, deps.now())
            return {"category": category_view(stored)}

        return await once(deps, request, body.model_dump(mode="json"), work)


def _unit(unit_id: str, body: UnitBody) -> Unit:
    values = {name: getattr(body, name) for name in UnitBody.model_fields}
    for name in ("people", "powers", "vehicles"):
        values[name] = tuple(values[name])
    unit = Unit(id=unit_id, **values)
    return bounded_outline(unit)


def _check_units(reader: Reader, body: Category) -> None:
    """Raises InputRejected, naming the field, for a unit that does not exist."""
    known = {unit.id for unit in reader.units()}
    single = {"section": (body.section,), "lead": (body.lead,)}
    for field, units in (single | {"co_handlers": body.co_handlers, "cooperating": body.cooperating}).items():
        for unit in units:
            if unit and unit not in known:
                raise InputRejected(f"{field}: there is no unit {unit!r}")


def _known(reader: Reader, kind: str) -> CategoryVersion | None:
    try:
        return reader.category(kind)
    except NotFound:
        return None


def _shift_view(shift: Shift) -> dict[str, Any]:
    return {
        "id": shift.id,
        "unit": shift.unit,
        "person": shift.person,
        "begins": iso(shift.begins),
        "ends": iso(shift.ends),
        "duty": shift.duty,
    }


def _told(  # noqa: PLR0917 - who did what
    writer: Writer, actor: Actor, action: str, subject: str, detail: Mapping[str, Any], now: datetime
) -> None:
    role = "" if actor.role is None else actor.role.value
    writer.record(AuditEntry(now, actor.name, role, action, subject, dict(detail)))
    writer.publish(Change("organisation", subject, now, {}))
