"""Times of CAP messages: as the standard writes them, and as senders have been seen to."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from data.model.warning import WarningNote

_LONGEST = 60
_COMPACT = re.compile(r"^(\d{4})(\d\d)(\d\d)[T ]?(\d\d)(\d\d)(\d\d)?(Z|[+-]\d\d:?\d\d)?$")
_PARTS = re.compile(
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T ]\s*(\d{1,2})[:：时](\d{1,2})(?:分|[:：](\d{1,2})(?:[.,]\d{1,9})?秒?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d\d)?)?$",
    re.IGNORECASE,
)
_MIDNIGHT_HOUR = 24
_EARLIEST_YEAR = 1980


def moment(text: str, zone: tzinfo, notes: set[WarningNote]) -> datetime | None:
    """The time in UTC; one without an offset is of `zone`. None, with a note, for what is no time."""
    text = text.strip()[:_LONGEST]
    try:
        at = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        at = None
    if at is None:
        at = _lenient(text)
        if at is not None:
            notes.add(WarningNote.TIME_MENDED)
    if at is None or at.year < _EARLIEST_YEAR:
        notes.add(WarningNote.TIME_UNREADABLE)
        return None
    if at.tzinfo is None:
        notes.add(WarningNote.TIME_WITHOUT_ZONE)
        at = at.replace(tzinfo=zone)
    try:
        return at.astimezone(UTC)
    except (OverflowError, ValueError):
        notes.add(WarningNote.TIME_UNREADABLE)
        return None


def _lenient(text: str) -> datetime | None:
    """Slashes, a blank before the offset, hour 24, one-digit hours, digits only."""
    found = _PARTS.match(text) or _COMPACT.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    later = timedelta(0)
    if hour == _MIDNIGHT_HOUR and minute == second == 0:
        hour, later = 0, timedelta(days=1)
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=_offset(found[7])) + later
    except (ValueError, OverflowError):
        return None
    return at


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = digits[:-2] if len(digits) > 2 else digits, digits[-2:] if len(digits) > 2 else "0"
    return datetime.strptime(f"{text[0]}{int(hours):02d}{int(minutes):02d}", "%z").tzinfo
