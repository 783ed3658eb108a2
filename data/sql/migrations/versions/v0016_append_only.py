"""PostgreSQL refuses changes of published changes, positions and superseded readings, as of steps of alerts.

In SQLite the triggers that do so are made with the checksums of rows (`data.sql.checksums`), which they let through.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = (
    ("outbox", "published changes are never changed"),
    ("positions", "positions are never changed"),
    ("superseded_readings", "superseded readings are never changed"),
)


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        return
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
    )
    for table, refusal in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{refusal}')"
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        return
    for table, _ in TABLES:
        op.execute(f"DROP TRIGGER {table}_refuse_update ON {table}")
    op.execute("DROP FUNCTION refuse_change()")
