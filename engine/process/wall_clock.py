"""Detects when this computer's wall clock is set, by a person or NTP, by comparing it with the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

JUMP_S = 2.0
"""Smaller steps are no jump: a leap second, a busy machine, NTP's usual corrections."""


class WallClock:
    """Call `jump` about once a second, in one thread."""

    def __init__(
        self, wall_s: Callable[[], float] = time.time, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._ahead_s = wall_s() - monotonic_s()

    def jump(self) -> timedelta:
        """How far the wall clock was set since the last call; zero if it was not, negative if it was put back."""
        ahead_s = self._wall_s() - self._monotonic_s()
        moved_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        return timedelta(seconds=moved_s) if abs(moved_s) > JUMP_S else timedelta(0)


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A jump of the wall clock. Sources that this clock times show the same step before `until_s` (monotonic)."""

    by: timedelta
    until_s: float

    def explains(self, moved: timedelta) -> bool:
        """True if this step in a source's times is explained by the jump."""
        return abs(moved - self.by) < abs(self.by) / 2


def describe_jump(jump: timedelta, now: datetime) -> str:
    """One line about the jump, for the log and the rejects."""
    way = "back" if jump < timedelta(0) else "forward"
    return f"this computer's clock was put {way} by {abs(jump.total_seconds()):.0f} s, to {now.isoformat()}"


def moved_back(state: Any, jump: timedelta, now: datetime) -> Any:
    """A rule's saved state after the clock was put back: its times come from the wrong clock, so all are shifted.

    `state`: JSON of `data.ports.recipe.KeepsState`. A state whose times are all before `now` stays as it is, since they
    did not come from our clock.
    """
    if all(at <= now for at in _times_in(state)):
        return state
    return _moved(state, jump)


def _times_in(state: Any) -> Iterator[datetime]:
    if isinstance(state, Mapping):
        for value in state.values():
            yield from _times_in(value)
    elif isinstance(state, Sequence) and not isinstance(state, str):
        for value in state:
            yield from _times_in(value)
    elif (at := _time(state)) is not None:
        yield at


def _moved(state: Any, jump: timedelta) -> Any:
    if isinstance(state, Mapping):
        return {name: _moved(value, jump) for name, value in state.items()}
    if isinstance(state, Sequence) and not isinstance(state, str):
        return [_moved(value, jump) for value in state]
    at = _time(state)
    return state if at is None else (at + jump).isoformat()


def _time(value: Any) -> datetime | None:
    """The moment in a text with an offset, in which form every state stores times; None for other texts."""
    if not isinstance(value, str) or len(value) < len("2026-07-12T08:00+00:00"):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
