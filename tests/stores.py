"""New stores for tests: copies of an empty one that is made once in a process, for a tenth of what migrations cost."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from data.ports.store import Store
from data.sql.store import open_store


@cache
def _empty_file() -> bytes:
    """The database file of a store that has its schema and no rows, as `open_store` makes it."""
    with TemporaryDirectory(prefix="yiping-empty-") as folder:
        path = Path(folder) / "empty.db"
        open_store(path).close()
        assert not path.with_name("empty.db-wal").exists(), "everything is in the file itself"
        return path.read_bytes()


def new_store(path: Path) -> Store:
    """The store in this file, opened by the product's own `open_store`. Where there is none, it is a copy."""
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
