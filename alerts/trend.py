"""How fast a gauge rises, with what uncertainty, and when it would reach a limit if it went on like that.

Method: Theil (1950) and Sen (1968): the middle one of the slopes between all pairs of readings, its interval by
Kendall's tau; wrong single readings hardly move it. It is taken over the whole window, its newest half and its newest
quarter, since a flood seldom rises evenly. Which of them tells the rise of now is decided as by Goldenshluger and
Nemirovski (1997): the longest of those whose slope lies within the intervals of all shorter ones. A
longer one is less moved by noise; where it disagrees, the water has begun to rise faster or slower since.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import inf, sqrt

import numpy as np
import numpy.typing as npt

FEWEST = 4
"""Readings that make a trend."""
_SHARES = (1.0, 0.5, 0.25)  # of the window: the newest of its time
_SELDOM, _NEWEST_FEW = 5, (6, FEWEST)  # where fewer readings are in the newest quarter, so many of the newest besides
_MOST = 24  # points of a line; of more readings, groups of neighbours give their medians
_MIDDLE_OF_NOISE = 0.851  # of the distance of three readings' noise from a line: 0.695 times the root of 1.5
_Z = 1.64  # 90 % of a normal distribution lie within it
_HALF_OF_PAIRS = 0.2  # of the time of a window: more lies between the readings of at least half of its pairs
_NEWEST = 5  # of the points, whose distance from the line tells where the level is now

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Trend:
    """At the time of the newest reading. Levels in the gauge's unit; slopes in that per second: 90 % lie within.

    over_s: from its first reading to its newest.
    """

    level: float
    level_low: float
    level_high: float
    slope: float
    slope_low: float
    slope_high: float
    over_s: float

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


def trends(times_s: Sequence[float], values: Sequence[float], slowest: float = 0.0) -> list[Trend | None]:
    """Over stretches that end now, the shortest first: the newest readings of a gauge that reports seldom, the newest
    quarter, the newest half, all; as far as there are enough readings in them.

    times_s: rising, seconds since any moment. slowest: a slope below which nobody asks for the trend: where the values
    lie too close together for it, there is None.
    """
    found: list[Trend | None] = []
    for first in _stretches(times_s):
        newest = values[first:]
        flat = max(newest) - min(newest) <= _HALF_OF_PAIRS * slowest * (times_s[-1] - times_s[first])
        found.append(None if flat else trend(times_s[first:], newest))
    return found


def rise_of_now(lines: Sequence[Trend | None]) -> Trend | None:
    """Of the lines, the shortest first, the longest whose slope lies within the intervals of all shorter ones."""
    best: Trend | None = None
    low, high = -inf, inf
    for line in lines:
        if line is None:
            break
        if not low <= line.slope <= high:
            break
        low, high = max(low, line.slope_low), min(high, line.slope_high)
        best = line
    return best


def noise_of(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Standard deviation of a single reading, by how far each lies off the line between its neighbours: the mean of the
    middle half of these distances, so that neither a rise nor a single wrong reading counts for much. The median alone
    takes a gauge that gives whole centimetres for twice as noisy as it is. 0 of fewer than three readings.
    """
    off = sorted(
        abs(values[i] - values[i - 1] - (values[i + 1] - values[i - 1]) * (times_s[i] - times_s[i - 1])
            / (times_s[i + 1] - times_s[i - 1]))
        for i in range(1, len(values) - 1)
    )  # fmt: skip
    middle = off[len(off) // 4 : len(off) - len(off) // 4]
    return sum(middle) / len(middle) / _MIDDLE_OF_NOISE if middle else 0.0


def _stretches(times_s: Sequence[float]) -> list[int]:
    """The first reading of each, the shortest stretch first."""
    count = len(times_s)
    if count < FEWEST:
        return []
    firsts = [bisect_left(times_s, times_s[-1] - share * (times_s[-1] - times_s[0])) for share in _SHARES]
    if count - firsts[-1] < _SELDOM:
        firsts += [max(0, count - few) for few in _NEWEST_FEW]
    return sorted({first for first in firsts if count - first >= FEWEST}, reverse=True)


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
    slope_low, slope_high = float(slopes[low]), float(slopes[high])
    return Trend(level, level - spread, level + spread, slope, slope_low, slope_high, times_s[-1] - times_s[0])


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
