"""What every gauge recipe has besides its values: datum, time zone, and how far ahead of our clock a reading may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from data.errors import InputRejected
from data.model.durations import Duration
from data.model.moments import EARLIEST
from data.model.observation import HISTORY_AFTER, Quality, Reading
from data.model.units import convert
from data.ports.recipe import Context
from monitors.gauges._times import EARLIEST_RECORDED, LocalTimes
from monitors.gauges._values import ValueSettings


@dataclass(frozen=True, slots=True)
class Measured:
    """One value as a gauge gave it, `at` in UTC."""

    value: float
    at: datetime
    unit: str
    quality: Quality = Quality.GOOD
    vertical_datum: str | None = None  # where the message names it; else the recipe's holds


class GaugeRecipe(ValueSettings):
    """A sensor of one quantity."""

    vertical_datum: Annotated[
        str | None, Field(description="The zero of a water level, e.g. Yellow Sea 1956 or Wusong.")
    ] = None
    timezone: Annotated[
        str | None, Field(description="IANA time zone of times that come without offset, e.g. Asia/Shanghai.")
    ] = None
    history_after: Annotated[
        Duration,
        Field(
            gt=timedelta(0),
            description="A reading older than this when it comes is history: stored with its own time, never judged "
            "as the present.",
        ),
    ] = HISTORY_AFTER
    future: Annotated[Duration, Field(description="A reading further ahead of our clock than this is rejected.")] = (
        timedelta(seconds=60)
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        try:
            ZoneInfo(name or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone {name!r}; write an IANA name such as Asia/Shanghai") from None
        return name

    @property
    def is_recording(self) -> bool:
        """Is the whole series of the past, so that its own time is judged?"""
        return False

    @property
    def history_limit(self) -> timedelta | None:
        return None if self.is_recording else self.history_after

    def local_times(self, context: Context) -> LocalTimes | None:
        """What turns this gauge's local times into UTC, the same as long as the process lives; None without a zone."""
        if self.timezone is None:
            return None
        zone, latest = ZoneInfo(self.timezone), context.known_until.get(self.name)
        name = f"local times of {context.site.id}/{self.name} in {self.timezone}"
        times: LocalTimes = context.resources.share(name, lambda: LocalTimes(zone, latest))
        return times

    def reading(self, site: str, measured: Measured, now: datetime) -> Reading:
        """In the quantity's own unit.

        Raises InputRejected for a fill value, a value that cannot be, a wrong unit, or an impossible time.
        """
        self.require_value(measured.value)
        if not math.isfinite(measured.value):
            raise InputRejected(f"{measured.value} is not a number that can be measured")
        if measured.at > now + self.future:
            ahead_s = (measured.at - now).total_seconds()
            raise InputRejected(f"it is {ahead_s:.0f} s from the future ({measured.at.isoformat()})")
        if measured.at < (EARLIEST_RECORDED if self.is_recording else EARLIEST):
            raise InputRejected(f"its time {measured.at.isoformat()} is one of a clock that was never set")
        value = convert(measured.value, measured.unit, self.quantity)
        if not math.isfinite(value):
            raise InputRejected(f"{measured.value} {measured.unit:.40} is not a number that can be measured")
        self.require_plausible(value, f"{measured.value:.12g} {measured.unit:.40}")
        return Reading(
            site=site,
            monitor=self.name,
            quantity=self.quantity,
            value=value,
            at=measured.at,
            quality=measured.quality,
            vertical_datum=measured.vertical_datum or self.vertical_datum,
        )
