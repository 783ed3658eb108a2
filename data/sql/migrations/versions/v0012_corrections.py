"""Corrected readings: the first value stays beside the last, and what was replaced is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = ("readings", "newest_readings")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("first_value", sa.Float(53)))
        op.add_column(table, sa.Column("corrections", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "superseded_readings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("site", "monitor", "quantity")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("uncertainty", sa.Float(53)),
        sa.Column("vertical_datum", sa.Text()),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_superseded_readings"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_superseded_readings_site_at", "superseded_readings", ["site", "at"])


def downgrade() -> None:
    op.drop_table("superseded_readings")
    for table in _TABLES:
        op.drop_column(table, "corrections")
        op.drop_column(table, "first_value")
