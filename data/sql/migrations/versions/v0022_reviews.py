"""Reviews with their versions and comments; indexes by which a review finds the events of a span and a place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from data.sql.columns import UtcDateTime, big_id

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "review_versions": "versions of reviews are never changed",
    "review_comments": "comments on reviews are never changed",
}


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=True),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("event_id", big_id(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_reviews_event_id_events"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_reviews_topic_number", "reviews", ["topic", "number"], unique=True)
    op.create_index("ix_reviews_event_id", "reviews", ["event_id"])
    op.create_table(
        "review_versions",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("review_id", big_id(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_review_versions_review_id_reviews"),
        sa.PrimaryKeyConstraint("id", name="pk_review_versions"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_review_versions_review_id_number", "review_versions", ["review_id", "number"], unique=True)
    op.create_table(
        "review_comments",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("review_id", big_id(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_review_comments_review_id_reviews"),
        sa.PrimaryKeyConstraint("id", name="pk_review_comments"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_review_comments_review_id", "review_comments", ["review_id"])
    op.create_index("ix_events_opened_at", "events", ["opened_at"])
    if op.get_context().dialect.name != "sqlite":  # there they come with the checksums of rows
        for table, refusal in APPEND_ONLY.items():
            op.execute(
                f"CREATE TRIGGER {table}_refuse_update BEFORE UPDATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{refusal}')"
            )


def downgrade() -> None:
    op.drop_index("ix_events_opened_at", "events")
    for table in ("review_comments", "review_versions", "reviews"):
        op.drop_table(table)
