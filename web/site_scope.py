"""What people get to hear of sites that are hidden from their role (`visible_to`): nothing, as if there were none.

The one place where it is decided for REST and the events socket. `SiteScopeGuard` stands in front of the whole API:
what names a hidden site, or a thing there, is not found; from lists it is left out. The screens are drawn with
`Settings.seen_by`, pictures are given by `web.media`. Whoever has a task at such a place sees that task.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from data.errors import NotFound, RowDamaged
from data.model.case import Origin
from data.model.people import Actor
from data.model.watching import is_limited_by_visible_to
from data.ports.store import Reader
from dispatch.turns import is_own_task
from web.auth import found_visitor
from web.deps import ServerDeps
from web.problems import refusal
from web.replayed_body import replayed

Places = Mapping[str, str]
"""The site of each thing by its reference, `alert:12`, `event:3`, `task:7`; those that are not known are left out."""

GONE: Final = object()
"""Instead of what may not be seen."""

_THINGS = ("alert", "event", "task")
_LISTS = {"alerts": "alert", "events": "event", "tasks": "task"}
_NAMED = re.compile(r"(?<![\w.-])([\w.-]+)(?=[/:：])")
_BOM = "\ufeff"
_REFERENCE = re.compile(r"\b(alert|event|task|report):(\d{1,18})\b")
_PATH = re.compile(r"^/api/v1/(alerts|events|tasks|sites|datastreams)/([^/]+)")
_OF_PEOPLE = re.compile(
    r"^/api/v1/(me|account|users|responders|units|shifts|roster|categories|organisation|web-push|openapi\.json)(/|$)"
)
# Where a site is only the cause of something that concerns everybody, the cause is left out, not the thing.
_EMPTIED: Mapping[str, Any] = MappingProxyType(
    {"cause": None, "because": "", "reason": "", "origin": "", "description": "", "detail": None}
)
# The members of our views that hold a site, or a list of them: its id, or what begins with it (`quay/gauge`).
_SITES = frozenset({"site", "sites", "place", "places", "origin", "pinned", "camera"})
# Short texts of the system that may begin with a site, as in `quay/stage`.
_WRITTEN = frozenset({"because", "cause", "description", "reason"})
# What a subject names that is no site, though it may bear a site's id as its name: `user:quay`.
_NOT_PLACES = frozenset(
    {
        "user",
        "responder",
        "unit",
        "role",
        "token",
        "session",
        "plan",
        "warning",
        "notice",
        "organisation",
        "category",
        "handover",
        "inspection",
        "roll_call",
        "run",
        "settings",
    }
)
_PICTURES = frozenset({"evidence", "photo", "picture"})  # of an alert, an event, a piece of evidence


class SiteScope:
    """The sites that one person may not know of, and those whose camera they may not watch."""

    def __init__(self, hidden: frozenset[str], names: frozenset[str], unwatched: frozenset[str], actor: Actor) -> None:
        self.hidden = hidden
        self._unwatched = unwatched
        self._names = names
        self._actor = actor

    def hides(self, reference: str, places: Places) -> bool:
        return places.get(_told(reference), "") in self.hidden

    def references(self, value: Any) -> Iterator[str]:
        """Alerts, events and tasks that are named anywhere in a document, as `alert:12`."""
        if isinstance(value, str):
            yield from (_told(found[0]) for found in _REFERENCE.finditer(value))
        elif isinstance(value, list | tuple):
            for one in value:
                yield from self.references(one)
        elif isinstance(value, Mapping):
            if _is_task(value):
                yield f"task:{value['id']}"
            for name, inner in value.items():
                yield from _numbered(name, inner)
                yield from self.references(inner)

    def places(self, reader: Reader, references: frozenset[str]) -> dict[str, str]:
        """Where these are. A task that is this person's own is nowhere: it may be seen."""
        found = {}
        for reference in references:
            kind, _, number = reference.partition(":")
            try:
                if kind == "alert":
                    found[reference] = reader.alert(int(number)).key.site
                elif kind == "event":
                    found[reference] = reader.event(int(number)).site
                else:
                    task = reader.task(int(number))
                    if task.site in self.hidden and not is_own_task(reader, task, self._actor.name):
                        found[reference] = task.site
            except RowDamaged:  # nobody can tell where it is: as if it were at a hidden site
                found[reference] = min(self.hidden, default="")
            except NotFound:
                continue
        return found

    def seen(self, value: Any, places: Places, member: str = "") -> Any:
        """The document without what is about hidden sites: the nearest entry of a list around it is left out.

        Only the members that hold a site by their name are looked at, and references such as `alert:12`: a site may be
        called `car`. `member`: the name under which the value stands. GONE where the whole of it is about one.
        """
        if isinstance(value, str):
            return GONE if self._is_about(value, places, member) else value
        if isinstance(value, list | tuple):
            if member == "key":  # of an alert: site, rule, zone, subject
                return GONE if value and isinstance(value[0], str) and value[0] in self.hidden else value
            return [kept for one in value if (kept := self.seen(one, places, member)) is not GONE]
        if isinstance(value, Mapping):
            if value.get("id") in self.hidden and (member == "sites" or ("location" in value and "zones" in value)):
                return GONE  # the site itself
            return self._seen_in(value, places, member)
        return value

    def mentions(self, text: str) -> bool:
        """True if a text that the system wrote names such a site: by its name, or as in `quay/stage` or `quay: …`."""
        if any(name in text for name in self._names):
            return True
        return text in self.hidden or any(found[1] in self.hidden for found in _NAMED.finditer(text))

    def _seen_in(self, value: Mapping[str, Any], places: Places, member: str) -> Any:
        if _is_task(value) and f"task:{value['id']}" not in places:
            return value  # a task of their own, or one that is elsewhere
        if value.get("site") in self._unwatched:
            value = _without_pictures(value)
        kept: dict[str, Any] = {}
        only_cause = _concerns_everybody(value)
        for name, inner in value.items():
            if member in _SITES and name in self.hidden:
                continue  # a mapping by site
            if any(
                self.hides(reference, places) for reference in _numbered(name, inner) if not isinstance(inner, list)
            ):
                return GONE
            seen = self.seen(inner, places, name)
            if only_cause and name in _EMPTIED and isinstance(seen, str) and self.mentions(seen):
                seen = GONE
            if seen is GONE and not (only_cause and name in _EMPTIED):
                return GONE
            if isinstance(inner, list) and name in _LISTS:
                kept[name] = [one for one in seen if not (_is_id(one) and self.hides(f"{_LISTS[name]}:{one}", places))]
            else:
                kept[name] = seen if seen is not GONE else {} if name == "detail" else _EMPTIED[name]
        return kept

    def _is_about(self, text: str, places: Places, member: str) -> bool:
        """True for `alert:12` of such a site anywhere, and for its id or name where this member holds a site."""
        if any(self.hides(found[0], places) for found in _REFERENCE.finditer(text)):
            return True
        first, slash, _ = text.partition("/")
        if member in _WRITTEN:
            return bool(slash) and first in self.hidden
        kind, colon, of = first.partition(":")
        if member in {"subject", "key"} and kind in _NOT_PLACES:
            return False
        if member not in _SITES and member not in {"subject", "key"}:
            return False
        return first in self.hidden or (bool(colon) and of in self.hidden) or text in self._names

    def rows_seen(self, text: str) -> str:
        """The rows of a table that name no hidden site in a column that holds sites."""
        kept, read = list[str](), list[str]()  # lines, as they came: a cell may hold a line's end

        def lines() -> Iterator[str]:
            for line in io.StringIO(text.removeprefix(_BOM), newline=""):
                read.append(line)
                yield line

        rows = csv.reader(lines())
        columns = next(rows, [])
        kept += read
        read.clear()
        for row in rows:
            if not any(self._is_of_hidden(column, cell) for column, cell in zip(columns, row, strict=False)):
                kept += read
            read.clear()
        return (_BOM if text.startswith(_BOM) else "") + "".join(kept)

    def _is_of_hidden(self, column: str, cell: str) -> bool:
        """True where the column holds sites, or what begins with one (`quay stage lane` in that called `of`)."""
        if column == "of":
            return cell.lstrip("'").partition(" ")[0] in self.hidden
        return column in _SITES and self.mentions(cell)


