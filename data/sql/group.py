"""Group commit: one thread per process runs all queued writes in one transaction and commits them together.

A disk flush costs far more than an insert, so writes that wait at the same moment share one flush. Each write runs
behind its own savepoint, and its future is answered only after the commit.
"""

from __future__ import annotations

import errno
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from data.errors import StoreClosed, StoreFull
from data.model.secrets import redact
from data.ports.store import Writer
from data.sql.engine import is_busy
from data.sql.failpoints import Point, failpoints_of
from data.sql.listening import NOTIFY
from data.sql.step_log import LoggedStep, StepLog
from data.sql.writer import SqlWriter

MOST_AT_ONCE = 500
LONGEST_TURN_S = 0.1  # then commit: other processes wait for their turn
BUSY_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class QueuedWork:
    """A write that waits for its turn, the future to answer, and the context (ids for the log) it was submitted in."""

    work: Callable[[Writer], Any]
    future: Future[Any]
    context: Context = field(default_factory=copy_context)


@dataclass(frozen=True, slots=True)
class _Outcome:
    queued: QueuedWork
    result: Any
    error: BaseException | None
    steps: Sequence[LoggedStep] = ()


class _TransactionGone(Exception):
    """The database ended the transaction by itself; nothing of it was stored."""


class GroupCommit:
    """The one writing thread of a process. Started at once; `close` ends it after what was submitted."""

    def __init__(
        self, engine: Engine, writer: Callable[[Connection], SqlWriter], gate: AbstractContextManager[None]
    ) -> None:
        self._engine = engine
        self._gate = gate  # held for each transaction; the database's own lock stays the one that counts
        self._writer = writer
        self._waiting: queue.SimpleQueue[QueuedWork | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # nothing is queued behind the end mark
        self._closed: str | None = None
        self._disk_failed = False
        self._failpoints = failpoints_of(os.environ)
        self._log = StepLog()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why nothing can be written any more: the disk failed. A new process has to open the store again."""
        return self._closed if self._disk_failed else None

    @property
    def is_here(self) -> bool:
        """Is the caller the writing thread itself (that is: inside a queued write)?"""
        return threading.current_thread() is self._thread

    def submit(self, queued: QueuedWork) -> None:
        """Raises StoreClosed."""
        with self._lock:
            if self._closed is not None:
                raise StoreClosed(self._closed)
            self._waiting.put(queued)

    def close(self) -> None:
        """Commit what was submitted, then end the thread. Idempotent."""
        with self._lock:
            if self._closed is None:
                self._closed = "the store is closed"
                self._waiting.put(None)  # behind everything that was submitted
        self._thread.join()
        self._log.close()

    def _run(self) -> None:
        try:
            while not self._disk_failed and (first := self._waiting.get()) is not None:
                self._turn(first)
        finally:
            self._end()
            self._engine.dispose()

    def _end(self) -> None:
        """Nothing is written any more: answer every write that still waits, so that no caller waits for ever."""
        with self._lock:
            self._closed = self._closed or "the store's writing thread has ended"
        while (queued := self._next()) is not None:
            if queued.future.set_running_or_notify_cancel():
                queued.future.set_exception(StoreClosed(self._closed))

    def _turn(self, first: QueuedWork) -> None:
        """One transaction. Every write taken into it is answered, whatever happens."""
        if not first.future.set_running_or_notify_cancel():
            return
        taken = [first]
        why = "nothing was stored"
        try:
            with self._gate, self._begin() as connection:
                self._reach(Point.BEGUN)
                outcomes = self._run_all(connection, taken)
                self._tell(connection)
                self._reach(Point.WRITTEN)
                why = "it is not known whether it was stored"
                self._commit(connection)
                self._reach(Point.COMMITTED)
        except (SQLAlchemyError, OSError, StoreClosed, _TransactionGone) as error:
            self._fail(taken, why, error)
            return
        for outcome in outcomes:
            _answer(outcome)
        self._reach(Point.ANSWERED)
        for outcome in outcomes:
            self._log.put(outcome.queued.context, outcome.steps)

    @staticmethod
    def _tell(connection: Connection) -> None:
        """Wake whoever listens, once the commit is visible. One round trip for all that was written in this turn."""
        if connection.dialect.name != "sqlite":
            connection.exec_driver_sql(NOTIFY)

    def _reach(self, point: Point) -> None:
        if self._failpoints is not None:
            self._failpoints.reach(point)

    def _begin(self) -> Connection:
        """A connection whose transaction holds the writers' lock; waits for it as long as it takes."""
        while True:
            connection = self._engine.connect()
            try:
                connection.begin()
            except DBAPIError as error:
                connection.close()
                if not is_busy(error.orig):
                    raise
                time.sleep(BUSY_PAUSE_S)
            else:
                return connection

    def _run_all(self, connection: Connection, taken: list[QueuedWork]) -> list[_Outcome]:
        """Run the first write, then those that wait, until the turn is over. Each is added to `taken`."""
        writer = self._writer(connection)
        outcomes = [_run_one(connection, writer, taken[0])]
        self._reach(Point.BETWEEN)
        turn_ends = time.monotonic() + LONGEST_TURN_S
        while len(taken) < MOST_AT_ONCE and time.monotonic() < turn_ends and (queued := self._next()) is not None:
            if queued.future.set_running_or_notify_cancel():
                taken.append(queued)
                outcomes.append(_run_one(connection, writer, queued))
                self._reach(Point.BETWEEN)
        return outcomes

    def _next(self) -> QueuedWork | None:
        try:
            queued = self._waiting.get_nowait()
        except queue.Empty:
            return None
        if queued is None:
            self._waiting.put(None)  # the end mark is the last there is; leave it for `_run`
        return queued

    @staticmethod
    def _commit(connection: Connection) -> None:
        """Commit; while only a lock is in the way the transaction stays as it is and asking again is safe."""
        while True:
            try:
                connection.commit()
            except DBAPIError as error:
                if not is_busy(error.orig):
                    raise
                time.sleep(BUSY_PAUSE_S)
            else:
                return

    def _fail(self, taken: list[QueuedWork], why: str, error: Exception) -> None:
        """Answer every write of this turn with the error; stop writing for good when the disk cannot be trusted."""
        cause = error.__cause__ if isinstance(error, _TransactionGone) else error
        original = cause.orig if isinstance(cause, DBAPIError) else cause
        text = redact(f"{why}: {original}".strip())
        if _disk_failed(original):
            with self._lock:
                self._closed = f"the store's disk failed ({original}); restart on a sound disk"
                self._disk_failed = True
        for queued in taken:
            refused = StoreFull(text) if _disk_full(original) else StoreClosed(text)
            refused.__cause__ = cause
            queued.future.set_exception(refused)


def _run_one(connection: Connection, writer: SqlWriter, queued: QueuedWork) -> _Outcome:
    """Run one write behind its savepoint. Its error goes to its caller, unless the whole transaction is gone."""
    savepoint = connection.begin_nested()
    writer.steps = []
    try:
        result = queued.context.run(queued.work, writer)
        savepoint.commit()
    except BaseException as error:  # the caller's: handed over by the future, as executors do
        if _is_gone(connection):
            raise _TransactionGone from error
        savepoint.rollback()
        return _Outcome(queued, None, error)
    return _Outcome(queued, result, None, writer.steps)


def _is_gone(connection: Connection) -> bool:
    """Has the database itself ended the transaction (SQLite on a full disk, PostgreSQL on a lost connection)?"""
    if connection.invalidated or connection.closed:
        return True
    raw = connection.connection.dbapi_connection
    return isinstance(raw, sqlite3.Connection) and not raw.in_transaction


def _disk_failed(error: BaseException | None) -> bool:
    """After such an error even an earlier flush may be lost: no more may be promised. A full disk is not one."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    }


def _disk_full(error: BaseException | None) -> bool:
    """SQLite's, PostgreSQL's (SQLSTATE 53100) or the system's own word for it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return getattr(error, "sqlstate", None) == "53100"


def _answer(outcome: _Outcome) -> None:
    if outcome.error is not None:
        outcome.queued.future.set_exception(outcome.error)
    else:
        outcome.queued.future.set_result(outcome.result)
