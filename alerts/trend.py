"""How fast a gauge rises, with what uncertainty, and when it would reach a limit if it went on like that.

Method: Theil (1950) and Sen (1968): the middle one of the slopes between all pairs of readings, its interval by
Kendall's tau; wrong single readings hardly move it. It is taken over the whole window, its newest half and its newest
quarter, since a flood seldom rises evenly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt

FEWEST = 4
"""Readings that make a trend."""
_MOST = 24  # points of a line; of more readings, groups of neighbours give their medians
_Z = 1.64  # 90 % of a normal distribution lie within it
_HALF_OF_PAIRS = 0.2  # of the time of a window: more lies between the readings of at least half of its pairs
_NEWEST = 5  # of the points, whose distance from the line tells where the level is now

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trend:
    """At the time of the newest reading. Levels in the gauge's unit; slopes in that per second: 90 % lie within."""

    level: float
    level_low: float
    level_high: float
    slope: float
    slope_low: float
    slope_high: float

    @property
    def rises(self) -> bool:
        """Is it sure to rise at all?"""
        return self.slope_low > 0

    def reaches(self, limit: float) -> tuple[float, float, float]:
        """Seconds until the limit at the earliest, in the middle and at the latest; only of what rises."""
        return (
            max(0.0, limit - self.level_high) / self.slope_high,
            max(0.0, limit - self.level) / self.slope,
            max(0.0, limit - self.level_low) / self.slope_low,
        )


def trends(times_s: Sequence[float], values: Sequence[float], slowest: float = 0.0) -> Iterator[Trend]:
    """Over all readings, the newest half and the newest quarter of their time, as far as there are enough in it.

    times_s: rising, seconds since any moment. slowest: a slope below which nobody asks for the trend: where the values
    lie too close together for it, none is computed.
    """
    before = len(times_s) + 1
    for share in (1.0, 0.5, 0.25):
        first = bisect_left(times_s, times_s[-1] - share * (times_s[-1] - times_s[0])) if times_s else 0
        count = len(times_s) - first
        if not FEWEST <= count < before:
            continue
        before, newest = count, values[first:]
        if max(newest) - min(newest) > _HALF_OF_PAIRS * slowest * (times_s[-1] - times_s[first]):
            yield trend(times_s[first:], newest)


def trend(times_s: Sequence[float], values: Sequence[float]) -> Trend:
    """One line through at least `FEWEST` readings of different times."""
    rows = _thinned(times_s, values)
    times, levels = np.array([at - times_s[-1] for at, _ in rows]), np.array([level for _, level in rows])
    one, other = _pairs(len(rows))
    slopes = (levels[other] - levels[one]) / (times[other] - times[one])
    slopes.sort()
    low, high = _interval(len(rows), len(slopes))
    slope = _middle(slopes)
    newest = np.sort((levels - slope * times)[-_NEWEST:])
    level = _middle(newest)
    spread = _middle(np.sort(np.abs(newest - level)))
    return Trend(level, level - spread, level + spread, slope, float(slopes[low]), float(slopes[high]))


@cache
def _pairs(points: int) -> tuple[Places, Places]:
    """Each with each later one."""
    return np.triu_indices(points, 1)


def _middle(ordered: Numbers) -> float:
    """The median of what is in order."""
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _interval(points: int, slopes: int) -> tuple[int, int]:
    """Which of the sorted slopes bound the middle one (Sen 1968)."""
    width = _Z * sqrt(points * (points - 1) * (2 * points + 5) / 18)
    low = max(0, int((slopes - width) / 2))
    return low, slopes - 1 - low


def _thinned(times: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    """At most `_MOST` points: of each group of neighbours the middle time and the middle value."""
    count = len(times)
    if count <= _MOST:
        return list(zip(times, values, strict=True))
    edges = [count * group // _MOST for group in range(_MOST + 1)]
    return [(times[(a + b) // 2], sorted(values[a:b])[(b - a) // 2]) for a, b in pairwise(edges)]
