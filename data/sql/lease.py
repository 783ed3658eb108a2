"""Leases: at most one holder of each role (instance, clock, notifier) in a store, wherever the processes run.

SQLite: a lock on a file beside the database. PostgreSQL: an advisory lock on a connection of its own. Both are released
automatically when the holder ends, however it ends, so a start after `kill -9` finds nothing to clean up.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from data.errors import StoreClosed
from data.local.lock import AlreadyRunning, held
from data.model.secrets import redact
from data.sql.engine import store_url
from data.sql.server_check import refusal

log = logging.getLogger(__name__)

SPACE = 0x59_49_50_49  # "YIPI": our advisory locks of two numbers; the second one is the part's
PATIENCE_S = 3.0  # the server closes a killed holder's connection a moment later
CHECK_EVERY_S = 5.0
_KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"

_TRY = text("SELECT pg_try_advisory_lock(:space, :part)")
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :space AND l.objid = :part"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextlib.contextmanager
def held_in_store(
    path_or_url: str | Path, part: str, what: str, lost: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold this role in the store. `lost` is called once if another process took it after a broken connection.

    Raises AlreadyRunning, naming `what` and the holder, and StoreClosed when the store cannot be reached.
    """
    url = store_url(path_or_url)
    if url.get_backend_name() == "sqlite":
        with held(Path(f"{url.database}-{part}.lock"), what):
            yield
        return
    lease = _AdvisoryLock(url, part, what, lost)
    try:
        yield
    finally:
        lease.close()


class _AdvisoryLock:
    """A lock on a connection that a thread monitors; after an outage of the server the lock is taken again."""

    def __init__(self, url: URL, part: str, what: str, lost: Callable[[str], None] | None) -> None:
        self._part = zlib.crc32(part.encode()) & 0x7FFF_FFFF
        self._what = what
        self._lost = lost
        name = f"yiping {part} {socket.gethostname()} {os.getpid()}"[:63]  # PostgreSQL cuts longer ones
        arguments = {"connect_timeout": 5, "application_name": name, "options": _KEEPALIVE}
        self._engine: Engine = create_engine(
            url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments
        )
        self._connection = self._take()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name=f"lease-{part}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Release the lock."""
        self._end.set()
        self._thread.join(CHECK_EVERY_S)
        with contextlib.suppress(SQLAlchemyError):
            self._connection.close()

    def _take(self) -> Connection:
        names = {"space": SPACE, "part": self._part}
        gives_up_s = time.monotonic() + PATIENCE_S
        try:
            connection = self._engine.connect()
            while not connection.execute(_TRY, names).scalar():
                if time.monotonic() > gives_up_s:
                    holder = connection.execute(_HOLDER, names).scalar() or "unknown"
                    connection.close()
                    raise AlreadyRunning(f"{self._what} is running already (held by {holder!r} in the database)")
                time.sleep(0.1)
        except SQLAlchemyError as error:
            if isinstance(error, DBAPIError):
                raise refusal(self._engine.url, error) from None
            raise StoreClosed(f"cannot reach the store: {redact(str(error))}") from None
        return connection

    def _look_after(self) -> None:
        while not self._end.wait(CHECK_EVERY_S):
            try:
                self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                with contextlib.suppress(SQLAlchemyError):
                    self._connection.close()
                if not self._take_again():
                    return

    def _take_again(self) -> bool:
        """Retry until the server is back. False when another process has taken the role meanwhile."""
        log.warning("%s: the connection that holds its lock is lost; it is taken anew", self._what)
        while not self._end.is_set():
            try:
                self._connection = self._take()
            except StoreClosed:
                self._end.wait(1.0)
            except AlreadyRunning as error:
                log.error("%s", error)
                if self._lost is not None:
                    self._lost(str(error))
                return False
            else:
                return True
        return False
