"""The tables. Rows are converted to domain values in `data.sql.rows`; statements use these tables directly."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from data.sql.columns import ForeignText, UtcDateTime, big_id


class Row(DeclarativeBase):
    """A table of the store."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        str: Text,
        float: Float(53),
        bool: Boolean,
        int: BigInteger,
    }

    @classmethod
    def table(cls) -> Table:
        """The table itself, for Core statements."""
        return cls.metadata.tables[cls.__tablename__]


class Numbered:
    """Rows numbered by the database. A number is never reused, even after deletion."""

    id: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)


class EvidenceRow(Row):
    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    media_type: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    size: Mapped[int]
    origin: Mapped[str]

    __table_args__ = (Index("ix_evidence_origin_at", "origin", "at"),)


class EventRow(Numbered, Row):
    __tablename__ = "events"

    title: Mapped[str] = mapped_column(ForeignText)
    kind: Mapped[str]
    site: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    priority: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(index=True)
    grid: Mapped[str]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    origin: Mapped[str]
    description: Mapped[str] = mapped_column(ForeignText)
    photo: Mapped[str | None] = mapped_column(index=True)
    reporter: Mapped[Any] = mapped_column(JSON)
    section: Mapped[str]
    lead: Mapped[str]
    co_handlers: Mapped[Any] = mapped_column(JSON)
    cooperating: Mapped[Any] = mapped_column(JSON)
    holders: Mapped[Any] = mapped_column(JSON)
    recurs: Mapped[int | None]
    clocks: Mapped[Any] = mapped_column(JSON)
    steps: Mapped[Any] = mapped_column(JSON)
    version: Mapped[int]

    __table_args__ = (
        Index("ix_events_kind_closed_at", "kind", "closed_at"),
        Index("ix_events_kind_opened_at", "kind", "opened_at"),
        Index("ix_events_origin_opened_at", "origin", "opened_at"),
        {"sqlite_autoincrement": True},
    )


class TaskRow(Numbered, Row):
    __tablename__ = "tasks"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), index=True)
    title: Mapped[str] = mapped_column(ForeignText)
    priority: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(index=True)
    created_by: Mapped[str]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"), index=True)
    site: Mapped[str]
    grid: Mapped[str]
    role: Mapped[str]
    checklist: Mapped[Any] = mapped_column(JSON)
    candidates: Mapped[Any] = mapped_column(JSON)
    offered_to: Mapped[str | None] = mapped_column(index=True)
    also_offered: Mapped[Any] = mapped_column(JSON)
    responder: Mapped[str | None] = mapped_column(index=True)
    accepted_at: Mapped[datetime | None]
    en_route_at: Mapped[datetime | None]
    on_scene_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    report_text: Mapped[str] = mapped_column(ForeignText)
    report_photo: Mapped[str | None] = mapped_column(ForeignKey("evidence.id"), index=True)
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    unit: Mapped[str] = mapped_column(index=True)
    promised: Mapped[date | None] = mapped_column(Date)
    needs_photo: Mapped[bool]
    steps: Mapped[Any] = mapped_column(JSON)
    version: Mapped[int]

    __table_args__ = ({"sqlite_autoincrement": True},)


