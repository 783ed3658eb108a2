"""Readings as news for the screens: of each series the latest, at most once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from data.observation import Reading
from data.record import Change
from data.views import reading_view

EVERY_S = 1.0
Series = tuple[str, str, str]


def reading_change(reading: Reading) -> Change:
    """The change of topic "reading" for one reading."""
    return Change("reading", f"{reading.site}/{reading.monitor}/{reading.quantity}", reading.at, reading_view(reading))


class ReadingNews:
    """Holds back what comes too fast, and gives the latest of it once its second is over."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._told_s: dict[Series, float] = {}
        self._held: dict[Series, Reading] = {}

    def due(self, readings: Iterable[Reading] = ()) -> tuple[Change, ...]:
        """Add these, and take what may be told now."""
        for reading in readings:
            series = (reading.site, reading.monitor, reading.quantity)
            if series not in self._held or self._held[series].at <= reading.at:
                self._held[series] = reading
        now_s = self._monotonic()
        ready = [s for s in self._held if now_s - self._told_s.get(s, float("-inf")) >= EVERY_S]
        for series in ready:
            self._told_s[series] = now_s
        return tuple(reading_change(self._held.pop(series)) for series in ready)
