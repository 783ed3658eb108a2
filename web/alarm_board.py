"""The cards of each desk, kept in this process and made anew from the store's recorded times at its start."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.flood import WINDOW, Arrival, Screening
from data.config.settings import Settings
from data.errors import RowDamaged
from data.model.alarm import AlarmRecord
from data.model.alert import Priority
from data.model.desk import desk_of, is_seen_at
from data.model.views import iso
from data.ports.store import Reader

FRESH_S = 0.2  # as long an answer serves everybody at the desk
NAMES_FRESH_S = 60.0
FORGET_ABOVE = 10_000  # alerts


@dataclass
class Desk:
    """What one desk is shown. `elsewhere`: the alerts of other desks."""

    screening: Screening = field(default_factory=Screening)
    elsewhere: set[int] = field(default_factory=set)
    last_step: int = 0
    last_alert: int = 0
    answered_s: float = float("-inf")
    answer: Mapping[str, Any] = field(default_factory=dict)


class AlarmBoard:
    """Thread-safe. Follows the store by the alerts' ids."""

    def __init__(self, settings: Settings) -> None:
        self._lock = threading.Lock()
        self._begin(settings)

    def _begin(self, settings: Settings) -> None:
        self._settings = settings
        self._grids = {site.id: site.grid for site in settings.sites}
        self._desks: dict[str, Desk] = {}
        self._names: Mapping[str, str] = {}
        self._named_s = float("-inf")

    def take(self, settings: Settings) -> None:
        """Go on with these settings: where they are others, the cards are made anew from the store."""
        with self._lock:
            if settings is not self._settings:
                self._begin(settings)

    def look(self, reader: Reader, user: str, now: datetime) -> Mapping[str, Any]:
        """The cards of this user's desk.

        `groups`: [card, [alerts]] for cards of several; whoever is in none of the lists and not above `last` has a
        card to itself. `logged`: in the log only. `elsewhere`: other desks' alerts. `grids`: names by code.
        """
        settings = desk_of(self._settings.desks, user)
        name = "" if settings is None else settings.id
        with self._lock:
            desk = self._desks.setdefault(name, Desk())
            if time.monotonic() - desk.answered_s >= FRESH_S:
                in_hand = reader.alarms_in_hand()
                self._follow(desk, name, reader, in_hand)
                desk.answer = {**_answer(desk, name, in_hand, now), "grids": self._grid_names(reader)}
                desk.answered_s = time.monotonic()
            return desk.answer

    def _grid_names(self, reader: Reader) -> Mapping[str, str]:
        if time.monotonic() - self._named_s >= NAMES_FRESH_S:
            wanted = set(self._grids.values())
            self._names = {unit.code: unit.name for unit in reader.units() if unit.code in wanted and unit.code}
            self._named_s = time.monotonic()
        return self._names

    def _follow(self, desk: Desk, name: str, reader: Reader, in_hand: frozenset[int]) -> None:
        screening, taken = desk.screening, 0
        if desk.last_step == 0:
            desk.last_step = begin_after(reader, in_hand)
        settings = next((one for one in self._settings.desks if one.id == name), None)
        while page := reader.alarms_after(desk.last_step):
            for record in page:
                grid = self._grids.get(record.site) or f"site:{record.site}"
                if record.priority is not Priority.P1 and not is_seen_at(self._settings.desks, settings, grid):
                    desk.elsewhere.add(record.id)
                elif not record.quiet:
                    screening.take(Arrival(record.id, grid, record.priority, record.came_at))
                desk.last_alert = max(desk.last_alert, record.id)
            desk.last_step = page[-1].step
            taken += len(page)
        if taken and len(screening.logged) + len(desk.elsewhere) + screening.grouped > FORGET_ABOVE + 2 * len(in_hand):
            screening.forget(in_hand)
            desk.elsewhere &= in_hand


def begin_after(reader: Reader, in_hand: frozenset[int]) -> int:
    """The step after which to begin: before everything in hand and the last window, at a pause as long as a window.

    After such a pause nothing of what was before has an effect on the cards, so they are the same as ever.
    """
    later: AlarmRecord | None = None
    below = (reader.first_alarm_step(min(in_hand)) if in_hand else None) or 2**62
    while page := reader.alarms_before(below if later is None else later.step):
        for record in page:
            if later is not None and later.came_at - record.came_at >= WINDOW:
                return record.step
            later = record
    return 0


def _answer(desk: Desk, name: str, in_hand: frozenset[int], now: datetime) -> Mapping[str, Any]:
    screening = desk.screening
    screening.watch.settle(now)
    return {
        "desk": name,
        "at": iso(now),
        "flood": {"since": iso(screening.watch.since), "count": screening.watch.count(now)},
        "groups": [[card, list(alerts)] for card, alerts in screening.groups(in_hand).items()],
        "logged": sorted(screening.logged & in_hand),
        "elsewhere": sorted(desk.elsewhere & in_hand),
        "last": desk.last_alert,
    }


def _is_seen(reader: Reader, number: int, hidden: frozenset[str]) -> bool:
    """Nobody can tell of which site a damaged alert is: only those from whom no site is hidden see it."""
    try:
        return reader.alert(number).key.site not in hidden
    except RowDamaged:
        return False


def without_sites(
    cards: Mapping[str, Any], reader: Reader, settings: Settings, hidden: frozenset[str]
) -> Mapping[str, Any]:
    """The cards without the alerts of these sites; a card whose first alert is left out is named after the next."""
    listed = {n for _, alerts in cards["groups"] for n in alerts} | {*cards["logged"], *cards["elsewhere"]}
    kept = {n for n in listed if _is_seen(reader, n, hidden)}
    groups = [[n for n in alerts if n in kept] for _, alerts in cards["groups"]]
    seen = {site.grid for site in settings.sites if site.id not in hidden}
    return {
        **cards,
        "groups": [[alerts[0], alerts] for alerts in groups if alerts],
        "logged": [n for n in cards["logged"] if n in kept],
        "elsewhere": [n for n in cards["elsewhere"] if n in kept],
        "grids": {code: name for code, name in cards["grids"].items() if code in seen},
    }
