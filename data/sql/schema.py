"""Bring a store's schema to what this code needs. Safe when several processes open a new store at once."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from data.errors import StoreClosed

FOLDER = Path(__file__).parent / "migrations"

_ALEMBIC = threading.Lock()  # alembic keeps what it works on in its own module


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing. `engine` is the writing one: its transactions lock first.

    Raises StoreClosed when the store was written by a newer version than this one.
    """
    newest = ScriptDirectory(str(FOLDER)).get_current_head()
    with engine.begin() as connection:
        present = revision(connection)
        if present == newest:
            return
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        try:
            with _ALEMBIC:
                command.upgrade(config, "head")
        except CommandError as error:
            raise StoreClosed(f"the store's schema is {present!r}, this version knows up to {newest!r}") from error


def revision(connection: Connection) -> str | None:
    """The revision of the schema; None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()
