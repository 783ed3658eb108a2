"""Writes of vehicles' positions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from data.model.observation import Position
from data.sql.vehicle_rows import position_values
from data.sql.vehicles_read import NEWEST_OF_VEHICLE, TRACKS
from data.sql.writing import SqlWriting, newest_first_by

_VEHICLE = ("vehicle", "site", "monitor")
_AT_ONCE = timedelta(hours=1)  # of tracks deleted in one unit of work


class VehicleWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about vehicles."""

    def add_positions(self, positions: Sequence[Position], *, of_track: Sequence[Position] = ()) -> None:
        track = [position_values(one) for one in of_track]
        if track:
            self._connection.execute(self._inserting(TRACKS).on_conflict_do_nothing(), track)
        newest = newest_first_by([position_values(one) for one in positions], *_VEHICLE)
        if newest:
            statement = self._inserting(NEWEST_OF_VEHICLE)
            changed = {name: statement.excluded[name] for name in ("at", "lon_e6", "lat_e6", "speed", "heading")}
            newer = statement.excluded.at > NEWEST_OF_VEHICLE.c.at
            known = statement.on_conflict_do_update(index_elements=list(_VEHICLE), set_=changed, where=newer)
            self._connection.execute(known, list(newest.values()))

    def forget_positions_after(self, at: datetime) -> None:
        self._connection.execute(delete(NEWEST_OF_VEHICLE).where(NEWEST_OF_VEHICLE.c.at > at))

    def prune_positions(self, before: datetime) -> bool:
        oldest = self._connection.execute(select(func.min(TRACKS.c.at))).scalar()
        if oldest is not None and oldest < before:
            until = min(before, oldest + _AT_ONCE)
            self._connection.execute(delete(TRACKS).where(TRACKS.c.at < until))
        self._connection.execute(delete(NEWEST_OF_VEHICLE).where(NEWEST_OF_VEHICLE.c.at < before))
        return oldest is not None and oldest + _AT_ONCE < before
