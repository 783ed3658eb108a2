"""Roll-calls and the people they call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime, big_id

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roll_calls",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answer_within_s", sa.Float(53), nullable=False),
        sa.Column("ordered_at", UtcDateTime(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("ladder", sa.Boolean(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_roll_calls"),
        sqlite_autoincrement=True,
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index("ix_roll_calls_open", "roll_calls", ["id"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "roll_call_people",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("roll_call_id", big_id(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("stands_for", sa.Text(), nullable=False),
        sa.Column("called_at", UtcDateTime(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("shown_at", UtcDateTime(), nullable=True),
        sa.Column("missed_at", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["roll_call_id"], ["roll_calls.id"], name="fk_roll_call_people_roll_call_id_roll_calls"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_roll_call_people"),
        sa.UniqueConstraint("roll_call_id", "person", name="uq_roll_call_people_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_roll_call_people_person", "roll_call_people", ["person"])


def downgrade() -> None:
    op.drop_table("roll_call_people")
    op.drop_table("roll_calls")
