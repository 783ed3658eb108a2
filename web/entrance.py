"""Letting somebody in who has proved who they are: the session, its cookies, the device cookie, where they go."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from fastapi import Request, Response

from data.errors import StoreClosed
from data.model.people import Action, User, may
from web.auth import CSRF_COOKIE, RESPONDER_HOME, SESSION_COOKIE, found_visitor
from web.device_cookie import DEVICE_COOKIE, LASTS
from web.identity import Identity, address_of
from web.sessions import SECOND_FACTOR_LIFE

log = logging.getLogger(__name__)

SECOND_COOKIE = "yiping_second"  # the password was right, the second factor is awaited


def landing(user: User, aim: str) -> str:
    """Where somebody goes after the login. `aim` is used only when it is a path on this host."""
    home = "/" if may(user.role, Action.READ) else RESPONDER_HOME
    parts = urlsplit(aim)
    local = aim.startswith("/") and not aim.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return aim if local and "\n" not in aim and "\r" not in aim and aim != "/" else home


async def let_in(
    identity: Identity, request: Request, answer: Response, user: User, *, by: str, provider_session: str = ""
) -> None:
    """Open a session and set its cookies on `answer`. `by`: how they proved who they are, for the audit trail."""
    opened = await identity.book.open(
        user, replaces=found_visitor(request), address=address_of(request), by=by,
        agent=request.headers.get("user-agent", ""), provider_session=provider_session,
    )  # fmt: skip
    lifetime = int(identity.deps.sessions.absolute.total_seconds())
    encrypted = request.url.scheme == "https"
    answer.set_cookie(
        SESSION_COOKIE, opened.secret, max_age=lifetime, path="/", secure=encrypted, httponly=True, samesite="strict"
    )
    # Readable by our own scripts, which send it back as X-CSRF-Token.
    answer.set_cookie(
        CSRF_COOKIE, opened.csrf, max_age=lifetime, path="/", secure=encrypted, httponly=False, samesite="strict"
    )
    answer.delete_cookie(SECOND_COOKIE, path="/login", secure=encrypted, httponly=True, samesite="strict")
    _set_device(identity, answer, user, encrypted=encrypted)


async def ask_second_factor(identity: Identity, request: Request, answer: Response, user: User) -> None:
    """Remember for some minutes that the password was right."""
    secret = await identity.book.open_second_factor(user, address=address_of(request))
    answer.set_cookie(
        SECOND_COOKIE, secret, max_age=int(SECOND_FACTOR_LIFE.total_seconds()), path="/login",
        secure=request.url.scheme == "https", httponly=True, samesite="strict",
    )  # fmt: skip


def device_of(identity: Identity, request: Request, name: str) -> str:
    """The id of the browser when it was used by this user before, else empty."""
    try:
        return identity.devices.device_of(request.cookies.get(DEVICE_COOKIE), name, identity.deps.now())
    except StoreClosed as error:
        log.error("device cookies cannot be checked: %s", error)
        return ""


def _set_device(identity: Identity, answer: Response, user: User, *, encrypted: bool) -> None:
    try:
        value = identity.devices.issue(user.name, identity.deps.now())
    except StoreClosed as error:
        log.error("no device cookie is issued: %s", error)
        return
    answer.set_cookie(
        DEVICE_COOKIE, value, max_age=int(LASTS.total_seconds()), path="/login", secure=encrypted, httponly=True,
        samesite="strict",
    )  # fmt: skip
