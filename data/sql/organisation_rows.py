"""The tables of the organisation and of the category table, and their rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, RowMapping
from sqlalchemy.orm import Mapped, mapped_column

from data.model.category import Category, CategoryVersion
from data.model.geo import Location
from data.model.organisation import Shift, Unit, UnitKind, Upkeep
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row
from data.sql.rows import plain


class UnitRow(Row):
    __tablename__ = "units"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(ForeignText)
    parent: Mapped[str]
    code: Mapped[str] = mapped_column(index=True)
    section: Mapped[str]
    posts: Mapped[int]
    people: Mapped[Any] = mapped_column(JSON)
    leader: Mapped[str]
    powers: Mapped[Any] = mapped_column(JSON)
    vehicles: Mapped[Any] = mapped_column(JSON)
    contact: Mapped[Any] = mapped_column(JSON)
    platform: Mapped[bool]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    outline: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    version: Mapped[int]


class ShiftRow(Numbered, Row):
    __tablename__ = "shifts"

    unit: Mapped[str] = mapped_column(ForeignKey("units.id"))
    person: Mapped[str]
    begins: Mapped[datetime]
    ends: Mapped[datetime]
    duty: Mapped[str] = mapped_column(ForeignText)

    __table_args__ = (Index("ix_shifts_ends", "ends"), {"sqlite_autoincrement": True})


class CategoryRow(Row):
    __tablename__ = "categories"

    kind: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSON)
    version: Mapped[int]


class UpkeepRow(Numbered, Row):
    __tablename__ = "upkeeps"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    title: Mapped[str] = mapped_column(ForeignText)
    unit: Mapped[str]
    every_s: Mapped[float]
    begins: Mapped[datetime]
    ends: Mapped[datetime | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


def unit_of(row: RowMapping) -> Unit:
    values = dict(row)
    lon, lat = values.pop("lon"), values.pop("lat")
    for name in ("people", "powers", "vehicles"):
        values[name] = tuple(values[name])
    location = None if lon is None else Location(lon=lon, lat=lat)
    return Unit(kind=UnitKind(values.pop("kind")), location=location, **values)


def unit_values(unit: Unit) -> dict[str, Any]:
    own = plain(unit, "kind", "location", "people", "powers", "vehicles", "contact", "outline")
    return own | {
        "kind": unit.kind.value,
        "people": list(unit.people),
        "powers": list(unit.powers),
        "vehicles": list(unit.vehicles),
        "contact": dict(unit.contact),
        "outline": None if unit.outline is None else dict(unit.outline),
        "lon": None if unit.location is None else unit.location.lon,
        "lat": None if unit.location is None else unit.location.lat,
    }


def shift_of(row: RowMapping) -> Shift:
    return Shift(**row)


def category_of_row(row: RowMapping) -> CategoryVersion:
    return CategoryVersion(category=Category.model_validate(row["body"]), version=row["version"])


def upkeep_of(row: RowMapping) -> Upkeep:
    return Upkeep(**row)
