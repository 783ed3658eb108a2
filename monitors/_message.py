"""One message of a gauge, MQTT or HTTP, as one measured value."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from data.errors import InputRejected
from data.observation import Quality
from monitors._gauge import Measured
from monitors._json_source import JsonSource

MILLISECONDS_FROM = 1e11  # seconds since 1970 reach this in the year 5138


def measured(recipe: JsonSource, payload: bytes | bytearray, arrived: datetime, *, retained: bool) -> Measured:
    """What the message says. Raises InputRejected."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise InputRejected("the message is not UTF-8 text") from None
    if recipe.value is None and recipe.time is None:
        if retained:
            raise InputRejected("a retained message without a time of its own says nothing about now")
        return Measured(value_of(recipe, text), arrived, recipe.given_unit)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InputRejected("the message is not JSON") from None
    if recipe.time is None and retained:
        raise InputRejected("a retained message without a time of its own says nothing about now")
    value = value_of(recipe, content if recipe.value is None else found(content, recipe.value))
    zone = ZoneInfo(recipe.timezone) if recipe.timezone else None
    at = arrived if recipe.time is None else instant(found(content, recipe.time), zone)
    unit = recipe.given_unit if recipe.unit_field is None else str(found(content, recipe.unit_field))
    quality = Quality.GOOD
    if recipe.quality_field is not None:
        quality = trusted(found(content, recipe.quality_field))
    datum = None if recipe.datum_field is None else str(found(content, recipe.datum_field))
    return Measured(value, at, unit, quality, datum)


def value_of(recipe: JsonSource, given: Any) -> float:
    """The number that was given. Raises InputRejected for a fill value and what is no number."""
    recipe.require_value(given)
    return recipe.number(given)


def found(content: Any, path: str) -> Any:
    """What lies at `path`: names and list positions with dots between. Raises InputRejected."""
    here = content
    for step in path.split("."):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            raise InputRejected(f"the message has no {path!r}")
    return here


def instant(given: Any, zone: tzinfo | None) -> datetime:
    """UTC. `zone` is that of times without offset. Raises InputRejected."""
    try:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return datetime.fromtimestamp(given / 1000 if abs(given) >= MILLISECONDS_FROM else given, UTC)
        at = datetime.fromisoformat(given)
        if at.tzinfo is None and zone is not None:
            at = at.replace(tzinfo=zone)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise InputRejected(f"{given!r:.60} is not a time") from None
    raise InputRejected(f"the time {given!r:.60} has no offset from UTC and the gauge no `timezone`")


def trusted(given: Any) -> Quality:
    """An unknown word is uncertain, not good."""
    try:
        return Quality(str(given).lower())
    except ValueError:
        return Quality.UNCERTAIN
