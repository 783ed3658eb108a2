"""The tables of official warnings, and their rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, RowMapping
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row
from data.warning import HazardWarning, MessageType, WarningArea, WarningId, WarningLevel, WarningStatus

_KEY = ("sender", "identifier", "sent")


class WarningRow(Numbered, Row):
    __tablename__ = "warnings"

    sender: Mapped[str] = mapped_column(ForeignText)
    identifier: Mapped[str] = mapped_column(ForeignText)
    sent: Mapped[datetime]
    status: Mapped[str]
    message_type: Mapped[str]
    event: Mapped[str] = mapped_column(ForeignText)
    level: Mapped[str]
    severity: Mapped[str] = mapped_column(ForeignText)
    urgency: Mapped[str] = mapped_column(ForeignText)
    certainty: Mapped[str] = mapped_column(ForeignText)
    effective: Mapped[datetime]
    onset: Mapped[datetime]
    expires: Mapped[datetime | None]
    areas: Mapped[Any] = mapped_column(JSON)
    headline: Mapped[str] = mapped_column(ForeignText)
    description: Mapped[str] = mapped_column(ForeignText)
    instruction: Mapped[str] = mapped_column(ForeignText)
    language: Mapped[str] = mapped_column(ForeignText)
    event_codes: Mapped[Any] = mapped_column(JSON)
    origin: Mapped[str]
    received_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_warnings_key", *_KEY, unique=True),
        Index("ix_warnings_expires", "expires"),
        {"sqlite_autoincrement": True},
    )


class WarningReferenceRow(Row):
    """Which messages a message refers to; they may arrive later than it."""

    __tablename__ = "warning_references"

    warning_id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(ForeignText, primary_key=True)
    identifier: Mapped[str] = mapped_column(ForeignText, primary_key=True)
    sent: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_warning_references_key", *_KEY),)


def warning_of(row: RowMapping, references: tuple[WarningId, ...]) -> HazardWarning:
    values = dict(row)
    return HazardWarning(
        key=WarningId(*(values.pop(name) for name in _KEY)),
        status=WarningStatus(values.pop("status")),
        message_type=MessageType(values.pop("message_type")),
        references=references,
        level=WarningLevel(values.pop("level")),
        areas=tuple(_area_of(area) for area in values.pop("areas")),
        event_codes=tuple((name, code) for name, code in values.pop("event_codes")),
        **values,
    )


def _area_of(area: dict[str, Any]) -> WarningArea:
    return WarningArea(
        area["description"],
        tuple(tuple((lon, lat) for lon, lat in ring) for ring in area["polygons"]),
        tuple((lon, lat, radius_km) for lon, lat, radius_km in area["circles"]),
        tuple((name, code) for name, code in area["geocodes"]),
    )


def area_values(area: WarningArea) -> dict[str, Any]:
    """An area as JSON, polygons as rings of [lon, lat]."""
    return {
        "description": area.description,
        "polygons": [[list(point) for point in ring] for ring in area.polygons],
        "circles": [list(circle) for circle in area.circles],
        "geocodes": [list(code) for code in area.geocodes],
    }


def warning_values(warning: HazardWarning) -> dict[str, Any]:
    kept = [column for column in WarningRow.table().columns.keys() if column not in {*_KEY, "id"}]  # noqa: SIM118
    own = {name: getattr(warning, name) for name in kept}
    return own | warning.key._asdict() | {
        "status": warning.status.value,
        "message_type": warning.message_type.value,
        "level": warning.level.value,
        "areas": [area_values(area) for area in warning.areas],
        "event_codes": [list(code) for code in warning.event_codes],
    }  # fmt: skip
