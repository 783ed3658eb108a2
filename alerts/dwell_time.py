"""How long an object stayed, as an interval: at least the time it was seen, at most the time it may have been there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.seen_time import Mark, SeenTime
from alerts.stays import Stay
from data.model.alert import Gap
from data.model.sightings import DwellTime

_TAIL_FROM_S = 2.0  # shortest unseen end of a stay that is told as a gap


def dwell_until_now(time: SeenTime, stay: Stay, since: Mark, now: datetime) -> DwellTime:
    """The dwell time of a stay that is still going on, seen `now`."""
    at_least_s = time.since(since, now) - since.late_s - stay.hidden_s(since.at)
    return _dwell(time, stay, since, max(0.0, at_least_s), now, ())


def dwell_until_end(time: SeenTime, stay: Stay, since: Mark, ended_at: datetime, decided_at: datetime) -> DwellTime:
    """The dwell time of a stay that ended. A standing object that vanished may have been hidden until `decided_at`."""
    last = stay.unseen_since
    known_s = (min(ended_at, last.at) - since.at).total_seconds() - (last.unknown_s - since.unknown_s)
    at_least_s = known_s - since.late_s - stay.hidden_s(since.at)
    latest = ended_at
    if stay.misses and stay.on_spot:
        latest = max(ended_at, decided_at)
    elif stay.left_at is not None and ended_at == stay.left_at:
        latest = ended_at + (ended_at - stay.seen_at)  # up to the picture that shows it gone
    tail_s = (latest - last.at).total_seconds()
    tail = ((last.at, latest),) if stay.misses and tail_s > _TAIL_FROM_S else ()
    return _dwell(time, stay, since, max(0.0, at_least_s), latest, tail)


def _dwell(  # noqa: PLR0917 - the parts of an interval
    time: SeenTime, stay: Stay, since: Mark, at_least_s: float, latest: datetime, more: Iterable[Gap]
) -> DwellTime:
    begun = since.after or since.at
    at_most_s = None if since.after is None else (latest - since.after).total_seconds()
    if at_most_s is not None:
        at_most_s = max(at_most_s, at_least_s)
    parts = [*time.gaps_since(begun), *(gap for gap, _ in stay.hidden), *more]
    return DwellTime(at_least_s, at_most_s, latest, _joined(parts, begun, latest))


def _joined(parts: Iterable[Gap], begun: datetime, until: datetime) -> tuple[Gap, ...]:
    """The gaps cut to this span, in order, overlapping ones merged."""
    joined = list[Gap]()
    for start, end in sorted((max(start, begun), min(end, until)) for start, end in parts):
        if end <= start:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
