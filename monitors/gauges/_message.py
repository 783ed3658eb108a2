"""One message of a gauge, MQTT or HTTP, as one measured value."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from data.errors import InputRejected
from data.model.datum import LEVEL
from data.model.observation import Quality
from data.model.units import convert
from monitors.gauges._gauge import Measured
from monitors.gauges._json_meaning import above_datum, datum_in, known_unit, refuse_own_fill, unit_in, zero_in
from monitors.gauges._json_path import Located, locate, parse_json
from monitors.gauges._json_source import JsonSource
from monitors.gauges._times import Arrival, LocalTimes, instant


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
    content = parse_json(text)
    if recipe.time is None and retained:
        raise InputRejected("a retained message without a time of its own says nothing about now")
    located = (
        Located(content, "", ())
        if recipe.value is None
        else locate(content, recipe.value, recipe.select, must_select=True)
    )
    value = value_of(recipe, located.value)
    refuse_own_fill(located, value)
    resolver = times if times is not None else ZoneInfo(recipe.timezone) if recipe.timezone else None
    arrival = Arrival(arrived, bytes(payload), may_repeat)
    at = arrived if recipe.time is None else instant(found(recipe, content, recipe.time), resolver, arrival)
    quality = Quality.GOOD
    if recipe.quality_field is not None:
        quality = trusted(found(recipe, content, recipe.quality_field))
    unit, datum = _unit(recipe, content, located), _datum(recipe, content, located)
    if recipe.quantity == LEVEL:
        value, unit = _above_datum(recipe, content, located, (value, unit), datum)
    return Measured(value, at, unit, quality, datum)


def value_of(recipe: JsonSource, given: Any) -> float:
    """The number that was given. Raises InputRejected for a fill value and what is no number."""
    recipe.require_value(given)
    value = recipe.number(given)
    recipe.require_value(value)
    return value


def found(recipe: JsonSource, content: Any, path: str) -> Any:
    """What lies at a path. Raises InputRejected."""
    return locate(content, path, recipe.select).value


def _unit(recipe: JsonSource, content: Any, located: Located) -> str:
    if recipe.unit_field:
        return known_unit(str(found(recipe, content, recipe.unit_field)), recipe.quantity)
    if recipe.unit_field is not None:
        return recipe.given_unit
    return unit_in(located, recipe.quantity, recipe.unit, recipe.given_unit)


def _datum(recipe: JsonSource, content: Any, located: Located) -> str | None:
    if recipe.datum_field:
        return str(found(recipe, content, recipe.datum_field))
    if recipe.datum_field is not None or recipe.quantity != LEVEL:
        return None
    return datum_in(located, recipe.vertical_datum)


def _above_datum(
    recipe: JsonSource, content: Any, located: Located, level: tuple[float, str], datum: str | None
) -> tuple[float, str]:
    """A level above the datum, where the message counts it from the gauge's zero and says how high that lies."""
    if recipe.zero_field:
        zero_m = recipe.number(found(recipe, content, recipe.zero_field))
        return convert(*level, LEVEL) + zero_m, "m"
    zero = None if recipe.zero_field is not None else zero_in(located)
    if zero is None or (datum is None and recipe.vertical_datum is None):
        return level
    return above_datum(convert(*level, LEVEL), zero), "m"


def trusted(given: Any) -> Quality:
    """An unknown word is uncertain, not good."""
    word = str(given).lower()
    return Quality(word) if word in {Quality.GOOD, Quality.BAD} else Quality.UNCERTAIN
