"""Plans in force and the work they made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LIVE = "withdrawn_at IS NULL"


def upgrade() -> None:
    """A plan runs once for each source; each piece of work that is not withdrawn exists once."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "plan_runs",
        sa.Column("id", number, autoincrement=True, nullable=False),
        *(_text(name) for name in ("plan", "source", "level", "state")),
        _moment("opened_at", null=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("unsettled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan_runs"),
        sa.UniqueConstraint("plan", "source", name="uq_plan_runs_source"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_plan_runs_state", "plan_runs", ["state"])
    op.create_table(
        "plan_works",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column(
            "run_id", number, sa.ForeignKey("plan_runs.id", name="fk_plan_works_run_id_plan_runs"), nullable=False
        ),
        *(_text(name) for name in ("source", "plan", "place", "step")),
        sa.Column("round", sa.BigInteger(), nullable=False),
        _moment("made_at", null=False),
        sa.Column("task_id", number, sa.ForeignKey("tasks.id", name="fk_plan_works_task_id_tasks"), nullable=True),
        sa.Column("event_id", number, sa.ForeignKey("events.id", name="fk_plan_works_event_id_events"), nullable=True),
        _moment("withdrawn_at"),
        sa.PrimaryKeyConstraint("id", name="pk_plan_works"),
        sqlite_autoincrement=True,
    )
    live = sa.text(_LIVE)
    key = ["source", "plan", "place", "step", "round"]
    op.create_index("uq_plan_works_key", "plan_works", key, unique=True, sqlite_where=live, postgresql_where=live)
    for name in ("run_id", "task_id"):
        op.create_index(f"ix_plan_works_{name}", "plan_works", [name])


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def downgrade() -> None:
    op.drop_table("plan_works")
    op.drop_table("plan_runs")
