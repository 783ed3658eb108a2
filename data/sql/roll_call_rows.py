"""The tables of roll-calls and of the people they call, and their rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, RowMapping, UniqueConstraint
from sqlalchemy import text as where
from sqlalchemy.orm import Mapped, mapped_column

from data.model.roll_call import RollCall
from data.sql.case_rows import step_of, step_values
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row

_OPEN = "closed_at IS NULL"


class RollCallRow(Numbered, Row):
    __tablename__ = "roll_calls"

    title: Mapped[str] = mapped_column(ForeignText)
    text: Mapped[str] = mapped_column(ForeignText)
    answer_within_s: Mapped[float]
    ordered_at: Mapped[datetime]
    steps: Mapped[Any] = mapped_column(JSON)
    template: Mapped[str]
    channels: Mapped[Any] = mapped_column(JSON)
    ladder: Mapped[bool]
    closed_at: Mapped[datetime | None]
    version: Mapped[int]

    __table_args__ = (
        Index("ix_roll_calls_open", "id", sqlite_where=where(_OPEN), postgresql_where=where(_OPEN)),
        {"sqlite_autoincrement": True},
    )


class CalledRow(Numbered, Row):
    __tablename__ = "roll_call_people"

    roll_call_id: Mapped[int] = mapped_column(ForeignKey("roll_calls.id"))
    person: Mapped[str] = mapped_column(index=True)
    unit: Mapped[str]
    stands_for: Mapped[str]
    called_at: Mapped[datetime]
    due: Mapped[datetime]
    calls: Mapped[int]
    shown_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str]
    reason: Mapped[str] = mapped_column(ForeignText)
    told_by: Mapped[str]

    __table_args__ = (
        UniqueConstraint("roll_call_id", "person", name="uq_roll_call_people_person"),
        {"sqlite_autoincrement": True},
    )


def roll_call_of(row: RowMapping) -> RollCall:
    values = dict(row)
    steps = tuple(step_of(step) for step in values.pop("steps"))
    return RollCall(steps=steps, channels=tuple(values.pop("channels")), **values)


def roll_call_values(roll_call: RollCall) -> dict[str, Any]:
    names = ("title", "text", "answer_within_s", "ordered_at", "template", "ladder", "closed_at", "version")
    own = {name: getattr(roll_call, name) for name in names}
    return own | {"steps": [step_values(step) for step in roll_call.steps], "channels": list(roll_call.channels)}
