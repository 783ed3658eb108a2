"""Who crosses a line, and in which direction: what trembles on the line does not cross it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import hypot
from typing import Any

from alerts.ground import Metres, meet, side_of

MOST_FOLLOWED = 20_000
MOST_KEPT = 2_000  # over a restart


class Direction(StrEnum):
    """Seen along the line from its first to its second end."""

    TO_RIGHT = "to_right"
    TO_LEFT = "to_left"


@dataclass(frozen=True, slots=True)
class Line:
    """From `a` to `b`. Nearer to it than `margin` nobody is on either side."""

    a: Metres
    b: Metres
    margin: float

    def side(self, point: Metres) -> int:
        """1 clearly left of it or of its prolongation, -1 clearly right, 0 too near to tell."""
        distance = side_of(self.a, self.b, point) / hypot(self.b[0] - self.a[0], self.b[1] - self.a[1])
        return 0 if abs(distance) < self.margin else 1 if distance > 0 else -1


@dataclass(frozen=True, slots=True)
class _Clear:
    """Where something was last clearly on one side."""

    side: int
    point: Metres
    at: datetime


class Crossings:
    """Follows many things at once by their ids; of one unheard for `joined_within` nobody knows where it went."""

    def __init__(self, line: Line, joined_within: timedelta) -> None:
        self._line = line
        self._joined_within = joined_within
        self._of: OrderedDict[str, _Clear] = OrderedDict()
        self._heard: dict[str, datetime] = {}

    def follow(self, name: str, point: Metres, at: datetime) -> Direction | None:
        """Where it is now. The direction in which it has crossed the line since it was clearly on one side of it."""
        heard = self._heard.get(name)
        if heard is not None and at <= heard:
            return None
        known = self._of.pop(name, None)
        if heard is not None and at - heard > self._joined_within:
            known = None
        self._heard[name] = at
        side = self._line.side(point)
        if side == 0:
            if known is not None:
                self._of[name] = known
            return None
        self._of[name] = _Clear(side, point, at)
        self._forget()
        if known is None or known.side == side or not meet(known.point, point, self._line.a, self._line.b):
            return None
        return Direction.TO_RIGHT if side < 0 else Direction.TO_LEFT

    def snapshot(self) -> Any:
        """As JSON: of those that may go on; heard last, and where and when they were clearly on one side."""
        newest = max(self._heard.values(), default=None)
        recent = [name for name, at in self._heard.items() if newest and newest - at <= self._joined_within]
        return [
            [name, self._heard[name].isoformat(), clear.side, *clear.point, clear.at.isoformat()]
            for name in recent[-MOST_KEPT:]
            if (clear := self._of.get(name)) is not None
        ]

    def restore(self, state: Any) -> None:
        """Raises ValueError, TypeError."""
        for name, heard, side, x, y, at in state:
            self._heard[str(name)] = datetime.fromisoformat(heard)
            self._of[str(name)] = _Clear(int(side), (float(x), float(y)), datetime.fromisoformat(at))

    def _forget(self) -> None:
        while len(self._of) > MOST_FOLLOWED:
            name, _ = self._of.popitem(last=False)
            self._heard.pop(name, None)
        if len(self._heard) > 2 * MOST_FOLLOWED:
            self._heard = {name: at for name, at in self._heard.items() if name in self._of}
