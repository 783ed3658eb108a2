"""Migration of a store's schema to the version of this code. Safe when several processes open a new store at once.

Alembic is imported only where it is used: one process migrates, and it would cost every other one 12 MiB.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from data.errors import StoreClosed
from data.sql.checksum_pass import finish_checksums, make_checksums, mark_damaged_rows
from data.sql.checksums import ChecksumState, checksum_state, drop_triggers, is_schema_changed

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "migrations"

CHECKSUMS_WITHIN_S = 5.0  # time at a start; the rest is done in the background

_ALEMBIC = threading.Lock()  # alembic keeps its state in module globals


def upgrade(engine: Engine, to: str = "head") -> None:
    """Apply the migrations that are missing. `engine` is the writing one: its transactions lock first.

    Raises StoreClosed when the store was written by a newer version than this one.
    """
    from alembic.util import CommandError  # noqa: PLC0415 - see above

    newest = newest_revision()
    wanted = newest if to == "head" else to
    with engine.begin() as connection:
        present = revision(connection)
        moves, state = present != wanted, _state(connection)
    if moves or state is ChecksumState.FORMER:
        _mark_damaged(engine, present)
    if moves or (to == "head" and state in {ChecksumState.NONE, ChecksumState.FORMER}):
        with engine.begin() as connection:
            try:
                _move(connection, "upgrade", to, make=to == "head")
            except CommandError as error:
                raise StoreClosed(f"the store's schema is {present!r}, this version knows up to {newest!r}") from error
    if state is not ChecksumState.CURRENT or moves:
        _finish_checksums(engine)


def downgrade(engine: Engine, to: str) -> None:
    """Revert migrations down to this revision, or to "base". Data that only newer versions know is lost."""
    with engine.begin() as connection:
        present = revision(connection)
    _mark_damaged(engine, present)
    with engine.begin() as connection:
        _move(connection, "downgrade", to, make=False)
    _finish_checksums(engine)


def _state(connection: Connection) -> ChecksumState | None:
    """None for PostgreSQL, whose pages have checksums of their own."""
    raw = connection.connection.dbapi_connection
    return checksum_state(raw) if isinstance(raw, sqlite3.Connection) else None


@contextmanager
def _raw_sqlite(engine: Engine) -> Iterator[tuple[sqlite3.Connection, Path] | None]:
    """The connection below the engine's, outside a transaction, and the file; None for PostgreSQL."""
    if engine.dialect.name != "sqlite":
        yield None
        return
    pooled = engine.raw_connection()
    try:
        raw = pooled.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        yield raw, Path(str(engine.url.database))
    finally:
        pooled.close()


def _mark_damaged(engine: Engine, present: str | None) -> None:
    """Mark damaged rows before the migration, so that they do not get valid new checksums."""
    with _raw_sqlite(engine) as opened:
        if opened is None or present is None or checksum_state(opened[0]) is ChecksumState.NONE:
            return
        raw, path = opened
        if is_schema_changed(raw):
            log.error("%s: the schema was not what the last upgrade had made", path.name)
        for table, count in mark_damaged_rows(raw).items():
            log.error("%s: %d damaged rows of %s stay marked as damaged after the upgrade", path.name, count, table)


def _finish_checksums(engine: Engine) -> None:
    with _raw_sqlite(engine) as opened:
        if opened is not None:
            finish_checksums(*opened, within_s=CHECKSUMS_WITHIN_S)


def _move(connection: Connection, direction: str, to: str, *, make: bool) -> None:
    """Migrate the schema; with row checksums if there were any, or if `make` is set."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    raw = connection.connection.dbapi_connection
    if isinstance(raw, sqlite3.Connection):
        make = make or checksum_state(raw) is not ChecksumState.NONE
        drop_triggers(raw)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    with _ALEMBIC:
        (command.upgrade if direction == "upgrade" else command.downgrade)(config, to)
    if make and isinstance(raw, sqlite3.Connection):
        make_checksums(raw)


def newest_revision() -> str | None:
    """The revision that this version knows as the newest."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    return ScriptDirectory(str(FOLDER)).get_current_head()


def revision(connection: Connection) -> str | None:
    """The revision of the schema; None for an empty database."""
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - see above

    return MigrationContext.configure(connection).get_current_revision()
