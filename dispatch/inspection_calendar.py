"""When a place is to be inspected: at least every so often, by season, and ahead of rain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from data.config.inspections import InspectionType
from data.model.warning import HazardWarning, WarningInfo, WarningStatus
from data.model.warning_reach import District, Reach


def next_due(kind: InspectionType, last: datetime, zone: ZoneInfo) -> datetime:
    """By when the place is to be inspected again: the first moment at which `every` of that day has passed.

    So a season with a shorter calendar brings the inspection forward when it begins, and never back.
    """
    if not kind.seasons:
        return last + kind.every
    longest = max([kind.every, *(season.every for season in kind.seasons)])
    day = last.astimezone(zone).date()
    while True:
        begins = datetime.combine(day, time(), zone).astimezone(last.tzinfo)
        ends = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(last.tzinfo)
        due = max(last + kind.every_on(day), begins)
        if due < ends or begins - last > longest:
            return due
        day += timedelta(days=1)


def first_due(kind: InspectionType, now: datetime, number: int, of: int, zone: ZoneInfo) -> datetime:
    """Of a place that was never inspected: within one period from now, many of them spread evenly over it."""
    whole = next_due(kind, now, zone) - now
    return now + whole * ((number + 1) / of)


def opens(kind: InspectionType, due: datetime, now: datetime) -> datetime:
    """From when an inspection is on the list."""
    return max(now, due - kind.window)


def warned_blocks(warnings: Iterable[HazardWarning], now: datetime, district: District) -> list[WarningInfo]:
    """The blocks of real warnings in force that reach the district or may do so."""
    return [
        block
        for warning in warnings
        if warning.status is WarningStatus.ACTUAL and warning.is_in_force(now)
        for block in warning.holding(now)
        if district.meets(block.areas) is not Reach.NO
    ]


def is_warned(kind: InspectionType, blocks: Sequence[WarningInfo]) -> bool:
    """True if places of this type are to be inspected ahead of what these blocks warn of."""
    rain = kind.before_rain
    return rain is not None and any(rain.fits_block(block) for block in blocks)
