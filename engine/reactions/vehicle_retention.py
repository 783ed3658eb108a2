"""Removes positions of vehicles that are older than they are kept."""

from __future__ import annotations

from datetime import UTC, datetime

from data.config.settings import Settings
from data.ports.store import Store

POLL_S = 60.0
_MOST_STEPS = 200  # of one poll, each a unit of work of its own: others write in between


class VehicleRetention:
    """`poll` now and then, in the one process that minds the time."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def poll(self, now: datetime | None = None) -> None:
        """Raises what the store raises."""
        before = (now or datetime.now(UTC)) - self._settings.vehicles.kept
        for _ in range(_MOST_STEPS):
            if not self._store.write(lambda writer: writer.prune_positions(before)):
                return
