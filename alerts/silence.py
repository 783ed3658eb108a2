"""Raises an alert when a gauge has sent no reading for too long: its place is stale, not normal."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.gauges import Watched, gauge_of, quantity_of
from alerts.reading_settings import check_reading_settings
from data.model.alert import Alert, Ended, Raised, Signal
from data.model.durations import Duration
from data.model.observation import Observation, Reading, Tick
from data.ports.recipe import Context, Rule, RuleRecipe

_GRACE = timedelta(seconds=30)  # after a start, for readings that a broker or a poll still brings


class Recipe(RuleRecipe):
    """One alert per gap, from the last reading to the next; a gauge that never sent any is silent from the start."""

    title: ClassVar[str] = "数据中断（不等于正常） / Silence: no data is not normal"
    about: ClassVar[Literal["place", "gauge"]] = "gauge"

    kind: Annotated[Literal["silence"], Field(description="A gauge that says nothing.")] = "silence"
    after: Annotated[
        Duration, Field(gt=timedelta(0), description="Longer than this without a reading is silence, e.g. 30min.")
    ]
    quantity: Annotated[
        str | None, Field(description="Only gauges of this quantity; each gauge of the site when left out.")
    ] = None
    monitor: Annotated[str | None, Field(description="Only this monitor; each gauge of the site when left out.")] = None

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity)
        return self

    def make(self, context: Context) -> Rule:
        return Silence(self, context.site.id, context.gauges)


@dataclass(slots=True)
class _Gauge:
    """`last_at`: its newest reading, or since when one is expected. `away`: this process was down since then."""

    last_at: datetime
    silent: bool = False
    away: bool = False


class Silence:
    """The live rule at one site. A late row from within the gap does not end the alert; a newer row does.

    Bad readings, and readings that the other rules may not judge, are signs of life all the same.
    """

    def __init__(self, recipe: Recipe, site: str, gauges: Mapping[str, str]) -> None:
        """`gauges`: by monitor whose readings come here, what it measures."""
        self._recipe = recipe
        self._expected = _expected(recipe, gauges)
        self._watched = Watched(site, recipe.name, recipe.quantity, recipe.monitor)
        self._gauges: dict[str, _Gauge] = {}
        self._began_at: datetime | None = None

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        for alert in open_alerts:
            if alert.is_open and alert.key == self._watched.key(alert.key.subject):
                self._gauges[alert.key.subject] = _Gauge(alert.started_at, silent=True)

    def snapshot(self) -> Any:
        """The time of each gauge's newest reading."""
        return {name: gauge.last_at.isoformat() for name, gauge in self._gauges.items()} or None

    def restore(self, state: Any) -> None:
        """Restore the times; the open alerts tell which gauges are silent. Raises ValueError."""
        try:
            times = {str(name): datetime.fromisoformat(at) for name, at in state.items()}
        except (AttributeError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        for name, at in times.items():
            gauge = self._gauges.setdefault(name, _Gauge(at))
            gauge.last_at, gauge.away = max(gauge.last_at, at), True

    @property
    def gauges(self) -> Collection[str]:
        return self._gauges.keys()

    def note_stored(self, reading: Reading) -> None:
        gauge = self._gauges.get(gauge_of(reading))
        if gauge is not None and self._is_watched(reading):
            gauge.last_at = max(gauge.last_at, reading.at)

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Tick):
            return self._tick(seen.at)
        if isinstance(seen, Reading) and self._is_watched(seen):
            return self._hear(gauge_of(seen), seen.at)
        return []

    def _is_watched(self, reading: Reading) -> bool:
        return self._recipe.quantity in {None, reading.quantity} and self._recipe.monitor in {None, reading.monitor}

    def _hear(self, name: str, at: datetime) -> list[Signal]:
        waited_for = self._gauges.pop(name.partition("/")[0], None)  # the entry from before its quantity was known
        signals: list[Signal] = []
        if waited_for is not None and waited_for.silent:
            signals.append(Ended(self._watched.key(name.partition("/")[0]), ended_at=at, at=at))
        gauge = self._gauges.get(name)
        if gauge is None:
            self._gauges[name] = _Gauge(at)
            return signals
        if at <= gauge.last_at:
            return signals
        unseen = not gauge.silent and not gauge.away and at - gauge.last_at > self._recipe.after
        if unseen:  # no tick noticed the gap: a recorded series
            signals.append(self._raised(name, gauge.last_at, at))
            gauge.silent = True
        gauge.last_at, gauge.away = at, False
        if gauge.silent:
            gauge.silent = False
            signals.append(Ended(self._watched.key(name), ended_at=at, at=at))
        return signals

    def _tick(self, at: datetime) -> list[Signal]:
        self._began_at = self._began_at or at
        for monitor in self._expected - {name.partition("/")[0] for name in self._gauges}:
            self._gauges[monitor] = _Gauge(self._began_at)
        if at - self._began_at < min(_GRACE, self._recipe.after):
            return []
        signals: list[Signal] = []
        for name, gauge in self._gauges.items():
            if not gauge.silent and at - gauge.last_at > self._recipe.after:
                gauge.silent = True
                signals.append(self._raised(name, gauge.last_at, at))
        return signals

    def _raised(self, name: str, since: datetime, at: datetime) -> Signal:
        return Raised(
            key=self._watched.key(name),
            kind=self._recipe.kind,
            priority=self._recipe.priority,
            started_at=since,
            at=at,
            label=quantity_of(name) if "/" in name else self._recipe.quantity or "",
        )


def _expected(recipe: Recipe, gauges: Mapping[str, str]) -> frozenset[str]:
    """The monitors from which a reading must come, though none ever did."""
    return frozenset(
        name
        for name, quantity in gauges.items()
        if recipe.monitor in {None, name} and recipe.quantity in {None, quantity}
    )
