"""Cases from other systems, and their personal values."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime, big_id

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "received_cases",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("delete_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_received_cases_event_id_events"),
        sa.PrimaryKeyConstraint("id", name="pk_received_cases"),
        sa.UniqueConstraint("source", "key", name="uq_received_cases_source_key"),
        sa.UniqueConstraint("event_id", name="uq_received_cases_event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_received_cases_received_at", "received_cases", ["received_at"])
    op.create_table(
        "personal_values",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_personal_values_event_id_events"),
        sa.PrimaryKeyConstraint("id", name="pk_personal_values"),
        sa.UniqueConstraint("event_id", "field", name="uq_personal_values_event_id_field"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("personal_values")
    op.drop_table("received_cases")
