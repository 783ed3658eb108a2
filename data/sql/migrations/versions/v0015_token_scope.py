"""Tokens of other systems are limited to kinds of messages, sites and quantities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Null: a token from before, which sends everything as it did, so that no gauge falls silent by an upgrade."""
    with op.batch_alter_table("sessions") as table:
        table.add_column(sa.Column("scope", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("sessions") as table:
        table.drop_column("scope")
