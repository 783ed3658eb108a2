"""The range of valid times: far enough from the limits of Python's datetime to add offsets and spans."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2999, 12, 31, tzinfo=UTC)


def in_calendar(at: datetime) -> datetime:
    """The moment in UTC. Raises ValueError for one before 1900 or after 2999."""
    try:
        moment = at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time lies at the edge of the calendar") from error
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"the time must lie between {EARLIEST.year} and {LATEST.year}")
    return moment
