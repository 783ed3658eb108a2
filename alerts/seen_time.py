"""Time during which the site could be seen: a blind gap is unknown, neither counted nor a reason to begin anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from data.observation import Tick


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, with the unknown seconds that had passed until then."""

    at: datetime
    unknown_s: float


class SeenTime:
    """Fed with every look and tick of one site, in the order of their times."""

    def __init__(self) -> None:
        self._known_at: datetime | None = None
        self._blind = False
        self._unknown_s = 0.0

    def look(self, at: datetime) -> None:
        """The site was seen at this time. What lies between two looks is unknown if a tick between them was blind."""
        if self._known_at is not None:
            if at <= self._known_at:
                return
            if self._blind:
                self._unknown_s += (at - self._known_at).total_seconds()
        self._known_at, self._blind = at, False

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
