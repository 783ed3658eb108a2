"""The last stretch of a gauge's series in order of time, whatever the order in which its rows came."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from typing import Any


class Series:
    """Rows of the last `span` before the newest; the first of two rows of one time is kept."""

    def __init__(self, span: timedelta) -> None:
        self._span = span
        self.times: list[datetime] = []
        self.values: list[float] = []
        self._kept: list[list[Any]] | None = None

    @property
    def newest(self) -> datetime | None:
        return self.times[-1] if self.times else None

    def add(self, at: datetime, value: float) -> int | None:
        """Where the row was put; None for a duplicate, and for one that came so late that nobody asks for it."""
        if self.times and at <= self.times[-1]:
            place = bisect_left(self.times, at)
            if self.times[place] == at or at <= self.times[-1] - self._span:
                return None
        else:
            place = len(self.times)
        self._kept = None
        self.times.insert(place, at)
        self.values.insert(place, value)
        return place

    def drop(self) -> int:
        """Forget what the span has left behind, in big steps; how many rows went."""
        if not self.times:
            return 0
        old = bisect_right(self.times, self.times[-1] - self._span)
        if old < 64 and old * 2 < len(self.times):
            return 0
        self._kept = None
        del self.times[:old], self.values[:old]
        return old

    def within(self, window: timedelta) -> slice:
        """The rows of the window that ends with the newest one: later than its beginning."""
        return slice(bisect_right(self.times, self.times[-1] - window), len(self.times))

    def snapshot(self) -> Any:
        """As JSON, made anew only when rows came: it is asked for several times a second."""
        if self._kept is None:
            self._kept = [[at.isoformat(), value] for at, value in zip(self.times, self.values, strict=True)]
        return self._kept

    def restore(self, state: Any) -> None:
        """Raises TypeError, ValueError."""
        rows = [(datetime.fromisoformat(at), float(value)) for at, value in state]
        self._kept = None
        self.times, self.values = [at for at, _ in rows], [value for _, value in rows]
