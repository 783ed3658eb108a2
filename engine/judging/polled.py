"""What people have set, as the processes that judge know it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from data.ports.store import Reader, Store
from engine.judging.outlet import AWAY

_EVERY_S = 1.0

Value = TypeVar("Value")


class Polled(Generic[Value]):
    """Asks the store once a second; while it cannot be asked, what was true stays true."""

    def __init__(self, store: Store, read: Callable[[Reader], Value], first: Value) -> None:
        self._store = store
        self._read = read
        self._due_s = float("-inf")
        self._known = first

    def now(self) -> Value:
        """The newest there is."""
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + _EVERY_S
            try:
                self._known = self._store.read(self._read)
            except AWAY:
                return self._known
        return self._known
