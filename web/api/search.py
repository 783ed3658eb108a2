"""Alerts and events by number, by what they are called in either language, and by where they are: for the search."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from data.config.settings import Settings
from data.errors import NotFound
from data.model.alert import Alert, AlertState
from data.model.people import Action
from data.model.task import Event
from data.model.views import alert_view, event_view
from data.ports.store import AlertQuery, Reader
from layouts.words import LANGUAGES, TABLE, Words
from web.api.params import LARGEST_ID
from web.api.schemas import AlertView, EventView, answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps

_NEWEST = 1000  # of each that are looked through; an older one is found by its number
_MOST = 10
T = TypeVar("T", Alert, Event)

Asked = Annotated[str, Query(min_length=1, max_length=100, description="Words that must all be in it, or its number.")]
Sites = Annotated[list[str], Query(max_length=20, description="Also what is at these sites, whatever it is called.")]


class SearchView(BaseModel):
    """What was found: of each ten at most, open ones first, then the newest."""

    alerts: list[AlertView]
    events: list[EventView]


def search_router(deps: ServerDeps) -> APIRouter:
    """`/search`"""
    router = api_router("alerts")
    tables = tuple(Words(language) for language in LANGUAGES)

    @router.get("/search", response_model=None, responses=answers(SearchView, 403, 422))
    async def search(request: Request, q: Asked, at: Sites = []) -> dict[str, Any]:  # noqa: B006 - FastAPI copies it
        """Of the newest thousand alerts and events, those with all words of `q`; by its number also an older one."""
        visitor = visitor_of(request)
        visitor.actor.require(Action.READ)
        settings = deps.settings.seen_by(visitor.user.role)
        hidden = deps.settings.hidden_from(visitor.user.role)
        asked = _Question(q, frozenset(at), settings, tables)

        def look(reader: Reader) -> dict[str, Any]:
            alerts = reader.alerts(AlertQuery(hidden=hidden, limit=_NEWEST))
            events = reader.events(limit=_NEWEST, hidden=hidden)
            found_alerts = asked.found(alerts, asked.text_of_alert, lambda one: one.key.site, reader.alert)
            found_events = asked.found(events, asked.text_of_event, lambda one: one.site, reader.event)
            return {
                "alerts": [alert_view(one) for one in found_alerts if one.key.site not in hidden],
                "events": [event_view(one) for one in found_events if one.site not in hidden],
            }

        return await deps.read_list(look)

    return router


class _Question:
    """The words that were typed, and what there is to compare them with."""

    def __init__(self, text: str, at: frozenset[str], settings: Settings, tables: Sequence[Words]) -> None:
        self._words = text.casefold().split()
        self._at = at
        self._names = {site.id: site.name for site in settings.sites}
        self._tables = tables
        self._said: dict[tuple[str, str], str] = {}

    def text_of_alert(self, alert: Alert) -> str:
        key = alert.key
        said = (
            self._in_words("kind", alert.kind),
            self._in_words("label", alert.label),
            self._in_words("zone", key.zone),
        )
        return " ".join((key.site, self._names.get(key.site, ""), key.rule, alert.priority.value, *said)).casefold()

    def text_of_event(self, event: Event) -> str:
        said = self._in_words("kind", event.kind)
        place = (event.site, self._names.get(event.site, ""), event.grid)
        return " ".join((event.title, *place, event.priority.value, said)).casefold()

    def found(
        self, newest: Sequence[T], text_of: Callable[[T], str], site_of: Callable[[T], str], one: Callable[[int], T]
    ) -> list[T]:
        """The first of those that fit, open ones first; the one of this number, however old, before them."""
        fitting = [each for each in newest if site_of(each) in self._at or self._fits(text_of(each), each.id)]
        fitting.sort(key=lambda each: (not self._is_named(each.id), _is_over(each)))
        number = self._number
        if number is not None and all(each.id != number for each in fitting):
            with contextlib.suppress(NotFound):
                fitting.insert(0, one(number))
        return fitting[:_MOST]

    @property
    def _number(self) -> int | None:
        word = self._words[0].lstrip("#") if len(self._words) == 1 else ""
        is_number = word.isascii() and word.isdecimal() and len(word) <= len(str(LARGEST_ID))
        return int(word) if is_number and 0 < int(word) <= LARGEST_ID else None

    def _is_named(self, number: int | None) -> bool:
        return number is not None and number == self._number

    def _fits(self, text: str, number: int | None) -> bool:
        return bool(self._words) and all(word in text or word.lstrip("#") == str(number) for word in self._words)

    def _in_words(self, of: str, name: str) -> str:
        """The name and what it is called in each language."""
        if (of, name) not in self._said:
            called = [table(f"{of}.{name}") for table in self._tables if f"{of}.{name}" in TABLE]
            self._said[of, name] = " ".join((name, *called))
        return self._said[of, name]


def _is_over(one: Alert | Event) -> bool:
    """Does it want nobody any more?"""
    return one.state is AlertState.CLOSED if isinstance(one, Alert) else one.closed_at is not None
