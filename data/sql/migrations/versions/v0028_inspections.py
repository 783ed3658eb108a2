"""Inspections of places: due, done, overdue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime, big_id

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_OPEN = "done_at IS NULL AND dropped_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "inspections",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lon", sa.Float(53), nullable=False),
        sa.Column("lat", sa.Float(53), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("opens", UtcDateTime(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("overdue_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("dropped_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("photo", sa.Text(), nullable=True),
        sa.Column("position_lon", sa.Float(53), nullable=True),
        sa.Column("position_lat", sa.Float(53), nullable=True),
        sa.Column("accuracy_m", sa.Float(53), nullable=True),
        sa.Column("distance_m", sa.Float(53), nullable=True),
        sa.Column("event_id", big_id(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["photo"], ["evidence.id"], name="fk_inspections_photo_evidence"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_inspections_event_id_events"),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
        sqlite_autoincrement=True,
    )
    one = sa.text(f"{_OPEN} AND event_id IS NULL")
    op.create_index(
        "ix_inspections_one_open", "inspections", ["place"], unique=True, sqlite_where=one, postgresql_where=one
    )
    still_open = sa.text(_OPEN)
    op.create_index(
        "ix_inspections_open", "inspections", ["grid"], sqlite_where=still_open, postgresql_where=still_open
    )
    op.create_index("ix_inspections_place_done_at", "inspections", ["place", "done_at"])
    op.create_index("ix_inspections_done_at", "inspections", ["done_at"])


def downgrade() -> None:
    op.drop_table("inspections")