def scope_of(deps: ServerDeps, connection: HTTPConnection) -> SiteScope | None:
    """What is hidden from who sends this; None where nothing is."""
    visitor = found_visitor(connection)
    if visitor is None or not is_limited_by_visible_to(visitor.user.role):
        return None
    settings = deps.settings
    hidden = settings.hidden_from(visitor.user.role)
    cameras = settings.cameras if settings.watch else hidden
    unwatched = cameras - hidden - settings.cameras_of(visitor.user)
    if not hidden and not unwatched:
        return None
    names = frozenset(site.name for site in settings.sites if site.id in hidden and site.name)
    return SiteScope(hidden, names, unwatched, visitor.actor)


class SiteScopeGuard:
    """Middleware inside the API, in front of every route. It costs nothing while the visitor may see every site."""

    def __init__(self, app: ASGIApp, deps: ServerDeps) -> None:
        self._app = app
        self._deps = deps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sites = scope_of(self._deps, HTTPConnection(scope)) if scope["type"] == "http" else None
        if sites is None or _OF_PEOPLE.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            receive, named = await _named(scope, receive, sites)
            things = frozenset(one for one in named if one not in sites.hidden)
            places = await self._deps.read(lambda reader: sites.places(reader, things))
            refused = next((one for one in named if one in sites.hidden or sites.hides(one, places)), None)
            if refused is not None:
                raise NotFound(_no_such(refused))
        except NotFound as error:
            await refusal(error)(scope, receive, send)
            return
        await self._app(scope, receive, _Narrowed(self._deps, sites, scope, receive, send))


