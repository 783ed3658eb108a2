"""Time during which the site could be seen. A blind gap is unknown time: not counted, but no reason to start over."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.model.alert import Gap
from data.model.observation import Tick

_GAPS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, with the unknown seconds up to then.

    An event between two pictures has `after`, the time of the picture before (None where there was none), and `by`, the
    time of the picture that showed it (None where that is `at`).
    """

    at: datetime
    unknown_s: float
    after: datetime | None = None
    by: datetime | None = None

    @property
    def late_s(self) -> float:
        """Seconds from this moment to the picture that showed it."""
        return 0.0 if self.by is None else (self.by - self.at).total_seconds()


class SeenTime:
    """Counts the time in which one site was seen. Feed it every look and tick in the order of their times."""

    def __init__(self) -> None:
        self.known_at: datetime | None = None
        self._blind = False
        self._unknown_s = 0.0
        self._gaps: deque[Gap] = deque(maxlen=_GAPS_KEPT)

    def look(self, at: datetime) -> None:
        """The site was seen at this time. The time between two looks is unknown if a tick between them was blind."""
        if self.known_at is not None:
            if at <= self.known_at:
                return
            if self._blind:
                self._unknown_s += (at - self.known_at).total_seconds()
                adjoins = bool(self._gaps) and self._gaps[-1][1] == self.known_at
                self._gaps.append((self._gaps.pop()[0] if adjoins else self.known_at, at))
        self.known_at, self._blind = at, False

    def tick(self, tick: Tick) -> None:
        if tick.observable:
            self.look(tick.at)
        else:
            self._blind = True

    def mark(self, at: datetime) -> Mark:
        return Mark(at, self._unknown_s)

    def since(self, mark: Mark, now: datetime) -> float:
        """Seconds from the mark until now without the unknown ones. `now` is a time just looked at."""
        return (now - mark.at).total_seconds() - (self._unknown_s - mark.unknown_s)

    def gaps_since(self, at: datetime) -> tuple[Gap, ...]:
        """The last blind gaps that ended after this time, oldest first."""
        return tuple(gap for gap in self._gaps if gap[1] > at)

    def snapshot(self) -> Any:
        """As JSON."""
        known_at = None if self.known_at is None else self.known_at.isoformat()
        gaps = [[start.isoformat(), end.isoformat()] for start, end in self._gaps]
        return {"known_at": known_at, "unknown_s": self._unknown_s, "gaps": gaps}

    @classmethod
    def restored(cls, state: Any) -> SeenTime:
        """Restored from `snapshot`; the time since then is unknown. Raises KeyError, TypeError, ValueError."""
        time = cls()
        known_at = state["known_at"]
        time.known_at = None if known_at is None else datetime.fromisoformat(known_at)
        time._unknown_s, time._blind = float(state["unknown_s"]), True
        time._gaps.extend((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in state["gaps"])
        return time
