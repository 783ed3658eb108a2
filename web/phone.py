"""`/r`: the responder's phone page. Drawn here; every step goes through the REST API like everybody's."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse

import layouts.phone
from data.errors import NotFound
from data.model.geo import Location
from data.model.people import Action, Actor, Responder, User
from data.model.roll_call import Called, RollCall
from data.model.task import Task
from data.model.views import iso
from data.ports.store import Reader, TaskQuery
from dispatch.costs import closed_roads
from dispatch.offers import mark_delivered
from dispatch.personal_data import masked
from dispatch.roll_calls import mark_shown, names_of
from dispatch.routing import Closure
from dispatch.transitions import open_offer
from dispatch.turns import own_tasks
from layouts.phone.cards import (
    Card,
    Found,
    Past,
    RollCallCard,
    Seen,
    card_of,
    is_offer_to,
    is_past_of,
    is_work_of,
    way_text,
)
from layouts.phone.route_map import RouteMap, draw_route
from layouts.phone.words import phone_words, script_words
from layouts.words import LANGUAGE_COOKIE, LANGUAGES, Language, language_of
from web.auth import visitor_of
from web.deps import ServerDeps
from web.phone_places import add_places, places_to_inspect

_MOST_TASKS, _MOST_PAST = 50, 5
_ROUTES_KEPT = 512
_POSITION_DIGITS = 4  # about 10 m: a route is not drawn anew for every step somebody takes
_TYPES = MappingProxyType({".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"})

DrawRoute = Callable[[Location | None, Location, str, tuple[Closure, ...]], RouteMap]


@dataclass(frozen=True, slots=True)
class _Look:
    """What the store says about one responder."""

    responder: Responder | None
    offers: tuple[Found, ...]
    work: tuple[Found, ...]
    past: tuple[Task, ...]
    closed: tuple[Closure, ...]
    calls: tuple[RollCallCard, ...]
    calls_are_new: bool
    places: int


def phone_router(deps: ServerDeps) -> APIRouter:
    """`/r`, its live part, manifest, service worker and assets."""
    router = APIRouter(include_in_schema=False)
    folder, base = Path(layouts.phone.__file__).parent, deps.door.base
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True)
    draw: DrawRoute = lru_cache(_ROUTES_KEPT)(partial(draw_route, deps.roads))
    assets = {file.name: file.read_bytes() for file in sorted((folder / "assets").iterdir())}
    mark = hashlib.sha256(b"".join(assets.values())).hexdigest()[:12]

    async def drawn(request: Request, language: Language) -> tuple[Seen, str, str]:
        """What is seen, as HTML, and its entity tag."""
        user = visitor_of(request).user
        visitor_of(request).actor.require(Action.READ_OWN_TASKS)
        look = await deps.read_list(lambda reader: _look(reader, user, deps))
        if any(found.offer is not None and found.offer.delivered_at is None for found in look.offers):
            await deps.commit(lambda writer: mark_delivered(writer, user.name, deps.now()))
        if look.calls_are_new:
            await deps.commit(lambda writer: mark_shown(writer, user.name, deps.now()))
        seen = await deps.lanes.lists.run(_seen, user, look, language, draw, deps)
        html = environment.get_template("live.html.j2").render(seen=seen, words=phone_words(language), base=base)
        return seen, html, f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'

    @router.get("/r")
    async def page(request: Request) -> Response:
        """The whole page; `?lang=` also sets the cookie by which the language is kept."""
        asked = request.query_params.get("lang")
        language = language_of(asked or request.cookies.get(LANGUAGE_COOKIE), deps.settings.language)
        seen, html, tag = await drawn(request, language)
        kinds = await deps.read_list(lambda reader: reader.categories())
        answer = HTMLResponse(
            environment.get_template("page.html.j2").render(
                seen=seen,
                base=base,
                live=Markup(html),  # noqa: S704 - made by our own template, which escapes  # nosec B704
                tag=tag,
                language=language,
                other=next(one for one in LANGUAGES if one != language),
                words=phone_words(language),
                script_words=script_words(language, inspects=bool(deps.settings.inspections.by_id)),
                kinds=[(one.category.kind, getattr(one.category, language)) for one in kinds],
                user=visitor_of(request).user.name,
                zone=deps.settings.timezone,
                now=iso(deps.now()),
                demo=deps.settings.demo,
                mark=mark,
                inspects=bool(deps.settings.inspections.by_id),
            )
        )
        if asked in LANGUAGES:
            answer.set_cookie(LANGUAGE_COOKIE, language, max_age=31_536_000, samesite="lax")
        return answer

    @router.get("/r/live")
    async def live(request: Request) -> Response:
        """The changing part; 304 while nothing has changed."""
        language = language_of(request.cookies.get(LANGUAGE_COOKIE), deps.settings.language)
        _, html, tag = await drawn(request, language)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(html, headers=headers)

    add_places(router, deps)
    _add_files(router, deps, assets, mark)
    return router


def _add_files(router: APIRouter, deps: ServerDeps, assets: dict[str, bytes], mark: str) -> None:
    small = {name: gzip.compress(content, mtime=0) for name, content in assets.items() if not name.endswith(".png")}

    @router.get("/r/assets/{name}")
    async def asset(request: Request, name: str) -> Response:
        if name not in assets:
            raise NotFound(f"there is no {name[:80]!r}")
        headers = {"ETag": f'"{mark}"', "Cache-Control": "private, max-age=300", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if name in small and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(small[name], media_type=_TYPES[Path(name).suffix], headers=headers)
        return Response(assets[name], media_type=_TYPES[Path(name).suffix], headers=headers)

    @router.get("/r/sw.js")
    async def service_worker() -> Response:
        headers = {"Service-Worker-Allowed": f"{deps.door.base}/r", "Cache-Control": "no-cache"}
        return Response(assets["sw.js"], media_type="text/javascript", headers=headers)

    @router.get("/r/manifest.webmanifest")
    async def manifest() -> Response:
        home = f"{deps.door.base}/r"
        icons = [
            {"src": f"{home}/assets/icon.svg", "sizes": "any", "type": "image/svg+xml"},
            *({"src": f"{home}/assets/icon-{n}.png", "sizes": f"{n}x{n}", "type": "image/png"} for n in (192, 512)),
        ]
        document = {
            "id": home,
            "name": f"{deps.settings.name} · 处置" if deps.settings.language == "zh" else deps.settings.name,
            "short_name": "一屏" if deps.settings.language == "zh" else "Yiping",
            "lang": deps.settings.language,
            "start_url": home,
            "scope": home,
            "display": "standalone",
            "background_color": "#0b121c",
            "theme_color": "#0b121c",
            "icons": icons,
        }
        return JSONResponse(document, media_type="application/manifest+json")


def _look(reader: Reader, user: User, deps: ServerDeps) -> _Look:
    try:
        responder = reader.responder(user.name)
    except NotFound:
        responder = None
    called = reader.roll_calls_to(user.name)
    names = names_of(reader) if called else {}
    tasks = own_tasks(reader, user.name, TaskQuery(limit=_MOST_TASKS))
    names = {site.id: site.name for site in deps.settings.sites}

    def found(task: Task, *, offered: bool) -> Found:
        offer = open_offer(reader.offers(task.id), user.name) if offered else None
        event = reader.event(task.event_id)
        picture = reader.alert(task.alert_id).evidence if task.alert_id is not None else event.photo
        unit = reader.unit(task.unit).name if task.unit else ""
        personal = None if offered else masked(reader, event.id, Actor(user.name, user.role))
        shows = personal is not None and any(one["mine"] for one in personal["fields"])
        return Found(task, offer, picture, names.get(task.site, ""), unit, event.description, shows)

    offers = tuple(found(task, offered=True) for task in tasks if is_offer_to(task, user.name))
    work = tuple(found(task, offered=False) for task in tasks if is_work_of(task, user.name))
    return _Look(
        responder,
        offers=offers,
        work=work,
        past=tuple([task for task in tasks if is_past_of(task, user.name)][:_MOST_PAST]),
        closed=closed_roads(reader, deps.settings) if offers or work else (),
        calls=tuple(_roll_call(reader.roll_call(one.roll_call_id), one, names) for one in called),
        calls_are_new=any(one.shown_at is None for one in called),
        places=places_to_inspect(reader, deps.settings, user.name),
    )


def _roll_call(roll_call: RollCall, called: Called, names: Mapping[str, str]) -> RollCallCard:
    return RollCallCard(
        id=roll_call.id,
        title=roll_call.title,
        text=roll_call.text,
        due=iso(called.due) or "",
        answer=called.answer,
        stands_for=names.get(called.stands_for, called.stands_for),
        calls=called.calls,
    )


def _seen(user: User, look: _Look, language: Language, draw: DrawRoute, deps: ServerDeps) -> Seen:
    """The cards with their maps; routes are searched here, so this runs in a thread."""
    words, responder = phone_words(language), look.responder

    def card(found: Found) -> Card:
        start, travel = _roughly(responder.position) if responder is not None else None, "walk"
        if responder is not None:
            travel = responder.travel
        if found.offer is not None:
            way = way_text(words, found.offer.travel_s, found.offer.distance_m, found.offer.method)
        elif start is None:
            way = words["no position"]
        else:
            (route,) = deps.roads.routes(found.task.location, [(start, travel)], look.closed)
            way = way_text(words, route.travel_s, route.distance_m, route.method)
        return card_of(found, draw(start, found.task.location, travel, look.closed), way)

    return Seen(
        position=_place(responder),
        name=(responder.name if responder is not None else user.display_name) or user.name,
        known=responder is not None,
        on_shift=responder is not None and responder.on_shift,
        offers=tuple(card(found) for found in look.offers),
        work=tuple(card(found) for found in look.work),
        calls=look.calls,
        places=look.places,
        past=tuple(Past(task.id, task.title, task.state.value) for task in look.past),
    )


def _place(responder: Responder | None) -> str:
    """`lon,lat` of the last known position: where a report is from when the phone cannot tell its place."""
    if responder is None or responder.position is None:
        return ""
    return f"{responder.position.lon:.6f},{responder.position.lat:.6f}"


def _roughly(position: Location | None) -> Location | None:
    if position is None:
        return None
    return Location(lon=round(position.lon, _POSITION_DIGITS), lat=round(position.lat, _POSITION_DIGITS))
