"""Positions that are kept but not believed, with the reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every position known so far was believed."""
    op.add_column("positions", sa.Column("doubt", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """What was doubted is removed: an older version would believe it."""
    op.execute(sa.text("DELETE FROM positions WHERE doubt <> ''"))
    op.drop_column("positions", "doubt")
