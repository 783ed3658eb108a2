"""The newest part of a gauge's time series, in order of time whatever the order of arrival."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DROPPED_AT_ONCE = 64

Run = list[Any]
"""Rows as JSON: [time of the first, value] of one, [time of the first, value, step in µs, rows] of a steady gauge."""


class Series:
    """Rows of the last `span` before the newest. Of two rows with the same time the later arrival replaces the other.

    A row takes 16 bytes, so that a gauge that reports every second may have a window of hours. As JSON, rows at even
    steps with one value are one entry.
    """

    def __init__(self, span: timedelta) -> None:
        self._span = span // _MICROSECOND
        self._times = array("q")
        self._values = array("d")
        self._kept: list[Run] | None = None

    def __len__(self) -> int:
        return len(self._times)

    @property
    def values(self) -> Sequence[float]:
        return self._values

    @property
    def newest(self) -> datetime:
        """Time of the newest row. There must be one."""
        return _moment(self._times[-1])

    def passed(self, row: int) -> timedelta:
        """Time from the previous row to this one."""
        return self.between(row - 1, row)

    def between(self, before: int, row: int) -> timedelta:
        """Time from one row to a later one."""
        return (self._times[row] - self._times[before]) * _MICROSECOND

    def add(self, at: datetime, value: float) -> int | None:
        """Insert a row; returns its index. None for a duplicate, and for a row older than the span."""
        time, place = _ticks(at), len(self)
        if place and time <= self._times[-1]:
            place = bisect_left(self._times, time)
            if time <= self._times[-1] - self._span:
                return None
            if self._times[place] == time:
                return self._correct(place, value)
        if place == len(self) and self._kept:
            self._kept = _lengthened(self._kept, self._times[-1], time, value)
        else:
            self._kept = None
        self._times.insert(place, time)
        self._values.insert(place, value)
        return place

    def _correct(self, row: int, value: float) -> int | None:
        if self._values[row] == value:
            return None
        self._values[row], self._kept = value, None
        return row

    def drop(self) -> int:
        """Drop rows older than the span, many at a time; returns how many were dropped."""
        if not self._times:
            return 0
        old = bisect_right(self._times, self._times[-1] - self._span)
        if old < _DROPPED_AT_ONCE and old * 2 < len(self):
            return 0
        self._kept = None
        del self._times[:old], self._values[:old]
        return old

    def after(self, at: datetime) -> int:
        """Index of the first row later than this time; the number of rows when there is none."""
        return bisect_right(self._times, _ticks(at))

    def within(self, window: timedelta) -> slice:
        """The rows of the window that ends with the newest row, its beginning excluded."""
        return slice(self.after(self.newest - window), len(self))

    def snapshot(self) -> Any:
        """As JSON. Rebuilt only after rows out of order or dropped rows, since it is read several times a second."""
        if self._kept is None:
            self._kept = list(_runs(self._times, self._values))
        return self._kept

    def restore(self, state: Any) -> None:
        """Raises TypeError, ValueError."""
        times, values = array("q"), array("d")
        for first, value, *steady in state:
            step, rows = steady or (0, 1)
            begin = _ticks(datetime.fromisoformat(first))
            times.extend(begin + step * row for row in range(rows))
            values.extend([float(value)] * rows)
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("the rows are not in the order of their times")
        self._times, self._values, self._kept = times, values, None


def _ticks(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(ticks: int) -> datetime:
    return _EPOCH + ticks * _MICROSECOND


def _runs(times: Sequence[int], values: Sequence[float]) -> Iterator[Run]:
    first, rows, step = 0, 0, 0
    for row, (time, value) in enumerate(zip(times, values, strict=True)):
        if rows == 1 and value == values[first]:
            step, rows = time - times[first], 2
        elif rows > 1 and value == values[first] and time - times[row - 1] == step:
            rows += 1
        else:
            if rows:
                yield _run(times[first], values[first], step, rows)
            first, rows = row, 1
    if rows:
        yield _run(times[first], values[first], step, rows)


def _run(time: int, value: float, step: int, rows: int) -> Run:
    first = _moment(time).isoformat()
    return [first, value] if rows == 1 else [first, value, step, rows]


def _lengthened(runs: list[Run], before: int, time: int, value: float) -> list[Run]:
    """The JSON with one later row added. A new list, since callers compare it with the one they have."""
    *earlier, last = runs
    first, its_value, *steady = last
    step, rows = steady or (time - before, 1)
    if value == its_value and step == time - before:
        return [*earlier, [first, value, step, rows + 1]]
    return [*runs, [_moment(time).isoformat(), value]]
