"""The present of one site's gauges."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

TICK_LAG = timedelta(seconds=0.5)  # so that a reading on its way is not older than the tick before it
AFTER_THE_END = timedelta(seconds=2)


class SiteTime:
    """Live it is the wall clock, whatever the gauges say. A site that has only recordings lives in their time.

    `recorded`: it has only recordings. `stale_after`: so long a recording's time goes on behind its end.
    """

    def __init__(
        self, *, recorded: bool, stale_after: timedelta, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.recorded = recorded
        self._monotonic_s = monotonic_s
        self._longest = stale_after + AFTER_THE_END
        self._newest: datetime | None = None
        self._newest_s = 0.0
        self._ticked_at: datetime | None = None

    def is_history(self, at: datetime, limit: timedelta, now: datetime) -> bool:
        """Is what was measured then too old to say anything about the present?"""
        return not self.recorded and now - at > limit

    def heard(self, at: datetime) -> None:
        """A reading has come."""
        if self.recorded and (self._newest is None or at > self._newest):
            self._newest, self._newest_s = at, self._monotonic_s()

    def tick(self, now: datetime, *, ended: bool) -> datetime | None:
        """The time of the next tick, later than all before; None while there is none. `ended`: nothing more comes."""
        if not self.recorded:
            at = now - TICK_LAG
        elif self._newest is None:
            return None
        else:
            passed = timedelta(seconds=self._monotonic_s() - self._newest_s)
            at = self._newest + (min(passed, self._longest) if ended else passed) - TICK_LAG
        if self._ticked_at is not None and at <= self._ticked_at:
            return None
        self._ticked_at = at
        return at

    def set_back(self) -> None:
        """The wall clock was put back: time goes on from where it is now."""
        if not self.recorded:
            self._ticked_at = None
