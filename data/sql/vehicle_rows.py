"""The tables of vehicles' positions: tracks, and the newest of each vehicle. Whole numbers take half the room."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, RowMapping
from sqlalchemy.orm import Mapped, mapped_column

from data.model.observation import Position
from data.sql.columns import ForeignText
from data.sql.models import Row

_DEGREE = 1_000_000  # 0.1 m
_KMH = 10


class VehiclePositionRow(Row):
    """`speed`: 0.1 km/h. `heading`: degrees from north."""

    __tablename__ = "vehicle_positions"

    vehicle: Mapped[str] = mapped_column(ForeignText, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(primary_key=True)
    monitor: Mapped[str] = mapped_column(primary_key=True)
    lon_e6: Mapped[int]
    lat_e6: Mapped[int]
    speed: Mapped[int | None]
    heading: Mapped[int | None]

    __table_args__ = (Index("ix_vehicle_positions_at", "at"),)


class NewestVehiclePositionRow(Row):
    """The newest position of each vehicle, so that the map searches no tracks."""

    __tablename__ = "newest_vehicle_positions"

    vehicle: Mapped[str] = mapped_column(ForeignText, primary_key=True)
    site: Mapped[str] = mapped_column(primary_key=True)
    monitor: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    lon_e6: Mapped[int]
    lat_e6: Mapped[int]
    speed: Mapped[int | None]
    heading: Mapped[int | None]


def position_values(position: Position) -> dict[str, Any]:
    speed, heading = position.speed_kmh, position.heading_deg
    return {
        "vehicle": position.vehicle,
        "at": position.at,
        "site": position.site,
        "monitor": position.monitor,
        "lon_e6": round(position.lon * _DEGREE),
        "lat_e6": round(position.lat * _DEGREE),
        "speed": None if speed is None else round(speed * _KMH),
        "heading": None if heading is None else round(heading) % 360,
    }


def position_of(row: RowMapping) -> Position:
    return Position(
        site=row["site"],
        monitor=row["monitor"],
        vehicle=row["vehicle"],
        lon=row["lon_e6"] / _DEGREE,
        lat=row["lat_e6"] / _DEGREE,
        at=row["at"],
        speed_kmh=None if row["speed"] is None else row["speed"] / _KMH,
        heading_deg=None if row["heading"] is None else float(row["heading"]),
    )