class _Narrowed:
    """The `send` of an answer: JSON and CSV are held back until they are whole, then told without hidden sites."""

    def __init__(self, deps: ServerDeps, sites: SiteScope, scope: Scope, receive: Receive, send: Send) -> None:
        self._deps = deps
        self._sites = sites
        self._scope = scope
        self._receive = receive
        self._send = send
        given = parse_qsl(scope["query_string"].decode("latin-1"))
        self._of_hidden = any(name == "site" and value in sites.hidden for name, value in given)
        self._start: Message | None = None
        self._content = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if "json" in kind or kind.startswith("text/csv"):
                self._start = message
                return
        if self._start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._content += message.get("body", b"")
        if not message.get("more_body", False):
            await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        headers, content = MutableHeaders(raw=start["headers"]), bytes(self._content)
        if headers.get("content-type", "").startswith("text/csv"):
            content = self._sites.rows_seen(content.decode("utf-8")).encode()
        elif content:
            document = json.loads(content)
            references = frozenset(self._sites.references(document))
            places = await self._deps.read(lambda reader: self._sites.places(reader, references))
            seen = self._sites.seen(document, places)
            if seen is GONE and self._scope["method"] == "GET":
                missing = NotFound(f"there is nothing at {self._scope['path']}")
                await refusal(missing)(self._scope, self._receive, self._send)
                return
            seen = {} if seen is GONE else seen  # what was asked for is done; of its place nothing is told
            if self._of_hidden and isinstance(seen, dict) and "next" in seen:
                seen["next"] = None  # as for a site that there is not
            if seen != document:
                content = json.dumps(seen, ensure_ascii=False).encode()
        headers["content-length"] = str(len(content))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": content})


async def _named(scope: Scope, receive: Receive, sites: SiteScope) -> tuple[Receive, list[str]]:
    """What a request names: site ids as they are, other things as `alert:12`; and its body, to be read again."""
    named = []
    if (found := _PATH.match(scope["path"])) is not None:
        kind, which = found[1], found[2]
        named.append(which if kind in {"sites", "datastreams"} else f"{_LISTS[kind]}:{which}")
    for name, value in parse_qsl(scope["query_string"].decode("latin-1")):
        named += [*_numbered(name, value), *sites.references(value)]
    kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if not (kind == "application/json" or kind.endswith("+json")):
        return receive, _only_known(named, sites)
    content = await Request(scope, receive).body()
    if content:
        document = json.loads(content)  # JsonGuard has read it before
        named += sites.references(document)
        named += [site for site in _sites_in(document) if site in sites.hidden]
    return replayed(content, receive), _only_known(named, sites)


def _only_known(named: list[str], sites: SiteScope) -> list[str]:
    return [one for one in named if one in sites.hidden or _REFERENCE.fullmatch(one)]


def _sites_in(document: Any) -> Iterator[str]:
    if isinstance(document, Mapping):
        for name, inner in document.items():
            if name in {"site", "origin"} and isinstance(inner, str):
                yield inner
            else:
                yield from _sites_in(inner)
    elif isinstance(document, list):
        for one in document:
            yield from _sites_in(one)


def _numbered(name: str, inner: Any) -> Iterator[str]:
    """`alert:12` for a member `"alert": 12` or one of `"alerts": [12]`."""
    kind = name.removesuffix("_id")
    if kind in _THINGS and (_is_id(inner) or (isinstance(inner, str) and inner.isdecimal() and len(inner) < 19)):
        yield f"{kind}:{inner}"
    elif name in _LISTS and isinstance(inner, list):
        yield from (f"{_LISTS[name]}:{one}" for one in inner if _is_id(one))


def _without_pictures(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: None if name in _PICTURES and isinstance(inner, str) else _without_pictures(inner)
            for name, inner in value.items()
        }
    return [_without_pictures(one) for one in value] if isinstance(value, list | tuple) else value


def _is_task(value: Mapping[str, Any]) -> bool:
    return "also_offered" in value and _is_id(value.get("id"))


def _concerns_everybody(value: Mapping[str, Any]) -> bool:
    """A plan's run, a step of one that tells its cause, an event that a plan has made, an official warning."""
    detail = value.get("detail")
    if value.get("origin") == Origin.PLAN:
        return True
    return (
        ("plan" in value and "trigger" in value)
        or "sender" in value
        or ("step" in value and isinstance(detail, Mapping) and "cause" in detail)
    )


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _told(reference: str) -> str:
    """A picture of a task's report is where the task is."""
    return reference.replace("report:", "task:", 1)


def _no_such(named: str) -> str:
    kind, _, number = named.partition(":")
    return f"no {kind} {number}" if kind in _THINGS else f"there is no site {named!r}"