class OfferRow(Numbered, Row):
    __tablename__ = "offers"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"), index=True)
    responder: Mapped[str] = mapped_column(ForeignKey("responders.id"), index=True)
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    travel_s: Mapped[float]
    distance_m: Mapped[float]
    method: Mapped[str]
    accepted_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    expired_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(ForeignText)
    delivered_at: Mapped[datetime | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


class ResponderRow(Row):
    """A responder with the latest position."""

    __tablename__ = "responders"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    team: Mapped[str]
    grid: Mapped[str]
    skills: Mapped[Any] = mapped_column(JSON)
    phone: Mapped[str]
    travel: Mapped[str]
    on_shift: Mapped[bool]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    position_at: Mapped[datetime | None]


class PositionRow(Row):
    """Positions of responders: append-only, for replay."""

    __tablename__ = "positions"

    responder: Mapped[str] = mapped_column(ForeignKey("responders.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    lon: Mapped[float]
    lat: Mapped[float]
    doubt: Mapped[str] = mapped_column(server_default="")


class ReadingRow(Row):
    __tablename__ = "readings"

    site: Mapped[str] = mapped_column(primary_key=True)
    monitor: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float]
    quality: Mapped[str]
    uncertainty: Mapped[float | None]
    vertical_datum: Mapped[str | None]
    first_value: Mapped[float | None]
    corrections: Mapped[int]

    __table_args__ = (Index("ix_readings_site_at", "site", "at"),)


class SupersededReadingRow(Numbered, Row):
    """Readings before their correction: append-only."""

    __tablename__ = "superseded_readings"

    site: Mapped[str]
    monitor: Mapped[str]
    quantity: Mapped[str]
    at: Mapped[datetime]
    value: Mapped[float]
    quality: Mapped[str]
    uncertainty: Mapped[float | None]
    vertical_datum: Mapped[str | None]
    superseded_at: Mapped[datetime]

    __table_args__ = (Index("ix_superseded_readings_site_at", "site", "at"), {"sqlite_autoincrement": True})


class NewestReadingRow(Row):
    """The newest reading of each (site, monitor, quantity), so that no query searches millions of rows for it."""

    __tablename__ = "newest_readings"

    site: Mapped[str] = mapped_column(primary_key=True)
    monitor: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    value: Mapped[float]
    quality: Mapped[str]
    uncertainty: Mapped[float | None]
    vertical_datum: Mapped[str | None]
    first_value: Mapped[float | None]
    corrections: Mapped[int]


class RejectRow(Numbered, Row):
    __tablename__ = "rejects"

    site: Mapped[str] = mapped_column(index=True)
    monitor: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(ForeignText)
    excerpt: Mapped[str] = mapped_column(ForeignText)

    __table_args__ = ({"sqlite_autoincrement": True},)


class UserRow(Row):
    __tablename__ = "users"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    display_name: Mapped[str] = mapped_column(ForeignText)
    disabled_at: Mapped[datetime | None]
    disabled_by: Mapped[str]
    identity: Mapped[str] = mapped_column(ForeignText, index=True)


class SessionRow(Row):
    __tablename__ = "sessions"

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    kind: Mapped[str]
    revoked_at: Mapped[datetime | None]
    csrf: Mapped[str]
    address: Mapped[str]
    agent: Mapped[str] = mapped_column(ForeignText)
    label: Mapped[str] = mapped_column(ForeignText)
    provider_session: Mapped[str] = mapped_column(ForeignText, index=True)
    scope: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class FactorRow(Numbered, Row):
    """A second factor: authenticator app, passkey, recovery code."""

    __tablename__ = "factors"

    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    kind: Mapped[str]
    label: Mapped[str] = mapped_column(ForeignText)
    body: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = ({"sqlite_autoincrement": True},)


class AccountCodeRow(Row):
    """A one-time code with which somebody sets a password."""

    __tablename__ = "account_codes"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    purpose: Mapped[str]
    issued_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class TimerRow(Numbered, Row):
    __tablename__ = "timers"

    kind: Mapped[str]
    subject: Mapped[int]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_timers_waiting",
            "kind",
            "due_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
        Index("ix_timers_kind_subject", "kind", "subject"),
        {"sqlite_autoincrement": True},
    )


class AuditRow(Row):
    """Append-only: a trigger refuses UPDATE and DELETE, and the chain of hashes shows what a trigger cannot stop."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    detail: Mapped[Any] = mapped_column(JSON)
    previous_hash: Mapped[str]
    hash: Mapped[str]

    # A chain does not fork: each entry has at most one successor.
    __table_args__ = (
        Index("uq_audit_previous_hash", "previous_hash", unique=True),
        {"sqlite_autoincrement": True},
    )


class OutboxRow(Row):
    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=True)
    topic: Mapped[str]
    subject: Mapped[str]
    at: Mapped[datetime]
    payload: Mapped[Any] = mapped_column(JSON)

    __table_args__ = (Index("ix_outbox_topic_seq", "topic", "seq"), {"sqlite_autoincrement": True})


class AnswerRow(Row):
    """The answer to a POST with an Idempotency-Key."""

    __tablename__ = "answers"

    key: Mapped[str] = mapped_column(primary_key=True)
    user_name: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[int]
    body: Mapped[Any] = mapped_column(JSON)
    request_hash: Mapped[str]
    at: Mapped[datetime]


class RequestRow(Numbered, Row):
    """A request of the screens to the other processes, and its answer."""

    __tablename__ = "requests"

    kind: Mapped[str]
    payload: Mapped[Any] = mapped_column(JSON)
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    answer: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str] = mapped_column(ForeignText)

    __table_args__ = (
        Index(
            "ix_requests_waiting",
            "id",
            sqlite_where=text("answered_at IS NULL"),
            postgresql_where=text("answered_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )


class ValueRow(Row):
    """A small named JSON value."""

    __tablename__ = "named_values"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
