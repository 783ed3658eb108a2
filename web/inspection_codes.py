"""`/inspections/codes`: a sheet of QR codes to print, one for each place; a code opens the phone's form there."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import quote

import segno
from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse

import layouts
from data.config.inspections import InspectedPlace
from data.model.people import Action
from layouts.words import LANGUAGE_COOKIE, Words, language_of
from web.auth import visitor_of
from web.deps import ServerDeps

MOST_CODES = 1000  # on one sheet; choose a grid or a type for the others


def inspection_code_router(deps: ServerDeps) -> APIRouter:
    """The sheet, for all places or those of a grid or type."""
    router = APIRouter(include_in_schema=False)
    environment = Environment(loader=FileSystemLoader(Path(layouts.__file__).parent), autoescape=True, trim_blocks=True)

    @router.get("/inspections/codes")
    async def sheet(request: Request, grid: str = "", type: str = "", place: str = "") -> HTMLResponse:  # noqa: A002
        visitor_of(request).actor.require(Action.READ)
        settings = deps.settings
        words = Words(language_of(request.cookies.get(LANGUAGE_COOKIE), settings.language))
        grids = await deps.read_list(lambda reader: {row.place: row.grid for row in reader.open_inspections()})
        chosen = [
            one
            for one in settings.inspections.by_id.values()
            if (not grid or grid == (one.grid or grids.get(one.id, "")))
            and (not type or type == one.type)
            and (not place or place == one.id)
        ]
        home = f"{str(request.base_url).rstrip('/')}{deps.door.base}/r?place="
        shown = chosen[:MOST_CODES]
        codes = await deps.lanes.lists.run(lambda: [_code(home + quote(one.id)) for one in shown])
        nonce = secrets.token_urlsafe(16)
        html = environment.get_template("inspection_codes.html.j2").render(
            words=words,
            name=settings.name,
            cards=[(one, _type(deps, one, words), code) for one, code in zip(shown, codes, strict=True)],
            left_out=len(chosen) - len(shown),
            nonce=nonce,
        )
        policy = f"default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; frame-ancestors 'none'"
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    return router


def _code(address: str) -> Markup:
    """The QR code as SVG. Level Q stays readable with a quarter of it dirty or torn."""
    drawn = segno.make(address, error="q", micro=False).svg_inline(border=4, omitsize=True)
    return Markup(drawn)  # noqa: S704 - made by segno of an address of ours, which is in it as dark squares only  # nosec B704


def _type(deps: ServerDeps, place: InspectedPlace, words: Words) -> str:
    kind = deps.settings.inspections.types[place.type]
    return kind.zh if words.language == "zh" else kind.en
