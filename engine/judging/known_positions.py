"""Which position of each vehicle came last, and which of its track was kept last."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import NamedTuple

from data.model.geo import Location, distance_m
from data.model.observation import HISTORY_AFTER, Position
from data.ports.recipe import MonitorRecipe
from data.ports.store import Store

MOST_VEHICLES = 50_000
STANDS_WITHIN_M = 20.0  # the error of a position: nearer to the last kept one, the vehicle has not moved
STANDING_EVERY = timedelta(minutes=10)  # so often a standing vehicle is kept, so that its track has no gap
USUAL_SPACING = timedelta(seconds=10)

_Key = tuple[str, str, str]


class _Last(NamedTuple):
    at: datetime
    kept: Position


def spacing_of(recipe: MonitorRecipe) -> timedelta:
    """The shortest time between two positions of a track."""
    spacing = getattr(recipe, "keep_every", USUAL_SPACING)
    return spacing if isinstance(spacing, timedelta) else USUAL_SPACING


class KnownPositions:
    """Of every vehicle the newest position, the one that was silent for longest forgotten first."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._last: OrderedDict[_Key, _Last] = OrderedDict()
        newest = store.read(lambda reader: reader.newest_positions(now - HISTORY_AFTER, MOST_VEHICLES))
        for position in reversed(newest):
            if position.at <= now:
                self._last[_key(position)] = _Last(position.at, position)

    def is_news(self, position: Position) -> bool:
        """Is it newer than all of its vehicle so far? It is the newest from now on."""
        key = _key(position)
        known = self._last.pop(key, None)
        if known is not None and position.at <= known.at:
            self._last[key] = known
            return False
        self._last[key] = _Last(position.at, position if known is None else known.kept)
        if len(self._last) > MOST_VEHICLES:
            self._last.popitem(last=False)
        return True

    def is_kept(self, position: Position, spacing: timedelta) -> bool:
        """Does it belong into the track? Asked of news only."""
        key = _key(position)
        kept = self._last[key].kept
        passed = position.at - kept.at
        moved = distance_m(Location(lon=kept.lon, lat=kept.lat), Location(lon=position.lon, lat=position.lat))
        if kept is not position and (passed < spacing or (moved < STANDS_WITHIN_M and passed < STANDING_EVERY)):
            return False
        self._last[key] = _Last(position.at, position)
        return True

    def knows(self, position: Position) -> bool:
        """Is it the newest of its vehicle?"""
        known = self._last.get(_key(position))
        return known is not None and known.at == position.at

    def forget(self) -> None:
        """The clock has been put back: what comes now is not older than what came."""
        self._last.clear()


def _key(position: Position) -> _Key:
    return position.site, position.monitor, position.vehicle
