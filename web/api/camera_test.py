"""A camera tried out before it is saved: what it sends, with its first picture, or why it cannot be read.

The server opens no camera itself: the engine answers a row (`data.ports.requests`), with the secrets it alone knows.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from limits import RateLimitItemPerMinute
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse

from data.config.catalogue import UnknownKind
from data.config.document import forbidden_files, named_files
from data.config.located import worded
from data.config.masked import with_known_keys
from data.errors import Busy, InputRejected
from data.local.camera_test_pictures import CameraTestPictures
from data.model.people import Action, Actor
from data.model.record import AuditEntry
from data.ports.recipe import MonitorRecipe
from data.ports.requests import Request as Asked
from data.ports.requests import RequestKind
from data.ports.store import Writer
from web.api.schemas import answers
from web.auth import visitor_of
from web.deps import ServerDeps
from web.problems import TooMany, Unavailable, problem
from web.rate_limit import RateLimit

AT_ONCE = 2
PER_MINUTE = 12
WITHIN_S = 15.0
_POLL_S = 0.2
_MEASURED = ("width", "height", "frames_per_second", "key_every_s", "key_over_s", "substream")


class TestedCamera(BaseModel):
    """A monitor as in the settings: its kind, and what that kind needs."""

    __test__ = False
    model_config = ConfigDict(extra="allow")

    kind: Annotated[str, Field(min_length=1, max_length=64, description="Such as rtsp_camera.")]


class CameraTestBody(BaseModel):
    """The camera to be tried out. Passwords are named (`credentials`), never given."""

    model_config = ConfigDict(extra="forbid")

    camera: TestedCamera


class FoundSubstream(BaseModel):
    """The smaller stream that is configured, or that a camera of this maker usually has."""

    url: str
    answers: bool
    width: int | None
    height: int | None


class CameraTested(BaseModel):
    """What the camera sends; unless `ok`, the `cause` and the `reason`, and nothing of the rest.

    `key_every_s`: seconds between key pictures; `key_over_s` instead where no second one came in so many seconds.
    `picture`: the first picture, JPEG in Base64, at most 960 pixels wide.
    """

    ok: bool
    cause: str
    reason: str
    after_s: float
    codec: str
    width: int | None
    height: int | None
    frames_per_second: float | None
    key_every_s: float | None
    key_over_s: float | None
    audio: bool | None
    substream: FoundSubstream | None
    picture: str | None


class _Turns:
    """So many tests at once, and so many a minute and person. Lives on the event loop."""

    def __init__(self) -> None:
        self._limit = RateLimit(RateLimitItemPerMinute(PER_MINUTE))
        self._running = 0

    @contextmanager
    def take(self, name: str) -> Iterator[None]:
        """Raises Busy, TooMany."""
        if self._running >= AT_ONCE:
            raise Busy(f"{AT_ONCE} cameras are being tested already", key="camera_test.busy", n=AT_ONCE)
        if wait_s := self._limit.wait_s(name):
            raise TooMany(f"at most {PER_MINUTE} cameras are tested in a minute", wait_s)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


def camera_test_router(deps: ServerDeps) -> APIRouter:
    """`/settings/camera-test`"""
    router = APIRouter(tags=["setup"])
    turns = _Turns()
    pictures = CameraTestPictures(deps.var_dir / "run")

    @router.post("/settings/camera-test", response_model=None, responses=answers(CameraTested, 403, 429, 503))
    async def test(request: Request, body: CameraTestBody) -> Response:
        """Open the camera for up to 15 seconds: codec, size, pictures a second, key pictures, sound, a picture."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        camera = with_known_keys(deps.settings, body.camera.model_dump(mode="json"))
        try:
            recipe = _recipe(deps, camera)
        except ValidationError as error:
            return _located(error, deps, camera["kind"])
        with turns.take(actor.name):
            return JSONResponse(
                await _tested(deps, camera, recipe, actor, pictures), headers={"Cache-Control": "no-store"}
            )

    return router


def _recipe(deps: ServerDeps, camera: Mapping[str, Any]) -> MonitorRecipe:
    """Raises InputRejected for no camera, ValidationError for wrong settings of one."""
    if deps.catalogue is None:
        _no_camera(camera["kind"])
    try:
        found = deps.catalogue.monitor(camera["kind"])
    except UnknownKind as error:
        raise InputRejected(str(error.args[0]), key="camera_test.kind", kind=str(camera["kind"])) from None
    recipe = found.model_validate(camera)
    if recipe.gives != "frames":
        _no_camera(recipe.kind)
    names = named_files(recipe) - named_files(deps.settings)
    for refused in forbidden_files({"camera": camera}, names, deps.base_dir.resolve(), deps.var_dir.resolve()):
        raise InputRejected(str(refused), key=refused.key, **dict(refused.values))
    return recipe


def _no_camera(kind: str) -> NoReturn:
    raise InputRejected(f"{kind!r} is no kind of camera", key="camera_test.kind", kind=kind)


def _located(error: ValidationError, deps: ServerDeps, kind: str) -> Response:
    """422 with each setting that is wrong. What was given is not repeated: it may hold a password."""
    assert deps.catalogue is not None
    model = deps.catalogue.monitor(kind)
    errors = [
        {
            "in": "body",
            "field": ".".join(("camera", *map(str, found["loc"]))),
            "message": worded(found["type"], found["msg"], model, found["loc"]),
            "pointer": "#/" + "/".join(("camera", *map(str, found["loc"]))),
        }
        for found in error.errors(include_input=False, include_url=False)
    ]
    summary = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return problem(422, summary, kind="invalid-request", errors=errors)


async def _tested(
    deps: ServerDeps, camera: dict[str, Any], recipe: MonitorRecipe, actor: Actor, pictures: CameraTestPictures
) -> dict[str, Any]:
    """Ask the engine and wait. Raises Unavailable when nobody answers."""
    now = deps.now()
    role = actor.role.value if actor.role is not None else "system"
    host = urlsplit(str(camera.get("url", ""))).hostname or ""
    entry = AuditEntry(now, actor.name, role, "camera_test", "settings", {"kind": recipe.kind, "host": host})
    payload = {"camera": camera}

    def ask(writer: Writer) -> Asked:
        writer.record(entry)
        return writer.add_request(Asked(RequestKind.CAMERA_TEST, payload, actor.name, now))

    asked = await deps.commit(ask)
    number = asked.id
    ends_s = time.monotonic() + WITHIN_S
    while asked.answered_at is None:
        if time.monotonic() > ends_s:
            raise Unavailable("the engine does not answer; is it running?", key="camera_test.away")
        await asyncio.sleep(_POLL_S)
        asked = await deps.read(lambda reader: reader.request(number))
    if asked.answer is None:
        raise InputRejected(asked.error)
    told = asked.answer
    jpeg = await deps.lanes.lists.run(pictures.take, str(told.get("picture", "")))
    return {
        "ok": bool(told.get("ok")),
        "cause": str(told.get("cause", "")),
        "reason": str(told.get("reason", "")),
        "after_s": float(told.get("after_s", 0.0)),
        "codec": str(told.get("codec", "")),
        **{name: told.get(name) or None for name in _MEASURED},
        "audio": told.get("audio"),
        "picture": base64.b64encode(jpeg).decode() if jpeg else None,
    }
