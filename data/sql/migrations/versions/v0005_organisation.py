"""Organisation, events and their parts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _organisation()
    _events()
    _tasks()


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _json(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=null)


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _number() -> sa.Column[Any]:
    return sa.Column("id", _big(), autoincrement=True, nullable=False)


def _organisation() -> None:
    op.create_table(
        "units",
        *(_text(name) for name in ("id", "kind", "name", "parent", "code", "section", "leader")),
        *(_json(name) for name in ("people", "powers", "vehicles", "contact")),
        sa.Column("posts", sa.BigInteger(), nullable=False),
        sa.Column("platform", sa.Boolean(), nullable=False),
        sa.Column("lon", sa.Float(53), nullable=True),
        sa.Column("lat", sa.Float(53), nullable=True),
        _json("outline", null=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_units"),
    )
    op.create_index("ix_units_code", "units", ["code"])
    op.create_table(
        "shifts",
        _number(),
        sa.Column("unit", sa.Text(), sa.ForeignKey("units.id", name="fk_shifts_unit_units"), nullable=False),
        _text("person"),
        _moment("begins"),
        _moment("ends"),
        _text("duty"),
        sa.PrimaryKeyConstraint("id", name="pk_shifts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shifts_ends", "shifts", ["ends"])
    op.create_table(
        "categories",
        _text("kind"),
        _json("body"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_categories"),
    )
    event = sa.ForeignKey("events.id", name="fk_upkeeps_event_id_events")
    op.create_table(
        "upkeeps",
        _number(),
        sa.Column("event_id", _big(), event, nullable=False),
        _text("title"),
        _text("unit"),
        sa.Column("every_s", sa.Float(53), nullable=False),
        _moment("begins"),
        _moment("ends", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_upkeeps"),
        sqlite_autoincrement=True,
    )


def _added(name: str, kind: sa.types.TypeEngine[Any], default: str) -> sa.Column[Any]:
    """A column of a table that may have rows."""
    return sa.Column(name, kind, nullable=False, server_default=sa.text(f"'{default}'"))


def _events() -> None:
    for name in ("description", "section", "lead"):
        op.add_column("events", _added(name, sa.Text(), ""))
    op.add_column("events", _added("origin", sa.Text(), "alert"))
    op.add_column("events", _added("reporter", sa.JSON(), "{}"))
    for name in ("co_handlers", "cooperating", "holders", "clocks", "steps"):
        op.add_column("events", _added(name, sa.JSON(), "[]"))
    op.add_column("events", sa.Column("photo", sa.Text(), nullable=True))
    op.add_column("events", sa.Column("recurs", sa.BigInteger(), nullable=True))
    op.create_index("ix_events_kind_closed_at", "events", ["kind", "closed_at"])


def _tasks() -> None:
    op.add_column("tasks", _added("unit", sa.Text(), ""))
    op.add_column("tasks", _added("steps", sa.JSON(), "[]"))
    op.add_column("tasks", sa.Column("promised", sa.Date(), nullable=True))
    op.create_index("ix_tasks_unit", "tasks", ["unit"])


def downgrade() -> None:
    """Events and tasks keep what an older version knows of them."""
    op.drop_index("ix_tasks_unit", "tasks")
    for name in ("promised", "steps", "unit"):
        op.drop_column("tasks", name)
    op.drop_index("ix_events_kind_closed_at", "events")
    for name in (
        "recurs", "photo", "steps", "clocks", "holders", "cooperating", "co_handlers", "reporter", "origin", "lead",
        "section", "description",
    ):  # fmt: skip
        op.drop_column("events", name)
    for table in ("upkeeps", "categories", "shifts", "units"):
        op.drop_table(table)
