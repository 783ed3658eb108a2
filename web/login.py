"""The login page and logging out."""

from __future__ import annotations

import math
import secrets
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse

from data.errors import NotFound
from data.model.people import FactorKind, User
from data.model.record import AuditEntry
from data.ports.store import Reader, Writer
from layouts.words import LANGUAGE_COOKIE, LANGUAGES, language_of
from web.auth import CSRF_COOKIE, SESSION_COOKIE, found_visitor
from web.deps import ServerDeps
from web.entrance import ask_second_factor, device_of, landing, let_in
from web.identity import Identity, address_of
from web.login_limit import TooManyTries
from web.oidc_logout import ProviderLogout
from web.passwords import HashingBusy
from web.second_factor import real_factors, relying_party

_LARGEST_FORM = 16 * 1024
_BUSY_S = 5

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
            "second": "第二步验证",
            "code": "验证器 App 的 6 位数字，或一个恢复码",
            "recovery": "一个恢复码",
            "confirm": "验 证",
            "passkey": "使用通行密钥",
            "provider_away": "统一认证平台暂时无法访问，请稍后再试或使用密码登录",
            "provider_failed": "统一认证未通过，请重试",
            "provider_late": "统一认证已超时，或不是在此浏览器发起，请重试",
            "provider_nobody": "您在本系统没有权限，请联系管理员",
            "provider_taken": "本系统已有同名账号，请联系管理员",
            "wrong_code": "验证码不正确或已使用过",
            "passkey_failed": "通行密钥未通过，请重试",
            "start_again": "重新登录",
            "wait": "尝试次数过多，请在 {minutes} 分钟后再试",
            "busy": "同时登录的人过多，请几秒后再试",
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
            "second": "Second step",
            "code": "The six digits of your authenticator app, or a recovery code",
            "recovery": "A recovery code",
            "confirm": "Confirm",
            "passkey": "Use a passkey",
            "provider_away": "The identity provider cannot be reached; try again later or use a password",
            "provider_failed": "The identity provider's answer was not accepted; please try again",
            "provider_late": "This login took too long or was begun in another browser; please try again",
            "provider_nobody": "You have no access to this system; ask an administrator",
            "provider_taken": "There is an account of this name here already; ask an administrator",
            "wrong_code": "The code is wrong or has been used",
            "passkey_failed": "The passkey was not accepted; please try again",
            "start_again": "Log in anew",
            "wait": "Too many tries; please wait {minutes} min",
            "busy": "Too many logins at once; please try again in a few seconds",
            "other": "中文",
            "licence": "Open source, AGPL-3.0",
            "demo": "DEMO",
        },
    }
)


class LoginPage:
    """The form, in the visitor's language."""

    def __init__(self, deps: ServerDeps) -> None:
        folder = Path(__file__).parent / "templates"
        environment = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["html", "j2"]))
        self._template = environment.get_template("login.html.j2")
        self._deps = deps

    def draw(
        self, request: Request, status: int = 200, error: str = "", *, name: str = "", aim: str = "",
        second: frozenset[FactorKind] | None = None,
    ) -> Response:  # fmt: skip
        """`second`: the password was right, one of these kinds of factors is asked for."""
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
            second=None if second is None else sorted(one.value for one in second),
            provider=settings.accounts.oidc.label if settings.accounts.oidc is not None and second is None else "",
            passkeys_possible=relying_party(request).possible,
            settings=settings,
            base=self._deps.door.base,
            version=self._deps.version,
        )
        answer = HTMLResponse(html, status, {"Content-Security-Policy": _policy(nonce)})
        if asked in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="lax")
        return answer


def login_router(identity: Identity, logout: ProviderLogout) -> APIRouter:
    """`/login` and `/logout`."""
    router = APIRouter()
    deps, limit = identity.deps, identity.limit
    page = LoginPage(deps).draw

    async def show(request: Request) -> Response:
        out = await logout.way_out(request)
        if out is not None:
            return out
        visitor = found_visitor(request)
        aim = request.query_params.get("next", "")
        if visitor is not None and visitor.by_cookie:
            return RedirectResponse(landing(visitor.user, aim), 303)
        return page(request, aim=aim)

    async def log_in(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=8, max_part_size=_LARGEST_FORM) as form:
            name, password, aim = (str(form.get(field, "")) for field in ("name", "password", "next"))
        name, address = name.strip()[:200], address_of(request)
        try:
            attempt = limit.reserve(name, address, device_of(identity, request, name))
        except TooManyTries as error:
            answer = page(request, 429, f"wait:{math.ceil(error.wait_s / 60)}", name=name, aim=aim)
            answer.headers["Retry-After"] = str(math.ceil(error.wait_s))
            return answer
        try:
            user = await identity.checked(attempt, name, password)
        except HashingBusy:
            limit.give_back(attempt)
            answer = page(request, 503, "busy", name=name, aim=aim)
            answer.headers["Retry-After"] = str(_BUSY_S)
            return answer
        if user is None:
            deps.store.submit(lambda writer: _record_failure(writer, name, deps, address))
            return page(request, 401, "wrong", name=name, aim=aim)
        limit.succeeded(attempt, name)
        factors = real_factors(await deps.read(lambda reader: reader.factors(name)))
        if factors:
            answer = RedirectResponse(f"/login/second?next={quote(aim, safe='/')}", 303)
            await ask_second_factor(identity, request, answer, user)
        else:
            answer = RedirectResponse(landing(user, aim), 303)
            await let_in(identity, request, answer, user, by="password")
        return answer

    async def log_out(request: Request) -> Response:
        visitor = found_visitor(request)
        if visitor is not None:
            await identity.book.end(visitor)
        answer = RedirectResponse("/login", 303)
        encrypted = request.url.scheme == "https"
        answer.delete_cookie(SESSION_COOKIE, path="/", secure=encrypted, httponly=True, samesite="strict")
        answer.delete_cookie(CSRF_COOKIE, path="/", secure=encrypted, samesite="strict")
        if visitor is not None:
            logout.mark(answer, visitor, encrypted=encrypted)
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


def _record_failure(writer: Writer, name: str, deps: ServerDeps, address: str) -> None:
    """Only for users who exist: what was typed into the name field may be a password."""
    user = _user(writer, name)
    if user is not None:
        detail = {"address": address}
        writer.record(AuditEntry(deps.now(), name, user.role.value, "login_failed", f"user:{name}", detail))


def _error_text(texts: dict[str, str], error: str) -> str:
    kind, _, minutes = error.partition(":")
    return texts[kind].format(minutes=minutes) if kind else ""


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
