"""Pauses between attempts: growing, capped, and jittered so that a thousand cameras do not come back at once."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """`pause()` gives the next pause in seconds; `reset()` after a success.

    The pauses are first, first * factor, ... up to `cap`, each spread by +- `jitter` of itself (never over `cap`).
    `random` gives numbers of 0..1; a fixed one makes the pauses known.
    """

    def __init__(
        self,
        random: Callable[[], float],
        *,
        first_s: float = 0.5,
        cap_s: float = 30.0,
        factor: float = 2.0,
        jitter: float = 0.3,
    ) -> None:
        self.random = random
        self.first_s = first_s
        self.cap_s = cap_s
        self.factor = factor
        self.jitter = jitter
        self._next_s = first_s

    def pause(self) -> float:
        """How long to wait before the next attempt, seconds."""
        plain = self._next_s
        self._next_s = min(self.cap_s, plain * self.factor)
        return min(self.cap_s, plain * (1 + self.jitter * (2 * self.random() - 1)))

    def reset(self) -> None:
        """It worked: the next pause is the first one again."""
        self._next_s = self.first_s
