"""Escalations, notices and their deliveries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WAITING = "fired_at IS NULL AND stopped_at IS NULL"
_UNSENT = "delivered_at IS NULL AND stopped_at IS NULL AND failed_at IS NULL AND answered_at IS NULL"


def upgrade() -> None:
    """Both tables, each with a small index of what still has to be done."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "escalations",
        sa.Column("id", number, autoincrement=True, nullable=False),
        *_texts("subject", "policy"),
        *_whole("step", "occurrence"),
        _moment("due_at", null=False),
        *(_moment(name) for name in ("fired_at", "stopped_at")),
        sa.PrimaryKeyConstraint("id", name="pk_escalations"),
        sa.UniqueConstraint("subject", "policy", "step", "occurrence", name="uq_escalations_step"),
        sqlite_autoincrement=True,
    )
    _waiting("ix_escalations_waiting", "escalations", "due_at", _WAITING)
    op.create_table(
        "notices",
        sa.Column("id", number, autoincrement=True, nullable=False),
        *_texts(
            "delivery_id", "subject", "policy", "channel", "priority", "title", "text", "error", "result", "answer"
        ),
        sa.Column("answered_by", sa.Text()),
        *_whole("step", "occurrence", "attempts"),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("wants_answer", sa.Boolean(), nullable=False),
        *(_moment(name, null=False) for name in ("created_at", "next_try")),
        *(_moment(name) for name in ("delivered_at", "stopped_at", "failed_at", "answered_at")),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("delivery_id", name="uq_notices_delivery_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_subject", "notices", ["subject"])
    _waiting("ix_notices_unsent", "notices", "next_try", _UNSENT)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _whole(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _moment(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _waiting(name: str, table: str, column: str, where: str) -> None:
    rows = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=rows, postgresql_where=rows)


def downgrade() -> None:
    op.drop_table("notices")
    op.drop_table("escalations")
