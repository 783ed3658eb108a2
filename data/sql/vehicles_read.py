"""Queries of vehicles' positions, and of the alerts about one vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from data.model.observation import Position
from data.sql.alert_rows import AlertRow
from data.sql.base_queries import BaseQueries
from data.sql.vehicle_rows import NewestVehiclePositionRow, VehiclePositionRow, position_of

TRACKS = VehiclePositionRow.table()
NEWEST_OF_VEHICLE = NewestVehiclePositionRow.table()
_ALERTS = AlertRow.table()
_MOST_ALERTS = 1000


class VehicleQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about vehicles."""

    def vehicle_track(self, vehicle: str, since: datetime, until: datetime, limit: int = 5000) -> Sequence[Position]:
        found = select(TRACKS).where(TRACKS.c.vehicle == vehicle, TRACKS.c.at >= since, TRACKS.c.at < until)
        newest = self._all(found.order_by(TRACKS.c.at.desc()).limit(limit), position_of)
        return newest[::-1]

    def newest_positions(self, since: datetime, limit: int = 5000) -> Sequence[Position]:
        found = select(NEWEST_OF_VEHICLE).where(NEWEST_OF_VEHICLE.c.at >= since)
        return self._all(found.order_by(NEWEST_OF_VEHICLE.c.at.desc()).limit(limit), position_of)

    def vehicle_alert_times(self, vehicle: str, since: datetime, until: datetime) -> Sequence[datetime]:
        raised_at = _ALERTS.c.raised_at
        found = select(raised_at).where(_ALERTS.c.subject == vehicle, raised_at >= since, raised_at < until)
        found = found.where(_ALERTS.c.vehicle.is_not(None)).order_by(raised_at.desc()).limit(_MOST_ALERTS)
        return list(self._connection.execute(found).scalars())
