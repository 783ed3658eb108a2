"""Rejected input, grouped by source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

_NUMBERS = re.compile(r"\d[\d.,:+\-T]*")


def kind_of_reason(reason: str) -> str:
    """The reason without numbers and times, so that reasons that differ only in these are one kind."""
    return _NUMBERS.sub("#", reason)


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """Rejects of one source for one reason. `example`: the newest one's excerpt, without secrets."""

    site: str
    monitor: str
    reason: str
    count: int
    last_at: datetime
    example: str = ""


@dataclass(frozen=True, slots=True)
class RejectSource:
    """All rejects from one source, the newest reason first. `site` is empty where none is known."""

    site: str
    monitor: str
    count: int
    last_at: datetime
    reasons: tuple[RejectGroup, ...]


def by_source(groups: Iterable[RejectGroup]) -> tuple[RejectSource, ...]:
    """Sources, those with the most rejects first. Reasons that differ only in numbers are shown as their newest."""
    merged: dict[tuple[str, str, str], RejectGroup] = {}
    for group in sorted(groups, key=lambda one: one.last_at, reverse=True):
        key = (group.site, group.monitor, kind_of_reason(group.reason))
        newest = merged.get(key)
        if newest is None:
            merged[key] = group
        else:
            count = newest.count + group.count
            merged[key] = RejectGroup(newest.site, newest.monitor, newest.reason, count, newest.last_at, newest.example)
    sources: dict[tuple[str, str], list[RejectGroup]] = {}
    for group in merged.values():
        sources.setdefault((group.site, group.monitor), []).append(group)
    found = [
        RejectSource(site, monitor, sum(one.count for one in reasons), reasons[0].last_at, tuple(reasons))
        for (site, monitor), reasons in sources.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.site, one.monitor)))
