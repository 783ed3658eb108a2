"""Clips of alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime, big_id

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clips",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("from_at", UtcDateTime(), nullable=True),
        sa.Column("to_at", UtcDateTime(), nullable=True),
        sa.Column("gap_s", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clips"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_clips_state_asked_at", "clips", ["state", "asked_at"])
    op.create_index("ix_clips_site_since", "clips", ["site", "since"])
    op.create_index("ix_clips_sha256", "clips", ["sha256"])
    op.create_table(
        "clip_alerts",
        sa.Column("clip_id", big_id(), nullable=False),
        sa.Column("alert_id", big_id(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name="fk_clip_alerts_clip_id_clips"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_clip_alerts_alert_id_alerts"),
        sa.PrimaryKeyConstraint("clip_id", "alert_id", name="pk_clip_alerts"),
    )
    op.create_index("ix_clip_alerts_alert_id", "clip_alerts", ["alert_id"])


def downgrade() -> None:
    op.drop_table("clip_alerts")
    op.drop_table("clips")
