"""Open311 GeoReport v2: citizens report what they see, without a login. JSON and XML.

What comes in lands in 待受理 and waits for a human. Questions and reports of one address are counted; names and
telephone numbers go in and never come out. Specification: wiki.open311.org/GeoReport_v2.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from data.errors import Busy, InputRejected, NotFound, TookTooLong, YipingError
from data.model.calendar import in_calendar
from data.model.case import Origin
from data.model.category import Category
from data.model.geo import Location
from data.model.people import Actor
from data.model.spans import CitizenQuery
from data.model.task import Event
from data.model.views import iso
from data.ports.store import Reader
from dispatch.intake import DESCRIPTION_LIMIT, Report, bring_in
from web.addresses import network_of
from web.deps import ServerDeps
from web.rate_limit import RateLimit

CITIZEN = Actor("citizen", None)
_FORMS = ("json", "xml")
_MOST, _SPAN = 50, timedelta(days=90)
_REPORTER = ("first_name", "last_name", "phone", "email", "device_id")
_CLOSED = "closed"
_MOST_FIELDS, _LARGEST_FIELD = 40, 16 * 1024
_BUSY_S = 2.0


def open311_router(deps: ServerDeps) -> APIRouter:
    """`/open311/v2/services|requests`, each ending in .json or .xml."""
    router = APIRouter(prefix="/open311/v2", include_in_schema=False)
    reports = RateLimit(lambda: RateLimitItemPerHour(deps.settings.cases.reports_per_hour))

    @router.post("/requests.{form}")
    async def take(request: Request, form: str) -> Response:
        return await _take(deps, reports, request, form)

    _add_questions(router, _Questions(deps), deps)
    return router


class _Questions:
    """What strangers ask: counted by address, read in a lane of their own."""

    def __init__(self, deps: ServerDeps) -> None:
        self._deps = deps
        self._limit = RateLimit(lambda: RateLimitItemPerMinute(deps.settings.cases.reads_per_minute))

    async def answer(self, request: Request, form: str, look: Callable[[Reader], Response]) -> Response:
        """What `look` answers, or why not."""
        wait = self._limit.wait_s(network_of(request.client.host if request.client else ""))
        if wait > 0:
            return _put_off(form, 429, "too many questions from this address", wait)
        try:
            return await self._deps.read_public(look)
        except NotFound as error:
            return _refused(form, 404, str(error))
        except InputRejected as error:
            return _refused(form, 400, str(error))
        except (Busy, TookTooLong) as error:
            return _put_off(form, 503, str(error), _BUSY_S)


def _add_questions(router: APIRouter, questions: _Questions, deps: ServerDeps) -> None:
    @router.get("/services.{form}")
    async def services(request: Request, form: str) -> Response:
        def look(reader: Reader) -> Response:
            found = [_service(kind, deps.settings.language) for kind in _public(reader).values()]
            return _answer(form, "services", "service", found)

        return await questions.answer(request, form, look)

    @router.get("/services/{code}.{form}")
    async def definition(request: Request, code: str, form: str) -> Response:
        def look(reader: Reader) -> Response:
            if code not in _public(reader):
                raise NotFound(f"there is no service {code[:64]}")
            return _answer(form, "service_definition", "", [{"service_code": code, "attributes": []}])

        return await questions.answer(request, form, look)

    @router.get("/requests.{form}")
    async def requests(request: Request, form: str) -> Response:
        def look(reader: Reader) -> Response:
            return _answer(form, "service_requests", "request", _asked_for(reader, request.query_params, deps.now()))

        return await questions.answer(request, form, look)

    @router.get("/requests/{number}.{form}")
    async def one(request: Request, number: str, form: str) -> Response:
        def look(reader: Reader) -> Response:
            return _answer(form, "service_requests", "request", [_one(reader, number)])

        return await questions.answer(request, form, look)


async def _take(deps: ServerDeps, limit: RateLimit, request: Request, form: str) -> Response:
    if form not in _FORMS:
        return _refused(form, 404, "there are .json and .xml")
    wait = limit.wait_s(network_of(request.client.host if request.client else ""))
    if wait > 0:
        why = "too many reports from this address; please call the duty desk if it is urgent"
        return _put_off(form, 429, why, wait)
    try:
        # A picture is named by media_url; files are not taken from strangers.
        async with request.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=_LARGEST_FIELD) as given_form:
            given = {name: value for name, value in given_form.items() if isinstance(value, str)}
    except HTTPException as error:
        return _refused(form, 400, str(error.detail))
    try:
        kinds = await deps.read_public(_public)
        report = _report(given, kinds)
        event = await deps.commit(
            lambda writer: bring_in(writer, report, Origin.CITIZEN, CITIZEN, deps.now(), settings=deps.settings)
        )
    except InputRejected as error:
        return _refused(form, 400, str(error))
    except (Busy, TookTooLong) as error:
        return _put_off(form, 503, str(error), _BUSY_S)
    except YipingError as error:
        return _refused(form, 503, str(error))
    taken = {"service_request_id": str(event.id), "service_notice": "received", "account_id": None}
    return _answer(form, "service_requests", "request", [taken], 201)


def _report(given: Mapping[str, str], kinds: Mapping[str, Category]) -> Report:
    code = given.get("service_code", "")
    if code not in kinds:
        raise InputRejected(f"service_code: {code[:64]!r} is none of the services")
    try:
        place = Location(lon=float(given.get("long", "")), lat=float(given.get("lat", "")))
    except (ValueError, ValidationError) as error:
        raise InputRejected("lat and long: the place in WGS-84 degrees is needed") from error
    if not (math.isfinite(place.lon) and math.isfinite(place.lat)):
        raise InputRejected("lat and long: the place in WGS-84 degrees is needed")
    description = given.get("description", "").strip()
    if not description or len(description) > DESCRIPTION_LIMIT:
        raise InputRejected(f"description: 1 to {DESCRIPTION_LIMIT} characters")
    address = given.get("address_string", "").strip()[:300]
    reporter = {name: given[name].strip()[:200] for name in _REPORTER if given.get(name, "").strip()}
    if given.get("media_url", "").startswith(("https://", "http://")):
        reporter["media_url"] = given["media_url"][:500]
    return Report(code, place, f"{description}\n{address}".strip(), reporter=reporter)


def _public(reader: Reader) -> dict[str, Category]:
    return {one.category.kind: one.category for one in reader.categories() if one.category.public}


def _service(kind: Category, language: str) -> dict[str, Any]:
    return {
        "service_code": kind.kind,
        "service_name": kind.zh if language == "zh" else kind.en,
        "description": kind.en if language == "zh" else kind.zh,
        "metadata": False,
        "type": "realtime",
        "keywords": kind.kind,
        "group": kind.group,
    }


def _one(reader: Reader, number: str) -> dict[str, Any]:
    if not (number.isascii() and number.isdecimal()) or len(number) > 15:
        raise NotFound(f"no request {number[:20]}")
    event = reader.event(int(number))
    if event.origin is not Origin.CITIZEN:
        raise NotFound(f"no request {number}")  # what our own people brought in is not public
    return _view(event)


def _asked_for(reader: Reader, query: Mapping[str, str], now: datetime) -> list[dict[str, Any]]:
    """By number, or those of the last 90 days (or start_date, end_date), newest first, at most 50."""
    if "service_request_id" in query:
        numbers = query["service_request_id"].split(",")[:_MOST]
        return [_one(reader, number.strip()) for number in numbers]
    since, until = _moment(query, "start_date", now - _SPAN), _moment(query, "end_date", now)
    status = query.get("status")
    if status not in {None, "open", _CLOSED}:
        return []
    is_open = None if status is None else status == "open"
    wanted = CitizenQuery(since, until, query.get("service_code"), is_open, _MOST)
    return [_view(event) for event in reader.citizen_events(wanted)]


def _moment(query: Mapping[str, str], name: str, default: datetime) -> datetime:
    if name not in query:
        return default
    try:
        at = datetime.fromisoformat(query[name].replace(" ", "+"))
        return in_calendar(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    except ValueError as error:
        raise InputRejected(f"{name}: a time such as 2026-07-12T08:00:00Z") from error


def _view(event: Event) -> dict[str, Any]:
    """What a citizen may see: no names, no notes; the place to about 11 m."""
    last = event.steps[-1].at if event.steps else event.opened_at
    return {
        "service_request_id": str(event.id),
        "status": "open" if event.is_open else _CLOSED,
        "status_notes": event.state.value,
        "service_name": event.title,
        "service_code": event.kind,
        "requested_datetime": iso(event.opened_at),
        "updated_datetime": iso(last),
        "lat": round(event.location.lat, 4),
        "long": round(event.location.lon, 4),
    }


def _answer(form: str, root: str, item: str, found: Sequence[Mapping[str, Any]], status: int = 200) -> Response:
    if form == "json":
        body: Any = found if item else found[0]
        return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json")
    if form != "xml":
        return _refused("json", 404, "there are .json and .xml")
    top = ET.Element(root)
    for one in found:
        element = ET.SubElement(top, item) if item else top
        for name, value in one.items():
            text = "" if value in (None, []) else str(value).lower() if isinstance(value, bool) else str(value)
            ET.SubElement(element, name).text = _printable(text)
    return Response(ET.tostring(top, encoding="utf-8", xml_declaration=True), status, media_type="application/xml")


def _put_off(form: str, status: int, why: str, wait_s: float) -> Response:
    answer = _refused(form, status, why)
    answer.headers["Retry-After"] = str(math.ceil(wait_s))
    return answer


def _refused(form: str, status: int, why: str) -> Response:
    if form == "xml":
        return _answer("xml", "errors", "error", [{"code": status, "description": why}], status)
    document = json.dumps([{"code": status, "description": why}], ensure_ascii=False)
    return Response(document, status, media_type="application/json")


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(sign for sign in text if sign >= " " or sign in "\n\t")
