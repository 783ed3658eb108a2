"""Rain from a counter's rows: which rows are wrong, which falls are resets, and the rain up to each row.

A counter only rises, until it is reset and begins at zero. Rows may be wrong: a spike, a zero, a step back. Only later
rows tell which, so each new row may change the judgement of the last few.

The rows that are right form a path through the series. Each way of reading the series has a cost: a row left out, a
reset, a step that would be heavy rain. The cheapest path counts (Viterbi's algorithm; at most `_SKIPPED` rows in a row
are left out).
"""

from __future__ import annotations

from array import array

from alerts.series import Series
from data.model.plausible import most_rain_mm

HEAVY_SHARE = 0.4  # share of the world record: a larger step counts only when the next row confirms it

_OUTLIER = 1.0  # cost of a row that is left out
_OUTLIER_AGAIN = 0.35  # cost of each further row left out in succession, where the counter goes on afterwards
_LATE_START = 1.5  # cost of each row left out at the beginning: a wrong first row is rare
_RESET = 1.8  # less than two rows left out: a fall that stays for two rows is a reset
_SOON_AFTER_RESET = 20.0  # mm: so much may fall within a few rows
_SKIPPED = 4
_ROUNDING = 1e-6


_Best = tuple[float, float, float, int]
"""Cost, counter and rain of the cheapest path to a row, and how many rows back it comes from."""


class RainCounter:
    """Rain up to each row of a series of counter readings, mm. `resolution`: a smaller fall is no reset."""

    def __init__(self, series: Series, resolution: float) -> None:
        self._series = series
        self._resolution = resolution + _ROUNDING
        self._cost = array("d")  # of the cheapest path that ends with the row
        self._line = array("d")  # the counter on that path: its highest value since the last reset
        self._rain = array("d")  # on that path since its beginning
        self._back = array("b")  # distance in rows to the previous row of the path; 0 where the path begins
        self._fallen = array("d")  # on the cheapest of all paths
        self._last = -1  # the last row of that path
        self._forgotten = 0  # rows since the path began that the series has dropped

    def count(self, place: int) -> None:
        """Count anew from this row on."""
        for column in (self._cost, self._line, self._rain, self._back):
            del column[place:]
        if place == 0:
            self._forgotten = 0
        if self._last >= place:
            self._last = -1
            del self._fallen[:]
        for row in range(place, len(self._series)):
            self._add(row)
        self._settle()

    def forget(self, rows: int) -> None:
        """The series has dropped so many of its oldest rows."""
        for column in (self._cost, self._line, self._rain, self._back, self._fallen):
            del column[:rows]
        self._last -= rows
        self._forgotten += rows

    def fallen(self, first: int) -> float:
        """Rain of this row and those after it; the very first row of a series counts as none."""
        if first >= len(self._fallen):
            return 0.0
        return self._fallen[-1] - self._fallen[max(first - 1, 0)]

    def _add(self, row: int) -> None:
        value = self._series.values[row]
        if row and value == self._line[row - 1]:  # no change: no other path is cheaper
            self._keep((self._cost[row - 1], value, self._rain[row - 1], 1))
            return
        best: _Best | None = (_LATE_START * row, value, 0.0, 0) if row + self._forgotten <= _SKIPPED else None
        for before in range(row - 1, max(row - 2 - _SKIPPED, -1), -1):
            cost, line, rain = self._step(before, row)
            cost += self._cost[before] + self._left_out(before, row)
            if best is None or cost < best[0]:
                best = (cost, line, self._rain[before] + rain, row - before)
        if best is not None:
            self._keep(best)

    def _keep(self, best: _Best) -> None:
        cost, line, rain, back = best
        self._cost.append(cost)
        self._line.append(line)
        self._rain.append(rain)
        self._back.append(back)

    def _step(self, before: int, row: int) -> tuple[float, float, float]:
        """Cost, counter and rain of a step from one row to another that leaves out the rows between."""
        value, line = self._series.values[row], self._line[before]
        if line - self._resolution <= value <= line:
            return 0.0, line, 0.0
        most = most_rain_mm(self._series.between(before, row)) + self._resolution
        heavy = HEAVY_SHARE * most
        if value > line:
            step = value - line
            return (min(step / heavy, _RESET), value, step) if step <= most else (_RESET, value, 0.0)
        # Where the counter began anew, all that it shows has fallen since; a fall to a high value only moves its zero.
        return (_RESET + 0.5 * value / heavy, value, value) if value <= heavy else (_RESET + 0.5, value, 0.0)

    def _left_out(self, before: int, row: int) -> float:
        """Cost of leaving out the rows between; lower where the counter then goes on, since they are surely wrong."""
        count = row - before - 1
        if count < 2:
            return _OUTLIER * count
        value, line = self._series.values[row], self._line[before]
        goes_on = value >= line - self._resolution and not any(self._rises(other) for other in range(before + 2, row))
        was_high = self._series.values[row - 1] > value
        enough = _SOON_AFTER_RESET if was_high or count > 2 else 0.0
        if goes_on and value > enough:  # else it would look the same after a reset
            return _OUTLIER + _OUTLIER_AGAIN * (count - 1)
        return _OUTLIER * count

    def _rises(self, row: int) -> bool:
        """True if this row has risen from the one before as a counter does."""
        step = self._series.values[row] - self._series.values[row - 1]
        return 0 < step <= HEAVY_SHARE * most_rain_mm(self._series.passed(row))

    def _settle(self) -> None:
        """Choose the cheapest path anew and fill in the rain from where it leaves the previous path."""
        rows = len(self._series)
        ends = range(max(0, rows - 1 - _SKIPPED), rows)
        last = min(ends, key=lambda row: self._cost[row] + _OUTLIER * (rows - 1 - row), default=-1)
        row, known = last, self._last
        changed: list[int] = []
        while row >= 0 and row != known:
            if row > known:
                changed.append(row)
                row = self._before(row)
            else:
                known = self._before(known)
        del self._fallen[max(row, -1) + 1 :]
        for one in reversed(changed):
            fallen = self._fallen[-1] if self._fallen else 0.0
            self._fallen.extend([fallen] * (one - len(self._fallen)))
            before = one - self._back[one]
            self._fallen.append(fallen + (self._rain[one] - self._rain[before] if 0 <= before < one else 0.0))
        self._fallen.extend([self._fallen[-1]] * (rows - len(self._fallen)) if self._fallen else [])
        self._last = last

    def _before(self, row: int) -> int:
        """The row before this one on its path; negative where the path begins."""
        return row - self._back[row] if self._back[row] else -1
