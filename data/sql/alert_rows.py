"""The tables of alerts: present state, steps and pending conditions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row


class AlertRow(Numbered, Row):
    __tablename__ = "alerts"

    site: Mapped[str]
    rule: Mapped[str]
    zone: Mapped[str]
    subject: Mapped[str]
    kind: Mapped[str]
    priority: Mapped[str]
    started_at: Mapped[datetime]
    raised_at: Mapped[datetime] = mapped_column(index=True)
    label: Mapped[str]
    confidence: Mapped[float | None]
    xyxy: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    value: Mapped[float | None]
    unit: Mapped[str]
    evidence: Mapped[str | None] = mapped_column(ForeignKey("evidence.id"), index=True)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), index=True)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    committed_at: Mapped[datetime | None]
    version: Mapped[int]
    occurrence: Mapped[int]
    follows: Mapped[int | None]
    calls: Mapped[int]
    active_since: Mapped[datetime | None]
    acknowledged_until: Mapped[datetime | None]
    clearing_since: Mapped[datetime | None]
    stale_since: Mapped[datetime | None]
    latched_since: Mapped[datetime | None]
    shelved_until: Mapped[datetime | None]
    shelved_by: Mapped[str]
    inhibited_by: Mapped[str]
    work_order: Mapped[str] = mapped_column(ForeignText)
    verification: Mapped[str]
    dwell: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    second_look: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    forecast: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    vehicle: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (
        Index(
            "uq_alerts_open_key",
            "site",
            "rule",
            "zone",
            "subject",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_alerts_site_raised_at", "site", "raised_at"),
        Index("ix_alerts_key", "site", "rule", "zone", "subject", "id"),
        Index("ix_alerts_subject_raised_at", "subject", "raised_at"),
        {"sqlite_autoincrement": True},
    )


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
    """A condition that has not held for long enough to be an alert."""

    __tablename__ = "pending_conditions"

    site: Mapped[str] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    zone: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    kind: Mapped[str]
    priority: Mapped[str]
