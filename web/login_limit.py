"""How often somebody may try a password: per name and address, per address, and per name."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_KEPT = 10_000


@dataclass
class LoginLimit:
    """Counts failures in a sliding window. A right password clears the pair of name and address."""

    window_s: float = 300.0
    per_pair: int = 5
    per_address: int = 30
    per_name: int = 60  # high: a stranger must not be able to lock somebody out easily
    clock: Callable[[], float] = time.monotonic
    _failures: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def wait_s(self, name: str, address: str) -> float:
        """How long before the next try is looked at; 0 when it may come now."""
        now = self.clock()
        waits = [0.0]
        for key, limit in self._keys(name, address):
            failures = self._recent(key, now)
            if len(failures) >= limit:
                waits.append(failures[-limit] + self.window_s - now)
        return max(waits)

    def failed(self, name: str, address: str) -> None:
        now = self.clock()
        if len(self._failures) >= _KEPT:
            self._failures = {key: times for key, times in self._failures.items() if times[-1] > now - self.window_s}
        for key, _ in self._keys(name, address):
            self._failures.setdefault(key, deque(maxlen=max(self.per_pair, self.per_address, self.per_name))).append(
                now
            )

    def succeeded(self, name: str, address: str) -> None:
        self._failures.pop((name, address), None)

    def _keys(self, name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (((name, address), self.per_pair), (("", address), self.per_address), ((name, ""), self.per_name))

    def _recent(self, key: tuple[str, str], now: float) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= now - self.window_s:
            failures.popleft()
        if not failures:
            self._failures.pop(key, None)
        return failures
