"""Offers to several at once, whether they arrived, and tasks whose report must have a photo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three columns; in a store that has tasks already nobody else holds an offer of them."""
    op.add_column("tasks", sa.Column("also_offered", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("offers", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tasks", sa.Column("needs_photo", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("tasks", "needs_photo")
    op.drop_column("offers", "delivered_at")
    op.drop_column("tasks", "also_offered")
