"""Raises a system alarm when this computer's clock was set, and adjusts open offers to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import CENTRE, Alert, AlertKey, Ended, Priority, Raised
from data.ports.store import AlertQuery, Reader, Store, Writer
from dispatch.offers import follow_clock
from engine.process.wall_clock import WallClock

KIND = "clock"
STANDS_S = 600.0  # the alarm lasts so long; by then effects of the wrong time have shown


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
        self._ends_s = monotonic_s() + STANDS_S if store.read(open_alarms) else None

    def take(self, settings: Settings) -> None:
        """Use new settings."""
        self._settings = settings

    def poll(self) -> None:
        """Raise an alarm at a jump, with its seconds; end it ten minutes later. Raises the store's errors.

        Each jump has its own alarm, which replaces the previous one, so that a reader of "put forward" also learns that
        the clock was put back since.
        """
        jump, now = self._wall_clock.jump(), self._wall()
        if jump:
            key = AlertKey(CENTRE, KIND, "", now.isoformat())
            raised = Raised(key, KIND, Priority.P3, now, now, value=jump.total_seconds(), unit="s")
            self._ends_s = self._monotonic_s() + STANDS_S
            self._store.write(lambda writer: self._follow(writer, raised, jump, now))
        elif self._ends_s is not None and self._monotonic_s() >= self._ends_s:
            self._store.write(lambda writer: self._replace(writer, None, now))
            self._ends_s = None

    def _follow(self, writer: Writer, raised: Raised, jump: timedelta, now: datetime) -> None:
        self._replace(writer, raised, now)
        follow_clock(writer, jump, now, self._settings)

    def _replace(self, writer: Writer, raised: Raised | None, now: datetime) -> None:
        for alert in open_alarms(writer):
            end_alert(writer, Ended(alert.key, now, now), now, self._settings)
        if raised is not None:
            raise_alert(writer, raised, None, now, self._settings)


def open_alarms(reader: Reader) -> Sequence[Alert]:
    """The open alarms about the clock."""
    return reader.alerts(AlertQuery(site=CENTRE, of=(KIND,), open_only=True))
