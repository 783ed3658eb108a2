"""Plausibility of a time that came from outside: not of a clock that was never set, and not in the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from data.errors import InputRejected

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Earlier times come from a clock that was never set: such clocks begin at 1970, 1980 or in the year 1."""


def plausible(at: datetime, now: datetime, ahead: timedelta, what: str) -> datetime:
    """The moment in UTC. `at` must have an offset. Raises InputRejected, naming `what`, also outside the calendar."""
    if at < EARLIEST:
        raise InputRejected(f"{what} {at.isoformat()} is of a clock that was never set")
    if at - now > ahead:
        raise InputRejected(f"{what} {at.isoformat()} lies in the future")
    return at.astimezone(UTC)
