"""The tables of cases from other systems and of their personal values, and their rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, RowMapping, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from data.model.people import Role
from data.model.received_case import PersonalValue, ReceivedCase
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row


class ReceivedCaseRow(Numbered, Row):
    __tablename__ = "received_cases"

    source: Mapped[str]
    key: Mapped[str]
    reference: Mapped[str] = mapped_column(ForeignText)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    received_at: Mapped[datetime]
    delete_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("source", "key", name="uq_received_cases_source_key"),
        UniqueConstraint("event_id", name="uq_received_cases_event_id"),
        Index("ix_received_cases_received_at", "received_at"),
        {"sqlite_autoincrement": True},
    )


class PersonalValueRow(Numbered, Row):
    __tablename__ = "personal_values"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    field: Mapped[str]
    zh: Mapped[str] = mapped_column(ForeignText)
    en: Mapped[str] = mapped_column(ForeignText)
    roles: Mapped[Any] = mapped_column(JSON)
    value: Mapped[str] = mapped_column(ForeignText)

    __table_args__ = (
        UniqueConstraint("event_id", "field", name="uq_personal_values_event_id_field"),
        {"sqlite_autoincrement": True},
    )


def received_case_of(row: RowMapping) -> ReceivedCase:
    return ReceivedCase(**row)


def personal_value_of(row: RowMapping) -> PersonalValue:
    values = dict(row)
    return PersonalValue(roles=frozenset(Role(role) for role in values.pop("roles")), **values)


def personal_value_values(one: PersonalValue) -> dict[str, Any]:
    own = {name: getattr(one, name) for name in ("event_id", "field", "zh", "en", "value")}
    return own | {"roles": sorted(role.value for role in one.roles)}
