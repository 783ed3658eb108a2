"""An index by which the events of one kind and time are found: reports name what recurred."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_events_kind_opened_at", "events", ["kind", "opened_at"])


def downgrade() -> None:
    op.drop_index("ix_events_kind_opened_at", "events")
