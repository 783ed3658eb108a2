"""The second step of a login, and the login by passkey alone: `/login/second`, `/login/passkey`."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, RedirectResponse

from data.model.people import Factor, User
from data.model.record import AuditEntry
from data.ports.store import Reader
from web.entrance import SECOND_COOKIE, landing, let_in
from web.identity import Identity, address_of
from web.login import LoginPage
from web.login_limit import TooManyTries
from web.second_factor import FactorRefused, all_passkeys, passkeys_of, relying_party, use_code
from web.sessions import Visitor

_LARGEST_FORM = 16 * 1024
_LOGIN = "log in"


class PasskeyBody(BaseModel):
    """What the browser's `credentials.get` gave."""

    model_config = ConfigDict(extra="forbid")

    credential: dict[str, Any]
    next: Annotated[str, Field(max_length=2000)] = ""


async def _waiting(identity: Identity, request: Request) -> Visitor | None:
    """Whose password was right a short while ago."""
    secret = request.cookies.get(SECOND_COOKIE)
    return await identity.book.visitor(secret, "second_factor") if secret else None


async def _factors_of(identity: Identity, user: User) -> list[Factor]:
    return list(await identity.deps.read(lambda reader: reader.factors(user.name)))


async def _record_failure(identity: Identity, user: User, address: str) -> None:
    now, subject = identity.deps.now(), f"user:{user.name}"
    entry = AuditEntry(now, user.name, user.role.value, "second_factor_failed", subject, {"address": address})
    await identity.deps.commit(lambda writer: writer.record(entry))


async def _finish(  # noqa: PLR0917 - the end of both ways
    identity: Identity, request: Request, answer: Response, visitor: Visitor | None, user: User, by: str
) -> None:
    if visitor is not None:
        first, now = visitor.session.secret_hash, identity.deps.now()
        await identity.change(user.name, lambda writer: writer.revoke_session(first, now))
    await let_in(identity, request, answer, user, by=by)


def second_login_router(identity: Identity) -> APIRouter:
    """The routes; they look at the cookie of the first step themselves."""
    router = APIRouter(include_in_schema=False)
    deps, limit = identity.deps, identity.limit
    page = LoginPage(deps).draw

    @router.get("/login/second")
    async def show(request: Request) -> Response:
        visitor, aim = await _waiting(identity, request), request.query_params.get("next", "")
        if visitor is None:
            return RedirectResponse("/login", 303)
        kinds = frozenset(one.kind for one in await _factors_of(identity, visitor.user))
        return page(request, name=visitor.user.name, aim=aim, second=kinds)

    @router.post("/login/second")
    async def confirm(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=4, max_part_size=_LARGEST_FORM) as form:
            code, aim = (str(form.get(field, "")) for field in ("code", "next"))
        visitor = await _waiting(identity, request)
        if visitor is None:
            return RedirectResponse("/login", 303)
        user, address = visitor.user, address_of(request)
        kinds = frozenset(one.kind for one in await _factors_of(identity, user))
        try:
            attempt = limit.reserve_second(user.name, address)
        except TooManyTries as error:
            wait = f"wait:{math.ceil(error.wait_s / 60)}"
            answer = page(request, 429, wait, name=user.name, aim=aim, second=kinds)
            answer.headers["Retry-After"] = str(math.ceil(error.wait_s))
            return answer
        used = await deps.commit(lambda writer: use_code(writer, identity.totp, user.name, code[:100], deps.now()))
        if used is None:
            await _record_failure(identity, user, address)
            return page(request, 401, "wrong_code", name=user.name, aim=aim, second=kinds)
        limit.succeeded(attempt, user.name)
        answer = RedirectResponse(landing(user, aim), 303)
        await _finish(identity, request, answer, visitor, user, f"password and {used.value}")
        return answer

    @router.post("/login/passkey/options")
    async def options(request: Request) -> Response:
        """After the password: one of the user's passkeys. Before it: any that the browser has for this server."""
        visitor = await _waiting(identity, request)
        known = [] if visitor is None else passkeys_of(await _factors_of(identity, visitor.user))
        return JSONResponse(identity.passkeys.request_options(relying_party(request), _LOGIN, known))

    @router.post("/login/passkey")
    async def passkey(request: Request, body: PasskeyBody) -> Response:
        visitor, now = await _waiting(identity, request), deps.now()
        own = (
            passkeys_of(await _factors_of(identity, visitor.user))
            if visitor is not None
            else await deps.read(all_passkeys)
        )
        used = identity.passkeys.used(relying_party(request), _LOGIN, body.credential, own, now)

        def look(reader: Reader) -> User:
            return reader.user(used.user)

        user = await deps.read(look)
        if user.disabled_at is not None:
            raise FactorRefused("this passkey is not known here")
        await deps.commit(lambda writer: writer.save_factor(used))
        answer = JSONResponse({"go": landing(user, body.next)})
        by = "passkey" if visitor is None else "password and passkey"
        await _finish(identity, request, answer, visitor, user, by)
        return answer

    return router
