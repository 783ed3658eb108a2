"""Screens on a wall: enrolling one, and the hand that an officer lends it for one step."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from data.errors import Forbidden
from data.model.people import Action, FactorKind, Role, User
from data.model.views import iso
from data.ports.store import Writer
from web.api.schemas import answers, api_router
from web.api.shapes import HandLent, Named, ScreenAllowed
from web.auth import CSRF_COOKIE, SESSION_COOKIE, visitor_of
from web.identity import Identity, WrongPassword, address_of
from web.second_factor import real_factors, use_code
from web.sessions import new_secret
from web.wall_screens import (
    COOKIE_LIFE,
    allow_screen,
    enrol_screen,
    hash_code,
    new_code,
    record_hand,
    screen_session,
)

_LONGEST_AGENT = 300
_NO_LOGIN: dict[str, Any] = {"security": []}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScreenBody(_Body):
    """A screen; one that is known already is enrolled anew."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    display_name: Annotated[str, Field(max_length=200, description="Where it hangs.")] = ""


class EnrolBody(_Body):
    """The administrator's one-time code."""

    code: Annotated[str, Field(min_length=1, max_length=100)]


class HandBody(_Body):
    """The officer who acts at this screen. `code`: of the authenticator app, or a recovery code, where there is one."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(max_length=2000)]
    code: Annotated[str, Field(max_length=100)] = ""


def wall_screen_router(identity: Identity) -> APIRouter:
    """`/screens`, `/screens/enrol`, `/screens/hand`"""
    router = api_router("screens")
    deps = identity.deps

    @router.post(
        "/screens", status_code=201, response_model=None, responses=answers(ScreenAllowed, 403, 409, status=201)
    )
    async def allow(request: Request, body: ScreenBody) -> Response:
        """`code` makes the browser in which it is entered at /screen this screen, once, within a quarter of an hour."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        code, screen = new_code(), User(body.name, Role.WALL, None, body.display_name)
        issued = await identity.change(body.name, lambda writer: allow_screen(writer, actor, screen, code, deps.now()))
        told = {"name": body.name, "code": code, "expires_at": iso(issued.expires_at)}
        return JSONResponse(told, 201)

    @router.post("/screens/enrol", response_model=None, responses=answers(Named, 429), openapi_extra=_NO_LOGIN)
    async def enrol(request: Request, body: EnrolBody) -> Response:
        """This browser is the screen of the code from now on. Without a login; wrong codes count as wrong passwords."""
        address, secret, now = address_of(request), new_secret(), deps.now()
        attempt = identity.limit.reserve("/screen", address)
        agent = request.headers.get("user-agent", "")[:_LONGEST_AGENT]
        session = screen_session(secret, now, address=address, agent=agent)
        user = await deps.commit(lambda writer: enrol_screen(writer, hash_code(body.code), session, now))
        identity.limit.give_back(attempt)
        identity.book.forget(user.name)
        answer = JSONResponse({"name": user.name})
        keep_cookies(request, answer, secret, session.csrf)
        return answer

    @router.post("/screens/hand", response_model=None, responses=answers(HandLent, 403, 422, 429, 503))
    async def hand(request: Request, body: HandBody) -> dict[str, Any]:
        """`grant`, sent as `X-Yiping-Officer` with the next step at this screen, makes it the officer's own."""
        screen = visitor_of(request)
        if not screen.by_cookie:
            raise Forbidden("a hand is lent to a screen, not to a token", key="hand.screen")
        officer = await identity.check(request, body.name.strip(), body.password)
        if officer is None:
            raise WrongPassword("the user name or the password is wrong", key="hand.wrong")
        if not any(action in (Action.ACKNOWLEDGE, Action.DISPATCH) for action in identity.rights_of(officer)):
            raise Forbidden(f"role {officer.role} may not act at a screen", key="role", role=officer.role)
        await _second_factor(identity, officer, body.code)
        await deps.commit(lambda writer: record_hand(writer, officer, screen.user, deps.now()))
        grant, until = identity.hands.lend(officer, screen)
        return {
            "grant": grant, "name": officer.name, "display_name": officer.display_name, "expires_at": iso(until),
        }  # fmt: skip

    return router


async def _second_factor(identity: Identity, officer: User, code: str) -> None:
    """Raises Forbidden."""
    deps = identity.deps
    factors = real_factors(await deps.read(lambda reader: reader.factors(officer.name)))
    if not factors:
        if officer.role in deps.settings.accounts.second_factor:
            raise Forbidden("this role needs a second factor: set one up at /account first", key="hand.no_factor")
        return
    if not code:
        raise Forbidden("the second factor is asked for", key="hand.code")

    def use(writer: Writer) -> FactorKind | None:
        return use_code(writer, identity.totp, officer.name, code, deps.now())

    if await deps.commit(use) is None:
        raise Forbidden("the code is wrong or has been used", key="hand.code_wrong")


def keep_cookies(request: Request, answer: Response, secret: str, csrf: str) -> None:
    """The screen's cookies, for as long as browsers keep any."""
    lifetime, encrypted = int(COOKIE_LIFE.total_seconds()), request.url.scheme == "https"
    answer.set_cookie(
        SESSION_COOKIE, secret, max_age=lifetime, path="/", secure=encrypted, httponly=True, samesite="strict"
    )
    answer.set_cookie(
        CSRF_COOKIE, csrf, max_age=lifetime, path="/", secure=encrypted, httponly=False, samesite="strict"
    )
