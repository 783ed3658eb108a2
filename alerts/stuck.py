"""Raises an alert when a gauge gives the same value for longer than real water would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.gauges import Watched, gauge_of, quantity_of, unit_of
from alerts.reading_settings import check_reading_settings
from data.model.alert import Alert, Ended, Raised, Signal
from data.model.durations import Duration
from data.model.observation import Observation, Reading, Tick
from data.model.units import UNIT_OF
from data.ports.recipe import Context, Rule, RuleRecipe

_RESTS_AT = MappingProxyType(
    {
        "water_depth": 0.0,
        "rainfall": 0.0,
        "rain_intensity": 0.0,
        "count": 0.0,
        "methane": 0.0,
        "hydrogen_sulfide": 0.0,
        "carbon_monoxide": 0.0,
    }
)


class Recipe(RuleRecipe):
    """From the first reading of the value to the first different one. A dry road and a dry sky may last."""

    title: ClassVar[str] = "读数不变 / Stuck value"
    about: ClassVar[Literal["place", "gauge"]] = "gauge"

    kind: Annotated[Literal["stuck"], Field(description="A value that does not move.")] = "stuck"
    quantity: Annotated[str, Field(description=f"What is measured: {', '.join(UNIT_OF)}.")]
    after: Annotated[
        Duration, Field(gt=timedelta(0), description="Longer than this with the same value, e.g. 24h.")
    ] = timedelta(hours=24)
    readings: Annotated[int, Field(ge=2, le=100_000, description="And in at least so many readings.")] = 10
    within: Annotated[
        float, Field(ge=0, description="Values that differ by no more are the same; in the quantity's own unit.")
    ] = 0.0
    rests_at: Annotated[
        float | None,
        Field(
            description="A value at which it may rest for ever; 0 for depth, rain and toxic or explosive gas when left "
            "out, else none."
        ),
    ] = None
    monitor: Annotated[str | None, Field(description="Only readings of this monitor; of all when left out.")] = None

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity)
        return self

    @property
    def rest(self) -> float | None:
        return _RESTS_AT.get(self.quantity) if self.rests_at is None else self.rests_at

    def make(self, context: Context) -> Rule:
        return Stuck(self, context.site.id)


@dataclass(slots=True)
class _Run:
    """Consecutive readings of one value, from `since` to `until`; `last` is the value of the newest."""

    value: float
    since: datetime
    until: datetime
    count: int = 1
    stuck: bool = False
    last: float | None = None


class Stuck:
    """The live rule at one site, judged at every reading; missing readings prove nothing. Late rows are ignored."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._watched = Watched(site, recipe.name, recipe.quantity, recipe.monitor)
        self._runs: dict[str, _Run] = {}

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        for alert in open_alerts:
            if alert.is_open and alert.key == self._watched.key(alert.key.subject):
                value = float("inf") if alert.value is None else alert.value
                run = _Run(value, alert.started_at, alert.raised_at, self._recipe.readings, stuck=True)
                self._runs[alert.key.subject] = run

    def snapshot(self) -> Any:
        """The present run of each gauge."""
        return {
            name: [run.value, run.since.isoformat(), run.until.isoformat(), run.count]
            for name, run in self._runs.items()
        } or None

    def restore(self, state: Any) -> None:
        """Restore the runs; the open alerts tell which gauges are stuck. Raises ValueError."""
        try:
            for name, (value, since, until, count) in state.items():
                first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
                before = self._runs.get(name)
                stuck = before is not None and before.stuck
                self._runs[name] = _Run(float(value), first, last, int(count), stuck=stuck)
        except (AttributeError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if not isinstance(seen, Reading) or not self._watched.judges(seen):
            return []
        name = gauge_of(seen)
        run = self._runs.get(name)
        if run is not None and (seen.at < run.until or (seen.at == run.until and seen.value == run.last)):
            return []
        if run is not None and seen.at == run.until and abs(seen.value - run.value) <= self._recipe.within:
            run.last = seen.value  # a correction that changes nothing
            return []
        if run is None or abs(seen.value - run.value) > self._recipe.within:
            self._runs[name] = _Run(seen.value, seen.at, seen.at, last=seen.value)
            if run is None or not run.stuck:
                return []
            return [Ended(self._watched.key(name), ended_at=seen.at, at=seen.at)]
        run.until, run.count, run.last = seen.at, run.count + 1, seen.value
        if run.stuck or not self._is_stuck(run):
            return []
        run.stuck = True
        return [self._raised(name, run)]

    def _is_stuck(self, run: _Run) -> bool:
        rest = self._recipe.rest
        if rest is not None and abs(run.value - rest) <= self._recipe.within:
            return False
        return run.count >= self._recipe.readings and run.until - run.since > self._recipe.after

    def _raised(self, name: str, run: _Run) -> Signal:
        return Raised(
            key=self._watched.key(name),
            kind=self._recipe.kind,
            priority=self._recipe.priority,
            started_at=run.since,
            at=run.until,
            label=quantity_of(name),
            value=run.value,
            unit=unit_of(name),
        )
