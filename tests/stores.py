"""New stores for tests: copies of an empty one that is made once in a process, for a tenth of what migrations cost.

With YIPING_TEST_STORE=postgresql they are databases of a real PostgreSQL server instead of files; tests name them by
the path that the file would have.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from data.ports.store import Store
from data.sql.store import open_store
from tests.contracts.postgres import Cluster

CHOSEN = "YIPING_TEST_STORE"
_PORT = "YIPING_TEST_STORE_PORT"  # of the server that `tests/conftest.py` has started


def on_postgresql() -> bool:
    """Do this run's tests use PostgreSQL?"""
    return os.environ.get(CHOSEN, "sqlite") == "postgresql"


def use_cluster(port: int) -> None:
    """Let `store_at` make its databases on this server."""
    os.environ[_PORT] = str(port)


@cache
def _empty_file() -> bytes:
    """The database file of a store that has its schema and no rows, as `open_store` makes it."""
    with TemporaryDirectory(prefix="yiping-empty-") as folder:
        path = Path(folder) / "empty.db"
        open_store(path).close()
        assert not path.with_name("empty.db-wal").exists(), "everything is in the file itself"
        return path.read_bytes()


@cache
def _empty_database() -> str:
    """The name of a PostgreSQL database that has the schema and no rows; to be copied."""
    url = _cluster().new_database()
    open_store(url).close()
    return url.rpartition("/")[2]


def _cluster() -> Cluster:
    return Cluster(int(os.environ[_PORT]))


@cache
def store_at(path: Path) -> str:
    """Where the store of this path is: the path itself, or the URL of a database that belongs to it."""
    if not on_postgresql():
        return str(path)
    name = f"p_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    return _cluster().new_database(template=_empty_database(), name=name)


def new_store(path: Path) -> Store:
    """The store of this path, opened by the product's own `open_store`. Where there is none, it is a copy."""
    if on_postgresql():
        known = store_at.cache_info().currsize
        store = open_store(store_at(path))
        if store_at.cache_info().currsize > known:
            tell_apart(store)
        return store
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_empty_file())
    store = open_store(path)
    if is_new:
        tell_apart(store)
    return store


def tell_apart(store: Store) -> None:
    """A copied store gets a mark of its own, as each new one has."""
    mark = secrets.token_hex(16)
    store.write(lambda writer: writer.put_value("epoch", mark))
