"""`open_store`: the Store port on SQLite or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError

from data.errors import StoreClosed
from data.model.masking import SecretMask
from data.ports.store import Reader, Store, Writer
from data.sql.engine import reading_engine, store_url, time_limit, writing_engine
from data.sql.group import GroupCommit, QueuedWork
from data.sql.listening import ChangeListener
from data.sql.reader import SqlReader
from data.sql.schema import upgrade
from data.sql.server_check import place, refusal, refuse_unsuitable
from data.sql.turnstile import Turnstile
from data.sql.writer import SqlWriter

T = TypeVar("T")

_FOR_READING = "this store was opened for reading only"


def open_store(path_or_url: str | Path, *, migrate: bool = True, mask: SecretMask | None = None) -> Store:
    """The store in this file (SQLite) or at this `postgresql://` URL, its schema brought up to date.

    `mask` takes configured secrets out of foreign texts that are written (answers of gateways, rejects, losses).
    Each process opens its own; a store must not be used across a fork. Raises StoreClosed when it cannot be opened.
    """
    url = store_url(path_or_url)
    if url.get_backend_name() == "sqlite":
        _make_file(Path(str(url.database)))
    writing = writing_engine(url)
    try:
        _look_at_server(url)
        if migrate:
            upgrade(writing)
        else:
            writing.connect().close()
    except DBAPIError as error:
        writing.dispose()
        raise refusal(url, error) from None
    except StoreClosed:
        writing.dispose()
        raise
    gate = Turnstile(Path(f"{url.database}-turn")) if url.get_backend_name() == "sqlite" else nullcontext()
    return SqlStore(writing, reading_engine(url), gate, mask)


def open_for_reading(path_or_url: str | Path) -> ReadOnlyStore:
    """Open an existing store read-only. Raises StoreClosed when there is none, or it cannot be opened."""
    url = store_url(path_or_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
        raise StoreClosed(f"there is no store {place(url)}")
    reading = reading_engine(url)
    try:
        reading.connect().close()
    except DBAPIError as error:
        reading.dispose()
        raise refusal(url, error) from None
    return ReadOnlyStore(reading)


class ReadOnlyStore:
    """A `data.ports.store.Store` that refuses every write; so does the database, on each of its connections."""

    def __init__(self, reading: Engine) -> None:
        self._reading = reading

    def read(self, look: Callable[[Reader], T], *, within_s: float | None = None) -> T:
        with self._reading.connect() as connection:
            if within_s is None:
                return look(SqlReader(connection))
            with time_limit(connection, within_s):
                return look(SqlReader(connection))

    def write(self, work: Callable[[Writer], T]) -> T:
        """Raises StoreClosed."""
        del work
        raise StoreClosed(_FOR_READING)

    def submit(self, work: Callable[[Writer], T]) -> Future[T]:
        """Raises StoreClosed."""
        del work
        raise StoreClosed(_FOR_READING)

    @property
    def failure(self) -> str | None:
        return None

    def tell_of_changes(self, woken: Callable[[], None]) -> bool:
        """A store that is read once tells of nothing."""
        del woken
        return False

    def close(self) -> None:
        self._reading.dispose()


def _make_file(path: Path) -> None:
    """Create the file readable by its owner only, since it contains password hashes and telephone numbers."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreClosed(f"cannot make the store {path}: {error.strerror}") from error


def _look_at_server(url: URL) -> None:
    """Raises StoreClosed for a PostgreSQL server that does not fit, and DBAPIError when it cannot be reached.

    By a reader's connection: it waits for no lock, so that a server that does not fit is told of at once.
    """
    if url.get_backend_name() == "sqlite":
        return
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            refuse_unsuitable(connection, url)
    finally:
        engine.dispose()


class SqlStore:
    """`data.ports.store.Store` on two engines: one thread writes through one, all threads read through the other."""

    def __init__(
        self,
        writing: Engine,
        reading: Engine,
        gate: AbstractContextManager[None],
        mask: SecretMask | None = None,
    ) -> None:
        self._reading = reading
        self._process = os.getpid()
        self._listener = None if reading.dialect.name == "sqlite" else ChangeListener(reading.url)
        self._group = GroupCommit(writing, partial(SqlWriter, mask=mask), gate)

    def read(self, look: Callable[[Reader], T], *, within_s: float | None = None) -> T:
        self._here()
        with self._reading.connect() as connection:
            if within_s is None:
                return look(SqlReader(connection))
            with time_limit(connection, within_s):
                return look(SqlReader(connection))

    def write(self, work: Callable[[Writer], T]) -> T:
        if self._group.is_here:
            raise RuntimeError("a unit of work cannot wait for another one: use the writer it was given")
        return self.submit(work).result()

    def submit(self, work: Callable[[Writer], T]) -> Future[T]:
        self._here()
        future: Future[Any] = Future()
        self._group.submit(QueuedWork(work, future))
        return future

    @property
    def failure(self) -> str | None:
        return self._group.failure

    def tell_of_changes(self, woken: Callable[[], None]) -> bool:
        self._here()
        if self._listener is None:
            return False
        self._listener.add(woken)
        return True

    def close(self) -> None:
        self._here()
        if self._listener is not None:
            self._listener.close()
        self._group.close()
        self._reading.dispose()

    def _here(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("this store was opened in another process: open it again in this one")
