"""Warnings block by block, what was odd in them, and those that are put aside because they cannot be used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three columns; `infos` is null in rows of old, whose areas are bounded at the next start."""
    op.add_column("warnings", sa.Column("infos", sa.JSON(), nullable=True))
    op.add_column("warnings", sa.Column("notes", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("warnings", sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Without them; what a message says of its first block stays."""
    op.execute(sa.text("UPDATE warnings SET level = 'unknown' WHERE level = 'green'"))
    for column in ("quarantined_at", "notes", "infos"):
        op.drop_column("warnings", column)
