"""What people have set, as the processes that judge know it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from data.model.forecast import Travel
from data.ports.store import Reader, Store
from data.stored.travel import Known, known_travel
from engine.process.store_failure import AWAY

_EVERY_S = 1.0
_AGAIN_S = 60.0  # rules that were made meanwhile do not know it yet

Value = TypeVar("Value")


class Polled(Generic[Value]):
    """Asks the store once a second; while it cannot be asked, what was true stays true."""

    def __init__(self, store: Store, read: Callable[[Reader], Value], first: Value) -> None:
        self._store = store
        self._read = read
        self._due_s = float("-inf")
        self._known = first

    def now(self) -> Value:
        """The newest there is."""
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + _EVERY_S
            try:
                self._known = self._store.read(self._read)
            except AWAY:
                return self._known
        return self._known


class TravelNews:
    """Travel times for the ticks of each site: when one has changed, and once a minute. A tick without is as before."""

    def __init__(self, store: Store) -> None:
        self._known: Polled[Known] = Polled(store, known_travel, {})
        self._told: dict[str, tuple[float, Mapping[str, Travel]]] = {}

    def of(self, site: str) -> Mapping[str, Travel]:
        """What the site's rules are to be told now; empty where they know it, or need none."""
        news = self._known.now().get(site)
        if not news:
            return {}
        told = self._told.get(site)
        if told is not None and told[1] == news and time.monotonic() - told[0] < _AGAIN_S:
            return {}
        self._told[site] = time.monotonic(), news
        return news
