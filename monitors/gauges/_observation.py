"""OGC SensorThings Observations (names of version 1.1) read into measured values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from data.errors import InputRejected
from data.model.observation import Quality
from monitors.gauges._gauge import GaugeRecipe, Measured
from monitors.gauges._message import trusted
from monitors.gauges._times import Arrival, LocalTimes, instant
from monitors.gauges._values import WrittenValue

MOST_AT_ONCE = 1000
LONGEST_WORD = 100


def observations(sent: Any) -> Sequence[Any]:
    """One Observation, a list of them, or `{"value": [...]}`. Raises InputRejected."""
    found = sent.get("value") if isinstance(sent, dict) and "result" not in sent and "value" in sent else sent
    items = found if isinstance(found, list) else [found]
    if not 1 <= len(items) <= MOST_AT_ONCE:
        raise InputRejected(f"1 to {MOST_AT_ONCE} observations are taken at once, these are {len(items)}")
    return items


class WrittenGauge(WrittenValue, GaugeRecipe):
    """A gauge whose values may come as text."""


def measured_in(recipe: WrittenGauge, observation: Any, now: datetime, times: LocalTimes | None = None) -> Measured:
    """`result` at `phenomenonTime` (an interval counts at its end), else `resultTime`, else now.

    `resultQuality` good, uncertain or bad. `parameters.unit` and `parameters.verticalDatum` say what the recipe else
    says. `times`: the source's own, which knows what came before. Raises InputRejected with the name of the member.
    """
    if not isinstance(observation, dict):
        raise InputRejected("an Observation is a JSON object")
    if "result" not in observation:
        raise InputRejected("result is missing")
    parameters = observation.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InputRejected("parameters is not an object")
    try:
        recipe.require_value(observation["result"])
        value = recipe.number(observation["result"])
    except InputRejected as error:
        raise type(error)(f"result: {error}") from None
    named = [name for name in ("phenomenonTime", "resultTime") if observation.get(name) is not None]
    at = _time(observation, named[0], recipe, now, times) if named else now
    unit = _word(parameters.get("unit"), "parameters.unit") or recipe.given_unit
    datum = _word(parameters.get("verticalDatum"), "parameters.verticalDatum")
    return Measured(value, at, unit, _quality(observation.get("resultQuality")), datum)


def _time(
    observation: dict[str, Any], name: str, recipe: GaugeRecipe, now: datetime, times: LocalTimes | None
) -> datetime:
    given = observation[name]
    resolver = times if times is not None else ZoneInfo(recipe.timezone) if recipe.timezone else None
    try:
        end = given.rpartition("/")[2] if isinstance(given, str) else given
        return instant(end, resolver, Arrival(now, json.dumps(observation, sort_keys=True)))
    except InputRejected as error:
        raise InputRejected(f"{name}: {error}") from None


def _word(given: Any, name: str) -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_WORD:
        raise InputRejected(f"{name} is no short text")
    return given


def _quality(given: Any) -> Quality:
    """The worst of those that are named counts; a word we do not know is uncertain."""
    words = given if isinstance(given, list) else [] if given is None else [given]
    found = {trusted(word) for word in words}
    return next((q for q in (Quality.BAD, Quality.UNCERTAIN) if q in found), Quality.GOOD)
