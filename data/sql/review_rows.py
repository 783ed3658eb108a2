"""The tables of reviews, their versions and their comments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.columns import ForeignText
from data.sql.models import Numbered, Row


class ReviewRow(Numbered, Row):
    __tablename__ = "reviews"

    topic: Mapped[str]
    number: Mapped[int | None]
    title: Mapped[str] = mapped_column(ForeignText)
    kind: Mapped[str]
    site: Mapped[str]
    priority: Mapped[str | None]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    newest: Mapped[int]
    signed: Mapped[int | None]
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[str | None]
    sha256: Mapped[str | None]
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), index=True)
    version: Mapped[int]

    __table_args__ = (
        Index("uq_reviews_topic_number", "topic", "number", unique=True),  # NULL differs from NULL: spans are many
        {"sqlite_autoincrement": True},
    )


class ReviewVersionRow(Numbered, Row):
    __tablename__ = "review_versions"

    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"))
    number: Mapped[int]
    at: Mapped[datetime]
    who: Mapped[str]
    role: Mapped[str]
    note: Mapped[str] = mapped_column(ForeignText)
    document: Mapped[str] = mapped_column(ForeignText)
    sha256: Mapped[str]

    __table_args__ = (
        Index("uq_review_versions_review_id_number", "review_id", "number", unique=True),
        {"sqlite_autoincrement": True},
    )


class ReviewCommentRow(Numbered, Row):
    __tablename__ = "review_comments"

    review_id: Mapped[int] = mapped_column(ForeignKey("reviews.id"), index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    role: Mapped[str]
    part: Mapped[str]
    text: Mapped[str] = mapped_column(ForeignText)

    __table_args__ = ({"sqlite_autoincrement": True},)
