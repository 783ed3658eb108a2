"""Times as sources write them: ISO 8601 or seconds since 1970, with an offset from UTC or in a zone's local time.

Local time is ambiguous in the hour that comes twice when clocks are put back, and does not exist in the hour that is
left out when they are put forward. The order in which a source gives its times decides between the two hours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from data.errors import InputRejected

EARLIEST_RECORDED = datetime(1800, 1, 1, tzinfo=UTC)
"""In a series that is declared to be history."""
MILLISECONDS_FROM = 1e11  # seconds since 1970 reach this in the year 5138
AHEAD = timedelta(seconds=60)  # a source's clock may be so far ahead of ours
LIVE = timedelta(minutes=10)  # a local time so shortly before its arrival was written in that hour
_DAY = timedelta(days=1)
LEAP_SECOND = re.compile(r"(?<=[T ]\d\d:\d\d:)60(?:[.,]\d+)?")
HOUR_24 = re.compile(r"(?<=[T ])24(?=:?00(?::?00(?:[.,]0+)?)?(?:[Zz+\-\s]|$))")


def written_time(given: Any) -> datetime:
    """The moment that a number or a text names; without `tzinfo` where the text has no offset from UTC.

    Numbers are seconds, or milliseconds, since 1970. A leap second (23:59:60) is the last microsecond of its minute,
    the hour 24 is midnight. Raises InputRejected for what is no moment: 0, a day without a time of day, other text.
    """
    if isinstance(given, int | float) and not isinstance(given, bool):
        return _since_1970(given)
    if not isinstance(given, str):
        raise InputRejected(f"{given!r:.60} is not a time")
    text = given.strip()
    try:
        date.fromisoformat(text)
    except ValueError:
        pass
    else:
        raise InputRejected(f"{given!r:.60} is a day without a time of day")
    try:
        at = datetime.fromisoformat(HOUR_24.sub("00", LEAP_SECOND.sub("59.999999", text)))
        return at + _DAY if HOUR_24.search(text) else at
    except (ValueError, OverflowError):
        raise InputRejected(f"{given!r:.60} is not a time") from None


def _since_1970(given: float) -> datetime:
    try:
        if given == 0 or not math.isfinite(given):
            raise InputRejected(f"{given!r} is not a time: the clock that gave it was never set")
        return datetime.fromtimestamp(given / 1000 if abs(given) >= MILLISECONDS_FROM else given, UTC)
    except (ValueError, OverflowError, OSError):
        raise InputRejected(f"{given!r:.60} is not a time") from None


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a time came, and with which message. `may_repeat`: the message may be one that came before already."""

    now: datetime | None = None
    message: object = None
    may_repeat: bool = True


NEVER_MIND = Arrival()


def instant(given: Any, times: LocalTimes | tzinfo | None, arrival: Arrival = NEVER_MIND) -> datetime:
    """UTC. `times` resolves local ones, a zone alone does so without memory; None when the source has no time zone.

    Raises InputRejected.
    """
    at = written_time(given)
    if at.tzinfo is not None:
        try:
            return at.astimezone(UTC)
        except OverflowError:
            raise InputRejected(f"{given!r:.60} is not a time") from None
    if times is None:
        raise InputRejected(f"the time {given!r:.60} has no offset from UTC and the gauge no `timezone`")
    resolver = LocalTimes(times) if isinstance(times, tzinfo) else times
    return resolver.utc(at, arrival)


class LocalTimes:
    """The local times of one source, turned into UTC in the order in which they come.

    In the doubled hour a time that goes back, or comes again, is of the second hour. Where both hours lie behind what
    came before, the one counts that fits to the time that has passed since. `latest`: the newest time that is known
    of this source, so that this holds over restarts, too.
    """

    def __init__(self, zone: tzinfo, latest: datetime | None = None) -> None:
        self.zone = zone
        self.latest = latest
        self._arrived: datetime | None = None
        self._given: dict[tuple[datetime, object], datetime] = {}  # messages of the last doubled hour

    def copy(self) -> LocalTimes:
        """As it is now: for a batch that is taken as a whole or not at all."""
        other = LocalTimes(self.zone, self.latest)
        other._arrived, other._given = self._arrived, dict(self._given)
        return other

    def utc(self, local: datetime, arrival: Arrival = NEVER_MIND) -> datetime:
        """The moment of a local time. Raises InputRejected for one that the zone's clocks never show.

        A message that comes again word by word is of the same hour, unless it was written in the second one just now.
        """
        first, second = both_hours(local, self.zone)
        at = first if first == second else self._chosen(local, first, second, arrival)
        self.note(at)
        self._arrived = arrival.now
        return at

    def note(self, at: datetime) -> None:
        """The source has given this time, UTC."""
        self.latest = at if self.latest is None else max(self.latest, at)

    def utc_of_all(self, locals_: Sequence[datetime], *, now: datetime | None = None) -> list[datetime | InputRejected]:
        """Those of a table, in its order; what cannot be is an error in its place.

        A table may also be sorted by local time: then each time of the doubled hour stands twice in a row.
        """
        sorted_pairs = _twice_in_a_row(locals_, self.zone)
        found: list[datetime | InputRejected] = []
        before: datetime | None = None
        for local in locals_:
            try:
                if local in sorted_pairs:
                    at = both_hours(local, self.zone)[int(local == before)]
                    self.note(at)
                else:
                    at = self.utc(local, Arrival(now))
                found.append(at)
            except InputRejected as error:
                found.append(error)
            before = local
        return found

    def _chosen(self, local: datetime, first: datetime, second: datetime, arrival: Arrival) -> datetime:
        key = (local, arrival.message)
        if self._given and min(self._given.values()) < first - _DAY:
            self._given.clear()  # of another year
        before = self._given.get(key) if arrival.message is not None and arrival.may_repeat else None
        live = arrival.now is not None and arrival.now - LIVE <= second
        if arrival.now is not None and second > arrival.now + AHEAD:
            at = first
        elif before is not None and not live:
            at = before
        else:
            at = self._next(first, second, arrival.now, live=live)
        if arrival.message is not None:
            self._given[key] = at
        return at

    def _next(self, first: datetime, second: datetime, now: datetime | None, *, live: bool) -> datetime:
        """The one that continues what came before."""
        if self.latest is not None and first <= self.latest:
            return second
        if self.latest is None or now is None or self._arrived is None:
            return second if live else first
        expected = self.latest + (now - self._arrived)
        return second if abs(second - expected) < abs(first - expected) else first


def both_hours(local: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The moments that this local time may be, UTC: two different ones only where clocks were put back.

    Raises InputRejected for a local time that is left out because clocks were put forward.
    """
    try:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        shown = first.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise InputRejected(f"{local.isoformat(' ')} is not a time") from None
    if shown != local.replace(fold=0):
        raise InputRejected(
            f"{local.isoformat(' ')} never was: clocks in {zone} were put forward over it; send the offset from UTC"
        )
    return first, second


def _twice_in_a_row(locals_: Sequence[datetime], zone: tzinfo) -> frozenset[datetime]:
    """The doubled local times of a table that is sorted by local time, where more than one stands there twice."""
    doubled = [local for local in locals_ if _is_doubled(local, zone)]
    pairs = {a for a, b in pairwise(doubled) if a == b}
    rises = all(a <= b for a, b in pairwise(doubled))
    return frozenset(pairs) if rises and len(pairs) > 1 else frozenset()


def _is_doubled(local: datetime, zone: tzinfo) -> bool:
    try:
        first, second = both_hours(local, zone)
    except InputRejected:
        return False
    return first != second
