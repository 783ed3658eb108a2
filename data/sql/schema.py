"""Bring a store's schema to what this code needs. Safe when several processes open a new store at once.

Alembic is imported where it works: only one process of the system migrates, and it weighs 12 MiB in every other.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine

from data.errors import StoreClosed

FOLDER = Path(__file__).parent / "migrations"

_ALEMBIC = threading.Lock()  # alembic keeps what it works on in its own module


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing. `engine` is the writing one: its transactions lock first.

    Raises StoreClosed when the store was written by a newer version than this one.
    """
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

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
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - see above

    return MigrationContext.configure(connection).get_current_revision()
