"""Readings as news for the screens: of each series the latest, at most once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from data.model.observation import Reading
from data.model.record import Change
from data.model.views import reading_view

EVERY_S = 1.0
Series = tuple[str, str, str]


def reading_change(reading: Reading) -> Change:
    """The change of topic "reading" for one reading."""
    return Change("reading", f"{reading.site}/{reading.monitor}/{reading.quantity}", reading.at, reading_view(reading))


class ReadingNews:
    """Holds back what comes too fast, and gives the latest of it once its second is over.

    `known`: the newest stored readings, so that a correction of one of them is told with the value it corrects.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, known: Iterable[Reading] = ()) -> None:
        self._monotonic = monotonic
        self._newest: dict[Series, Reading] = {_series(reading): reading for reading in known}
        self._told_s: dict[Series, float] = {}
        self._held: dict[Series, Reading] = {}

    def due(self, readings: Iterable[Reading] = ()) -> tuple[Change, ...]:
        """Add these, and take what may be told now."""
        for given in readings:
            series = _series(given)
            reading = self._with_first(series, given)
            if series not in self._held or self._held[series].at <= reading.at:
                self._held[series] = reading
        now_s = self._monotonic()
        ready = [s for s in self._held if now_s - self._told_s.get(s, float("-inf")) >= EVERY_S]
        for series in ready:
            self._told_s[series] = now_s
        return tuple(reading_change(self._held.pop(series)) for series in ready)

    def _with_first(self, series: Series, reading: Reading) -> Reading:
        """With the value that was first given for the time of the newest reading, where this one corrects it."""
        before = self._newest.get(series)
        if before is not None and before.at == reading.at:
            if before.value == reading.value:
                return before
            first = before.value if before.first_value is None else before.first_value
            reading = replace(reading, first_value=first, corrections=before.corrections + 1)
        if before is None or before.at <= reading.at:
            self._newest[series] = reading
        return reading


def _series(reading: Reading) -> Series:
    return reading.site, reading.monitor, reading.quantity
