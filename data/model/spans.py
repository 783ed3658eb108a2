"""Spans of time read in pages or thinned, so that the cost depends on the request, not on what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple


class ReadingKey(NamedTuple):
    """Cursor: where a page of one site's readings ended. The next page begins after it."""

    at: datetime
    monitor: str
    quantity: str


class EvidenceKey(NamedTuple):
    """Cursor: where a page of evidence ended. The next page begins after it."""

    at: datetime
    id: str


class ShiftKey(NamedTuple):
    """Cursor: where a page of shifts ended. The next page begins after it."""

    begins: datetime
    id: int


@dataclass(frozen=True, slots=True)
class ReadingBucket:
    """The readings of one quantity at one site within `[start, start + width)` of a thinned span.

    `low` and `high` are the smallest and the largest value, so that no crest and no trough is lost; `total` is the sum,
    which matters for rainfall. Readings of bad quality are left out.
    """

    site: str
    quantity: str
    start: datetime
    low: float
    high: float
    total: float
    count: int


@dataclass(frozen=True, slots=True)
class CitizenQuery:
    """Events that citizens reported, newest first: opened in `[since, until]`, at most `limit`."""

    since: datetime
    until: datetime
    kind: str | None = None
    is_open: bool | None = None
    limit: int = 50


def buckets(span: timedelta, most: int, *, shortest: timedelta = timedelta(seconds=1)) -> timedelta:
    """The bucket width that divides a span into at most `most` buckets; at least `shortest`."""
    return max(shortest, span / most)
