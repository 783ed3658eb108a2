"""A camera or gauge tried out before it is saved: what it sends, or why it cannot be read.

The server opens no device itself: the engine answers a row (`data.ports.requests`), with the secrets it alone knows.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
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
from data.ports.requests import Request as Asked
from data.ports.requests import RequestKind
from data.ports.store import Writer
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.problems import TooMany, Unavailable, problem
from web.rate_limit import RateLimit

AT_ONCE = 2
CALLS_US = frozenset({"http_push", "sl651_gauge", "vehicle_push"})  # their senders come to us: there is nothing to open
_GIVES = MappingProxyType({"camera": "frames", "gauge": "readings"})
PER_MINUTE = 12
WITHIN_S = 30.0  # the engine answers within 15 s, unless its machine is very busy
_POLL_S = 0.2
_MEASURED = ("width", "height", "frames_per_second", "key_every_s", "key_over_s", "substream")


class TestedDevice(BaseModel):
    """A monitor as in the settings: its kind, and what that kind needs."""

    __test__ = False
    model_config = ConfigDict(extra="allow")

    kind: Annotated[str, Field(min_length=1, max_length=64, description="Such as rtsp_camera or mqtt_gauge.")]


class CameraTestBody(BaseModel):
    """The camera to be tried out. Passwords are named (`credentials`), never given."""

    model_config = ConfigDict(extra="forbid")

    camera: TestedDevice


class GaugeTestBody(BaseModel):
    """The gauge to be tried out. Passwords are named (`credentials`), never given."""

    model_config = ConfigDict(extra="forbid")

    gauge: TestedDevice


class TestedReading(BaseModel):
    """A reading in its quantity's own unit."""

    __test__ = False

    at: str
    quantity: str
    value: float
    unit: str


class GaugeTested(BaseModel):
    """The first readings; unless `ok`, the `cause` and the `reason`. `excerpt`: what came and could not be read."""

    ok: bool
    readings: list[TestedReading]
    cause: str
    reason: str
    excerpt: str
    after_s: float


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
            raise Busy(f"{AT_ONCE} devices are being tested already", key="camera_test.busy", n=AT_ONCE)
        if wait_s := self._limit.wait_s(name):
            raise TooMany(f"at most {PER_MINUTE} devices are tested in a minute", wait_s)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


def device_test_router(deps: ServerDeps) -> APIRouter:
    """`/settings/camera-test` and `/settings/gauge-test`; both share their turns."""
    router = api_router("setup")
    turns = _Turns()
    pictures = CameraTestPictures(deps.var_dir / "run")

    @router.post("/settings/camera-test", response_model=None, responses=answers(CameraTested, 403, 429, 503))
    async def test(request: Request, body: CameraTestBody) -> Response:
        """Open the camera for up to 15 seconds: codec, size, pictures a second, key pictures, sound, a picture."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        camera = with_known_keys(deps.settings, body.camera.model_dump(mode="json"))
        try:
            _check(deps, "camera", camera)
        except ValidationError as error:
            return _located(error, deps, "camera", camera["kind"])
        with turns.take(actor.name):
            told = await _told(deps, RequestKind.CAMERA_TEST, camera, actor)
            return _answer(_camera_tested(told, await deps.lanes.lists.run(_picture, pictures, told)))

    @router.post("/settings/gauge-test", response_model=None, responses=answers(GaugeTested, 403, 429, 503))
    async def test_gauge(request: Request, body: GaugeTestBody) -> Response:
        """Open the gauge for up to 15 seconds: its first readings, or the cause why there are none."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        gauge = with_known_keys(deps.settings, body.gauge.model_dump(mode="json"))
        try:
            _check(deps, "gauge", gauge)
        except ValidationError as error:
            return _located(error, deps, "gauge", gauge["kind"])
        with turns.take(actor.name):
            return _answer(_gauge_tested(await _told(deps, RequestKind.GAUGE_TEST, gauge, actor)))

    return router


def _answer(found: Mapping[str, Any]) -> Response:
    return JSONResponse(dict(found), headers={"Cache-Control": "no-store"})


def _check(deps: ServerDeps, what: str, device: Mapping[str, Any]) -> None:
    """Raises InputRejected for what is no such device or would not come when asked, ValidationError."""
    kind = str(device["kind"])
    if deps.catalogue is None:
        _no_such(what, kind)
    try:
        found = deps.catalogue.monitor(kind)
    except UnknownKind as error:
        raise InputRejected(str(error.args[0]), key=f"{what}_test.kind", kind=kind) from None
    if what == "gauge" and kind in CALLS_US:
        raise InputRejected(f"{kind} is told by its sender, not asked", key="gauge_test.calls_us")
    recipe = found.model_validate(device)
    if recipe.gives != _GIVES[what]:
        _no_such(what, recipe.kind)
    names = named_files(recipe) - named_files(deps.settings)
    for refused in forbidden_files({what: device}, names, deps.base_dir.resolve(), deps.var_dir.resolve()):
        raise InputRejected(str(refused), key=refused.key, **dict(refused.values))


def _no_such(what: str, kind: str) -> NoReturn:
    raise InputRejected(f"{kind!r} is no kind of {what}", key=f"{what}_test.kind", kind=kind)


def _located(error: ValidationError, deps: ServerDeps, what: str, kind: str) -> Response:
    """422 with each setting that is wrong. What was given is not repeated: it may hold a password."""
    assert deps.catalogue is not None
    model = deps.catalogue.monitor(kind)
    errors = [
        {
            "in": "body",
            "field": ".".join((what, *map(str, found["loc"]))),
            "message": worded(found["type"], found["msg"], model, found["loc"]),
            "pointer": "#/" + "/".join((what, *map(str, found["loc"]))),
        }
        for found in error.errors(include_input=False, include_url=False)
    ]
    summary = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return problem(422, summary, kind="invalid-request", errors=errors)


async def _told(deps: ServerDeps, asked_for: RequestKind, device: dict[str, Any], actor: Actor) -> Mapping[str, Any]:
    """Ask the engine and wait. Raises Unavailable when nobody answers, InputRejected for what it refuses."""
    now = deps.now()
    role = actor.role.value if actor.role is not None else "system"
    host = urlsplit(str(device.get("url", ""))).hostname or str(device.get("host", ""))
    entry = AuditEntry(now, actor.name, role, asked_for.value, "settings", {"kind": device["kind"], "host": host})
    payload = {asked_for.value.removesuffix("_test"): device}

    def ask(writer: Writer) -> Asked:
        writer.record(entry)
        return writer.add_request(Asked(asked_for, payload, actor.name, now))

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
    return asked.answer


def _picture(pictures: CameraTestPictures, told: Mapping[str, Any]) -> bytes:
    return pictures.take(str(told.get("picture", "")))


def _camera_tested(told: Mapping[str, Any], jpeg: bytes) -> dict[str, Any]:
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


def _gauge_tested(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ok": bool(told.get("ok")),
        "readings": list(told.get("readings", ())),
        **{name: str(told.get(name, "")) for name in ("cause", "reason", "excerpt")},
        "after_s": float(told.get("after_s", 0.0)),
    }
