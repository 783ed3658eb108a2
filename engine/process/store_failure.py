"""A store whose disk failed takes no writes in this process any more; a new one opens it again and looks at it."""

from __future__ import annotations

from data.errors import StoreClosed
from data.ports.store import Store


def must_go_on(store: Store) -> None:
    """Raises StoreClosed where only a new process helps; the supervisor starts one."""
    if store.failure is not None:
        raise StoreClosed(store.failure)
