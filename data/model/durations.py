"""Durations in config.yaml: `180s`, `3min`, `2h`, `15d`, `250ms`, or ISO 8601 (`PT3M`)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: Any) -> Any:
    """A timedelta from `180s` and the like; other input is left for pydantic (ISO 8601, timedelta).

    Raises ValueError for a bare number: its unit would be a guess.
    """
    if isinstance(value, bool | int | float):
        raise ValueError(f"a duration needs a unit: write '{value}s', '{value}min' or '{value}h'")
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*", value)
        if match:
            try:
                return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
            except OverflowError as error:
                raise ValueError(f"{value[:40]!r} is longer than any calendar") from error
        if not value.strip().upper().startswith("P"):
            raise ValueError(f"{value!r} is not a duration; write '180s', '3min', '2h' or '1d'")
    return value


def format_duration(value: timedelta) -> str:
    """The shortest of the spellings that `parse_duration` reads."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "min", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)]
