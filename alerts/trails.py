"""The last positions of each vehicle, so that rules judge how it moved: late, repeated and impossible ones left out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.ground import Metres, Plane
from data.model.observation import Position

MOST_VEHICLES = 20_000
FASTEST_MPS = 55.0  # 200 km/h: further, it is a stray fix
STRAY_M = 30.0  # the error that two fixes may have beside that
MOST_KEPT = 2_000  # over a restart
MOST_STRAY = 3  # so many in a row, and the one before was stray
JOINED_WITHIN = timedelta(seconds=60)  # further apart in time nobody knows which way it drove


@dataclass(frozen=True, slots=True)
class Step:
    """How a vehicle came to where it is now. `before`: where it was last; None where that is not known."""

    vehicle: str
    at: datetime
    now: Metres
    before: Metres | None


@dataclass(slots=True)
class _Trail:
    at: datetime
    place: Metres
    stray: int = 0  # fixes since then that were not believed
    heard_at: datetime | None = None  # the newest of those


class Trails:
    """Of each vehicle the last position that was believed; the one that was silent for longest is forgotten first."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._of: OrderedDict[str, _Trail] = OrderedDict()

    def step(self, position: Position) -> Step | None:
        """None for a position that is late, comes again, or cannot be."""
        place = self._plane.metres(position.lon, position.lat)
        known = self._of.get(position.vehicle)
        if known is None:
            self._put(position.vehicle, _Trail(position.at, place))
            return Step(position.vehicle, position.at, place, None)
        if position.at <= (known.heard_at or known.at):
            return None
        passed = position.at - known.at
        far = ((place[0] - known.place[0]) ** 2 + (place[1] - known.place[1]) ** 2) ** 0.5
        jumped = far > FASTEST_MPS * passed.total_seconds() + STRAY_M
        if jumped and known.stray + 1 < MOST_STRAY:
            known.stray, known.heard_at = known.stray + 1, position.at
            return None
        joined = passed <= JOINED_WITHIN and not jumped
        self._put(position.vehicle, _Trail(position.at, place))
        return Step(position.vehicle, position.at, place, known.place if joined else None)

    def snapshot(self) -> Any:
        """As JSON: those whose next position may be joined to the last."""
        newest = max((one.at for one in self._of.values()), default=None)
        recent = [one for one in self._of.items() if newest is not None and newest - one[1].at <= JOINED_WITHIN]
        return [[name, one.at.isoformat(), *one.place] for name, one in recent[-MOST_KEPT:]]

    def restore(self, state: Any) -> None:
        """Raises ValueError, TypeError."""
        self._of = OrderedDict(
            (str(name), _Trail(datetime.fromisoformat(at), (float(x), float(y)))) for name, at, x, y in state
        )

    def _put(self, vehicle: str, trail: _Trail) -> None:
        self._of.pop(vehicle, None)
        self._of[vehicle] = trail
        if len(self._of) > MOST_VEHICLES:
            self._of.popitem(last=False)
