"""What a time that came from outside may be: neither of a clock that was never set nor from the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from data.errors import InputRejected

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""What is said to be before this is from a clock that was never set: those begin at 1970, 1980 or in the year 1."""


def plausible(at: datetime, now: datetime, ahead: timedelta, what: str) -> datetime:
    """The moment in UTC. `at` has an offset. Raises InputRejected, with `what` it is, also at the calendar's edge."""
    if at < EARLIEST:
        raise InputRejected(f"{what} {at.isoformat()} is of a clock that was never set")
    if at - now > ahead:
        raise InputRejected(f"{what} {at.isoformat()} lies in the future")
    return at.astimezone(UTC)
