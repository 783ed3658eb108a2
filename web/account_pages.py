"""`/account`, `/accounts`, `/reset` and `/screen`: pages that draw themselves with the REST API."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse

import layouts.account
from data.errors import NotFound
from data.model.people import Action, Role, may
from layouts.account.words import account_words
from layouts.words import LANGUAGE_COOKIE, LANGUAGES, Words, language_of
from web.auth import RESPONDER_HOME, found_visitor
from web.deps import ServerDeps

_TYPES = {".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def account_pages_router(deps: ServerDeps) -> APIRouter:
    """The four pages and their assets."""
    router = APIRouter(include_in_schema=False)
    folder = Path(layouts.account.__file__).parent
    template = Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True).get_template(
        "page.html.j2"
    )
    assets = {file.name: file.read_bytes() for file in sorted((folder / "assets").iterdir())}
    mark = hashlib.sha256(b"".join(assets.values())).hexdigest()[:12]

    def draw(request: Request, page: str) -> Response:
        asked = request.query_params.get("lang")
        language = language_of(asked or request.cookies.get(LANGUAGE_COOKIE), deps.settings.language)
        visitor, words = found_visitor(request), Words(language)
        role = None if visitor is None else visitor.user.role
        html = template.render(
            page=page,
            language=language,
            other=next(one for one in LANGUAGES if one != language),
            words=account_words(language) | {f"role.{one.value}": words(f"role.{one.value}") for one in Role},
            name=deps.settings.name,
            base=deps.door.base,
            timezone=deps.settings.timezone,
            home="/" if role is not None and may(role, Action.READ) else RESPONDER_HOME,
            administers=role is not None and may(role, Action.ADMINISTER),
            mark=mark,
        )
        answer = HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})
        if asked in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="lax")
        return answer

    @router.get("/account")
    async def account(request: Request) -> Response:
        return draw(request, "account")

    @router.get("/accounts")
    async def accounts(request: Request) -> Response:
        return draw(request, "accounts")

    @router.get("/reset")
    async def reset(request: Request) -> Response:
        return draw(request, "reset")

    @router.get("/screen")
    async def screen(request: Request) -> Response:
        return draw(request, "screen")

    @router.get("/account/assets/{file}")
    async def asset(file: str) -> Response:
        if file not in assets:
            raise NotFound(f"there is no {file[:80]!r}")
        return Response(assets[file], media_type=_TYPES[Path(file).suffix], headers={"Cache-Control": "max-age=300"})

    return router
