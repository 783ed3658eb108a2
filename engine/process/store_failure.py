"""A store whose disk failed takes no more writes in this process; a new process opens and checks it again."""

from __future__ import annotations

from sqlalchemy.exc import InterfaceError, OperationalError

from data.errors import StoreClosed
from data.ports.store import Store

AWAY = (StoreClosed, OperationalError, InterfaceError, OSError)
"""What a store raises that cannot be reached now and may take it later."""


def must_go_on(store: Store) -> None:
    """Raise StoreClosed if only a new process helps; the supervisor starts one."""
    if store.failure is not None:
        raise StoreClosed(store.failure)
