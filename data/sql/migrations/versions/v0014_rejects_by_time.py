"""Rejects are counted by the time they came."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index; what is there stays."""
    op.create_index("ix_rejects_received_at", "rejects", ["received_at"])


def downgrade() -> None:
    op.drop_index("ix_rejects_received_at", "rejects")
