"""The tables of clips: each with the span it covers, and the alerts that it belongs to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.models import Numbered, Row


class ClipRow(Numbered, Row):
    __tablename__ = "clips"

    site: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    asked_at: Mapped[datetime]
    state: Mapped[str]
    sha256: Mapped[str | None] = mapped_column(index=True)
    path: Mapped[str]
    codec: Mapped[str]
    size: Mapped[int]
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime | None]
    gap_s: Mapped[float]
    reason: Mapped[str]

    __table_args__ = (
        Index("ix_clips_state_asked_at", "state", "asked_at"),
        Index("ix_clips_site_since", "site", "since"),
        {"sqlite_autoincrement": True},
    )


class ClipAlertRow(Row):
    __tablename__ = "clip_alerts"

    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"), primary_key=True, index=True)
