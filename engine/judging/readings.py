"""Readings as news for the screens: of each series the latest, at most once a second, and not too many in all."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from data.model.observation import Reading
from data.model.record import Change
from data.model.views import reading_view

EVERY_S = 1.0
MOST_A_SECOND = 500
Series = tuple[str, str, str]


def reading_change(reading: Reading) -> Change:
    """The change of topic "reading" for one reading."""
    return Change("reading", f"{reading.site}/{reading.monitor}/{reading.quantity}", reading.at, reading_view(reading))


class ReadingNews:
    """Holds back what comes too fast, and gives the latest of it once its second is over.

    No screen can follow thousands of series that each change every second: of all together at most MOST_A_SECOND are
    told, in the order in which they have waited. What is told costs as much as what is stored.

    `known`: the newest stored readings, so that a correction of one of them is told with the value it corrects.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, known: Iterable[Reading] = ()) -> None:
        self._monotonic = monotonic
        self._newest: dict[Series, Reading] = {_series(reading): reading for reading in known}
        self._told_s: dict[Series, float] = {}
        self._held: dict[Series, Reading] = {}
        self._queue: list[tuple[float, int, Series]] = []  # a heap: of what is held, when its second is over
        self._numbers = itertools.count()
        self._room = float(MOST_A_SECOND)
        self._room_s = monotonic()

    def due(self, readings: Iterable[Reading] = ()) -> tuple[Change, ...]:
        """Add these, and take what may be told now."""
        now_s = self._monotonic()
        for given in readings:
            series = _series(given)
            reading = self._with_first(series, given)
            held = self._held.get(series)
            if held is None:
                due_s = max(now_s, self._told_s.get(series, float("-inf")) + EVERY_S)
                heapq.heappush(self._queue, (due_s, next(self._numbers), series))
            if held is None or held.at <= reading.at:
                self._held[series] = reading
        self._room = min(MOST_A_SECOND, self._room + max(0.0, now_s - self._room_s) * MOST_A_SECOND)
        self._room_s = now_s
        told: list[Change] = []
        while self._queue and self._queue[0][0] <= now_s and self._room >= 1:
            _, _, series = heapq.heappop(self._queue)
            self._room -= 1
            self._told_s[series] = now_s
            told.append(reading_change(self._held.pop(series)))
        return tuple(told)

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
