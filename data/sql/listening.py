"""Being told of commits by PostgreSQL (LISTEN/NOTIFY), so that followers of the outbox need not poll.

A notification says only that there is something: what it is, a follower reads by its sequence. It may therefore be lost
or come twice without harm; after each new connection followers are woken, since one may have been missed.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable

import psycopg
from sqlalchemy import URL

from data.model.secrets import redact

log = logging.getLogger(__name__)

CHANNEL = "yiping_changes"
NOTIFY = f"NOTIFY {CHANNEL}"
_LOOK_S = 1.0  # within which `close` is heeded
_AGAIN_S = 1.0
_KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


class ChangeListener:
    """One connection and one thread of a process, from the first `add` to `close`."""

    def __init__(self, url: URL) -> None:
        self._where = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._woken: tuple[Callable[[], None], ...] = ()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, woken: Callable[[], None]) -> None:
        """Call it, on this thread, after commits with changes; it must not wait or raise."""
        with self._lock:
            self._woken = (*self._woken, woken)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-listener", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Idempotent."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(2 * _LOOK_S)

    def _run(self) -> None:
        failing = False
        while not self._end.is_set():
            try:
                with psycopg.connect(
                    self._where,
                    autocommit=True,
                    connect_timeout=5,
                    application_name="yiping listener",
                    options=_KEEPALIVE,
                ) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    failing = False
                    self._wake()
                    self._listen(connection)
            except psycopg.Error as error:
                if not failing:
                    log.warning("not told of changes, so they are polled for: %s", redact(" ".join(str(error).split())))
                failing = True
                self._end.wait(_AGAIN_S)

    def _listen(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        while not self._end.is_set():
            for _ in connection.notifies(timeout=_LOOK_S, stop_after=1):
                self._wake()

    def _wake(self) -> None:
        for woken in self._woken:
            with contextlib.suppress(RuntimeError):  # the event loop it belongs to has ended
                woken()
