"""What rules decided, at the times of the drill instead of those of the recorded night."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar, cast

T = TypeVar("T")


def moved(value: T, at: Callable[[datetime], datetime]) -> T:
    """The same value with each of its times, however deep, put where `at` says; spans of seconds stay as they are."""
    if isinstance(value, datetime):
        return cast("T", at(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {one.name: moved(getattr(value, one.name), at) for one in dataclasses.fields(value) if one.init}
        return dataclasses.replace(value, **changed)
    if type(value) is tuple:
        parts = cast("tuple[object, ...]", value)
        return cast("T", tuple(moved(one, at) for one in parts))
    return value
