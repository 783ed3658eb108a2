"""What sensors and cameras need to remember: official warnings and what they refer to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = ("sender", "identifier", "sent")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    texts = ("status", "message_type", "event", "level", "severity", "urgency", "certainty", "headline", "description",
             "instruction", "language", "origin")  # fmt: skip
    op.create_index("ix_outbox_topic_seq", "outbox", ["topic", "seq"])  # who follows alerts skips a million readings
    op.create_table(
        "warnings",
        sa.Column("id", big, autoincrement=True, nullable=False),
        *(_text(name) for name in ("sender", "identifier")),
        _moment("sent"),
        *(_text(name) for name in texts),
        *(_moment(name) for name in ("effective", "onset")),
        _moment("expires", null=True),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("areas", "event_codes")),
        *(_moment(f"{end}_at", null=True) for end in ("received", "superseded", "cancelled")),
        sa.PrimaryKeyConstraint("id", name="pk_warnings"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_warnings_key", "warnings", list(_KEY), unique=True)
    op.create_index("ix_warnings_expires", "warnings", ["expires"])
    op.create_table(
        "warning_references",
        sa.Column("warning_id", sa.BigInteger(), nullable=False),
        *(_text(name) for name in ("sender", "identifier")),
        _moment("sent"),
        sa.PrimaryKeyConstraint("warning_id", *_KEY, name="pk_warning_references"),
    )
    op.create_index("ix_warning_references_key", "warning_references", list(_KEY))


def downgrade() -> None:
    op.drop_table("warning_references")
    op.drop_table("warnings")
    op.drop_index("ix_outbox_topic_seq", "outbox")
