"""The table of inspections, and its rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, RowMapping
from sqlalchemy import text as where
from sqlalchemy.orm import Mapped, mapped_column

from data.model.geo import Location
from data.model.inspection import Finding, Found, Inspection, InspectionReason
from data.sql import rows
from data.sql.case_rows import clean
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row

OPEN = "done_at IS NULL AND dropped_at IS NULL"
_ONE_OPEN = f"{OPEN} AND event_id IS NULL"


class InspectionRow(Numbered, Row):
    __tablename__ = "inspections"

    place: Mapped[str]
    type: Mapped[str]
    name: Mapped[str] = mapped_column(ForeignText)
    lon: Mapped[float]
    lat: Mapped[float]
    made_at: Mapped[datetime]
    opens: Mapped[datetime]
    due: Mapped[datetime]
    reason: Mapped[str]
    grid: Mapped[str]
    opened_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    dropped_at: Mapped[datetime | None]
    done_by: Mapped[str]
    findings: Mapped[Any] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(ForeignText)
    photo: Mapped[str | None] = mapped_column(ForeignKey("evidence.id"))
    position_lon: Mapped[float | None]
    position_lat: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    distance_m: Mapped[float | None]
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"))
    version: Mapped[int]

    __table_args__ = (
        Index(
            "ix_inspections_one_open",
            "place",
            unique=True,
            sqlite_where=where(_ONE_OPEN),
            postgresql_where=where(_ONE_OPEN),
        ),
        Index("ix_inspections_open", "grid", sqlite_where=where(OPEN), postgresql_where=where(OPEN)),
        Index("ix_inspections_place_done_at", "place", "done_at"),
        Index("ix_inspections_done_at", "done_at"),
        {"sqlite_autoincrement": True},
    )


def inspection_of(row: RowMapping) -> Inspection:
    values = dict(row)
    position = values.pop("position_lon"), values.pop("position_lat")
    return Inspection(
        location=Location(lon=values.pop("lon"), lat=values.pop("lat")),
        position=None if position[0] is None else Location(lon=position[0], lat=position[1]),
        reason=InspectionReason(values.pop("reason")),
        findings=tuple(Finding(**{**one, "found": Found(one["found"])}) for one in values.pop("findings")),
        **values,
    )


def inspection_values(inspection: Inspection) -> dict[str, Any]:
    position = inspection.position
    own = rows.plain(inspection, "id", "location", "position", "reason", "findings")
    return own | {
        "lon": inspection.location.lon,
        "lat": inspection.location.lat,
        "position_lon": None if position is None else position.lon,
        "position_lat": None if position is None else position.lat,
        "reason": inspection.reason.value,
        "findings": [_finding_values(one) for one in inspection.findings],
    }


def _finding_values(one: Finding) -> dict[str, Any]:
    found = {"item": one.item, "found": one.found.value, "note": clean(one.note)}
    return found | {"event": one.event, "again": one.again}
