"""Raises an alert when rain within a window exceeds the site's limit."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate, islice
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.bands import RAIN_BANDS, RainBand
from alerts.ladder import CLEAR_SHARE, KEEP_FIRING_FOR, Cause, Delays, Ladder, Rung
from alerts.rain_counter import RainCounter
from alerts.reading_settings import check_reading_settings
from alerts.series import Series
from data.model.alert import Alert, AlertKey, Signal, Standing
from data.model.durations import Duration
from data.model.observation import Observation, Quality, Reading, Tick
from data.model.plausible import most_rain_mm
from data.ports.recipe import Context, Rule, RuleRecipe

_LONGEST = timedelta(hours=1)  # an intensity counts for at most this long
_SHORTEST = timedelta(minutes=5)  # shortest period an amount is taken to cover
_UNKNOWN = timedelta(days=1)  # period that the first known amount may cover


class Recipe(RuleRecipe):
    """Millimetres over sliding windows; the most urgent band that is reached gives the alert its priority."""

    title: ClassVar[str] = "累计雨量（1/3/6/12 小时） / Rain accumulated over hours"

    kind: Annotated[Literal["accumulation"], Field(description="Rain over sliding windows.")] = "accumulation"
    quantity: Annotated[
        Literal["rainfall", "rain_intensity"], Field(description="What the gauge gives: amounts, or mm/h.")
    ] = "rainfall"
    given_as: Annotated[
        Literal["amount", "total"],
        Field(description="amount: each reading is the rain since the one before. total: a counter that only rises."),
    ] = "amount"
    resolution: Annotated[
        float,
        Field(
            ge=0,
            le=10,
            description="Resolution of a counter, mm: a fall of so little is no reset. A larger fall is one only when "
            "it stays for two readings.",
        ),
    ] = 0.5
    bands: Annotated[
        tuple[RainBand, ...],
        Field(
            min_length=1,
            description="Levels, least urgent first; when left out blue 50 mm/12h, yellow 50/6h, orange 50/3h, "
            "red 100/3h.",
        ),
    ] = RAIN_BANDS
    monitor: Annotated[str | None, Field(description="Only readings of this monitor; of all when left out.")] = None
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="A band ends when it had at most 80 % of its limit for so long.")
    ] = KEEP_FIRING_FOR

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity)
        if "priority" in self.model_fields_set:
            raise ValueError("priority: each band has its own; remove it")
        if self.quantity == "rain_intensity" and self.given_as == "total":
            raise ValueError("given_as: belongs to quantity rainfall")
        if self.given_as == "amount" and "resolution" in self.model_fields_set:
            raise ValueError("resolution: belongs to given_as total")
        priorities = [band.priority for band in self.bands]
        if priorities != sorted(set(priorities), reverse=True):
            raise ValueError("bands: each must be more urgent than the one before")
        return self

    @property
    def longest(self) -> timedelta:
        return max(band.over for band in self.bands)

    def make(self, context: Context) -> Rule:
        return Accumulation(self, context.site.id)


class Accumulation:
    """The live rule at one site, judged at every reading: without readings the rain total does not change.

    A late row is inserted at its own time. Of several gauges the one with the most rain counts.
    """

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        rungs = [Rung(band.above, band.above * CLEAR_SHARE, band.priority) for band in recipe.bands]
        key = AlertKey(site, recipe.name, "", "")
        delays = Delays(keep_firing_for=recipe.keep_firing_for)
        self._ladder = Ladder(key, recipe.kind, rungs, delays, upwards=True)
        self._gauges: dict[str, _Rain | _Total] = {}

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._ladder.resume(open_alerts)

    def standings(self) -> Sequence[Standing]:
        return self._ladder.standings()

    def snapshot(self) -> Any:
        """The rows of the longest window, and what is pending; None before the first reading."""
        if not self._gauges:
            return None
        rows = {monitor: rain.series.snapshot() for monitor, rain in self._gauges.items()}
        return {"rows": rows, "ladder": self._ladder.snapshot()}

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            gauges = {monitor: self._rain() for monitor in state["rows"]}
            for monitor, rows in state["rows"].items():
                gauges[monitor].restore(rows)
            if state["ladder"] is not None:
                self._ladder.restore(state["ladder"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._gauges = gauges

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Tick):
            return self._ladder.tick(seen)
        if not isinstance(seen, Reading) or not self._is_judged(seen):
            return []
        rain = self._gauges.setdefault(seen.monitor, self._rain())
        if not rain.add(seen.at, seen.value):
            return []
        newest = max(one.series.newest for one in self._gauges.values())
        fallen = [max(one.fallen(band.over, newest) for one in self._gauges.values()) for band in self._recipe.bands]
        return self._ladder.note([Cause("rainfall", round(amount, 3), "mm") for amount in fallen], newest)

    def _rain(self) -> _Rain | _Total:
        if self._recipe.given_as == "total":
            return _Total(self._recipe.longest, self._recipe.resolution)
        return _Rain(self._recipe.longest, is_intensity=self._recipe.quantity == "rain_intensity")

    def _is_judged(self, reading: Reading) -> bool:
        if reading.quantity != self._recipe.quantity or reading.quality is Quality.BAD or reading.value < 0:
            return False
        return self._recipe.monitor is None or reading.monitor == self._recipe.monitor


class _Total:
    """Rain from a counting gauge: its rows, and the rain up to each row since the first row kept."""

    def __init__(self, longest: timedelta, resolution: float) -> None:
        self.series = Series(longest + _LONGEST)  # the row before the window gives the first row's rain
        self._counter = RainCounter(self.series, resolution)

    def add(self, at: datetime, value: float) -> bool:
        """False for a duplicate and for what is too late to matter."""
        place = self.series.add(at, value)
        if place is None:
            return False
        self._counter.count(place)
        self._counter.forget(self.series.drop())
        return True

    def restore(self, rows: Any) -> None:
        """Raises TypeError, ValueError."""
        self.series.restore(rows)
        self._counter.count(0)

    def fallen(self, over: timedelta, until: datetime) -> float:
        """Of the rows later than `until - over`, mm."""
        return self._counter.fallen(self.series.after(until - over))


class _Rain:
    """Rain from a gauge of amounts or intensities: its rows, and the rain up to each row since the first row kept.

    An amount above the world record for its row's period counts as no rain.
    """

    def __init__(self, longest: timedelta, *, is_intensity: bool) -> None:
        self.series = Series(longest + _LONGEST)
        self._is_intensity = is_intensity
        self._fallen = array("d")

    def add(self, at: datetime, value: float) -> bool:
        """False for a duplicate and for what is too late to matter."""
        place = self.series.add(at, value)
        if place is None:
            return False
        self._count(place)
        if self.series.drop():
            self._count(0)
        return True

    def restore(self, rows: Any) -> None:
        """Raises TypeError, ValueError."""
        self.series.restore(rows)
        self._count(0)

    def fallen(self, over: timedelta, until: datetime) -> float:
        """Of the rows later than `until - over`, mm."""
        first = self.series.after(until - over)
        if first == len(self.series):
            return 0.0
        return self._fallen[-1] - (self._fallen[first - 1] if first else 0.0)

    def _count(self, place: int) -> None:
        """Sum the rain anew from this row on."""
        del self._fallen[place:]
        start = self._fallen[-1] if self._fallen else 0.0
        amounts = (self._amount(row) for row in range(place, len(self.series)))
        self._fallen.extend(islice(accumulate(amounts, initial=start), 1, None))

    def _amount(self, row: int) -> float:
        value = self.series.values[row]
        passed = self.series.passed(row) if row else _UNKNOWN
        if self._is_intensity:
            passed = min(passed, _LONGEST) if row else timedelta(0)
            value *= passed / timedelta(hours=1)
        return value if value <= most_rain_mm(max(passed, _SHORTEST)) else 0.0
