"""Alerts say when a gauge is expected to reach its limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Null: it is about no gauge, or from before."""
    op.add_column("alerts", sa.Column("forecast", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("alerts", "forecast")
