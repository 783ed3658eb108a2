"""The table of shift handovers, and its rows as domain values and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, RowMapping
from sqlalchemy.orm import Mapped, mapped_column

from data.model.handover import Handover, HandoverNote
from data.sql.case_rows import clean, step_of, step_values
from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row


class HandoverRow(Numbered, Row):
    """`words`: everything that somebody wrote, and who, in lower case, for the search."""

    __tablename__ = "handovers"

    since: Mapped[datetime]
    change: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(index=True)
    notes: Mapped[Any] = mapped_column(JSON)
    steps: Mapped[Any] = mapped_column(JSON)
    items: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    document: Mapped[str] = mapped_column(ForeignText)
    digest: Mapped[str]
    words: Mapped[str] = mapped_column(ForeignText)
    version: Mapped[int]

    __table_args__ = ({"sqlite_autoincrement": True},)


def handover_of(row: RowMapping) -> Handover:
    values = {name: value for name, value in row.items() if name not in {"state", "words"}}
    notes = tuple(HandoverNote(**{**note, "at": datetime.fromisoformat(note["at"])}) for note in values.pop("notes"))
    return Handover(notes=notes, steps=tuple(step_of(step) for step in values.pop("steps")), **values)


def handover_values(handover: Handover) -> dict[str, Any]:
    names = ("since", "change", "items", "document", "digest", "version")
    notes = [
        {"item": one.item, "text": clean(one.text), "by": one.by, "at": one.at.isoformat(), "question": one.question}
        for one in handover.notes
    ]
    told = [*(f"{one.by} {one.text}" for one in handover.notes), *(f"{one.by} {one.reason}" for one in handover.steps)]
    return {
        **{name: getattr(handover, name) for name in names},
        "state": handover.state.value,
        "notes": notes,
        "steps": [step_values(step) for step in handover.steps],
        "words": " ".join(told).lower(),
    }
