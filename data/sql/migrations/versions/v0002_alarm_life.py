"""What an alarm's life needs: the present of each axis beside the alert, its steps, and what is pending."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = ("site", "rule", "zone", "subject")


def upgrade() -> None:
    _alerts()
    _steps()
    op.create_table(
        "pending_conditions",
        *(_text(name) for name in _KEY),
        _moment("since", null=False),
        *(_text(name) for name in ("kind", "priority")),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_pending_conditions"),
    )


def _alerts() -> None:
    ends = ("active_since", "acknowledged_until", "clearing_since", "stale_since", "latched_since", "shelved_until")
    for column in (
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="1") for name in ("occurrence", "calls")),
        sa.Column("follows", sa.BigInteger()),
        *(_moment(name) for name in ends),
        *(_text(name, default="") for name in ("shelved_by", "inhibited_by", "work_order")),
        _text("verification", default="unverified"),
    ):
        op.add_column("alerts", column)
    op.create_index("ix_alerts_key", "alerts", [*_KEY, "id"])


def _steps() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "alert_steps",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("alert_id", big, sa.ForeignKey("alerts.id", name="fk_alert_steps_alert_id_alerts"), nullable=False),
        _text("step"),
        _moment("at", null=False),
        *(_text(name) for name in ("by", "role")),
        sa.Column("occurrence", sa.BigInteger(), nullable=False),
        _text("reason"),
        _moment("until"),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("proofs", "detail")),
        sa.PrimaryKeyConstraint("id", name="pk_alert_steps"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_steps_at", "alert_steps", ["at"])
    op.create_index("ix_alert_steps_alert_id_id", "alert_steps", ["alert_id", "id"])
    if op.get_context().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER alert_steps_refuse_{change.lower()} BEFORE {change} ON alert_steps "
                "BEGIN SELECT RAISE(ABORT, 'steps of alerts are never changed'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_step_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'steps of alerts are never changed'; END $$"
    )
    op.execute(
        "CREATE TRIGGER alert_steps_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_steps "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_step_change()"
    )


def _text(name: str, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _moment(name: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def downgrade() -> None:
    """Alerts keep what an older version knows of them; their steps stay in the audit trail."""
    op.drop_table("alert_steps")
    if op.get_context().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_step_change()")
    op.drop_table("pending_conditions")
    op.drop_index("ix_alerts_key", "alerts")
    for name in (
        "verification", "work_order", "inhibited_by", "shelved_by", "shelved_until", "latched_since", "stale_since",
        "clearing_since", "acknowledged_until", "active_since", "follows", "calls", "occurrence",
    ):  # fmt: skip
        op.drop_column("alerts", name)
