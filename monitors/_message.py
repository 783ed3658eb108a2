"""One message of a gauge, MQTT or HTTP, as one measured value."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from data.errors import InputRejected
from data.observation import Quality
from monitors._gauge import Measured
from monitors._json_source import JsonSource
from monitors._times import Arrival, LocalTimes, instant


def measured(
    recipe: JsonSource,
    payload: bytes | bytearray,
    arrived: datetime,
    *,
    retained: bool,
    times: LocalTimes | None = None,
    may_repeat: bool = True,
) -> Measured:
    """What the message says. Raises InputRejected.

    `times`: the source's own, which knows what came before. `may_repeat`: it may have been delivered before.
    """
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
    resolver = times if times is not None else ZoneInfo(recipe.timezone) if recipe.timezone else None
    arrival = Arrival(arrived, bytes(payload), may_repeat)
    at = arrived if recipe.time is None else instant(found(content, recipe.time), resolver, arrival)
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


def trusted(given: Any) -> Quality:
    """An unknown word is uncertain, not good."""
    word = str(given).lower()
    return Quality(word) if word in {Quality.GOOD, Quality.BAD} else Quality.UNCERTAIN
