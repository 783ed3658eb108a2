"""An alert as an alarm that came to people: the input of the screens' cards and of the alarm figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from data.model.alert import Priority


class AlarmRecord(NamedTuple):
    """An alert that was raised or fired again. `came_at`: when that was stored, and so became visible.

    `step`: the id of its step; `quiet`: it was suppressed from the first moment.
    """

    step: int
    id: int
    site: str
    priority: Priority
    came_at: datetime
    quiet: bool


class AlarmColumns(NamedTuple):
    """Many alarms, a sequence for each column. Times are datetimes or datetime64[us] in UTC, None or NaT where not."""

    id: Sequence[int]
    site: Sequence[str]
    rule: Sequence[str]
    zone: Sequence[str]
    priority: Sequence[str]
    came_at: Any
    acknowledged_at: Any
    ended_at: Any
