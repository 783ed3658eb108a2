"""Raises an alarm about the system itself when this computer's clock was set."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from alerts.lifecycle import end_alert, raise_alert
from data.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.settings import Settings
from data.store import Store
from engine.wall_clock import WallClock

KIND = "clock"
KEY = AlertKey(CENTRE, KIND, "", "")
STANDS_S = 600.0  # so long it is shown; by then what came from the wrong time has shown itself


class ClockWatch:
    """`poll` every second or so, on one thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._wall_clock = WallClock(lambda: wall().timestamp(), monotonic_s)
        is_open = store.read(lambda reader: reader.open_alert(KEY)) is not None
        self._ends_s = monotonic_s() + STANDS_S if is_open else None

    def poll(self) -> None:
        """Raise the alarm at a jump, with its seconds; end it ten minutes later. Raises what the store raises."""
        jump, now = self._wall_clock.jump(), self._wall()
        if jump:
            raised = Raised(KEY, KIND, Priority.P3, now, now, value=jump.total_seconds(), unit="s")
            self._ends_s = self._monotonic_s() + STANDS_S
            self._store.write(lambda writer: raise_alert(writer, raised, None, now, self._settings))
        elif self._ends_s is not None and self._monotonic_s() >= self._ends_s:
            self._store.write(lambda writer: end_alert(writer, Ended(KEY, now, now), now, self._settings))
            self._ends_s = None
