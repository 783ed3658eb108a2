"""Errors as RFC 9457 problem details, for every answer of the API and every refusal of the server."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from data.errors import (
    Busy,
    DeviceLost,
    Forbidden,
    IllegalMove,
    InputRejected,
    NobodyAvailable,
    NotFound,
    StaleVersion,
    StoreClosed,
    TookTooLong,
    UnusableRow,
    YipingError,
)
from web.login_limit import TooManyTries
from web.passwords import HashingBusy
from web.request_ids import HEADER, present_request_id

MEDIA_TYPE = "application/problem+json"


class Unauthenticated(YipingError):
    """Nobody is logged in, or the session or token is not (or no longer) valid (HTTP 401)."""


class KeyReused(YipingError):
    """An Idempotency-Key came again with another request (HTTP 422)."""


class PreconditionFailed(YipingError):
    """If-Match names a version that is not the present one (HTTP 412)."""


class PreconditionRequired(YipingError):
    """This needs an If-Match (HTTP 428)."""


class TooLarge(YipingError):
    """What was sent is larger than is taken (HTTP 413)."""


class TooMany(YipingError):
    """This person sends too much (HTTP 429). `wait_s`: seconds until the next may come."""

    def __init__(self, why: str, wait_s: float) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Unavailable(YipingError):
    """It cannot be had just now; try again (HTTP 503)."""


# The most particular class first: a subclass must stand before its base.
_STATUS: tuple[tuple[type[YipingError], int, str], ...] = (
    (Unauthenticated, 401, "unauthenticated"),
    (Forbidden, 403, "forbidden"),
    (NotFound, 404, "not-found"),
    (UnusableRow, 404, "unusable-row"),
    (StaleVersion, 409, "stale-version"),
    (NobodyAvailable, 409, "nobody-available"),
    (IllegalMove, 409, "illegal-move"),
    (PreconditionFailed, 412, "precondition-failed"),
    (PreconditionRequired, 428, "precondition-required"),
    (TooLarge, 413, "too-large"),
    (TooMany, 429, "too-many"),
    (KeyReused, 422, "idempotency-key-reused"),
    (InputRejected, 422, "input-rejected"),
    (TookTooLong, 422, "took-too-long"),
    (Busy, 503, "busy"),
    (TooManyTries, 429, "too-many-tries"),
    (HashingBusy, 503, "busy"),
    (StoreClosed, 503, "store-closed"),
    (DeviceLost, 503, "device-lost"),
    (Unavailable, 503, "unavailable"),
)

_HEADERS_OF = MappingProxyType(
    {401: MappingProxyType({"WWW-Authenticate": 'Bearer realm="yiping"'}), 503: MappingProxyType({"Retry-After": "2"})}
)


def problem(
    status: int, detail: str, *, kind: str = "", headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """A problem document. `kind` is the last part of its type URN; without it the type is about:blank.

    By its `request_id` the log tells more of it.
    """
    request_id = present_request_id()
    occurrence = {"instance": f"urn:yiping:request:{request_id}", "request_id": request_id} if request_id else {}
    document = {
        "type": f"urn:yiping:problem:{kind}" if kind else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **occurrence,
        **members,
    }
    content = json.dumps(document, ensure_ascii=False)
    return Response(content, status, dict(headers or {}) | {"Cache-Control": "no-store"}, MEDIA_TYPE)


def refusal(error: YipingError) -> Response:
    """The answer to an error that was raised on purpose."""
    for error_class, status, kind in _STATUS:
        if isinstance(error, error_class):
            again = {"Retry-After": str(math.ceil(error.wait_s))} if isinstance(error, TooMany | TooManyTries) else {}
            headers = {**_HEADERS_OF.get(status, {}), **again}
            reason = getattr(error, "reason", None)
            members: dict[str, Any] = {} if reason is None else {"reason": reason}
            if (errors := getattr(error, "errors", None)) is not None:
                members["errors"] = errors
            if error.key:
                members["words"] = {"key": error.key, "values": error.values}
            return problem(status, str(error), kind=kind, headers=headers, **members)
    return problem(500, "the server could not do this", kind="defect")


def invalid(where: str, field: str, message: str) -> Response:
    """422 about one place in a request: `where` is path, query, header or body; `field` is empty for the whole."""
    located = {"in": where, "field": field, "message": message}
    if where == "body":
        located["pointer"] = "#/" + field.replace(".", "/")
    return problem(422, f"{where} {field}: {message}".replace(" :", ":"), kind="invalid-request", errors=[located])


def install_problems(app: FastAPI) -> None:
    """Every error of this application becomes a problem document."""
    app.add_exception_handler(YipingError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    app.add_exception_handler(Exception, _on_defect)


async def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, YipingError)
    return refusal(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # a body or a form that the framework cannot read
        return invalid("body", "", str(error.detail))
    details = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not possible at {request.url.path}",
        413: "what was sent is larger than is taken here",
    }
    headers = dict(error.headers or {})
    return problem(error.status_code, details.get(error.status_code, str(error.detail)), headers=headers)


async def _on_invalid(_request: Request, error: Exception) -> Response:
    """What is wrong and where: `in` is path, query, header or body, `pointer` the place in a JSON body."""
    assert isinstance(error, RequestValidationError)
    errors: list[dict[str, Any]] = []
    for found in error.errors():
        where, *steps = [str(step) for step in found["loc"]]
        if where != "body":
            steps = steps[:1]  # a parameter is a plain value: what follows its name are branches of its type
            if any((one["in"], one["field"]) == (where, "".join(steps)) for one in errors):
                continue
        located: dict[str, Any] = {"in": where, "field": ".".join(steps), "message": found["msg"]}
        if where == "body":
            located["pointer"] = "#/" + "/".join(steps)
        errors.append(located)
    summary = "; ".join(f"{e['in']} {e['field']}: {e['message']}".replace("  ", " ") for e in errors)
    return problem(422, summary, kind="invalid-request", errors=errors)


async def _on_gone(_request: Request, _error: Exception) -> Response:
    """The sender went away in the middle of the body: no defect, and nobody reads the answer."""
    return problem(400, "the body did not come to its end")


async def _on_defect(_request: Request, _error: Exception) -> Response:
    """A defect: the log has the trace, the answer shows nothing of it. It is answered outside of every middleware."""
    request_id = present_request_id()
    headers = {HEADER: request_id} if request_id else {}
    return problem(500, "the server could not do this; its log says why", kind="defect", headers=headers)
