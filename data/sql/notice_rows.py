"""The tables of escalations and notices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlalchemy import text as where
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row

_WAITING = "fired_at IS NULL AND stopped_at IS NULL"
_UNSENT = "delivered_at IS NULL AND stopped_at IS NULL AND failed_at IS NULL AND answered_at IS NULL"


class EscalationRow(Numbered, Row):
    __tablename__ = "escalations"

    subject: Mapped[str]
    policy: Mapped[str]
    step: Mapped[int]
    occurrence: Mapped[int]
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("subject", "policy", "step", "occurrence", name="uq_escalations_step"),
        Index("ix_escalations_waiting", "due_at", sqlite_where=where(_WAITING), postgresql_where=where(_WAITING)),
        {"sqlite_autoincrement": True},
    )


class NoticeRow(Numbered, Row):
    __tablename__ = "notices"

    delivery_id: Mapped[str] = mapped_column(unique=True)
    subject: Mapped[str] = mapped_column(index=True)
    policy: Mapped[str]
    step: Mapped[int]
    occurrence: Mapped[int]
    channel: Mapped[str]
    recipients: Mapped[Any] = mapped_column(JSON)
    priority: Mapped[str]
    title: Mapped[str] = mapped_column(ForeignText)
    text: Mapped[str] = mapped_column(ForeignText)
    created_at: Mapped[datetime]
    next_try: Mapped[datetime]
    wants_answer: Mapped[bool]
    attempts: Mapped[int]
    error: Mapped[str] = mapped_column(ForeignText)
    result: Mapped[str] = mapped_column(ForeignText)
    delivered_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    answer: Mapped[str] = mapped_column(ForeignText)

    __table_args__ = (
        Index("ix_notices_unsent", "next_try", sqlite_where=where(_UNSENT), postgresql_where=where(_UNSENT)),
        {"sqlite_autoincrement": True},
    )
