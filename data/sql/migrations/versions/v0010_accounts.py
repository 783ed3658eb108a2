"""Accounts: where a session came from, second factors, one-time codes, who disabled a user, whom a provider knows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SESSION_TEXTS = ("address", "agent", "label", "provider_session")
_USER_TEXTS = ("disabled_by", "identity")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for table, names in (("users", _USER_TEXTS), ("sessions", _SESSION_TEXTS)):
        for name in names:
            op.add_column(table, sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_index("ix_users_identity", "users", ["identity"])
    op.create_index("ix_sessions_provider_session", "sessions", ["provider_session"])
    op.create_table(
        "factors",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column(
            "user_name", sa.Text(), sa.ForeignKey("users.name", name="fk_factors_user_name_users"), nullable=False
        ),
        *(_text(name) for name in ("kind", "label")),
        sa.Column("body", sa.JSON(), nullable=False),
        _moment("created_at"),
        _moment("used_at", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_factors"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_factors_user_name", "factors", ["user_name"])
    user = sa.ForeignKey("users.name", name="fk_account_codes_user_name_users")
    op.create_table(
        "account_codes",
        _text("code_hash"),
        sa.Column("user_name", sa.Text(), user, nullable=False),
        *(_text(name) for name in ("purpose", "issued_by")),
        *(_moment(name) for name in ("created_at", "expires_at")),
        _moment("used_at", null=True),
        sa.PrimaryKeyConstraint("code_hash", name="pk_account_codes"),
    )
    op.create_index("ix_account_codes_user_name", "account_codes", ["user_name"])


def downgrade() -> None:
    op.drop_table("account_codes")
    op.drop_table("factors")
    op.drop_index("ix_sessions_provider_session", "sessions")
    op.drop_index("ix_users_identity", "users")
    for table, names in (("users", _USER_TEXTS), ("sessions", _SESSION_TEXTS)):
        for name in names:
            op.drop_column(table, name)
