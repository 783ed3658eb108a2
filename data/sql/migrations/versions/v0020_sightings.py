"""Alerts say how long something stood at least and at most, and what a second look saw."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_COLUMNS = ("dwell", "second_look")


def upgrade() -> None:
    """Null: of alerts from before it is not known."""
    for name in _COLUMNS:
        op.add_column("alerts", sa.Column(name, sa.JSON(), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("alerts", name)
