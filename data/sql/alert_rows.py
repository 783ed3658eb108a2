"""The tables of an alert's life: its steps, and what is pending."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row


class AlertStepRow(Numbered, Row):
    """Append-only: a trigger refuses UPDATE and DELETE."""

    __tablename__ = "alert_steps"

    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    step: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str]
    role: Mapped[str]
    occurrence: Mapped[int]
    reason: Mapped[str] = mapped_column(ForeignText)
    until: Mapped[datetime | None]
    proofs: Mapped[Any] = mapped_column(JSON)
    detail: Mapped[Any] = mapped_column(JSON)

    __table_args__ = (Index("ix_alert_steps_alert_id_id", "alert_id", "id"), {"sqlite_autoincrement": True})


class PendingRow(Row):
    """A condition that holds, but not yet for long enough to be an alert."""

    __tablename__ = "pending_conditions"

    site: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    kind: Mapped[str]
    priority: Mapped[str]
