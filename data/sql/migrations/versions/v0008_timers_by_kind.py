"""Waiting timers are looked up by their kind, so that many of one kind do not hide those of another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_WAITING = sa.text("done_at IS NULL")


def upgrade() -> None:
    _index("kind", "due_at")


def downgrade() -> None:
    _index("due_at")


def _index(*columns: str) -> None:
    op.drop_index("ix_timers_waiting", "timers")
    op.create_index("ix_timers_waiting", "timers", list(columns), sqlite_where=_WAITING, postgresql_where=_WAITING)
