"""The login page and logging out."""

from __future__ import annotations

import math
import secrets
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse

from data.errors import NotFound
from data.people import Action, User, may
from data.record import AuditEntry
from data.store import Reader, Writer
from layouts.words import LANGUAGE_COOKIE, LANGUAGES, language_of
from web.auth import CSRF_COOKIE, RESPONDER_HOME, SESSION_COOKIE, found_visitor
from web.deps import ServerDeps
from web.login_limit import LoginLimit
from web.passwords import PasswordCheck
from web.sessions import Opened, SessionBook

_LARGEST_FORM = 16 * 1024

_TEXTS = MappingProxyType(
    {
        "zh": {
            "title": "登录",
            "product": "一屏",
            "motto": "一屏掌控 · 一键联动 · 一贯到底",
            "name": "用户名",
            "password": "密码",
            "submit": "登 录",
            "wrong": "用户名或密码不正确",
            "wait": "尝试次数过多，请在 {minutes} 分钟后再试",
            "other": "English",
            "licence": "开源软件 AGPL-3.0",
            "demo": "演示",
        },
        "en": {
            "title": "Log in",
            "product": "Yiping",
            "motto": "One screen · One click · To the end",
            "name": "User name",
            "password": "Password",
            "submit": "Log in",
            "wrong": "The user name or the password is wrong",
            "wait": "Too many tries; please wait {minutes} min",
            "other": "中文",
            "licence": "Open source, AGPL-3.0",
            "demo": "DEMO",
        },
    }
)


class _LoginPage:
    """The form, in the visitor's language."""

    def __init__(self, deps: ServerDeps) -> None:
        folder = Path(__file__).parent / "templates"
        environment = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["html", "j2"]))
        self._template = environment.get_template("login.html.j2")
        self._deps = deps

    def draw(self, request: Request, status: int = 200, error: str = "", *, name: str = "", aim: str = "") -> Response:
        settings = self._deps.settings
        asked = request.query_params.get("lang")
        language = language_of(asked or request.cookies.get(LANGUAGE_COOKIE), settings.language)
        texts, nonce = _TEXTS[language], secrets.token_urlsafe(16)
        html = self._template.render(
            texts=texts,
            language=language,
            other=next(one for one in LANGUAGES if one != language),
            error=_error_text(texts, error),
            nonce=nonce,
            name=name,
            aim=aim,
            settings=settings,
            version=self._deps.version,
        )
        answer = HTMLResponse(html, status, {"Content-Security-Policy": _policy(nonce)})
        if asked in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="lax")
        return answer


def login_router(deps: ServerDeps, book: SessionBook, passwords: PasswordCheck, limit: LoginLimit) -> APIRouter:
    """`/login` and `/logout`."""
    router = APIRouter()
    page = _LoginPage(deps).draw

    async def show(request: Request) -> Response:
        visitor = found_visitor(request)
        aim = request.query_params.get("next", "")
        if visitor is not None and visitor.by_cookie:
            return RedirectResponse(_landing(visitor.user, aim), 303)
        return page(request, aim=aim)

    async def log_in(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=8, max_part_size=_LARGEST_FORM) as form:
            name, password, aim = (str(form.get(field, "")) for field in ("name", "password", "next"))
        name, address = name.strip()[:200], request.client.host if request.client else ""
        wait_s = limit.wait_s(name, address)
        if wait_s > 0:
            answer = page(request, 429, f"wait:{math.ceil(wait_s / 60)}", name=name, aim=aim)
            answer.headers["Retry-After"] = str(math.ceil(wait_s))
            return answer
        user = await deps.read(lambda reader: _user(reader, name))
        active = user is not None and user.disabled_at is None
        right = await passwords.matches(user.password_hash if user is not None and active else None, password)
        if user is None or not right:
            limit.failed(name, address)
            if user is not None:
                await deps.commit(lambda writer: _record_failure(writer, user, deps, address))
            return page(request, 401, "wrong", name=name, aim=aim)
        limit.succeeded(name, address)
        answer = RedirectResponse(_landing(user, aim), 303)
        _set_cookies(answer, await book.open(user), deps, encrypted=request.url.scheme == "https")
        return answer

    async def log_out(request: Request) -> Response:
        visitor = found_visitor(request)
        if visitor is not None:
            await book.end(visitor)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(SESSION_COOKIE, path="/")
        answer.delete_cookie(CSRF_COOKIE, path="/")
        return answer

    router.add_api_route("/login", show, methods=["GET"], include_in_schema=False)
    router.add_api_route("/login", log_in, methods=["POST"], include_in_schema=False)
    router.add_api_route("/logout", log_out, methods=["POST"], include_in_schema=False)
    return router


def _user(reader: Reader, name: str) -> User | None:
    try:
        return reader.user(name)
    except NotFound:
        return None


def _record_failure(writer: Writer, user: User, deps: ServerDeps, address: str) -> None:
    """Only for users who exist: what was typed into the name field may be a password."""
    detail = {"address": address}
    writer.record(AuditEntry(deps.now(), user.name, user.role.value, "login_failed", f"user:{user.name}", detail))


def _landing(user: User, aim: str) -> str:
    """Where somebody goes after the login. `aim` is used only when it is a path on this host."""
    home = "/" if may(user.role, Action.READ) else RESPONDER_HOME
    parts = urlsplit(aim)
    local = aim.startswith("/") and not aim.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return aim if local and "\n" not in aim and "\r" not in aim and aim != "/" else home


def _set_cookies(answer: Response, opened: Opened, deps: ServerDeps, *, encrypted: bool) -> None:
    lifetime = int(deps.sessions.absolute.total_seconds())
    answer.set_cookie(
        SESSION_COOKIE, opened.secret, max_age=lifetime, path="/", secure=encrypted, httponly=True, samesite="strict"
    )
    # Readable by our own scripts, which send it back as X-CSRF-Token.
    answer.set_cookie(
        CSRF_COOKIE, opened.csrf, max_age=lifetime, path="/", secure=encrypted, httponly=False, samesite="strict"
    )


def _error_text(texts: dict[str, str], error: str) -> str:
    kind, _, minutes = error.partition(":")
    return texts[kind].format(minutes=minutes) if kind else ""


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
