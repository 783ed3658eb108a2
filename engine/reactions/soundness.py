"""Checks the whole database file in the background, once after every start and once a day."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alerts.damage import tell_damage
from data.config.settings import Settings
from data.ports.store import Store
from data.sql.checksum_pass import checksum_unchecked_rows, finish_checksums
from data.sql.engine import store_url
from data.sql.soundness import check_database

log = logging.getLogger(__name__)

FIRST_AFTER_S = 30.0
EVERY_S = 24 * 3600.0
_MOST_ALARMS = 10  # more alarms add nothing; the log names all damage


class DatabaseCheck:
    """A thread of the clock's process that raises an alarm for damage. PostgreSQL checks its own pages."""

    def __init__(
        self, store: Store, where: str | Path, settings: Settings, first_after_s: float = FIRST_AFTER_S
    ) -> None:
        self._store = store
        self._settings = settings
        self._first_after_s = first_after_s
        self._end = threading.Event()
        url = store_url(where)
        self._path = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        if self._path is not None:
            threading.Thread(target=self._run, name="database-check", daemon=True).start()

    def take(self, settings: Settings) -> None:
        """Use new settings for alarms."""
        self._settings = settings

    def close(self) -> None:
        self._end.set()

    def _run(self) -> None:
        pause_s = self._first_after_s
        while not self._end.wait(pause_s):
            pause_s = EVERY_S
            self.check()

    def check(self) -> None:
        """Read the whole file; raise alarms that name the damage or, if there is none, write missing checksums."""
        if self._path is None:
            return
        found = check_database(self._path, thorough=True)
        for problem in (*found.problems, *found.parts):
            log.error("the database %s is damaged: %s", self._path.name, problem)
        for problem in found.problems[:1] or found.parts[:_MOST_ALARMS]:
            self._tell(f"{self._path.name}: {problem}")
        if found.finished and not found.problems and not found.parts:
            self._write_checksums(self._path)

    @staticmethod
    def _write_checksums(path: Path) -> None:
        """Write missing checksums; never into a database just found damaged, since that might hide the damage."""
        try:
            with closing(sqlite3.connect(str(path), timeout=30, isolation_level=None)) as connection:
                finish_checksums(connection, path)
                unchecked = checksum_unchecked_rows(connection)
        except (sqlite3.Error, OSError) as error:
            log.warning("checksums of rows that have none are written with the next check: %s", error)
            return
        if unchecked:
            log.warning("%d rows were written by another program; from now on they are checked, too", unchecked)

    def _tell(self, what: str) -> None:
        self._store.submit(lambda writer: tell_damage(writer, what, datetime.now(UTC), self._settings))
