"""The first schema. Frozen: what changes later is a migration of its own."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _observations()
    _cases()
    _people()
    _offers_and_sessions()
    _records()
    _audit()
    # Screens ask for the epoch: another one means another store, so what they remember is void.
    values = sa.table("named_values", sa.column("name"), sa.column("value", sa.JSON()))
    op.bulk_insert(values, [{"name": "epoch", "value": uuid.uuid4().hex}])


def _text(name: str, *keys: sa.ForeignKey, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), *keys, nullable=null)


def _moment(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _real(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Float(53), nullable=null)


def _whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _json(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(), nullable=null)


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _refers(name: str, to: str, *, null: bool = False) -> sa.Column[Any]:
    table, column = to.split(".")
    key = sa.ForeignKey(f"{table}.{column}", name=f"fk_%(table)s_{name}_{table}")
    kind: sa.types.TypeEngine[Any] = sa.Text() if table in {"evidence", "responders", "users"} else _big()
    return sa.Column(name, kind, key, nullable=null)


def _create(table: str, *columns: sa.Column[Any], number: str | None = None, key: tuple[str, ...] = ()) -> None:
    """`number`: a column counted by the database, never given twice. Else `key` names the primary key."""
    counted = [] if number is None else [sa.Column(number, _big(), autoincrement=True, nullable=False)]
    for column in columns:
        for foreign in column.foreign_keys:
            foreign.name = str(foreign.name).replace("%(table)s", table)
    primary = sa.PrimaryKeyConstraint(*(key or (number,)), name=f"pk_{table}")
    op.create_table(table, *counted, *columns, primary, sqlite_autoincrement=number is not None)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    rows = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


def _observations() -> None:
    measured = ("value", "quality", "uncertainty", "vertical_datum")
    for table, key in (
        ("readings", ("site", "monitor", "quantity", "at")),
        ("newest_readings", ("site", "monitor", "quantity")),
    ):
        value, quality, uncertainty, datum = measured
        names = (_text("site"), _text("monitor"), _text("quantity"), _moment("at"))
        _create(
            table, *names, _real(value), _text(quality), _real(uncertainty, null=True), _text(datum, null=True), key=key
        )
    _index("readings", "site", "at")
    _create(
        "rejects",
        _text("site"),
        _text("monitor"),
        _moment("received_at"),
        _text("reason"),
        _text("excerpt"),
        number="id",
    )
    _index("rejects", "site")
    _create(
        "evidence",
        _text("id"),
        _text("path"),
        _text("media_type"),
        _moment("at"),
        _whole("size"),
        _text("origin"),
        key=("id",),
    )
    _index("evidence", "at")
    _index("evidence", "origin", "at")


def _cases() -> None:
    place = [_real("lon"), _real("lat")]
    texts = [_text(name) for name in ("title", "kind", "site", "grid", "priority")]
    closed = [_moment("opened_at"), _moment("closed_at", null=True), _text("closed_by", null=True)]
    _create("events", *texts, *place, *closed, _whole("version"), number="id")
    _create(
        "alerts",
        *(_text(name) for name in ("site", "rule", "zone", "subject", "kind", "priority", "label", "unit")),
        *(_moment(name) for name in ("started_at", "raised_at")),
        *(_moment(name, null=True) for name in ("acknowledged_at", "ended_at", "committed_at")),
        *(_real(name, null=True) for name in ("confidence", "value")),
        _json("xyxy", null=True),
        _text("acknowledged_by", null=True),
        _refers("evidence", "evidence.id", null=True),
        _refers("event_id", "events.id", null=True),
        _whole("version"),
        number="id",
    )
    _partial("uq_alerts_open_key", "alerts", ["site", "rule", "zone", "subject"], "ended_at IS NULL", unique=True)
    _index("alerts", "raised_at")
    _index("alerts", "site", "raised_at")
    _index("alerts", "event_id")
    steps = ("accepted", "en_route", "on_scene", "reported", "verified", "closed", "cancelled")
    _create(
        "tasks",
        *(_text(name) for name in ("title", "priority", "created_by", "site", "grid", "role", "report_text")),
        *(_text(name, null=True) for name in ("offered_to", "responder", "verified_by")),
        *(_moment(f"{step}_at", null=True) for step in steps),
        _moment("created_at"),
        _real("lon"),
        _real("lat"),
        _json("checklist"),
        _json("candidates"),
        _refers("event_id", "events.id"),
        _refers("alert_id", "alerts.id", null=True),
        _refers("report_photo", "evidence.id", null=True),
        _whole("version"),
        number="id",
    )
    for column in ("event_id", "alert_id", "created_at", "offered_to", "responder"):
        _index("tasks", column)


def _people() -> None:
    _create(
        "responders",
        *(_text(name) for name in ("id", "name", "team", "grid", "phone", "travel")),
        _json("skills"),
        sa.Column("on_shift", sa.Boolean(), nullable=False),
        _real("lon", null=True),
        _real("lat", null=True),
        _moment("position_at", null=True),
        key=("id",),
    )
    where = (_refers("responder", "responders.id"), _moment("at"), _real("lon"), _real("lat"))
    _create("positions", *where, key=("responder", "at"))
    _create(
        "users",
        _text("name"),
        _text("role"),
        _text("password_hash", null=True),
        _text("display_name"),
        _moment("disabled_at", null=True),
        key=("name",),
    )


def _offers_and_sessions() -> None:
    _create(
        "offers",
        _refers("task_id", "tasks.id"),
        _refers("responder", "responders.id"),
        *(_moment(name) for name in ("offered_at", "expires_at")),
        *(_real(name) for name in ("travel_s", "distance_m")),
        *(_text(name) for name in ("method", "reason")),
        *(_moment(f"{end}_at", null=True) for end in ("accepted", "declined", "expired", "withdrawn")),
        number="id",
    )
    _index("offers", "task_id")
    _index("offers", "responder")
    _create(
        "sessions",
        _text("secret_hash"),
        _refers("user_name", "users.name"),
        _moment("created_at"),
        _moment("expires_at", null=True),
        _text("kind"),
        _moment("revoked_at", null=True),
        _text("csrf"),
        key=("secret_hash",),
    )
    _index("sessions", "user_name")


def _records() -> None:
    _create("outbox", _text("topic"), _text("subject"), _moment("at"), _json("payload"), number="seq")
    _create("timers", _text("kind"), _whole("subject"), _moment("due_at"), _moment("done_at", null=True), number="id")
    _partial("ix_timers_waiting", "timers", ["due_at"], "done_at IS NULL")
    _index("timers", "kind", "subject")
    _create(
        "answers",
        _text("key"),
        _text("user_name"),
        _whole("status"),
        _json("body"),
        _text("request_hash"),
        _moment("at"),
        key=("key", "user_name"),
    )
    _create(
        "requests",
        _text("kind"),
        _json("payload"),
        _text("asked_by"),
        _moment("asked_at"),
        _moment("answered_at", null=True),
        _json("answer", null=True),
        _text("error"),
        number="id",
    )
    _partial("ix_requests_waiting", "requests", ["id"], "answered_at IS NULL")
    _create("named_values", _text("name"), _json("value"), key=("name",))


def _audit() -> None:
    texts = [_text(name) for name in ("actor", "role", "action", "subject", "previous_hash", "hash")]
    _create("audit", _moment("at"), *texts, _json("detail"), number="seq")
    _index("audit", "subject")
    op.create_index("uq_audit_previous_hash", "audit", ["previous_hash"], unique=True)
    if op.get_context().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_refuses_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit rows are never changed'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    )


def downgrade() -> None:
    """An empty database; what depends on another table goes first."""
    for table in (
        "audit", "named_values", "requests", "answers", "timers", "outbox", "sessions", "offers", "users", "positions",
        "responders", "tasks", "alerts", "events", "evidence", "rejects", "newest_readings", "readings",
    ):  # fmt: skip
        op.drop_table(table)
    if op.get_context().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_audit_change()")
