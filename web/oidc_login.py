"""`/login/oidc`, its way back, and log-out at the identity provider (by the browser and by the back channel)."""

from __future__ import annotations

import html
from datetime import datetime

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from data.errors import InputRejected, NotFound
from data.model.people import Actor, Role, User
from data.ports.store import Writer
from web import account_steps
from web.entrance import landing, let_in
from web.identity import Identity
from web.login import LoginPage
from web.oidc import Known, Provider, ProviderRefused
from web.oidc_logout import ProviderLogout, public_address
from web.problems import problem

_BROWSER_COOKIE = "yiping_oidc"
_FLOW_S = 600
_LARGEST_FORM = 64 * 1024
PROVIDER = Actor("identity provider", None)


def oidc_router(identity: Identity, logout: ProviderLogout) -> APIRouter:
    """The routes; 404 while no provider is configured."""
    router = APIRouter(include_in_schema=False)
    deps = identity.deps
    page = LoginPage(deps).draw

    def provider() -> Provider:
        if logout.provider is None:
            raise NotFound("no identity provider is configured")
        return logout.provider

    @router.get("/login/oidc")
    async def begin(request: Request) -> Response:
        aim = request.query_params.get("next", "")[:2000]
        try:
            begun = await provider().begin(f"{public_address(request, deps.door.base)}/login/oidc/callback", aim)
        except ProviderRefused as error:
            return page(request, 503, error.reason, aim=aim)
        answer = RedirectResponse(begun.url, 303)
        # Lax: the provider's redirect is a navigation that another site began.
        answer.set_cookie(
            _BROWSER_COOKIE, begun.browser, max_age=_FLOW_S, path="/login/oidc", httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    @router.get("/login/oidc/callback")
    async def callback(request: Request) -> Response:
        try:
            known = await provider().finish(request.query_params, request.cookies.get(_BROWSER_COOKIE, ""))
            user = await deps.commit(lambda writer: _user_of(writer, known, deps.now()))
            if isinstance(user, ProviderRefused):
                raise user
        except ProviderRefused as error:
            status = 503 if error.reason == "provider_away" else 403
            return page(request, status, error.reason)
        identity.book.forget(user.name)
        # Not a redirect: a strict cookie is not sent along a chain of redirects that another site began.
        go = html.escape(deps.door.base + landing(user, known.aim), quote=True)
        refresh = f'<meta http-equiv="refresh" content="0;url={go}">'
        answer = HTMLResponse(
            f'<!DOCTYPE html><meta charset="utf-8">{refresh}<a href="{go}">→</a>',
            headers={"Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"},
        )
        await let_in(identity, request, answer, user, by=PROVIDER.name, provider_session=known.session)
        logout.remember(known.session, known.id_token)
        answer.delete_cookie(_BROWSER_COOKIE, path="/login/oidc", secure=request.url.scheme == "https")
        return answer

    @router.post("/login/oidc/back-channel")
    async def back_channel(request: Request) -> Response:
        """The provider ends a session (OpenID Connect Back-Channel Logout 1.0)."""
        async with request.form(max_files=0, max_fields=4, max_part_size=_LARGEST_FORM) as form:
            token = str(form.get("logout_token", ""))
        try:
            session, who = await provider().logged_out(token)
        except ProviderRefused as error:
            return problem(400, str(error), kind="logout-token")
        for name in await deps.commit(lambda writer: _end(writer, session, who, deps.now())):
            identity.book.forget(name)
        return Response(headers={"Cache-Control": "no-store"})

    return router


def _user_of(writer: Writer, known: Known, now: datetime) -> User | ProviderRefused:
    """The account of this identity, made or brought in line with what the provider says; or why there is none.

    A refusal is given back, not raised: what was changed before it (a role that is gone) must be committed.
    """
    user = writer.user_with_identity(known.identity)
    if user is not None and user.disabled_at is not None:
        return ProviderRefused("provider_nobody", f"{user.name} is disabled here")
    if known.role is None:
        if user is not None:
            account_steps.end_sessions(writer, PROVIDER, user.name, now)
        return ProviderRefused("provider_nobody", "the provider gives this person none of the roles of this system")
    if user is None:
        return _new_user(writer, known, known.role, now)
    display_name = known.display_name[:200] if known.display_name.isprintable() else user.display_name
    if (user.role, user.display_name) == (known.role, display_name):
        return user
    return account_steps.change_user(writer, PROVIDER, user.name, now, role=known.role, display_name=display_name)


def _new_user(writer: Writer, known: Known, role: Role, now: datetime) -> User | ProviderRefused:
    """Accounts of our own are never taken over by somebody who has the same name at the provider."""
    display_name = known.display_name[:200] if known.display_name.isprintable() else ""
    user = User(known.name, role, None, display_name, identity=known.identity)
    try:
        account_steps.check_name(known.name)
        taken = known.name in {one.name for one in writer.users()}
    except InputRejected as error:
        return ProviderRefused("provider_nobody", str(error))
    if taken:
        return ProviderRefused("provider_taken", f"there is an account {known.name!r} of our own already")
    account_steps.add_user(writer, PROVIDER, user, now)
    return user


def _end(writer: Writer, session: str, who: str, now: datetime) -> list[str]:
    """End the sessions of one session at the provider, or all of a person's that came from there; their names."""
    if session:
        ended = list(writer.sessions_at_provider(session))
    else:
        user = writer.user_with_identity(who)
        live = [] if user is None else writer.sessions(now, user=user.name)
        ended = [one for one in live if one.provider_session]
    for one in ended:
        writer.revoke_session(one.secret_hash, now)
        account_steps.record(writer, PROVIDER, "revoke_session", one.user, now, id=one.id, kind=one.kind)
        account_steps.tell(writer, one.user, now)
    return [one.user for one in ended]
