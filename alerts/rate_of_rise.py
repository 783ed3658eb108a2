"""Raises an alert while a water level, a depth or another quantity rises fast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.bands import RiseBand, check_rising
from alerts.ladder import CLEAR_SHARE, KEEP_FIRING_FOR, Cause, Delays, Ladder, Rung
from alerts.reading_settings import check_reading_settings
from alerts.series import Series
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Signal, Standing
from data.model.durations import Duration
from data.model.observation import Observation, Quality, Reading, Tick
from data.model.units import UNIT_OF, convert
from data.ports.recipe import Context, Rule, RuleRecipe


class Recipe(RuleRecipe):
    """The rise is the newest reading less the lowest of the window that ends with it, of each gauge alone."""

    title: ClassVar[str] = "上涨过快 / Rate of rise"

    kind: Annotated[Literal["rate_of_rise"], Field(description="A quantity that rises fast.")] = "rate_of_rise"
    quantity: Annotated[str, Field(description=f"What is measured: {', '.join(UNIT_OF)}.")]
    over: Annotated[
        Duration, Field(gt=timedelta(0), le=timedelta(days=2), description="Length of the window, e.g. 1h.")
    ] = timedelta(hours=1)
    above: Annotated[float | None, Field(gt=0, description="Alarming from this rise within `over`.")] = None
    bands: Annotated[
        tuple[RiseBand, ...], Field(description="Or several levels of one alert, rising, instead of above.")
    ] = ()
    unit: Annotated[str | None, Field(description="Unit of the rise; the quantity's own when left out.")] = None
    monitor: Annotated[str | None, Field(description="Only readings of this monitor; of all when left out.")] = None
    samples: Annotated[int, Field(ge=1, le=1000, description="Only after so many readings in a row.")] = 1
    keep_firing_for: Annotated[
        Duration, Field(ge=timedelta(0), description="Ends when the rise was at most 80 % of the limit for so long.")
    ] = KEEP_FIRING_FOR

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity)
        if (self.above is None) == (not self.bands):
            raise ValueError("give either above or bands")
        try:
            check_rising([(rung.limit, rung.priority) for rung in self.rungs])
        except InputRejected as error:
            raise ValueError(f"unit: {error}") from error
        return self

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """In the quantity's own unit; a difference has no zero."""
        unit = UNIT_OF[self.quantity] if self.unit is None else self.unit
        steps = [(band.above, band.priority) for band in self.bands] or [(self.above or 0.0, self.priority)]
        zero = convert(0.0, unit, self.quantity)
        limits = [(convert(rise, unit, self.quantity) - zero, priority) for rise, priority in steps]
        return tuple(Rung(limit, limit * CLEAR_SHARE, priority) for limit, priority in limits)

    def make(self, context: Context) -> Rule:
        return RateOfRise(self, context.site.id)


class RateOfRise:
    """The live rule at one site. A late reading is inserted at its own time and the newest is judged again."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        key = AlertKey(site, recipe.name, "", "")
        delays = Delays(samples=recipe.samples, keep_firing_for=recipe.keep_firing_for)
        self._ladder = Ladder(key, recipe.kind, recipe.rungs, delays, upwards=True)
        self._series: dict[str, Series] = {}

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._ladder.resume(open_alerts)

    def standings(self) -> Sequence[Standing]:
        return self._ladder.standings()

    def snapshot(self) -> Any:
        """The windows, and what is pending; None before the first reading."""
        if not self._series:
            return None
        series = {gauge: one.snapshot() for gauge, one in self._series.items()}
        return {"series": series, "ladder": self._ladder.snapshot()}

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            series = {}
            for gauge, rows in state["series"].items():
                series[gauge] = Series(self._recipe.over)
                series[gauge].restore(rows)
            if state["ladder"] is not None:
                self._ladder.restore(state["ladder"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._series = series

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Tick):
            return self._ladder.tick(seen)
        if not isinstance(seen, Reading) or not self._is_judged(seen):
            return []
        # a level that suddenly comes above another zero has not risen
        series = self._series.setdefault(f"{seen.monitor}/{seen.vertical_datum or ''}", Series(self._recipe.over))
        if series.add(seen.at, seen.value) is None:
            return []
        series.drop()
        newest = max(one.newest for one in self._series.values())
        fresh = [one for one in self._series.values() if newest - one.newest < self._recipe.over]
        rise = max(_rise(one, self._recipe.over) for one in fresh)
        cause = Cause(self._recipe.quantity, round(rise, 6), UNIT_OF[self._recipe.quantity])
        return self._ladder.note([cause] * self._ladder.rungs, newest)

    def _is_judged(self, reading: Reading) -> bool:
        if reading.quantity != self._recipe.quantity or reading.quality is Quality.BAD:
            return False
        return self._recipe.monitor is None or reading.monitor == self._recipe.monitor


def _rise(series: Series, over: timedelta) -> float:
    return series.values[-1] - min(series.values[series.within(over)])
