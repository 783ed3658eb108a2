"""The city's modes as the processes that judge know them."""

from __future__ import annotations

import time

from data.modes import active_modes
from data.store import Store
from engine.outlet import AWAY

_EVERY_S = 1.0


class ModesNow:
    """Asks the store once a second; while it cannot be asked, what was on stays on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due_s = float("-inf")
        self._on: frozenset[str] = frozenset()

    def now(self) -> frozenset[str]:
        """Names of the modes that are on."""
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + _EVERY_S
            try:
                self._on = self._store.read(active_modes)
            except AWAY:
                return self._on
        return self._on
