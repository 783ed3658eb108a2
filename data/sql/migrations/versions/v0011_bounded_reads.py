"""Indexes by which lists for citizens and the pictures of tasks are found without reading whole tables."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_events_origin_opened_at", "events", ["origin", "opened_at"])
    op.create_index("ix_events_photo", "events", ["photo"])
    op.create_index("ix_alerts_evidence", "alerts", ["evidence"])
    op.create_index("ix_tasks_report_photo", "tasks", ["report_photo"])


def downgrade() -> None:
    op.drop_index("ix_tasks_report_photo", "tasks")
    op.drop_index("ix_alerts_evidence", "alerts")
    op.drop_index("ix_events_photo", "events")
    op.drop_index("ix_events_origin_opened_at", "events")
