"""Positions of vehicles, and the vehicle that an alert is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def _place() -> list[sa.Column[int]]:
    return [
        sa.Column("lon_e6", sa.BigInteger(), nullable=False),
        sa.Column("lat_e6", sa.BigInteger(), nullable=False),
        sa.Column("speed", sa.BigInteger(), nullable=True),
        sa.Column("heading", sa.BigInteger(), nullable=True),
    ]


def upgrade() -> None:
    """`alerts.vehicle` null: it is about no vehicle that tells its positions, or from before."""
    op.add_column("alerts", sa.Column("vehicle", sa.JSON(), nullable=True))
    op.create_index("ix_alerts_subject_raised_at", "alerts", ["subject", "raised_at"])
    op.create_table(
        "vehicle_positions",
        sa.Column("vehicle", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("monitor", sa.Text(), nullable=False),
        *_place(),
        sa.PrimaryKeyConstraint("vehicle", "at", "site", "monitor", name="pk_vehicle_positions"),
    )
    op.create_index("ix_vehicle_positions_at", "vehicle_positions", ["at"])
    op.create_table(
        "newest_vehicle_positions",
        sa.Column("vehicle", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        *_place(),
        sa.PrimaryKeyConstraint("vehicle", "site", "monitor", name="pk_newest_vehicle_positions"),
    )
    op.create_index("ix_newest_vehicle_positions_at", "newest_vehicle_positions", ["at"])


def downgrade() -> None:
    op.drop_table("newest_vehicle_positions")
    op.drop_table("vehicle_positions")
    op.drop_index("ix_alerts_subject_raised_at", "alerts")
    op.drop_column("alerts", "vehicle")
