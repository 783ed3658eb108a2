"""The tables of official warnings, and their rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, RowMapping
from sqlalchemy.orm import Mapped, mapped_column

from data.errors import UnusableRow
from data.model.warning import (
    HazardWarning,
    MessageType,
    WarningArea,
    WarningId,
    WarningInfo,
    WarningLevel,
    WarningNote,
    WarningStatus,
)
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row

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
    infos: Mapped[Any] = mapped_column(JSON, nullable=True)  # areas by their index in `areas`; null in old rows
    notes: Mapped[Any] = mapped_column(JSON)
    quarantined_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_warnings_key", *_KEY, unique=True),
        Index("ix_warnings_expires", "expires"),
        {"sqlite_autoincrement": True},
    )


class WarningReferenceRow(Row):
    """References of a message to others, which may arrive later than it."""

    __tablename__ = "warning_references"

    warning_id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(ForeignText, primary_key=True)
    identifier: Mapped[str] = mapped_column(ForeignText, primary_key=True)
    sent: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_warning_references_key", *_KEY),)


_FAULTS = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)


def warning_of(row: RowMapping, references: tuple[WarningId, ...]) -> HazardWarning:
    """Raises UnusableRow, naming the warning."""
    try:
        return _warning_of(dict(row), references)
    except _FAULTS as error:
        raise UnusableRow(f"warning {row['id']} cannot be read: {type(error).__name__}: {error}"[:300]) from error


def _warning_of(values: dict[str, Any], references: tuple[WarningId, ...]) -> HazardWarning:
    areas = tuple(_area_of(area) for area in values.pop("areas"))
    infos = values.pop("infos")
    return HazardWarning(
        key=WarningId(*(values.pop(name) for name in _KEY)),
        status=WarningStatus(values.pop("status")),
        message_type=MessageType(values.pop("message_type")),
        references=references,
        level=WarningLevel(values.pop("level")),
        areas=areas,
        event_codes=tuple((name, code) for name, code in values.pop("event_codes")),
        infos=tuple(_info_of(info, areas) for info in infos or ()),
        notes=tuple(WarningNote(note) for note in values.pop("notes") or ()),
        **values,
    )


def _ring_of(ring: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(lon), float(lat)) for lon, lat in ring)


def _area_of(area: dict[str, Any]) -> WarningArea:
    return WarningArea(
        area["description"],
        tuple(_ring_of(ring) for ring in area["polygons"]),
        tuple((float(lon), float(lat), float(radius_km)) for lon, lat, radius_km in area["circles"]),
        tuple((str(name), str(code)) for name, code in area["geocodes"]),
        bool(area.get("unknown", False)),
        tuple(_ring_of(ring) for ring in area.get("outlines", ())),
    )


def _info_of(info: dict[str, Any], areas: tuple[WarningArea, ...]) -> WarningInfo:
    effective, onset, expires = (_time_of(info[name]) for name in ("effective", "onset", "expires"))
    if effective is None or onset is None:
        raise ValueError("a block has no beginning")
    return WarningInfo(
        info["event"],
        WarningLevel(info["level"]),
        info["severity"],
        info["urgency"],
        info["certainty"],
        effective,
        onset,
        expires,
        tuple(areas[index] for index in info["areas"]),
        info["headline"],
        info["language"],
        tuple((name, code) for name, code in info["event_codes"]),
        bool(info["over"]),
    )


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def area_values(area: WarningArea) -> dict[str, Any]:
    """An area as JSON, polygons as rings of [lon, lat]."""
    return {
        "description": area.description,
        "polygons": [[list(point) for point in ring] for ring in area.polygons],
        "circles": [list(circle) for circle in area.circles],
        "geocodes": [list(code) for code in area.geocodes],
        "unknown": area.unknown,
        "outlines": [[list(point) for point in ring] for ring in area.outlines],
    }


def info_values(info: WarningInfo, places: dict[WarningArea, int]) -> dict[str, Any]:
    """An info block as JSON; `places`: the index of each area in the message."""
    return {
        "event": info.event,
        "level": info.level.value,
        "severity": info.severity,
        "urgency": info.urgency,
        "certainty": info.certainty,
        "effective": info.effective.isoformat(),
        "onset": info.onset.isoformat(),
        "expires": None if info.expires is None else info.expires.isoformat(),
        "areas": [places[area] for area in info.areas],
        "headline": info.headline,
        "language": info.language,
        "event_codes": [list(code) for code in info.event_codes],
        "over": info.over,
    }


def warning_values(warning: HazardWarning) -> dict[str, Any]:
    """The values of a row. Areas named only by blocks that are over are kept, too."""
    kept = [column for column in WarningRow.table().columns.keys() if column not in {*_KEY, "id"}]  # noqa: SIM118
    own = {name: getattr(warning, name) for name in kept}
    areas = tuple(dict.fromkeys([*warning.areas, *(area for info in warning.infos for area in info.areas)]))
    places = {area: index for index, area in enumerate(areas)}
    return own | warning.key._asdict() | {
        "status": warning.status.value,
        "message_type": warning.message_type.value,
        "level": warning.level.value,
        "areas": [area_values(area) for area in areas],
        "event_codes": [list(code) for code in warning.event_codes],
        "infos": [info_values(info, places) for info in warning.infos],
        "notes": [note.value for note in warning.notes],
    }  # fmt: skip
