"""Days and hours at which a rule is in force, in the city's time zone: school hours, market days, nights."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|(24):(00)")


def _minutes(value: str) -> int:
    """Minutes since midnight of "07:30"; "24:00" is the end of the day."""
    match = _CLOCK.fullmatch(value.strip())
    if match is None:
        raise ValueError(f'{value!r} is no time of day; write it like "07:30"')
    hours, minutes = (int(part) for part in match.groups() if part is not None)
    return 60 * hours + minutes


class Hours(BaseModel):
    """A span of time on some days of the week. One whose end is before its start runs past midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: Annotated[tuple[Day, ...], Field(min_length=1, description="mon, tue, ... sun; every day when left out.")] = (
        _WEEK
    )
    start: Annotated[str, Field(description='Time of day, "07:30".')] = "00:00"
    end: Annotated[str, Field(description='Time of day, "09:00"; "24:00" is midnight.')] = "24:00"

    @model_validator(mode="after")
    def _are_times(self) -> Hours:
        if _minutes(self.start) == _minutes(self.end):
            raise ValueError("start and end are the same time; leave both out for the whole day")
        return self

    def hold(self, local: datetime) -> bool:
        """True if the span includes this local time."""
        start, end = _minutes(self.start), _minutes(self.end)
        now, today = 60 * local.hour + local.minute, _WEEK[local.weekday()]
        if start < end:
            return today in self.days and start <= now < end
        yesterday = _WEEK[local.weekday() - 1]
        return (today in self.days and now >= start) or (yesterday in self.days and now < end)


def in_force(during: Sequence[Hours], at: datetime, zone: ZoneInfo) -> bool:
    """True if any span includes this time, and always when there are no spans."""
    return not during or any(hours.hold(at.astimezone(zone)) for hours in during)
