"""Versions of the settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime, big_id

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

REFUSAL = "versions of the settings are never changed"


def upgrade() -> None:
    op.create_table(
        "settings_versions",
        sa.Column("number", big_id(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("workers", sa.JSON(), nullable=False),
        sa.Column("difference", sa.JSON(), nullable=False),
        sa.Column("restored", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_settings_versions"),
    )
    if op.get_context().dialect.name != "sqlite":  # there they come with the checksums of rows
        op.execute(
            "CREATE TRIGGER settings_versions_refuse_update BEFORE UPDATE ON settings_versions "
            f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{REFUSAL}')"
        )


def downgrade() -> None:
    op.drop_table("settings_versions")
