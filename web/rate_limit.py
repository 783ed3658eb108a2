"""How often somebody may do something: moving windows of the `limits` library over a bounded memory.

The library's own memory storage walks over all keys in a timer thread, so many addresses would cost what they are
meant to save, and it goes by the wall clock, which may be set back.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from limits import RateLimitItem
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

MOST_KEYS = 20_000


class BoundedStorage(Storage, MovingWindowSupport):
    """Times of what was let through, by key; of more than `MOST_KEYS` those unused for longest are dropped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now, taken = self._clock(), self._taken.setdefault(key, deque())
        self._taken.move_to_end(key)
        while taken and taken[0] <= now - expiry:
            taken.popleft()
        if len(taken) + amount > limit:
            return False
        taken.extend([now] * amount)
        while len(self._taken) > MOST_KEYS:
            self._taken.popitem(last=False)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the base's
        """The oldest time that counts, and how many count."""
        now = self._clock()
        counted = [at for at in self._taken.get(key, ()) if at > now - expiry]
        return (counted[0] if counted else now), len(counted)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise NotImplementedError("moving windows only")

    def get(self, key: str) -> int:
        return len(self._taken.get(key, ()))

    def get_expiry(self, key: str) -> float:
        taken = self._taken.get(key)
        return taken[-1] if taken else self._clock()

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._taken)
        self._taken.clear()
        return count

    def clear(self, key: str) -> None:
        self._taken.pop(key, None)


class RateLimit:
    """One limit, counted apart for each key. Lives on the event loop: between asking and counting nothing happens."""

    def __init__(
        self, item: RateLimitItem | Callable[[], RateLimitItem], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`item`: the limit, or what tells it where it may change."""
        self._limit = item
        self._clock = clock
        self._storage = BoundedStorage(clock)
        self._limiter = MovingWindowRateLimiter(self._storage)

    def wait_s(self, key: str) -> float:
        """0 and counted when it may be done now, else how many seconds to wait."""
        item = self._limit() if callable(self._limit) else self._limit
        if self._limiter.hit(item, key):
            return 0.0
        oldest, _ = self._storage.get_moving_window(item.key_for(key), item.amount, item.get_expiry())
        return max(0.001, oldest + item.get_expiry() - self._clock())
