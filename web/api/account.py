"""One's own account: password and sessions. Only from a browser's session: a stolen token changes nothing here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from data.errors import Forbidden, InputRejected
from data.model.people import Session
from data.model.views import iso
from data.ports.store import Writer
from web import account_steps
from web.account_steps import usable_code
from web.api.schemas import answers, api_router
from web.api.shapes import Ended, Named, OwnAccount
from web.auth import visitor_of
from web.identity import Identity
from web.second_factor import relying_party, second_factor_view
from web.sessions import Visitor, hash_secret

Password = Annotated[str, Field(max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChangePasswordBody(_Body):
    """The present password and the new one."""

    current: Password
    new: Password


class EndSessionBody(_Body):
    """Which session or token."""

    id: Annotated[str, Field(min_length=1, max_length=64, description="Its id, or `others`: all but this one.")]


class ResetPasswordBody(_Body):
    """The one-time code of an administrator and the new password."""

    code: Annotated[str, Field(min_length=1, max_length=200)]
    new: Password


def own_session(request: Request) -> Visitor:
    """The visitor with a browser's session. Raises Forbidden for a token."""
    visitor = visitor_of(request)
    if not visitor.by_cookie:
        raise Forbidden("an account is changed from a browser's session, not with a token")
    return visitor


def session_view(session: Session, identity: Identity, current: str = "") -> dict[str, Any]:
    """A session or token as lists show it."""
    used = identity.book.last_use(session.secret_hash)
    return {
        "id": session.id,
        "user": session.user,
        "kind": session.kind,
        "created_at": iso(session.created_at),
        "expires_at": None if session.expires_at is None else iso(session.expires_at),
        "used_at": None if used is None else iso(used),
        "address": session.address,
        "agent": session.agent,
        "label": session.label,
        "scope": session.scope,
        "current": session.secret_hash == current,
    }


_NO_LOGIN: dict[str, Any] = {"security": []}


def account_router(identity: Identity) -> APIRouter:
    """`/account...`, `/password-reset`"""
    router = api_router("account")
    deps = identity.deps

    @router.get("/account", response_model=None, responses=answers(OwnAccount))
    async def account(request: Request) -> dict[str, Any]:
        """Name, role, live sessions and tokens. `used_at`: last use since the server's start."""
        visitor = visitor_of(request)
        name, now = visitor.user.name, deps.now()
        user, sessions, factors = await deps.read(
            lambda reader: (reader.user(name), reader.sessions(now, user=name), list(reader.factors(name)))
        )
        required = user.role in deps.settings.accounts.second_factor
        return {
            "name": name,
            "display_name": user.display_name,
            "role": user.role.value,
            "has_password": user.password_hash is not None,
            "must_enrol": visitor.must_enrol,
            "second_factor": second_factor_view(factors, required=required, possible=relying_party(request).possible),
            "sessions": [
                session_view(one, identity, visitor.session.secret_hash)
                for one in sessions
                if one.kind != "second_factor"
            ],
        }

    @router.post("/account/password", response_model=None, responses=answers(Ended, 403, 422, 429, 503))
    async def change_password(request: Request, body: ChangePasswordBody) -> dict[str, Any]:
        """A new password; all other sessions and all tokens end."""
        visitor = own_session(request)
        user = await identity.confirm(request, visitor, body.current)
        if body.new == body.current:
            raise InputRejected("the new password is the old one")
        hashed = await identity.passwords.hashed(body.new, user.name, user.display_name)
        kept = visitor.session.secret_hash

        def work(writer: Writer) -> int:
            return account_steps.set_password(writer, visitor.actor, user.name, hashed, deps.now(), kept=kept)

        return {"ended": await identity.change(user.name, work)}

    @router.post("/account/end-session", response_model=None, responses=answers(Ended, 403, 404, 422))
    async def end_session(request: Request, body: EndSessionBody) -> dict[str, Any]:
        """End one of one's sessions or tokens, or all others."""
        visitor = own_session(request)
        name, kept = visitor.user.name, visitor.session.secret_hash

        def work(writer: Writer) -> int:
            if body.id == "others":
                return account_steps.end_sessions(writer, visitor.actor, name, deps.now(), kept=kept)
            account_steps.revoke_one(writer, visitor.actor, name, body.id, deps.now())
            return 1

        return {"ended": await identity.change(name, work)}

    @router.post("/password-reset", response_model=None, responses=answers(Named), openapi_extra=_NO_LOGIN)
    async def reset_password(body: ResetPasswordBody) -> dict[str, Any]:
        """Set a password with a one-time code. Without a login; a wrong code costs no hashing."""
        code_hash, now = hash_secret(body.code.strip()), deps.now()
        code = await deps.read(lambda reader: usable_code(reader.account_code(code_hash), now))
        if code is None:
            raise account_steps.CodeRefused()
        user = await deps.read(lambda reader: reader.user(code.user))
        hashed = await identity.passwords.hashed(body.new, user.name, user.display_name)
        await identity.change(
            user.name, lambda writer: account_steps.reset_password(writer, code_hash, hashed, deps.now())
        )
        return {"name": user.name}

    return router
