"""Checks what is sent to Dash's own addresses before Dash sees it: Dash answers 500 to whatever it cannot read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from data.errors import InputRejected, NotFound
from web.problems import TooLarge, refusal
from web.replayed_body import replayed

_CALLBACK = "/_dash-update-component"
_SUITES = "/_dash-component-suites/"
_Name = Annotated[StrictStr, Field(max_length=500)]


class _Property(BaseModel):
    """A property of a component of ours: ids are plain names, values are texts and counts."""

    model_config = ConfigDict(extra="ignore")

    id: _Name
    property: _Name
    value: Annotated[StrictStr, Field(max_length=2000)] | StrictInt | None = None


class _CallbackBody(BaseModel):
    """What Dash's renderer sends."""

    model_config = ConfigDict(extra="ignore")

    output: _Name
    outputs: _Property | list[_Property]
    inputs: list[_Property]
    state: list[_Property] = []
    changedPropIds: list[_Name] = []  # noqa: N815 - the renderer's own name


class DashGuard:
    """`callbacks`: Dash's `callback_map`; `paths`: its `registered_paths`, the files of each package."""

    def __init__(self, app: ASGIApp, callbacks: Mapping[str, Mapping[str, Any]], paths: Mapping[str, set[str]]) -> None:
        self._app = app
        self._callbacks = callbacks
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = get_route_path(scope) if scope["type"] == "http" else ""
        if path == _CALLBACK:
            await self._callback(scope, receive, send)
        elif path.startswith(_SUITES) and not self._is_known(path.removeprefix(_SUITES)):
            await refusal(NotFound(f"there is nothing at {path}"))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_known(self, path: str) -> bool:
        # Dash puts a fingerprint of version and time into names; it knows how to take it out again.
        from dash.fingerprint import check_fingerprint  # noqa: PLC0415 - dash has no types

        package, _, name = path.partition("/")
        return check_fingerprint(name)[0] in self._paths.get(package, set())

    async def _callback(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise InputRejected("Content-Type: application/json is expected")
            content = await request.body()
            self._check(content)
        except InputRejected as error:
            await refusal(error)(scope, receive, send)
            return
        except HTTPException:
            await refusal(TooLarge("this is larger than is taken here"))(scope, receive, send)
            return
        await self._app(scope, replayed(content, receive), send)

    def _check(self, content: bytes) -> None:
        """Raises InputRejected, naming the field."""
        try:
            body = _CallbackBody.model_validate(json.loads(content))
        except ValidationError as error:
            found = error.errors()[0]
            raise InputRejected(f"{'.'.join(map(str, found['loc'])) or 'body'}: {found['msg']}") from error
        except (ValueError, RecursionError) as error:
            raise InputRejected("the body is not JSON") from error
        callback = self._callbacks.get(body.output)
        if callback is None:
            raise InputRejected(f"output: there is no callback {body.output[:80]!r}")
        for field, given in (("inputs", body.inputs), ("state", body.state)):
            wanted = [(one["id"], one["property"]) for one in callback.get(field, ())]
            if [(one.id, one.property) for one in given] != wanted:
                raise InputRejected(f"{field}: this callback takes {wanted}")
        outputs = body.outputs if isinstance(body.outputs, list) else [body.outputs]
        if len(outputs) != (body.output.count("...") + 1 if body.output.startswith("..") else 1):
            raise InputRejected("outputs: these are not the callback's")
