"""Keeps known how long whoever early alarms need travels: responders move, come on shift, are sent elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

from data.config.settings import Settings
from data.ports.store import Store
from data.stored.travel import known_travel, put_travel
from dispatch.routing import Roads
from dispatch.travel_times import travel_times


class TravelWatch:
    """`poll` now and then, in the one process that has the roads."""

    def __init__(self, store: Store, settings: Settings, roads: Roads) -> None:
        self._store = store
        self._settings = settings
        self._roads = roads

    def poll(self, now: datetime | None = None) -> bool:
        """Has something changed? Raises what the store raises."""
        at = now or datetime.now(UTC)
        before, known = self._store.read(
            lambda reader: (known_travel(reader), travel_times(reader, self._settings, self._roads, at))
        )
        if known == before:
            return False
        self._store.write(lambda writer: put_travel(writer, known))
        return True
