"""Users as administrators manage them. Answers that hold a new secret are never kept, so no Idempotency-Key here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from data.errors import InputRejected
from data.model.alert import Priority
from data.model.people import AccountCode, Action, Actor, Role, Session, User
from data.model.token_scope import Sends, asked_scope, kept_scope
from data.model.views import iso
from data.ports.store import Reader, Writer
from web import account_steps
from web.accounts import RESET_LIFE, TOKEN_LIFE
from web.api.account import EndSessionBody, session_view
from web.api.schemas import AnyList, Nothing, answers, api_router
from web.api.shapes import CodeIssued, Ended, Named, TokenIssued
from web.auth import visitor_of
from web.identity import Identity
from web.sessions import hash_secret, new_secret

_Name = Annotated[str, Field(min_length=1, max_length=64)]
_DisplayName = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewUserBody(_Body):
    """A user, who gets a one-time code to set a password."""

    name: _Name
    role: Role
    display_name: _DisplayName = ""


class ChangeUserBody(_Body):
    """Another role ends the sessions and tokens."""

    role: Role
    display_name: _DisplayName


class TokenBody(_Body):
    """A bearer token, shown once."""

    label: Annotated[str, Field(min_length=1, max_length=200, description="What it is for.")]
    days: Annotated[int | None, Field(ge=1, le=3650, description="null: it never expires.")] = TOKEN_LIFE.days
    kinds: Annotated[list[Sends], Field(max_length=4, description="Of a source; observations alone.")] = []
    sites: Annotated[
        list[Annotated[str, Field(max_length=100)]], Field(max_length=1000, description="Of a source: these only.")
    ] = []
    quantities: Annotated[
        list[Annotated[str, Field(max_length=100)]], Field(max_length=100, description="Of a source: these only.")
    ] = []
    highest: Annotated[Priority | None, Field(description="Of a source: gravest priority of its alerts; P2.")] = None
    sources: Annotated[
        list[Annotated[str, Field(max_length=100)]], Field(max_length=100, description="Cases of these `case_sources`.")
    ] = []


def users_router(identity: Identity) -> APIRouter:
    """`/users...`, for administrators."""
    router = api_router("users")
    deps = identity.deps

    @router.get("/users", response_model=None, responses=answers(AnyList, 403))
    async def users(request: Request) -> dict[str, Any]:
        """Everybody who has an account, by name."""
        _administrator(request)
        return {"items": await deps.read(lambda reader: _views(reader, identity)), "next": None}

    @router.post("/users", status_code=201, response_model=None, responses=answers(CodeIssued, 409, status=201))
    async def add(request: Request, body: NewUserBody) -> Response:
        """`code` sets the password at /reset, once, within a day; it is shown this once."""
        actor = _administrator(request)
        if body.role is Role.WALL:
            raise InputRejected("a screen is enrolled by a code, not added as a user", key="screen.not_added")
        secret, code = _code(body.name, actor, deps.now())

        def work(writer: Writer) -> None:
            account_steps.add_user(writer, actor, User(body.name, body.role, None, body.display_name), deps.now())
            if body.role is not Role.SOURCE:
                account_steps.allow_reset(writer, code, actor)

        await identity.change(body.name, work)
        return JSONResponse({"name": body.name, "code": None if body.role is Role.SOURCE else secret}, 201)

    @router.put("/users/{name}", response_model=None, responses=answers(Named, 403, 404, 409, 422))
    async def change(request: Request, name: str, body: ChangeUserBody) -> dict[str, Any]:
        """Role and display name."""
        actor = _administrator(request)

        def work(writer: Writer) -> None:
            account_steps.change_user(writer, actor, name, deps.now(), role=body.role, display_name=body.display_name)

        await identity.change(name, work)
        return {"name": name}

    @router.post("/users/{name}/reset", response_model=None, responses=answers(CodeIssued, 403, 404, 409))
    async def reset(request: Request, name: str, body: Nothing | None = None) -> dict[str, Any]:
        """`code` sets a new password at /reset, once, within a day; it is shown this once."""
        del body
        actor = _administrator(request)
        secret, code = _code(name, actor, deps.now())
        await identity.change(name, lambda writer: account_steps.allow_reset(writer, code, actor))
        return {"name": name, "code": secret, "expires_at": iso(code.expires_at)}

    _add_session_routes(router, identity)

    def step(what: str, act: Callable[[Writer, Actor, str], int | None], told: str) -> None:
        async def do(request: Request, name: str, body: Nothing | None = None) -> dict[str, Any]:
            del body
            actor = _administrator(request)
            return {"name": name, "ended": await identity.change(name, lambda writer: act(writer, actor, name)) or 0}

        do.__doc__ = told
        router.add_api_route(
            f"/users/{{name}}/{what}", do, methods=["POST"], response_model=None, name=f"{what} user",
            operation_id=f"{what.replace('-', '_')}_user", responses=answers(Ended, 403, 404, 409),
        )  # fmt: skip

    step(
        "disable",
        lambda writer, actor, name: account_steps.disable(writer, actor, name, deps.now()),
        "Nobody logs in as this user any more; sessions and tokens end.",
    )
    step(
        "enable",
        lambda writer, actor, name: account_steps.enable(writer, actor, name, deps.now()),
        "The user may log in again, with the password of before.",
    )
    step(
        "revoke",
        lambda writer, actor, name: account_steps.revoke(writer, actor, name, deps.now()),
        "End sessions, tokens and the password.",
    )
    step(
        "remove-second-factor",
        lambda writer, actor, name: account_steps.remove_second_factor(writer, actor, name, deps.now()),
        "For somebody who has lost telephone and recovery codes: the password alone lets in again; sessions end.",
    )

    return router


def _add_session_routes(router: APIRouter, identity: Identity) -> None:
    deps = identity.deps

    @router.get("/users/{name}/sessions", response_model=None, responses=answers(AnyList, 403, 404))
    async def sessions(request: Request, name: str) -> dict[str, Any]:
        """Live sessions and tokens of one user."""
        _administrator(request)

        def look(reader: Reader) -> list[dict[str, Any]]:
            reader.user(name)
            return [
                session_view(one, identity)
                for one in reader.sessions(deps.now(), user=name)
                if one.kind != "second_factor"
            ]

        return {"items": await deps.read(look), "next": None}

    @router.post("/users/{name}/tokens", response_model=None, responses=answers(TokenIssued, 403, 404, 422))
    async def token(request: Request, name: str, body: TokenBody) -> dict[str, Any]:
        """`token` is shown this once."""
        actor = _administrator(request)
        secret, now = new_secret(), deps.now()
        until = None if body.days is None else now + timedelta(days=body.days)
        unknown = sorted(set(body.sites) - {site.id for site in deps.settings.sites})
        if unknown:
            raise InputRejected(f"sites: there is no site {unknown[0]!r}")
        nowhere = sorted(set(body.sources) - {one.id for one in deps.settings.case_sources})
        if nowhere:
            raise InputRejected(f"sources: there is no case source {nowhere[0]!r}")
        asked = asked_scope(body.kinds, body.sites, body.quantities, body.highest or "", body.sources)
        limited = bool(body.kinds or body.sites or body.quantities or body.highest or body.sources)

        def work(writer: Writer) -> Session:
            source = any(user.name == name and user.role is Role.SOURCE for user in writer.users())
            scope = kept_scope(asked) if source or limited else None
            issued = Session(hash_secret(secret), name, now, until, kind="token", label=body.label, scope=scope)
            account_steps.issue_token(writer, actor, issued)
            return issued

        issued = await identity.change(name, work)
        return {"name": name, "token": secret, "id": issued.id, "expires_at": None if until is None else iso(until)}

    @router.post("/users/{name}/end-session", response_model=None, responses=answers(Ended, 403, 404, 422))
    async def end_session(request: Request, name: str, body: EndSessionBody) -> dict[str, Any]:
        """One session or token; `others` ends all (the password stays)."""
        actor = _administrator(request)

        def work(writer: Writer) -> int:
            if body.id == "others":
                return account_steps.end_sessions(writer, actor, name, deps.now())
            account_steps.revoke_one(writer, actor, name, body.id, deps.now())
            return 1

        return {"ended": await identity.change(name, work)}


def _administrator(request: Request) -> Actor:
    """Raises Forbidden."""
    actor = visitor_of(request).actor
    actor.require(Action.ADMINISTER)
    return actor


def _code(name: str, actor: Actor, now: datetime) -> tuple[str, AccountCode]:
    """A one-time code, and what is stored of it."""
    secret = new_secret()
    return secret, AccountCode(hash_secret(secret), name, account_steps.RESET, now, now + RESET_LIFE, actor.name)


def _views(reader: Reader, identity: Identity) -> list[dict[str, Any]]:
    now = identity.deps.now()
    live = reader.sessions(now)
    with_factor = reader.users_with_factors()
    return [
        {
            "name": user.name,
            "display_name": user.display_name,
            "role": user.role.value,
            "has_password": user.password_hash is not None,
            "second_factor": user.name in with_factor,
            "from_provider": user.identity != "",
            "disabled_at": None if user.disabled_at is None else iso(user.disabled_at),
            "disabled_by": user.disabled_by,
            "sessions": sum(one.user == user.name and one.kind in ("session", "screen") for one in live),
            "tokens": sum(one.user == user.name and one.kind == "token" for one in live),
        }
        for user in reader.users()
    ]
