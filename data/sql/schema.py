"""Bring a store's schema to what this code needs. Safe when several processes open a new store at once.

Alembic is imported where it works: only one process of the system migrates, and it weighs 12 MiB in every other.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

from sqlalchemy import Connection, Engine

from data.errors import StoreClosed
from data.sql.seals import (
    damaged_rows,
    drop_triggers,
    has_seals,
    is_schema_changed,
    make_seals,
    seal_what_is_written,
    sealed_tables,
)

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "migrations"

_ALEMBIC = threading.Lock()  # alembic keeps what it works on in its own module


def upgrade(engine: Engine, to: str = "head") -> None:
    """Apply the migrations that are missing. `engine` is the writing one: its transactions lock first.

    Raises StoreClosed when the store was written by a newer version than this one.
    """
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above
    from alembic.util import CommandError  # noqa: PLC0415

    newest = ScriptDirectory(str(FOLDER)).get_current_head()
    with engine.begin() as connection:
        present = revision(connection)
        raw = connection.connection.dbapi_connection
        if present == (newest if to == "head" else to):
            if isinstance(raw, sqlite3.Connection):
                _seal_once(raw)
            return
        damaged: dict[str, list[int]] = _damaged_before(raw) if isinstance(raw, sqlite3.Connection) else {}
        try:
            _move(connection, "upgrade", to)
        except CommandError as error:
            raise StoreClosed(f"the store's schema is {present!r}, this version knows up to {newest!r}") from error
        if to == "head" and isinstance(raw, sqlite3.Connection):
            make_seals(raw, damaged)


def _seal_once(raw: sqlite3.Connection) -> None:
    """Make the seals of a store of this schema that was written before there were any; from now on keep them."""
    if has_seals(raw):
        seal_what_is_written(raw)
    else:
        make_seals(raw, {})


def _damaged_before(raw: sqlite3.Connection) -> dict[str, list[int]]:
    """The rows that are damaged before the schema moves, so that the new seals do not make them whole."""
    if is_schema_changed(raw):
        log.error("the schema of the database was not what the last upgrade had made")
    tables = [table for table in sealed_tables(raw) if table.sealed]
    damaged = damaged_rows(raw, tables)
    for table, rows in damaged.items():
        log.error("damaged rows stay damaged after the upgrade: %s %s", table, rows)
    return damaged


def downgrade(engine: Engine, to: str) -> None:
    """Take migrations back to this revision, or to "base": what only a newer version knows is lost."""
    with engine.begin() as connection:
        _move(connection, "downgrade", to)


def _move(connection: Connection, direction: str, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    raw = connection.connection.dbapi_connection
    if isinstance(raw, sqlite3.Connection):
        drop_triggers(raw)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    with _ALEMBIC:
        (command.upgrade if direction == "upgrade" else command.downgrade)(config, to)


def revision(connection: Connection) -> str | None:
    """The revision of the schema; None for an empty database."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - see above

    return MigrationContext.configure(connection).get_current_revision()
